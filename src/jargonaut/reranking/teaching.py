"""Teaches a cross-encoder to put a query's positive above its negatives: gradients of one batch, and the epochs.

Master weights, optimiser, loop, guard and checkpoints are those of `training`; what is new here is the step. A query's
loss needs the scores of its own passages alone, so a batch is worked off in windows of whole queries that fit into
memory, each with its graph, and within a window in micro-batches of about one length. Knows texts by id; knows no files
and no measure.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.devices import ComputeOptions, choose_dtype
from jargonaut.errors import InputError, JargonautError, ModelError
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import Triplet
from jargonaut.reranking.model import PairScorer, TokenPair, head_of, is_plain, keep_head_exact
from jargonaut.reranking.options import RerankerOptions
from jargonaut.training import Checkpoints, Trained, World
from jargonaut.training.batches import Batch, batches, drawn_count
from jargonaut.training.guard import Guard
from jargonaut.training.lesson import answers_taken
from jargonaut.training.loop import Loop
from jargonaut.training.objective import Objective
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.progress import BestEpoch, Callback, LossLog
from jargonaut.training.randomness import set_seed
from jargonaut.training.steps import give_back_memory, within_memory
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

VERSION = 2
_WINDOW = {"cpu": 16_384, "cuda": 131_072}
"""Tokens whose graphs are held at a time."""


@dataclass(frozen=True, slots=True)
class Group:
    """One query's passages: the positive first, then its negatives."""

    query_id: str
    passage_ids: tuple[str, ...]


def train_reranker(
    model: CrossEncoder,
    examples: Sequence[Triplet],
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    options: RerankerOptions,
    compute: ComputeOptions,
    *,
    score: Callable[[PairScorer], float] | None = None,
    before: float | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoints: Checkpoints | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Fine-tunes `model` in place and leaves it in fp32 with the weights of its best epoch.

    Args:
        model: A cross-encoder in fp32, on its device, with one output.
        examples: Queries with a positive and hard negatives, by id.
        queries: Query id → text.
        passages: Passage id → text.
        positives: Query id → all its known positives, none of which is ever its negative.
        groups: Passage id → near-duplicate group; a near-duplicate of a positive is no negative either.
        options: The recipe.
        compute: Device and precision.
        score: Dev score of the model as it computes, higher is better; without it the last epoch is kept.
        before: What the score is before training, where that is known without asking, such as for a new head, which
            knows nothing.
        callbacks: Told of every step and epoch.
        checkpoints: Where a killed training of the same arguments goes on.
        reporter: Where progress is shown.

    Raises:
        InputError: There are fewer than two examples, or no negative at all.
        ModelError: The model is of a kind that cannot be taught here.
    """
    if len(examples) < 2:
        raise InputError("a reranker needs at least two pairs to learn from")
    if not is_plain(model) or head_of(model) is None:
        raise ModelError("this model is no sequence classifier with one output, so it cannot be taught here",
                         remedy="name another one in [reranker] model, or leave it empty")  # fmt: skip
    report = reporter or SilentReporter()
    most, notice = answers_taken(examples)
    if notice:
        report.warn(notice)
    plan = partial(batches, [_cut(one, options) for one in examples], positives, groups,
                   size=options.batch_size, seed=options.seed, per_query=most)  # fmt: skip
    device = model.device
    weights = MasterWeights(model, choose_dtype(compute.precision, device))
    exact = keep_head_exact(model)
    scorer = PairScorer(model, compute)
    log = LossLog()

    def scored() -> float:
        assert score is not None  # noqa: S101 - asked only where there is one
        return before if before is not None and log.steps == 0 else score(scorer)

    best = BestEpoch(weights, None if score is None else scored)
    per_epoch = math.ceil(drawn_count(examples, most) / options.batch_size)
    optimizer = MasterAdamW(
        weights, lr=options.lr, weight_decay=options.weight_decay, steps=per_epoch * options.epochs,
        warmup=options.warmup, max_norm=options.max_norm,
    )  # fmt: skip
    step = PairStep(scorer, queries, passages, options, window=_WINDOW.get(device.type, _WINDOW["cuda"]),
                    discard=optimizer.discard, report=report)  # fmt: skip
    # The loop moves an objective on too; what is learned beside the weights is nothing here.
    beside = Objective(_nothing, None, learned=False, device=device)
    loop = Loop(
        model, options, options.epochs, step, optimizer, weights, best, beside, Guard(options.max_rise), log, World(),
        plan, per_epoch, callbacks, checkpoints, None, report,
    )  # fmt: skip
    try:
        loop.run()
    finally:
        exact.remove()
        best.settle()
        model.eval()
    told = tuple(filter(None, (notice, step.short_of_memory, loop.stopped)))
    return Trained(tuple(log.losses), tuple(best.scores), best.epoch, log.steps, log.pairs, told)


class PairStep:
    """Forward and backward of a batch; where memory runs out, once more with smaller windows.

    Args:
        scorer: Of the model in training.
        queries: Query id → text.
        passages: Passage id → text.
        options: The loss, and how many negatives.
        window: Tokens whose graphs are held at a time.
        discard: Throws away the gradients that an attempt without enough memory has left behind.
        report: Is told that memory did not suffice.
    """

    def __init__(
        self, scorer: PairScorer, queries: Mapping[str, str], passages: Mapping[str, str], options: RerankerOptions, *,
        window: int, discard: Callable[[], None], report: Reporter | None = None,
    ) -> None:  # fmt: skip
        self._scorer, self._queries, self._passages, self._options = scorer, queries, passages, options
        self._window, self._discard, self._report = window, discard, report or SilentReporter()
        self.short_of_memory = ""
        """What was done because memory ran out, in words; empty where it never did."""

    def __call__(self, batch: Batch, seed: Sequence[int] = (0,)) -> float:
        """Leaves the gradients on the model; returns the mean loss of the batch's queries.

        Args:
            batch: What to learn from.
            seed: Decides the random negatives and what dropout drops.

        Raises:
            JargonautError: Memory does not even suffice for one query.
            InputError: No query of the batch has a negative.
        """
        drawn = list(drawn_groups(batch, self._options, np.random.default_rng(tuple(seed))))
        if not drawn:
            raise InputError("none of these pairs has a negative, so there is nothing to learn from them",
                             where="[reranker] negatives", remedy="mine some ([mine]), or add pairs")  # fmt: skip
        rows = [self._scorer.tokens([(self._queries[g.query_id], self._passages[p]) for p in g.passage_ids])
                for g in drawn]  # fmt: skip
        while True:
            loss = within_memory(partial(self._worked_off, rows, seed))
            if loss is not None:
                return loss
            self._discard()
            self._take_less(rows)

    def _worked_off(self, rows: Sequence[Sequence[TokenPair]], seed: Sequence[int]) -> float:
        """All windows, one after the other."""
        total = 0.0
        for number, window in enumerate(_windows(rows, self._window)):
            set_seed(*seed, number)  # what dropout drops
            total += self._backward([rows[query] for query in window], len(rows))
        return total

    def _backward(self, window: Sequence[Sequence[TokenPair]], queries: int) -> float:
        """Forward and backward of some of the batch's queries; gives their share of its loss."""
        import torch

        flat = [row for group in window for row in group]
        plan = list(self._scorer.batches(flat))
        parts = [self._scorer.forward([flat[number] for number in numbers]) for numbers in plan]
        order = torch.tensor(np.concatenate(plan), device=parts[0].device)
        scores = torch.zeros(len(flat), device=order.device)
        scores[order] = torch.cat([part.detach() for part in parts])
        scores.requires_grad_()
        ends = np.cumsum([0, *map(len, window)]).tolist()
        loss_of = _LOSSES[self._options.loss]
        losses = [loss_of(scores[start:end]) for start, end in itertools.pairwise(ends)]
        loss = torch.stack(losses).sum() / queries
        loss.backward()  # type: ignore[no-untyped-call]
        assert scores.grad is not None  # noqa: S101 - the loss depends on every score
        # One by one: in one call the engine would add gradients up in the model's format before a master sees them.
        for part, numbers in zip(parts, plan, strict=True):
            part.backward(scores.grad[torch.tensor(numbers, device=order.device)])  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _take_less(self, rows: Sequence[Sequence[TokenPair]]) -> None:
        """Halves windows and micro-batches.

        Raises:
            JargonautError: There is nothing left to halve.
        """
        longest = max(sum(len(row.ids) for row in group) for group in rows)
        if self._window <= 1 and self._scorer.budget <= 1:
            raise JargonautError(
                f"there is not enough memory to train on a query with passages of {longest:,} tokens",
                where="[reranker]", remedy="lower max_tokens or negatives, or use another device",
            )  # fmt: skip
        self._window, self._scorer.budget = max(1, self._window // 2), max(1, self._scorer.budget // 2)
        give_back_memory()
        if not self.short_of_memory:
            self._report.warn("memory ran out in training: what is held at a time is halved, and the step is repeated")
        self.short_of_memory = f"memory ran out in training, so windows were cut to {self._window:,} tokens"


def drawn_groups(batch: Batch, options: RerankerOptions, rng: np.random.Generator) -> Iterator[Group]:
    """Each query's positive with its hard negatives and some of the batch's other passages.

    What is known to answer a query, or nearly the same as something that does, is never among its negatives; a query
    for which nothing is left is passed over.
    """
    for row, (query_id, positive) in enumerate(zip(batch.query_ids, batch.targets.tolist(), strict=True)):
        hard = np.flatnonzero(batch.hard[row])[: options.negatives]
        free = ~(batch.ignored[row] | batch.hard[row])
        free[positive] = False
        others: NDArray[np.int64] = np.flatnonzero(free)
        easy = rng.permutation(others)[: options.random_negatives]
        chosen = [positive, *hard.tolist(), *easy.tolist()]
        if len(chosen) > 1:
            yield Group(query_id, tuple(batch.passage_ids[column] for column in chosen))


def listwise(scores: torch.Tensor) -> torch.Tensor:
    """Softmax cross-entropy of a positive, which stands first, against its negatives (Gao et al. 2021).

    Localized contrastive estimation, arXiv:2101.08751.

    Args:
        scores: Logits, shape (passages,).
    """
    import torch

    loss: torch.Tensor = torch.logsumexp(scores, 0) - scores[0]
    return loss


def bce(scores: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of each passage; the positive, which stands first, weighs as much as all negatives."""
    from torch.nn import functional

    loss: torch.Tensor = (functional.softplus(-scores[0]) + functional.softplus(scores[1:]).mean()) / 2
    return loss


_LOSSES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {"listwise": listwise, "bce": bce}


def _windows(rows: Sequence[Sequence[TokenPair]], most: int) -> Iterator[list[int]]:
    """Queries whose passages have about so many tokens together, in order."""
    window: list[int] = []
    held = 0
    for number, group in enumerate(rows):
        size = sum(len(row.ids) for row in group)
        if window and held + size > most:
            yield window
            window, held = [], 0
        window.append(number)
        held += size
    if window:
        yield window


def _cut(example: Triplet, options: RerankerOptions) -> Triplet:
    return replace(example, negative_ids=example.negative_ids[: options.negatives])


def _nothing(*_: Any) -> Any:
    raise AssertionError("unreachable")
