"""Forward and backward of one batch: token ids → one loss over the whole batch → gradients on the model.

A batch's texts are embedded in length-sorted micro-batches whose embeddings meet in one loss, so in-batch negatives are
what the batch size says. The graphs of all micro-batches are kept where memory allows; else every micro-batch is
embedded a second time with its gradient at hand (cached gradients; Gao et al. 2021, arXiv:2101.06983), which gives the
same gradients from the memory of one micro-batch. Knows models and ids; knows no optimiser and no epoch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import prompt_tokens
from jargonaut.encoding.packing import Ids, is_static, micro_batches, tokenize
from jargonaut.errors import JargonautError
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch
from jargonaut.training.losses import Loss, Targets
from jargonaut.training.parallel import ALONE, World
from jargonaut.training.randomness import set_seed
from jargonaut.training.references import ReferenceVectors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_T = TypeVar("_T")
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
    """Forward and backward of a batch; where memory runs out, once more with smaller micro-batches.

    Args:
        forward: Of the model in training, on its device.
        tokens: Of all texts; others may take their place between two batches.
        loss: What is learned.
        budget: Tokens per micro-batch, padding counted.
        graph_bytes: Memory that the graphs of a batch may take; a batch that is estimated to need more is embedded
            twice.
        world: The processes that share each batch.
        guide: Vectors of all texts by another model, for a loss that is guided.
        discard: Throws away the gradients that an attempt without enough memory has left behind.
        report: Is told, once, that memory did not suffice.
    """

    def __init__(
        self, forward: Forward, tokens: Tokens, loss: Loss, *, budget: int, graph_bytes: float, world: World = ALONE,
        guide: ReferenceVectors | None = None, discard: Callable[[], None] | None = None,
        report: Reporter | None = None,
    ) -> None:  # fmt: skip
        self._forward, self.tokens, self._loss = forward, tokens, loss
        self._world, self._guide = world, guide
        self._discard, self._report = discard or forward.model.zero_grad, report or SilentReporter()
        self._dimension = int(forward.model.get_embedding_dimension() or 0)
        self._most_tokens = graph_bytes / _graph_bytes_per_token(forward.model)
        self._budget = budget
        self.short_of_memory = ""
        """What was done because memory ran out, in words; empty where it never did."""

    def __call__(self, batch: Batch, seed: Sequence[int] = (0,)) -> float:
        """Leaves this process's share of the gradients on the model; returns the loss of the whole batch.

        Args:
            batch: What to learn from.
            seed: Decides, with the micro-batch's number, what dropout drops: the same again in a second pass.

        Raises:
            JargonautError: Memory does not even suffice for one text at a time.
        """
        while True:
            whole = list(self._plan(batch))
            loss = self._attempted(whole, batch, seed)
            if loss is not None:
                return loss
            self._discard()
            self._take_less(whole)

    def _attempted(self, whole: Sequence[_Micro], batch: Batch, seed: Sequence[int]) -> float | None:
        """Forward and backward; None where the memory of any process did not suffice."""
        import torch

        device = next(self._forward.model.parameters()).device
        plan = self._world.share(whole)
        keep = sum(self._forward.tokens(micro.ids) for micro in plan) <= self._most_tokens
        parts = within_memory(functools.partial(self._forwards, plan, seed, keep=keep))
        if self._world.total(parts is None) or parts is None:
            return None
        rows = [torch.tensor(micro.rows, device=device) for micro in plan]
        matrix = torch.zeros(len(batch.query_ids) + len(batch.passage_ids), self._dimension, device=device)
        vectors = self._world.gathered(parts, rows, matrix).requires_grad_()

        def backwards() -> float:
            asked = len(batch.query_ids)
            loss = self._loss(vectors[:asked], vectors[asked:], self._targets(batch, device))
            loss.backward()  # type: ignore[no-untyped-call]
            assert vectors.grad is not None  # noqa: S101 - the loss depends on every vector
            # One by one: in one call the engine would add gradients up in the model's format before a master sees them.
            for number, (micro, part, here) in enumerate(zip(plan, parts, rows, strict=True)):
                once = part if keep else self._embedded(micro, (*seed, number))
                once.backward(vectors.grad[here])  # type: ignore[no-untyped-call]
            return float(loss.detach())

        loss = within_memory(backwards)
        return None if self._world.total(loss is None) else loss

    def _forwards(self, plan: Sequence[_Micro], seed: Sequence[int], *, keep: bool) -> list[torch.Tensor]:
        """Embeddings of all micro-batches, with their graphs or without."""
        import torch

        with torch.set_grad_enabled(keep):
            return [self._embedded(micro, (*seed, number)) for number, micro in enumerate(plan)]

    def _take_less(self, whole: Sequence[_Micro]) -> None:
        """Halves micro-batches and what graphs may take, after an attempt that did not fit.

        Every process sees the whole plan, so all come to the same.

        Raises:
            JargonautError: There is nothing left to halve.
        """
        sizes = [self._forward.tokens(micro.ids) for micro in whole]
        if any(len(micro.rows) > 1 for micro in whole):
            self._budget = max(1, min(self._budget, max(sizes)) // 2)
            self._most_tokens = min(self._most_tokens, sum(sizes)) / 2
        elif self._most_tokens:
            self._most_tokens = 0.0
        else:
            raise JargonautError(
                f"there is not enough memory to train on a text of {max(sizes):,} tokens, even by itself",
                where=str(next(self._forward.model.parameters()).device),
                remedy="cut texts shorter ([base] max_tokens), freeze layers ([train] freeze_layers), or use another "
                "device",
            )
        give_back_memory()
        if not self.short_of_memory:
            self._report.warn("memory ran out in training: micro-batches are halved, and the step is repeated")
        self.short_of_memory = f"memory ran out in training, so micro-batches were cut to {self._budget:,} tokens"

    def _targets(self, batch: Batch, device: torch.device) -> Targets:
        """What the loss is told beside the embeddings."""
        import torch

        def sent(numbers: NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(numbers).to(device)

        guide = None
        if self._guide is not None:
            asked, told = self._guide.of_queries(batch.query_ids), self._guide.of_passages(batch.passage_ids)
            guide = sent(asked), sent(told)
        return Targets(sent(batch.targets), sent(batch.ignored), sent(batch.hard), sent(batch.grades), guide,
                       None if batch.taught is None else sent(batch.taught))  # fmt: skip

    def _embedded(self, micro: _Micro, seed: Sequence[int]) -> torch.Tensor:
        """Embeddings of a micro-batch, fp32, shape (rows, dimension)."""
        set_seed(*seed)  # whichever of its modules are in training
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


def within_memory(work: Callable[[], _T]) -> _T | None:
    """What the work gives; None where memory does not suffice for it."""
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether an allocator says so: a GPU's has an error of its own, the CPU's and some libraries only have words."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    told = str(error).lower()
    return any(
        words in told for words in ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed")
    )


def give_back_memory() -> None:
    """Hands what an attempt has left behind back to the device, so that other shapes find room."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _graph_bytes_per_token(model: SentenceTransformer) -> float:
    """Estimated memory that the graph of one token takes."""
    if is_static(model):
        return 16.0  # its number and its text's
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    hidden = getattr(config, "hidden_size", None) or model.get_embedding_dimension() or 768
    layers = getattr(config, "num_hidden_layers", None) or 12
    size = next(model.parameters()).element_size()
    return float(hidden * layers * _NUMBERS_PER_UNIT * size)
