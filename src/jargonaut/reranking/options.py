"""How a domain reranker is taught: the section `[reranker]` of the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits

RerankerLoss = Literal["listwise", "bce"]


@dataclass(frozen=True, slots=True)
class RerankerOptions:
    """A domain reranker: a cross-encoder that reads query and passage together.

    Attributes:
        model: What it starts from: empty for the transformer of the base model, else a folder or a hub id, of a
            cross-encoder or of any encoder; one that is a cross-encoder already needs far fewer pairs.
        epochs: Most passes over the pairs; the epoch with the best dev score is kept.
        batch_size: Pairs per optimiser step, each with its negatives.
        lr: Peak learning rate. What is a cross-encoder already is usually taught with less, such as 2e-5.
        warmup: Share of the steps over which the rate rises.
        weight_decay: Decoupled weight decay.
        loss: `listwise`, in which the positive competes with its own negatives (localized contrastive estimation; Gao,
            Dai & Callan 2021); `bce`, in which every passage is judged for itself.
        negatives: Hard negatives per pair, mined as `[mine]` says.
        random_negatives: Passages of other pairs in the batch that are negatives too: easy ones, without which it does
            not learn to tell what has nothing to do with a query.
        max_tokens: Query and passage together are cut to this many tokens, the longer one first.
        depth: Hits of dense search that it orders anew when dev judges it, and where its latency is told.
        dev_queries: Most dev queries that judge it.
        patience: Epochs in a row without a better dev score that are put up with.
        max_norm: Gradient norm that is clipped to.
        dropout: Whether the model's own dropout is on.
        max_rise: Training stops when the loss stays above this many times its running median.
        seed: Order of the pairs, the new head's first weights, random negatives, dropout.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    model: str = ""
    epochs: int = 4
    batch_size: int = 16
    lr: float = 1e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    loss: RerankerLoss = "listwise"
    negatives: int = 3
    random_negatives: int = 1
    max_tokens: int = 256
    depth: int = 50
    dev_queries: int = 200
    patience: int = 2
    max_norm: float = 1.0
    dropout: bool = False
    max_rise: float = 2.5
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "reranker", self, (
                ("epochs", self.epochs >= 1, "1 or more"),
                ("batch_size", self.batch_size >= 2, "2 or more"),
                ("lr", 0 < self.lr < math.inf, "above 0, such as 1e-4"),
                ("warmup", 0 <= self.warmup < 1, "a share of the steps, from 0 to below 1"),
                ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
                ("negatives", self.negatives >= 0, "0 or more"),
                ("random_negatives", self.random_negatives >= 0, "0 or more"),
                ("negatives", self.negatives + self.random_negatives > 0, "1 or more without `random_negatives`"),
                ("max_tokens", self.max_tokens >= 16, "16 or more"),
                ("depth", 10 <= self.depth <= 100, "from 10 to 100"),
                ("dev_queries", self.dev_queries >= 1, "1 or more"),
                ("patience", self.patience >= 0, "0 or more"),
                ("max_norm", self.max_norm > 0, "above 0"),
                ("max_rise", self.max_rise > 1, "above 1; inf lets the loss rise"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )  # fmt: skip
