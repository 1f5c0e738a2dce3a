"""How students are made: the section `[static]` of the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jargonaut.errors import require_limits


@dataclass(frozen=True, slots=True)
class StaticOptions:
    """A student without a network: one vector for each word, and a text is their mean (`jargonaut train --static`).

    Attributes:
        dim: Length of its vectors, the leading principal components of the teacher's; no longer than those.
        words: Words of the domain that get a vector of their own, at most; the most frequent of those that the
            teacher's tokenizer cuts into pieces.
        phrases: Pairs of words that get one, at most.
        fewest: How often a word or a phrase must occur in the passages that may be learned from.
        sif: What a word weighs is `sif / (sif + its share of all words)`, so that frequent ones say little (smooth
            inverse frequency; Arora et al. 2017). Smaller is steeper.
        passages: Passages, drawn at random, whose teacher's vectors the word vectors are fitted to, at most; 0 leaves
            each word with what the teacher makes of it alone.
        ridge: What holds a word vector at what the teacher makes of the word alone while it is fitted; smaller lets it
            go further.
        epochs: Most passes over the train pairs afterwards, as `[train] epochs`; 0 teaches no pairs.
        lr: Peak learning rate of the passes over the pairs.
        seed: Of the draw of passages.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    dim: int = 256
    words: int = 20_000
    phrases: int = 5_000
    fewest: int = 3
    sif: float = 1e-3
    passages: int = 20_000
    ridge: float = 0.01
    epochs: int = 5
    lr: float = 3e-3
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "static", self, (
                ("dim", self.dim >= 1, "1 or more"),
                ("words", self.words >= 0, "0 or more"),
                ("phrases", self.phrases >= 0, "0 or more"),
                ("fewest", self.fewest >= 1, "1 or more"),
                ("sif", 0 < self.sif < math.inf, "above 0, such as 0.001"),
                ("passages", self.passages >= 0, "0 or more"),
                ("ridge", 0 < self.ridge < math.inf, "above 0, such as 0.01"),
                ("epochs", self.epochs >= 0, "0 or more"),
                ("lr", 0 < self.lr < math.inf, "above 0, such as 3e-3"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )  # fmt: skip
