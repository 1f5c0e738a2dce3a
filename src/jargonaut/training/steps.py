"""Forward and backward of one batch: token ids → one loss over the whole batch → gradients on the model.

A batch's texts are embedded in length-sorted micro-batches whose embeddings meet in one loss, so in-batch negatives are
what the batch size says. The graphs of all micro-batches are kept where memory allows; else every micro-batch is
embedded a second time with its gradient at hand (cached gradients; Gao et al. 2021, arXiv:2101.06983), which gives the
same gradients from the memory of one micro-batch. Knows models and ids; knows no optimiser and no epoch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.local import prompt_tokens
from jargonaut.encoding.packing import embed, micro_batches, padded, tokenize
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch
from jargonaut.training.losses import matryoshka_info_nce

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

    queries: Mapping[str, list[int]]
    passages: Mapping[str, list[int]]
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
    ids: list[list[int]]
    skip: int


class Step:
    """Forward and backward of a batch.

    Args:
        model: The model in training, on its device.
        tokens: Of all texts.
        budget: Tokens per micro-batch, padding counted.
        scale: Inverse temperature.
        dims: Matryoshka dimensions.
        graph_bytes: Memory that the graphs of a batch may take; a batch that is estimated to need more is embedded
            twice.
    """

    def __init__(
        self, model: SentenceTransformer, tokens: Tokens, *, budget: int, scale: float, dims: Sequence[int],
        graph_bytes: float,
    ) -> None:  # fmt: skip
        self._model, self._tokens = model, tokens
        self._budget, self._scale, self._dims = budget, scale, dims
        self._most_tokens = graph_bytes / _graph_bytes_per_token(model)

    def __call__(self, batch: Batch) -> float:
        """Leaves gradients on the model; returns the loss."""
        import torch

        device = next(self._model.parameters()).device
        plan = list(self._plan(batch))
        keep = sum(len(micro.ids) * padded(max(map(len, micro.ids))) for micro in plan) <= self._most_tokens
        states = []
        parts = []
        with torch.enable_grad() if keep else torch.no_grad():
            for micro in plan:
                if not keep and self._model.training:
                    states.append(_random_state(device))
                parts.append(embed(self._model, micro.ids, device, micro.skip).float())
        order = torch.tensor([row for micro in plan for row in micro.rows], device=device)
        vectors = torch.cat(parts)[torch.argsort(order)]
        if not keep:
            vectors.requires_grad_()
        asked = len(batch.query_ids)
        loss = matryoshka_info_nce(
            vectors[:asked], vectors[asked:], torch.from_numpy(batch.targets).to(device),
            torch.from_numpy(batch.ignored).to(device), scale=self._scale, dims=self._dims,
        )  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        if not keep:
            assert vectors.grad is not None  # noqa: S101 - the loss depends on every vector
            self._again(plan, states, vectors.grad, device)
        return float(loss.detach())

    def _plan(self, batch: Batch) -> Iterator[_Micro]:
        """The forward passes of a batch; rows count the queries first, then the passages."""
        tokens = self._tokens
        queries = [tokens.queries[q] for q in batch.query_ids]
        passages = [tokens.passages[p] for p in batch.passage_ids]
        if tokens.query_prompt == tokens.passage_prompt:
            groups = [(0, queries + passages, tokens.query_prompt)]
        else:  # pooled over different tokens, so they cannot share a forward pass
            groups = [(0, queries, tokens.query_prompt), (len(queries), passages, tokens.passage_prompt)]
        for first, ids, skip in groups:
            for rows in micro_batches([len(row) for row in ids], self._budget):
                yield _Micro([first + row for row in rows], [ids[row] for row in rows], skip)

    def _again(
        self,
        plan: Sequence[_Micro],
        states: Sequence[tuple[torch.Tensor, torch.Tensor | None]],
        gradients: torch.Tensor,
        device: torch.device,
    ) -> None:
        """Embeds every micro-batch once more, now with its graph, and sends its share of the gradients back."""
        for number, micro in enumerate(plan):
            with _same_randomness(states[number] if states else None, device):
                vectors = embed(self._model, micro.ids, device, micro.skip).float()
            vectors.backward(gradients[micro.rows])  # type: ignore[no-untyped-call]


def _graph_bytes_per_token(model: SentenceTransformer) -> float:
    """Estimated memory that the graph of one token takes."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    hidden = getattr(config, "hidden_size", None) or model.get_embedding_dimension() or 768
    layers = getattr(config, "num_hidden_layers", None) or 12
    size = next(model.parameters()).element_size()
    return float(hidden * layers * _NUMBERS_PER_UNIT * size)


def _random_state(device: torch.device) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The generators' states, so that a second pass drops the same units."""
    import torch

    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


@contextlib.contextmanager
def _same_randomness(state: tuple[torch.Tensor, torch.Tensor | None] | None, device: torch.device) -> Iterator[None]:
    """Draws what was drawn from `state` on, and leaves the generators as they were."""
    import torch

    if state is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], device)
        yield
