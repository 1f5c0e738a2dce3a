"""What follows from where a pair comes from: which rules must leave it alone, and how sure it is."""

from __future__ import annotations

import math

from jargonaut.records import Pair, source_of


def is_gold(pair: Pair) -> bool:
    """Whether people judged it."""
    return source_of(pair.provenance) == "label"


def may_be_doubted(pair: Pair) -> bool:
    """Whether rankings and scores may remove it: a positive that no people judged and that will not judge a model.

    What a model is judged by must not be what some model finds easy; that is why the newest clicks stay.
    """
    return pair.relevance > 0 and source_of(pair.provenance) not in ("label", "recent-click")


def is_trained_on(pair: Pair) -> bool:
    """Whether it may come to train: it is a positive and was put into no other part."""
    return pair.relevance > 0 and pair.split in (None, "train") and source_of(pair.provenance) != "recent-click"


def sureness(pair: Pair, unknown: float) -> float:
    """How sure its source is; `unknown` where it says nothing, or no number."""
    return unknown if pair.score is None or math.isnan(pair.score) else pair.score
