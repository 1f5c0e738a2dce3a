"""Forward and backward of one batch: token ids → one loss over the whole batch → gradients on the model.

A batch's texts are embedded in length-sorted micro-batches whose embeddings meet in one loss, so in-batch negatives are
what the batch size says. The graphs of all micro-batches are kept where memory allows; else every micro-batch is
embedded a second time with its gradient at hand (cached gradients; Gao et al. 2021, arXiv:2101.06983), which gives the
same gradients from the memory of one micro-batch. Knows models and ids; knows no optimiser and no epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import prompt_tokens
from jargonaut.encoding.packing import Ids, micro_batches, tokenize
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch
from jargonaut.training.losses import Loss
from jargonaut.training.parallel import ALONE, World
from jargonaut.training.randomness import set_seed

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_NUMBERS_PER_UNIT = 17
"""Numbers that a transformer layer keeps for its backward, for each token and each hidden unit (34 bytes in 16-bit
formats; Korthikanti et al. 2022, arXiv:2205.05198, without the attention matrices, which are not kept)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of everything that training reads, made once.

    Attributes:
        queries: Query id → token ids, prompt included.
        passages: Passage id → token ids, prompt included.
        query_prompt: Leading tokens that the model leaves out when it pools queries.
        passage_prompt: The same for passages.
    """

    queries: Mapping[str, Ids]
    passages: Mapping[str, Ids]
    query_prompt: int
    passage_prompt: int

    @classmethod
    def of(
        cls,
        model: SentenceTransformer,
        prompts: Prompts,
        queries: Mapping[str, str],
        passages: Mapping[str, str],
        examples: Sequence[Triplet],
    ) -> Tokens:
        """Tokenises the texts of the examples."""
        asked = list(dict.fromkeys(e.query_id for e in examples))
        wanted = list(dict.fromkeys(p for e in examples for p in (e.positive_id, *e.negative_ids)))
        query_ids = tokenize(model, [prompts.query + queries[q] for q in asked])
        passage_ids = tokenize(model, [prompts.passage + passages[p] for p in wanted])
        return cls(
            dict(zip(asked, query_ids, strict=True)),
            dict(zip(wanted, passage_ids, strict=True)),
            prompt_tokens(model, prompts.query),
            prompt_tokens(model, prompts.passage),
        )


@dataclass(frozen=True, slots=True)
class _Micro:
    """One forward pass: rows of the batch, their token ids, and leading tokens that are not pooled."""

    rows: list[int]
    ids: list[Ids]
    skip: int


class Step:
    """Forward and backward of a batch.

    Args:
        forward: Of the model in training, on its device.
        tokens: Of all texts; others may take their place between two batches.
        loss: What is learned.
        budget: Tokens per micro-batch, padding counted.
        graph_bytes: Memory that the graphs of a batch may take; a batch that is estimated to need more is embedded
            twice.
        world: The processes that share each batch.
    """

    def __init__(
        self, forward: Forward, tokens: Tokens, loss: Loss, *, budget: int, graph_bytes: float, world: World = ALONE
    ) -> None:
        self._forward, self.tokens, self._loss = forward, tokens, loss
        self._budget, self._world = budget, world
        self._dimension = int(forward.model.get_embedding_dimension() or 0)
        self._most_tokens = graph_bytes / _graph_bytes_per_token(forward.model)

    def __call__(self, batch: Batch, seed: Sequence[int] = (0,)) -> float:
        """Leaves this process's share of the gradients on the model; returns the loss of the whole batch.

        Args:
            batch: What to learn from.
            seed: Decides, with the micro-batch's number, what dropout drops: the same again in a second pass.
        """
        import torch

        device = next(self._forward.model.parameters()).device
        plan = self._world.share(list(self._plan(batch)))
        keep = sum(self._forward.tokens(micro.ids) for micro in plan) <= self._most_tokens
        with torch.set_grad_enabled(keep):
            parts = [self._embedded(micro, (*seed, number)) for number, micro in enumerate(plan)]
        rows = [torch.tensor(micro.rows, device=device) for micro in plan]
        asked = len(batch.query_ids)
        matrix = torch.zeros(asked + len(batch.passage_ids), self._dimension, device=device)
        vectors = self._world.gathered(parts, rows, matrix).requires_grad_()
        loss = self._loss(
            vectors[:asked], vectors[asked:], torch.from_numpy(batch.targets).to(device),
            torch.from_numpy(batch.ignored).to(device),
        )  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        assert vectors.grad is not None  # noqa: S101 - the loss depends on every vector
        # One by one: in one call the engine would add gradients up in the model's format before a master sees them.
        for number, (micro, part, here) in enumerate(zip(plan, parts, rows, strict=True)):
            once = part if keep else self._embedded(micro, (*seed, number))
            once.backward(vectors.grad[here])  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _embedded(self, micro: _Micro, seed: Sequence[int]) -> torch.Tensor:
        """Embeddings of a micro-batch, fp32, shape (rows, dimension)."""
        if self._forward.model.training:
            set_seed(*seed)
        return self._forward(micro.ids, micro.skip).float()

    def _plan(self, batch: Batch) -> Iterator[_Micro]:
        """The forward passes of a batch; rows count the queries first, then the passages."""
        tokens = self.tokens
        queries = [tokens.queries[q] for q in batch.query_ids]
        passages = [tokens.passages[p] for p in batch.passage_ids]
        if tokens.query_prompt == tokens.passage_prompt:
            groups = [(0, queries + passages, tokens.query_prompt)]
        else:  # pooled over different tokens, so they cannot share a forward pass
            groups = [(0, queries, tokens.query_prompt), (len(queries), passages, tokens.passage_prompt)]
        budget = self._budget
        if self._world.size > 1:  # enough micro-batches for everybody
            budget = min(budget, 1 + sum(map(len, queries + passages)) // self._world.size)
        for first, ids, skip in groups:
            for rows in micro_batches([len(row) for row in ids], budget, packed=self._forward.packed):
                yield _Micro([first + row for row in rows], [ids[row] for row in rows], skip)


def _graph_bytes_per_token(model: SentenceTransformer) -> float:
    """Estimated memory that the graph of one token takes."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    hidden = getattr(config, "hidden_size", None) or model.get_embedding_dimension() or 768
    layers = getattr(config, "num_hidden_layers", None) or 12
    size = next(model.parameters()).element_size()
    return float(hidden * layers * _NUMBERS_PER_UNIT * size)
