"""How a model is fine-tuned: the section `[train]` of the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits, unless_used

HIGHEST_SCALE = 100.0
"""A learned scale stays between 1 and this (Radford et al. 2021, arXiv:2103.00020)."""
Batching = Literal["shuffled", "similar"]
LossName = Literal["mnrl", "gist", "cosent", "triplet", "margin_mse", "kl"]
DISTILLING: tuple[Literal["margin_mse", "kl"], ...] = ("margin_mse", "kl")
"""Losses that have a teacher."""
MarginStrategy = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to fine-tune.

    Attributes:
        epochs: Most passes over the pairs; the epoch with the best dev score is kept. Not set makes one to three: what
            comes nearest to 11,500 pairs, repeats counted.
        batch_size: Pairs per optimiser step, all of whose passages are in-batch negatives.
        lr: Peak learning rate of the whole model; adapters have `lora_lr`.
        batching: `shuffled` draws batches at random; `similar` puts pairs that lie near one another for the base model
            into one batch, so that in-batch negatives are hard without any further text (topic-aware sampling;
            Hofstätter et al. 2021). Either way no two pairs of a batch share their query or their passage.
        neighbourhood: With `similar`, how many pairs lie near one another; a batch consists of several such
            neighbourhoods, from anywhere. 0 makes each batch a single one.
        per_query: Most pairs of one query in an epoch, whatever their grades; the next epoch takes others of them. 0
            takes all. Not set takes all, too, unless as few of each query as bring 6,000 pairs spare half of an epoch.
        warmup: Share of the steps over which the rate rises.
        weight_decay: Decoupled weight decay.
        loss: `mnrl` (multiple negatives ranking, also called InfoNCE); `gist`, the same without negatives that a guide
            finds closer than the positive (Solatorio 2024); `cosent`, which learns from graded labels (Huang et al.
            2024); `triplet` on cosine distances (Schroff et al. 2015); `margin_mse` and `kl`, which learn from what a
            teacher says of a query's positive and hard negatives: its margins (Hofstätter et al. 2020), or its
            distribution over them.
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
        teacher: With `margin_mse` and `kl`, the model that teaches: a reranker of this workspace such as `v3`, a folder
            or a hub id, of a cross-encoder or of an encoder that is larger than the base.
        teacher_share: With them, how much of the loss is the teacher's; the rest is `mnrl`.
        contrast_anchors: With `gist`, whether a query's negatives are the batch's other queries too.
        contrast_positives: With `gist`, whether a positive's negatives are the batch's other positives too.
        dims: Matryoshka dimensions; empty takes the model's own, then halves down to 64.
        dim_weights: What each dimension's loss weighs, from the largest dimension to the smallest; empty for all alike.
        deployed_weight: Without `dim_weights`, what the deployed dimension weighs where each of the others weighs 1.
        turn: Whether the tuned model's vectors are rotated at the end, by a `Dense` module behind its pooling that is
            fitted to train's passages and queries: whole vectors find the same, those cut to `dims` find more.
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
            nearest to the tuned model among those that forget no more general knowledge than `general_limit` and that
            dev cannot tell from the best of them. Half the smallest, and a step halfway between two, may be tried as
            well. Empty keeps the tuned model as it is, or the base where dev tells it to be worse, or no better while
            it forgets too much.
        general_limit: Loss of nDCG@10 on the general knowledge that ships with the package (English), against the base,
            that is put up with.
        seed: Order of the pairs and dropout.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    epochs: int | None = None
    batch_size: int = 128
    lr: float = 5e-5
    batching: Batching = "shuffled"
    neighbourhood: int = 0
    per_query: int | None = None
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
    teacher: str = ""
    teacher_share: float = 0.5
    contrast_anchors: bool = True
    contrast_positives: bool = True
    dims: tuple[int, ...] = ()
    dim_weights: tuple[float, ...] = ()
    deployed_weight: float = 1.0
    turn: bool = True
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
    general_limit: float = 0.015
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "train", self, (
                ("epochs", self.epochs is None or self.epochs >= 1, "1 or more"),
                ("batch_size", self.batch_size >= 2, "two pairs or more, or there are no negatives"),
                ("neighbourhood", self.neighbourhood >= 0, "0 or more"),
                ("per_query", self.per_query is None or self.per_query >= 0, "0 or more"),
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
                ("teacher", not self.teacher or self.loss in DISTILLING, f"empty with `{self.loss}`, which has none"),
                ("teacher", bool(self.teacher) or self.loss not in DISTILLING,
                 f"a reranker such as v3, a folder or a hub id, since `{self.loss}` learns from it"),
                ("teacher_share", 0 < self.teacher_share <= 1, "above 0 and up to 1"),
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
                ("general_limit", 0 <= self.general_limit <= 1, "from 0 to 1, such as 0.015; 1 allows any loss"),
                ("seed", self.seed >= 0, "0 or more"),
                *unless_used(self, (
                    (not self.lora_rank, "without adapters, whose rate is `lora_lr`", ("lr",)),
                    (self.lora_rank > 0, "with adapters, that is, with `lora_rank` above 0",
                     ("lora_alpha", "lora_dropout", "lora_targets", "lora_lr")),
                    (self.loss != "triplet", "with a loss that has a temperature", ("scale",)),
                    (self.loss == "triplet", "with `triplet`", ("triplet_margin",)),
                    (self.loss == "gist", "with `gist`",
                     ("guide_margin", "guide_margin_strategy", "contrast_anchors", "contrast_positives")),
                    (self.loss in DISTILLING, "with `margin_mse` and `kl`", ("teacher_share",)),
                    (self.learn_temperature, "with `learn_temperature`", ("temperature_lr",)),
                    (self.batching == "similar", "with `similar` batches", ("neighbourhood",)),
                    (not self.dim_weights, "without `dim_weights`", ("deployed_weight",)),
                )),
            ),
        )  # fmt: skip
