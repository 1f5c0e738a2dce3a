"""Contrastive × Matryoshka fine-tuning: a plain loop over whole batches without padding waste.

Each batch's distinct texts are embedded in length-sorted micro-batches whose graphs are kept; their embeddings meet in
one loss over the whole batch, so in-batch negatives are what the batch size says. Knows models and ids; it is handed
texts, examples and a function that scores a model, and knows nothing of files, splits or metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, token_budget
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.packing import embed, micro_batches, tokenize
from jargonaut.errors import InputError, JargonautError
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch, batches
from jargonaut.training.losses import matryoshka_info_nce
from jargonaut.training.optimizer import MasterAdamW

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

VERSION = 1


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
        patience: Epochs without a better dev score before training stops.
        max_norm: Gradient norm that is clipped to.
        dropout: Whether the model's own dropout is on.
        seed: Order of the pairs and dropout.
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
    seed: int = 13


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
    """Fine-tunes `model` in place and leaves it with the weights of its best epoch.

    Args:
        model: A sentence-transformers model on its device.
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
        JargonautError: The loss is no longer a number.
    """
    import torch

    if len(examples) < 2:
        raise InputError("training needs at least two pairs")
    report = reporter or SilentReporter()
    dims = matryoshka_dims(int(model.get_embedding_dimension() or 0), options.dims)
    device = choose_device(compute.device)
    model.to(device=device, dtype=choose_dtype(compute.precision, device))
    torch.manual_seed(options.seed)
    per_epoch = math.ceil(len(examples) / options.batch_size)
    optimizer = MasterAdamW(
        model, lr=options.lr, weight_decay=options.weight_decay, steps=per_epoch * options.epochs,
        warmup=options.warmup, max_norm=options.max_norm,
    )  # fmt: skip
    step_of = _Stepper(model, prompts, queries, passages, examples, token_budget(compute, device), options.scale, dims)
    losses: list[tuple[int, float]] = []
    dev = [(0, score(model))] if score else []
    best_epoch, best_state, steps = 0, _snapshot(model), 0
    for epoch in range(options.epochs):
        model.train(options.dropout)
        plan = batches(examples, positives, groups, size=options.batch_size, seed=options.seed, epoch=epoch)
        recent: list[float] = []
        for batch in report.track(plan, f"training, epoch {epoch + 1} of {options.epochs}", per_epoch):
            loss = step_of(batch)
            if not math.isfinite(loss):
                model.load_state_dict(best_state)
                raise JargonautError(
                    f"the loss became {loss} at step {steps + 1}", remedy="lower the learning rate ([train] lr)"
                )
            optimizer.step()
            steps += 1
            recent.append(loss)
            if len(recent) == 10:
                losses.append((steps, sum(recent) / len(recent)))
                recent = []
        if recent:
            losses.append((steps, sum(recent) / len(recent)))
        model.eval()
        if score is None:
            best_epoch = epoch + 1
            continue
        dev.append((epoch + 1, score(model)))
        report.line(f"  epoch {epoch + 1}: loss {losses[-1][1]:.4f}, dev nDCG@10 {dev[-1][1]:.4f}")
        if dev[-1][1] > max(value for _, value in dev[:-1]):
            best_epoch, best_state = epoch + 1, _snapshot(model)
        elif epoch + 1 - best_epoch > options.patience:
            break
    if score is not None:
        model.load_state_dict(best_state)
    model.eval()
    return Trained(tuple(losses), tuple(dev), best_epoch, steps, len(examples) * len(dev[1:] or range(options.epochs)))


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


class _Stepper:
    """Forward and backward of one batch; the texts are tokenised once, at the start."""

    def __init__(
        self,
        model: SentenceTransformer,
        prompts: Prompts,
        queries: Mapping[str, str],
        passages: Mapping[str, str],
        examples: Sequence[Triplet],
        budget: int,
        scale: float,
        dims: Sequence[int],
    ) -> None:
        self._model, self._budget, self._scale, self._dims = model, budget, scale, dims
        wanted_queries = list(dict.fromkeys(e.query_id for e in examples))
        wanted = list(dict.fromkeys(p for e in examples for p in (e.positive_id, *e.negative_ids)))
        query_ids = tokenize(model, [prompts.query + queries[q] for q in wanted_queries])
        passage_ids = tokenize(model, [prompts.passage + passages[p] for p in wanted])
        self._query_tokens = dict(zip(wanted_queries, query_ids, strict=True))
        self._passage_tokens = dict(zip(wanted, passage_ids, strict=True))

    def __call__(self, batch: Batch) -> float:
        """Leaves gradients on the model; returns the loss."""
        import torch

        ids = [self._query_tokens[q] for q in batch.query_ids] + [self._passage_tokens[p] for p in batch.passage_ids]
        device = next(self._model.parameters()).device
        parts: list[torch.Tensor] = []
        order: list[int] = []
        for rows in micro_batches([len(row) for row in ids], self._budget):
            parts.append(embed(self._model, [ids[row] for row in rows], device))
            order.extend(rows)
        where = torch.empty(len(order), dtype=torch.long, device=device)
        where[torch.tensor(order, device=device)] = torch.arange(len(order), device=device)
        vectors = torch.cat(parts).float()[where]
        n = len(batch.query_ids)
        loss = matryoshka_info_nce(
            vectors[:n], vectors[n:], torch.from_numpy(batch.targets).to(device),
            torch.from_numpy(batch.ignored).to(device), scale=self._scale, dims=self._dims,
        )  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


def _snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
