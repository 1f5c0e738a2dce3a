"""Contrastive × Matryoshka fine-tuning: a plain loop over whole batches, and the best epoch kept.

It is handed texts, examples and a function that scores a model, and knows nothing of splits or metrics; how a batch
becomes gradients is known by `steps`, what happens from step to step by `loop`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, free_memory, token_budget
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.errors import InputError, require_limits
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch, batches
from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.freezing import frozen
from jargonaut.training.loop import Loop
from jargonaut.training.losses import Loss, matryoshka_info_nce
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.parallel import World
from jargonaut.training.progress import BestEpoch, Callback, LossLog
from jargonaut.training.steps import Step, Tokens
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

VERSION = 3


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
        freeze_embeddings: Whether the embedding tables stay as they are.
        freeze_layers: How many of the lowest layers stay as they are; with one or more the embeddings do too.
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
    freeze_embeddings: bool = False
    freeze_layers: int = 0
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
                ("freeze_layers", self.freeze_layers >= 0, "0 or more"),
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
    loss: Loss | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoints: Checkpoints | None = None,
    remine: Callable[[SentenceTransformer], Sequence[Triplet]] | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Fine-tunes `model` in place and leaves it in fp32 with the weights of its best epoch.

    It computes in the format that `compute` stands for and is scored as it computes; what is updated and kept are fp32
    masters, so the weights that it is left with are not rounded. Under `torchrun` or `accelerate launch` the processes
    share every batch; all must be handed the same.

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
        loss: Takes the embeddings of a whole batch; InfoNCE at every Matryoshka dimension when None.
        callbacks: Told of every step and epoch.
        checkpoints: Where a killed training of the same arguments goes on; the continuation is the same. They are the
            caller's to remove, once the model is stored.
        remine: Given the model as it is after the first epoch, the same examples with other negatives. Asked again, by
            a training that goes on or by another process, it gives the same ones.
        reporter: Where progress is shown.

    Raises:
        InputError: There are fewer than two examples, a dimension is larger than the model's, or so many layers cannot
            be frozen.
        SettingsError: This machine has no such device.
        JargonautError: The loss is no longer a number, or a checkpoint cannot be written.
    """
    if len(examples) < 2:
        raise InputError("training needs at least two pairs")
    dims = matryoshka_dims(int(model.get_embedding_dimension() or 0), options.dims)
    world, device = World.joined(), choose_device(compute.device)
    tokens = Tokens.of(model, prompts, queries, passages, examples)
    plan = functools.partial(batches, examples, positives, groups, size=options.batch_size, seed=options.seed)
    per_epoch = math.ceil(len(examples) / options.batch_size)
    with frozen(model, embeddings=options.freeze_embeddings, layers=options.freeze_layers):
        weights = MasterWeights(model.to(device), choose_dtype(compute.precision, device), sparse=not compute.compile)
        best = BestEpoch(weights, score and (lambda: world.agreed(score(model) if world.rank == 0 else 0.0)))
        try:
            forward = Forward(model, compiled=compute.compile)
            step_of = Step(
                forward, tokens, loss or functools.partial(matryoshka_info_nce, scale=options.scale, dims=dims),
                budget=token_budget(compute, device, packed=forward.packed),
                graph_bytes=_graph_bytes(options, device, world), world=world,
            )  # fmt: skip
            optimizer = MasterAdamW(
                weights, lr=options.lr, weight_decay=options.weight_decay, steps=per_epoch * options.epochs,
                warmup=options.warmup, max_norm=options.max_norm, world=world,
            )  # fmt: skip

            def renewed(model: SentenceTransformer) -> Callable[..., Iterator[Batch]]:
                others = remine(model) if remine else examples
                step_of.tokens = Tokens.of(model, prompts, queries, passages, others)
                return functools.partial(batches, others, positives, groups, size=options.batch_size, seed=options.seed)

            loop = Loop(
                model, options, step_of, optimizer, weights, best, LossLog(), world, plan, per_epoch, callbacks,
                checkpoints, renewed if remine else None, reporter or SilentReporter(),
            )  # fmt: skip
            loop.run()
        finally:
            best.settle()
            model.eval()
    log = loop.log
    return Trained(tuple(log.losses), tuple(best.scores), best.epoch, log.steps, log.pairs)


def _graph_bytes(options: TrainOptions, device: torch.device, world: World) -> float:
    """Memory that the graphs of a batch may take in this process."""
    if options.graph_gib is not None:
        return options.graph_gib * 2**30
    return free_memory(device) / 2 / (world.size if device.type == "cpu" else 1)


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
