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
from typing import TYPE_CHECKING, Literal

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, free_memory, token_budget
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.errors import InputError, require_limits
from jargonaut.protocols import Reporter, SilentReporter, Vectors
from jargonaut.records import Triplet
from jargonaut.training.adapters import adapted, require_peft
from jargonaut.training.batches import Batch, Grades, batches
from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.freezing import frozen, require_depth
from jargonaut.training.guard import Guard
from jargonaut.training.lesson import prepared
from jargonaut.training.loop import Loop
from jargonaut.training.losses import Loss
from jargonaut.training.objective import HIGHEST_SCALE, objective
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.parallel import World
from jargonaut.training.progress import BestEpoch, Callback, LossLog
from jargonaut.training.references import ReferenceVectors
from jargonaut.training.steps import Step, Tokens
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

VERSION = 6
Batching = Literal["shuffled", "similar"]
LossName = Literal["mnrl", "gist", "cosent", "triplet"]
MarginStrategy = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to fine-tune.

    Attributes:
        epochs: Most passes over the pairs; the epoch with the best dev score is kept.
        batch_size: Pairs per optimiser step, all of whose passages are in-batch negatives.
        lr: Peak learning rate of the whole model; adapters have `lora_lr`.
        batching: `shuffled` draws batches at random; `similar` puts pairs that lie near one another for the base model
            into one batch, so that in-batch negatives are hard without any further text (topic-aware sampling;
            Hofstätter et al. 2021). Either way no two pairs of a batch share their query or their passage.
        neighbourhood: With `similar`, how many pairs lie near one another; a batch consists of several such
            neighbourhoods, from anywhere. 0 makes each batch a single one.
        warmup: Share of the steps over which the rate rises.
        weight_decay: Decoupled weight decay.
        loss: `mnrl` (multiple negatives ranking, also called InfoNCE); `gist`, the same without negatives that a guide
            finds closer than the positive (Solatorio 2024); `cosent`, which learns from graded labels (Huang et al.
            2024); `triplet` on cosine distances (Schroff et al. 2015).
        scale: Inverse temperature of the similarity (20 is τ = .05); `triplet` has none.
        learn_temperature: Whether the scale is learned, from `scale` on and between 1 and 100.
        temperature_lr: Peak learning rate of the scale's logarithm.
        symmetric: With `mnrl` and `gist`, whether positives must find their queries too, and not only queries their
            positives.
        hardness: With `mnrl`, how much more the harder negatives count: 0 is off, 5 to 9 is usual (Lan et al. 2025).
        triplet_margin: With `triplet`, by how much the positive's cosine must be the higher one.
        guide: With `gist`, the model that guides: a folder or a hub id, empty for the base. It encodes the training
            texts once.
        guide_margin: With `gist`, how much less similar than the positive a negative must be for the guide.
        guide_margin_strategy: With `gist`, whether `guide_margin` is a difference (`absolute`) or a share (`relative`).
        contrast_anchors: With `gist`, whether a query's negatives are the batch's other queries too.
        contrast_positives: With `gist`, whether a positive's negatives are the batch's other positives too.
        dims: Matryoshka dimensions; empty takes the model's own, then halves down to 64.
        dim_weights: What each dimension's loss weighs, from the largest dimension to the smallest; empty for all alike.
        deployed_weight: Without `dim_weights`, what the deployed dimension weighs where each of the others weighs 1.
        patience: Epochs in a row without a better dev score that are put up with; training stops at the next.
        max_norm: Gradient norm that is clipped to.
        dropout: Whether the model's own dropout is on.
        freeze_embeddings: Whether the embedding tables stay as they are.
        freeze_layers: How many of the lowest layers stay as they are; with one or more the embeddings do too.
        lora_rank: Rank of adapters that are trained in the model's stead, and merged into it at the end (LoRA; Hu et
            al. 2022); 0 trains the model itself.
        lora_alpha: What adapters add is multiplied by this, divided by the rank.
        lora_dropout: Share of the adapters' inputs that is dropped.
        lora_targets: Names of the modules that get an adapter, such as `query` and `value`; empty for all linear ones.
        lora_lr: Peak learning rate of adapters.
        max_rise: Training stops, and the best epoch so far is kept, when the loss stays above this many times its
            running median.
        few_pairs: With fewer pairs than this, `lr` and `batch_size` are lowered to what is safest where they are the
            defaults; 0 never does it.
        graph_gib: Memory, in GiB, that the graphs of a batch may take. A batch that needs more is embedded twice, which
            gives the same gradients in little memory and a third more time. Not set takes half of what is free.
        alphas: Steps between the base (0) and the tuned model (1) that may be kept, by weight interpolation: the one
            with the best dev score that forgets no more general knowledge than `general_limit`. Empty keeps the tuned
            model as it is.
        general_limit: Loss of nDCG@10 on the general knowledge that ships with the package (English), against the base,
            that is put up with.
        seed: Order of the pairs and dropout.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    epochs: int = 3
    batch_size: int = 128
    lr: float = 5e-5
    batching: Batching = "shuffled"
    neighbourhood: int = 0
    warmup: float = 0.1
    weight_decay: float = 0.01
    loss: LossName = "mnrl"
    scale: float = 20.0
    learn_temperature: bool = False
    temperature_lr: float = 0.01
    symmetric: bool = False
    hardness: float = 0.0
    triplet_margin: float = 0.2
    guide: str = ""
    guide_margin: float = 0.0
    guide_margin_strategy: MarginStrategy = "absolute"
    contrast_anchors: bool = True
    contrast_positives: bool = True
    dims: tuple[int, ...] = ()
    dim_weights: tuple[float, ...] = ()
    deployed_weight: float = 1.0
    patience: int = 1
    max_norm: float = 1.0
    dropout: bool = False
    freeze_embeddings: bool = False
    freeze_layers: int = 0
    lora_rank: int = 0
    lora_alpha: float = 32.0
    lora_dropout: float = 0.0
    lora_targets: tuple[str, ...] = ()
    lora_lr: float = 3e-4
    max_rise: float = 2.5
    few_pairs: int = 500
    graph_gib: float | None = None
    alphas: tuple[float, ...] = (0.3, 0.5, 0.7, 0.85, 1.0)
    general_limit: float = 0.01
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "train", self, (
                ("epochs", self.epochs >= 1, "1 or more"),
                ("batch_size", self.batch_size >= 2, "two pairs or more, or there are no negatives"),
                ("neighbourhood", self.neighbourhood >= 0, "0 or more"),
                ("lr", 0 < self.lr < math.inf, "above 0, such as 5e-5"),
                ("warmup", 0 <= self.warmup < 1, "a share of the steps, from 0 to below 1"),
                ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
                ("scale", 0 < self.scale < math.inf, "above 0, such as 20"),
                ("learn_temperature", not self.learn_temperature or self.loss != "triplet",
                 "false with `triplet`, which has no temperature"),
                ("scale", not self.learn_temperature or 1 <= self.scale <= HIGHEST_SCALE,
                 f"from 1 to {HIGHEST_SCALE:g} where it is learned"),
                ("temperature_lr", 0 < self.temperature_lr < math.inf, "above 0, such as 0.01"),
                ("symmetric", not self.symmetric or self.loss in {"mnrl", "gist"}, f"false with `{self.loss}`"),
                ("hardness", 0 <= self.hardness < math.inf, "0 or more"),
                ("hardness", not self.hardness or self.loss == "mnrl", f"0 with `{self.loss}`"),
                ("triplet_margin", 0 < self.triplet_margin <= 2, "above 0 and up to 2"),
                ("guide", not self.guide or self.loss == "gist", f"empty with `{self.loss}`, which has no guide"),
                ("guide_margin", -1 <= self.guide_margin <= 1, "from -1 to 1"),
                ("dim_weights", all(0 <= w < math.inf for w in self.dim_weights), "numbers, none below 0"),
                ("dim_weights", not self.dim_weights or sum(self.dim_weights) > 0, "above 0 somewhere"),
                ("deployed_weight", 0 < self.deployed_weight < math.inf, "above 0, such as 2"),
                ("patience", self.patience >= 0, "0 or more"),
                ("max_norm", self.max_norm > 0, "above 0"),
                ("freeze_layers", self.freeze_layers >= 0, "0 or more"),
                ("lora_rank", self.lora_rank >= 0, "0 or more"),
                ("lora_alpha", 0 < self.lora_alpha < math.inf, "above 0, such as twice the rank"),
                ("lora_dropout", 0 <= self.lora_dropout < 1, "a share, from 0 to below 1"),
                ("lora_lr", 0 < self.lora_lr < math.inf, "above 0, such as 3e-4"),
                ("max_rise", self.max_rise > 1, "above 1; inf lets the loss rise"),
                ("few_pairs", self.few_pairs >= 0, "0 or more"),
                ("graph_gib", self.graph_gib is None or self.graph_gib >= 0, "0 or more"),
                ("alphas", all(0 < alpha <= 1 for alpha in self.alphas), "each above 0 and at most 1"),
                ("general_limit", 0 <= self.general_limit <= 1, "from 0 to 1, such as 0.01; 1 allows any loss"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did.

    Attributes:
        losses: (step, mean batch loss since the last entry).
        dev_scores: (epoch, dev score); epoch 0 is the model before training.
        general_scores: (epoch, score on general knowledge); empty when nothing scores it.
        best_epoch: The epoch whose weights were kept; 0 means that no epoch beat the start.
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
    lesson = prepared(examples, positives, groups, options)
    options = lesson.options
    for notice in lesson.notices:
        report.warn(notice)
    dims = matryoshka_dims(int(model.get_embedding_dimension() or 0), options.dims)
    shares = dimension_weights(dims, options, deployed_dim)
    if options.loss == "gist" and loss is None and guide_vectors is None:
        raise InputError("the loss `gist` needs vectors of a guide", where="[train] loss",
                         remedy="hand in `guide_vectors`, such as the base's own, or say `mnrl`")  # fmt: skip
    world, device = World.joined(), choose_device(compute.device)
    tokens = Tokens.of(model, prompts, queries, passages, lesson.examples)

    def plan(lessons: Sequence[Triplet]) -> Callable[..., Iterator[Batch]]:
        return functools.partial(
            batches, lessons, positives, groups, size=options.batch_size, seed=options.seed, grades=grades,
            vectors=_places(lessons, options, base_vectors), neighbourhood=options.neighbourhood,
        )  # fmt: skip

    per_epoch = math.ceil(len(lesson.examples) / options.batch_size)
    model.to(device)
    with _trained_parts(model, options):
        weights = MasterWeights(model, choose_dtype(compute.precision, device), sparse=not compute.compile)
        best = BestEpoch(weights, *(_judge(model, each, world) for each in (score, general)))
        try:
            forward = Forward(model, compiled=compute.compile)
            goal = objective(options, dict(zip(dims, shares, strict=True)), device, loss)
            optimizer = MasterAdamW(
                weights, lr=options.lora_lr if options.lora_rank else options.lr, weight_decay=options.weight_decay,
                steps=per_epoch * options.epochs, warmup=options.warmup, max_norm=options.max_norm, world=world,
                beside=goal.parameters, beside_lr=options.temperature_lr,
            )  # fmt: skip
            step_of = Step(
                forward, tokens, goal, budget=token_budget(compute, device, packed=forward.packed),
                graph_bytes=_graph_bytes(options, device, world), world=world,
                guide=guide_vectors, discard=optimizer.discard, report=report,
            )  # fmt: skip

            def renewed(model: SentenceTransformer) -> Callable[..., Iterator[Batch]]:
                others = prepared(remine(model) if remine else examples, positives, groups, options).examples
                step_of.tokens = Tokens.of(model, prompts, queries, passages, others)
                return plan(others)

            loop = Loop(
                model, options, step_of, optimizer, weights, best, goal, Guard(options.max_rise), LossLog(), world,
                plan(lesson.examples), per_epoch, callbacks, checkpoints, renewed if remine else None, report,
            )  # fmt: skip
            loop.run()
        finally:
            best.settle()
            model.eval()
    log, told = loop.log, tuple(filter(None, (*lesson.notices, step_of.short_of_memory, loop.stopped)))
    return Trained(
        tuple(log.losses), tuple(best.scores), best.epoch, log.steps, log.pairs, told, goal.scale, tuple(best.general)
    )


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


def require_fit(options: TrainOptions, dimension: int, layers: int | None, deployed: int | None = None) -> None:
    """Refuses a recipe that a model cannot follow, before any time is spent on the pairs.

    Args:
        options: The recipe.
        dimension: Length of the model's vectors.
        layers: How many the model has; None where that is not known before it is loaded.
        deployed: The dimension that will serve.

    Raises:
        InputError: A dimension is larger than the model's, there are too few weights of dimensions, or too many layers
            are to be frozen.
        JargonautError: `peft` is missing.
    """
    dimension_weights(matryoshka_dims(dimension, options.dims), options, deployed)
    if layers is not None:
        require_depth(options.freeze_layers, layers)
    if options.lora_rank:
        require_peft()


def dimension_weights(dims: Sequence[int], options: TrainOptions, deployed: int | None) -> tuple[float, ...]:
    """What the loss at each Matryoshka dimension weighs.

    Args:
        dims: The dimensions, largest first.
        options: The recipe.
        deployed: The dimension that will serve; the largest when None.

    Raises:
        InputError: The recipe has weights, but not as many as there are dimensions.
    """
    if not options.dim_weights:
        serving = dims[0] if deployed is None else deployed
        return tuple(options.deployed_weight if dim == serving else 1.0 for dim in dims)
    if len(options.dim_weights) != len(dims):
        raise InputError(
            f"{len(options.dim_weights)} weights are given for {len(dims)} dimensions, {', '.join(map(str, dims))}",
            where="[train] dim_weights",
            remedy="give one for each, the largest dimension first; the model's own and the deployed one are always "
            "trained",
        )
    return options.dim_weights
