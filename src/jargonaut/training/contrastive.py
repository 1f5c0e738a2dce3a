"""Contrastive × Matryoshka fine-tuning: a plain loop over whole batches, and the best epoch kept.

It is handed texts, examples and a function that scores a model, and knows nothing of splits or metrics; how a batch
becomes gradients is known by `steps`, what happens from step to step by `loop`.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, free_memory, token_budget
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.errors import InputError
from jargonaut.protocols import Reporter, SilentReporter, Vectors
from jargonaut.records import Triplet
from jargonaut.training.adapters import adapted
from jargonaut.training.batches import Batch, Grades, Taught, batches, drawn_count
from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.dimensions import dimension_weights, matryoshka_dims
from jargonaut.training.freezing import frozen
from jargonaut.training.guard import Guard
from jargonaut.training.lesson import prepared
from jargonaut.training.loop import Loop
from jargonaut.training.losses import Loss
from jargonaut.training.objective import Objective, objective
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.options import DISTILLING, TrainOptions
from jargonaut.training.parallel import World
from jargonaut.training.progress import BestEpoch, Callback, LossLog
from jargonaut.training.references import ReferenceVectors
from jargonaut.training.steps import Step, Tokens
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

VERSION = 13
_Plan: TypeAlias = Callable[..., Iterator[Batch]]
"""Given an `epoch`, from 0, its batches."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did.

    Attributes:
        losses: (step, mean batch loss since the last entry).
        dev_scores: (epoch, dev score); epoch 0 is the model before training.
        general_scores: (epoch, score on general knowledge); empty when nothing scores it.
        best_epoch: The epoch whose weights were kept, the best on dev; 0 means that none came to its end.
        steps: Optimiser steps taken.
        pairs: Pairs seen, repeats counted.
        notices: What a reader must know of it, in sentences: that it was stopped, that there were few pairs.
        scale: The inverse temperature at the end, where it was learned; None otherwise.
    """

    losses: tuple[tuple[int, float], ...]
    dev_scores: tuple[tuple[int, float], ...]
    best_epoch: int
    steps: int
    pairs: int
    notices: tuple[str, ...] = ()
    scale: float | None = None
    general_scores: tuple[tuple[int, float], ...] = ()


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
    general: Callable[[SentenceTransformer], float] | None = None,
    loss: Loss | None = None,
    deployed_dim: int | None = None,
    base_vectors: ReferenceVectors | None = None,
    guide_vectors: ReferenceVectors | None = None,
    grades: Grades | None = None,
    taught: Taught | None = None,
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
        general: Score on general knowledge, noted after every epoch.
        loss: Takes the embeddings of a whole batch; the recipe's, at every Matryoshka dimension, when None.
        deployed_dim: The dimension that will serve, which may weigh more than others; the model's own when None.
        base_vectors: Of all texts by the model as it is before training; needed where `batching` is `similar`.
        guide_vectors: Of all texts by the model that guides; needed where the loss is `gist`.
        grades: How relevant passages were judged, which `cosent` learns from; what is not here is 1 for a positive and
            0 for any other passage.
        taught: What a teacher that reads query and passage together says of the examples' passages, as logits; one
            that has vectors is the guide. Needed where the loss is `margin_mse` or `kl`.
        callbacks: Told of every step and epoch.
        checkpoints: Where a killed training of the same arguments goes on; the continuation is the same. They are the
            caller's to remove, once the model is stored.
        remine: Given the model as it is after the first epoch, the same examples with other negatives. Asked again, by
            a training that goes on or by another process, it gives the same ones.
        reporter: Where progress is shown.

    Raises:
        InputError: There are fewer than two examples, or no negatives at all; a dimension is larger than the model's;
            so many layers cannot be frozen; vectors are missing.
        SettingsError: This machine has no such device.
        JargonautError: A checkpoint cannot be written, memory does not suffice for a single text, or `peft` is missing.
    """
    report = reporter or SilentReporter()
    material = _Material(prompts, queries, passages, positives, groups, grades, base_vectors, taught)
    lesson = prepared(examples, positives, groups, options, again=remine is not None)
    options, epochs = lesson.options, lesson.epochs
    for notice in lesson.notices:
        report.warn(notice)
    dims = matryoshka_dims(int(model.get_embedding_dimension() or 0), options.dims)
    shares = dimension_weights(dims, options, deployed_dim)
    if options.loss == "gist" and loss is None and guide_vectors is None:
        raise InputError("the loss `gist` needs vectors of a guide", where="[train] loss",
                         remedy="hand in `guide_vectors`, such as the base's own, or say `mnrl`")  # fmt: skip
    if options.loss in DISTILLING and loss is None and guide_vectors is None and taught is None:
        raise InputError(f"the loss `{options.loss}` needs a teacher's scores or vectors", where="[train] loss",
                         remedy="hand in `taught` or `guide_vectors`, or say `mnrl`")  # fmt: skip
    world, device = World.joined(), choose_device(compute.device)
    tokens, plan = material.tokens(model, lesson.examples), material.plan(lesson.examples, options)
    model.to(device)
    with _trained_parts(model, options):
        weights = MasterWeights(model, choose_dtype(compute.precision, device), sparse=not compute.compile)
        best = BestEpoch(weights, *(_judge(model, each, world) for each in (score, general)), start_counts=False)
        try:
            goal = objective(options, dict(zip(dims, shares, strict=True)), device, loss)
            per_epoch = math.ceil(drawn_count(lesson.examples, options.per_query) / options.batch_size)
            optimizer = _optimizer(weights, goal, per_epoch * epochs, options, world)
            forward = Forward(model, compiled=compute.compile)
            step_of = Step(
                forward, tokens, goal, budget=token_budget(compute, device, packed=forward.packed),
                graph_bytes=_graph_bytes(options, device, world), world=world,
                guide=guide_vectors, discard=optimizer.discard, report=report,
            )  # fmt: skip
            renewed = functools.partial(_renewed, material, step_of, options, remine) if remine else None
            loop = Loop(
                model, options, epochs, step_of, optimizer, weights, best, goal, Guard(options.max_rise), LossLog(),
                world, plan, per_epoch, callbacks, checkpoints, renewed, report,
            )  # fmt: skip
            loop.run()
        finally:
            best.settle()
            model.eval()
    log, told = loop.log, tuple(filter(None, (*lesson.notices, step_of.short_of_memory, loop.stopped)))
    return Trained(
        tuple(log.losses), tuple(best.scores), best.epoch, log.steps, log.pairs, told, goal.scale, tuple(best.general)
    )


@dataclass(frozen=True, slots=True)
class _Material:
    """What examples are made of, and what is known of it; the fields are arguments of `train`."""

    prompts: Prompts
    queries: Mapping[str, str]
    passages: Mapping[str, str]
    positives: Mapping[str, frozenset[str]]
    groups: Mapping[str, str]
    grades: Grades | None
    base_vectors: ReferenceVectors | None
    taught: Taught | None = None

    def tokens(self, model: SentenceTransformer, examples: Sequence[Triplet]) -> Tokens:
        """Token ids of the examples' texts."""
        return Tokens.of(model, self.prompts, self.queries, self.passages, examples)

    def plan(self, examples: Sequence[Triplet], options: TrainOptions) -> _Plan:
        """The examples in batches, by `epoch`."""
        return functools.partial(
            batches, examples, self.positives, self.groups, size=options.batch_size, seed=options.seed,
            per_query=options.per_query, grades=self.grades, vectors=_places(examples, options, self.base_vectors),
            neighbourhood=options.neighbourhood, taught=self.taught,
        )  # fmt: skip


def _renewed(
    material: _Material,
    step_of: Step,
    options: TrainOptions,
    remine: Callable[[SentenceTransformer], Sequence[Triplet]],
    model: SentenceTransformer,
) -> _Plan:
    """The plan of the epochs after the first, over negatives that are mined again; steps find their texts."""
    lesson = prepared(remine(model), material.positives, material.groups, options)
    step_of.tokens = material.tokens(model, lesson.examples)
    return material.plan(lesson.examples, options)


def _optimizer(
    weights: MasterWeights, goal: Objective, steps: int, options: TrainOptions, world: World
) -> MasterAdamW:  # fmt: skip
    return MasterAdamW(
        weights, lr=options.lora_lr if options.lora_rank else options.lr, weight_decay=options.weight_decay,
        steps=steps, warmup=options.warmup, max_norm=options.max_norm, world=world, beside=goal.parameters,
        beside_lr=options.temperature_lr,
    )  # fmt: skip


@contextlib.contextmanager
def _trained_parts(model: SentenceTransformer, options: TrainOptions) -> Iterator[None]:
    """Within it only what the recipe trains takes gradients; adapters in frozen layers are frozen with them."""
    adapters = adapted(
        model, rank=options.lora_rank, alpha=options.lora_alpha, dropout=options.lora_dropout,
        targets=options.lora_targets, seed=options.seed,
    )  # fmt: skip
    with adapters, frozen(model, embeddings=options.freeze_embeddings, layers=options.freeze_layers):
        yield


def _places(
    examples: Sequence[Triplet], options: TrainOptions, base_vectors: ReferenceVectors | None
) -> Vectors | None:
    """Where the examples lie, where batches go by that."""
    if options.batching == "shuffled":
        return None
    if base_vectors is None:
        raise InputError("similar pairs can share a batch only where the base's vectors are handed in",
                         where="[train] batching", remedy="hand in `base_vectors`, or say `shuffled`")  # fmt: skip
    return base_vectors.of_examples(examples)


def _judge(
    model: SentenceTransformer, score: Callable[[SentenceTransformer], float] | None, world: World
) -> Callable[[], float] | None:
    """The score of the model as it is, taken by the first process for all."""
    return score and (lambda: world.agreed(score(model) if world.rank == 0 else 0.0))


def _graph_bytes(options: TrainOptions, device: torch.device, world: World) -> float:
    """Memory that the graphs of a batch may take in this process."""
    if options.graph_gib is not None:
        return options.graph_gib * 2**30
    return free_memory(device) / 2 / (world.size if device.type == "cpu" else 1)
