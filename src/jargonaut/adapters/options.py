"""How an adapter is fitted: the section `[adapter]` of the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits, unless_used

Kind = Literal["linear", "low_rank", "mlp"]
Sides = Literal["query", "both"]
KINDS: tuple[Kind, ...] = ("linear", "low_rank", "mlp")


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """How an adapter is fitted on cached vectors (`jargonaut train --adapter`).

    Attributes:
        kind: `linear`: a matrix and a shift; `low_rank`: a matrix of low rank; `mlp`: one hidden layer. Each is added
            to the vector that goes in, and begins as nothing.
        sides: `query` maps queries alone, so that the index stays as it is; `both` maps passages too, by a map of
            their own, and needs an index of its own, made from the cached vectors.
        rank: Rank of `low_rank`.
        hidden: Units of the hidden layer of `mlp`.
        epochs: Most passes over the queries; the one with the best dev score is kept.
        batch_size: Queries per step.
        lr: Peak learning rate.
        warmup: Share of the steps over which the rate rises; then it falls as a cosine.
        weight_decay: Decoupled weight decay, which pulls the map back to the identity.
        scale: Inverse temperature of the similarity (20 is τ = .05). Thousands of candidates bear a sharper one than a
            batch does.
        candidates: Passages that each step tells the answers from. Where train holds no more, all of them; otherwise
            as many, drawn anew at each step, beside the batch's own.
        passages: Passages that answer no training query and are told from the answers all the same. They are train
            passages in any case: none of dev or test.
        dims: Matryoshka dimensions that the loss is taken at; empty takes the base's own, then halves down to 64.
        patience: Epochs in a row without a better dev score that are put up with.
        seed: Order of the queries, what is drawn, and where `low_rank` and `mlp` begin.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    kind: Kind = "linear"
    sides: Sides = "query"
    rank: int = 64
    hidden: int = 512
    epochs: int = 20
    batch_size: int = 256
    lr: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.0
    scale: float = 30.0
    candidates: int = 4096
    passages: int = 4096
    dims: tuple[int, ...] = ()
    patience: int = 6
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "adapter", self, (
                ("epochs", self.epochs >= 1, "1 or more"),
                ("rank", self.rank >= 1, "1 or more"),
                ("hidden", self.hidden >= 1, "1 or more"),
                ("batch_size", self.batch_size >= 1, "1 or more"),
                ("lr", 0 < self.lr < math.inf, "above 0, such as 1e-3"),
                ("warmup", 0 <= self.warmup < 1, "from 0 to below 1"),
                ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
                ("scale", 0 < self.scale < math.inf, "above 0, such as 30"),
                ("candidates", self.candidates >= 2, "2 or more"),
                ("passages", self.passages >= 0, "0 or more"),
                ("patience", self.patience >= 0, "0 or more"),
                ("seed", self.seed >= 0, "0 or more"),
                *unless_used(self, (
                    (self.kind == "low_rank", 'with kind = "low_rank"', ("rank",)),
                    (self.kind == "mlp", 'with kind = "mlp"', ("hidden",)),
                )),
            ),
        )  # fmt: skip
