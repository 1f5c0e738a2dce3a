"""Contrastive × Matryoshka fine-tuning: a plain loop over whole batches, and the best epoch kept.

It is handed texts, examples and a function that scores a model, and knows nothing of files, splits or metrics; how a
batch becomes gradients is known by `steps`.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, free_memory, token_budget
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.errors import InputError, JargonautError, require_limits
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch, batches
from jargonaut.training.losses import matryoshka_info_nce
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.steps import Step, Tokens
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

VERSION = 2
LOG_EVERY = 10
"""Steps whose losses are averaged into one entry."""
_FORETOLD_AFTER = 2
_LONG = 1800.0


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to fine-tune.

    Attributes:
        epochs: Most passes over the pairs; the epoch with the best dev score is kept.
        batch_size: Pairs per optimiser step, all of whose passages are in-batch negatives.
        lr: Peak learning rate.
        warmup: Share of the steps over which the rate rises.
        weight_decay: Decoupled weight decay.
        scale: Inverse temperature of the similarity (20 is τ = .05).
        dims: Matryoshka dimensions; empty takes the model's own, then halves down to 64.
        patience: Epochs in a row without a better dev score that are put up with; training stops at the next.
        max_norm: Gradient norm that is clipped to.
        dropout: Whether the model's own dropout is on.
        graph_gib: Memory, in GiB, that the graphs of a batch may take. A batch that needs more is embedded twice, which
            gives the same gradients in little memory and a third more time. Not set takes half of what is free.
        seed: Order of the pairs and dropout.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    epochs: int = 3
    batch_size: int = 128
    lr: float = 5e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    scale: float = 20.0
    dims: tuple[int, ...] = ()
    patience: int = 1
    max_norm: float = 1.0
    dropout: bool = False
    graph_gib: float | None = None
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "train", self, (
                ("epochs", self.epochs >= 1, "1 or more"),
                ("batch_size", self.batch_size >= 2, "two pairs or more, or there are no negatives"),
                ("lr", 0 < self.lr < math.inf, "above 0, such as 5e-5"),
                ("warmup", 0 <= self.warmup < 1, "a share of the steps, from 0 to below 1"),
                ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
                ("scale", 0 < self.scale < math.inf, "above 0, such as 20"),
                ("patience", self.patience >= 0, "0 or more"),
                ("max_norm", self.max_norm > 0, "above 0"),
                ("graph_gib", self.graph_gib is None or self.graph_gib >= 0, "0 or more"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did.

    Attributes:
        losses: (step, mean batch loss since the last entry).
        dev_scores: (epoch, dev score); epoch 0 is the model before training.
        best_epoch: The epoch whose weights were kept; 0 means that no epoch beat the start.
        steps: Optimiser steps taken.
        pairs: Pairs seen, repeats counted.
    """

    losses: tuple[tuple[int, float], ...]
    dev_scores: tuple[tuple[int, float], ...]
    best_epoch: int
    steps: int
    pairs: int


def train(
    model: SentenceTransformer,
    prompts: Prompts,
    examples: Sequence[Triplet],
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    options: TrainOptions,
    compute: ComputeOptions,
    *,
    score: Callable[[SentenceTransformer], float] | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Fine-tunes `model` in place and leaves it in fp32 with the weights of its best epoch.

    It computes in the format that `compute` stands for and is scored as it computes; what is updated and kept are fp32
    masters, so the weights that it is left with are not rounded.

    Args:
        model: A sentence-transformers model in fp32.
        prompts: Put before queries and passages.
        examples: Queries with a positive and hard negatives, by id.
        queries: Query id → text.
        passages: Passage id → text as it is indexed.
        positives: Query id → all its known positives.
        groups: Passage id → near-duplicate group.
        options: The recipe.
        compute: Device and precision.
        score: Dev score of a model, higher is better; without it the last epoch is kept.
        reporter: Where progress is shown.

    Raises:
        InputError: There are fewer than two examples, or a dimension is larger than the model's.
        SettingsError: This machine has no such device.
        JargonautError: The loss is no longer a number.
    """
    import torch

    if len(examples) < 2:
        raise InputError("training needs at least two pairs")
    report = reporter or SilentReporter()
    dims = matryoshka_dims(int(model.get_embedding_dimension() or 0), options.dims)
    device = choose_device(compute.device)
    weights = MasterWeights(model.to(device), choose_dtype(compute.precision, device))
    torch.manual_seed(options.seed)
    per_epoch = math.ceil(len(examples) / options.batch_size)
    optimizer = MasterAdamW(
        weights, lr=options.lr, weight_decay=options.weight_decay, steps=per_epoch * options.epochs,
        warmup=options.warmup, max_norm=options.max_norm,
    )  # fmt: skip
    tokens, forward = Tokens.of(model, prompts, queries, passages, examples), Forward(model)
    step_of = Step(
        forward, tokens, functools.partial(matryoshka_info_nce, scale=options.scale, dims=dims),
        budget=token_budget(compute, device, packed=forward.packed),
        graph_bytes=free_memory(device) / 2 if options.graph_gib is None else options.graph_gib * 2**30,
    )  # fmt: skip
    log, best = _LossLog(), _BestEpoch(model, weights, score)
    for epoch, value in best.scores:
        report.line(f"  epoch {epoch} (the base): dev nDCG@10 {value:.4f}")
    try:
        for epoch in range(options.epochs):
            model.train(options.dropout)
            plan = batches(examples, positives, groups, size=options.batch_size, seed=options.seed, epoch=epoch)
            shown = report.track(plan, f"training, epoch {epoch + 1} of {options.epochs}", per_epoch)
            if epoch == 0:
                shown = _foretold(shown, per_epoch * options.epochs, report)
            _one_epoch(shown, step_of, optimizer, log)
            model.eval()
            judged = best.judge(epoch + 1)
            if judged is not None:
                report.line(f"  epoch {epoch + 1}: loss {log.losses[-1][1]:.4f}, dev nDCG@10 {judged:.4f}")
            if epoch + 1 - best.epoch > options.patience:
                break
    finally:
        best.restore()
    epochs_run = len(best.scores) - 1 if best.scores else options.epochs
    return Trained(tuple(log.losses), tuple(best.scores), best.epoch, log.steps, len(examples) * epochs_run)


def matryoshka_dims(full: int, asked: Sequence[int]) -> tuple[int, ...]:
    """Dimensions to train and to report, largest first: the model's own and either `asked` or its halves down to 64.

    Raises:
        InputError: A dimension is larger than the model's or not positive.
    """
    wrong = [dim for dim in asked if not 0 < dim <= full]
    if wrong:
        raise InputError(
            f"the model has {full} dimensions, so {', '.join(map(str, wrong))} cannot be one of its Matryoshka "
            "dimensions",
            where="[train] dims",
        )
    if asked:
        return tuple(sorted({full, *asked}, reverse=True))
    powers = (2**exponent for exponent in range(15, 5, -1))
    return (full, *(dim for dim in powers if dim < full))


def _foretold(plan: Iterator[Batch], steps: int, report: Reporter) -> Iterator[Batch]:
    """Passes batches through; after the first two it says how long training will take, if that is long."""
    started = time.monotonic()
    for number, batch in enumerate(plan):
        seconds = (time.monotonic() - started) / max(1, number) * steps
        if number == _FORETOLD_AFTER and seconds > _LONG:
            report.warn(f"training will take up to {seconds / 60:,.0f} minutes at this pace; a GPU, "
                        "`--set train.epochs=1` or `--set mine.per_pair=0` shortens it")  # fmt: skip
        yield batch


def _one_epoch(plan: Iterable[Batch], step_of: Step, optimizer: MasterAdamW, log: _LossLog) -> None:
    """One pass over the batches.

    Raises:
        JargonautError: The loss is no longer a number.
    """
    for batch in plan:
        loss = step_of(batch)
        if not math.isfinite(loss):
            raise JargonautError(
                f"the loss became {loss} at step {log.steps + 1}", remedy="lower the learning rate ([train] lr)"
            )
        optimizer.step()
        log.add(loss)
    log.end_epoch()


class _LossLog:
    """Mean losses of every ten steps, and of what is left at an epoch's end."""

    def __init__(self) -> None:
        self.losses: list[tuple[int, float]] = []
        self.steps = 0
        self._recent: list[float] = []

    def add(self, loss: float) -> None:
        """Notes one step."""
        self.steps += 1
        self._recent.append(loss)
        if len(self._recent) == LOG_EVERY:
            self.end_epoch()

    def end_epoch(self) -> None:
        """Closes the entry that is open, if one is."""
        if self._recent:
            self.losses.append((self.steps, sum(self._recent) / len(self._recent)))
            self._recent = []


class _BestEpoch:
    """Remembers the fp32 weights of the best dev score, or of the last epoch when nothing scores."""

    def __init__(
        self,
        model: SentenceTransformer,
        weights: MasterWeights,
        score: Callable[[SentenceTransformer], float] | None,
    ) -> None:
        self._model, self._weights, self._score = model, weights, score
        self.scores = [(0, score(model))] if score else []
        self.epoch = 0
        self._kept = weights.copy()

    def judge(self, epoch: int) -> float | None:
        """Scores the model as it is now and remembers its weights if they are the best; gives the score."""
        if self._score is None:
            self.epoch, self._kept = epoch, self._weights.copy()
            return None
        value = self._score(self._model)
        if value > max(earlier for _, earlier in self.scores):
            self.epoch, self._kept = epoch, self._weights.copy()
        self.scores.append((epoch, value))
        return value

    def restore(self) -> None:
        """Ends training with the remembered weights in the model, which is fp32 again."""
        self._weights.settle(self._kept)
        self._model.eval()
