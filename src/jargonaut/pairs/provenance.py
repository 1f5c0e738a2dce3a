"""What follows from where a pair comes from: whom to believe, which rules must leave it alone, who may teach.

The one place that says what is done with a source. Where a source's pairs go is decided elsewhere, by these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import get_args

from jargonaut.records import Pair, Source, SplitName, source_of

EVERY: frozenset[Source] = frozenset(get_args(Source))
PEOPLE: frozenset[Source] = frozenset(("label",))
"""They judged a passage for a query."""
NEWEST: frozenset[Source] = frozenset(("recent-click",))
"""Kept for judging a model; they never teach one."""
REAL: tuple[Source, ...] = ("label", "click", "recent-click")
"""Their queries were asked by somebody."""
GENERATED: tuple[Source, ...] = ("llm", "structure")
TEACHING: frozenset[Source] = EVERY - PEOPLE - NEWEST
"""Where people judged enough, they do nothing else."""
_TRUST: tuple[Source, ...] = ("label", "recent-click", "click", "llm", "structure")
_STRICTEST: dict[SplitName | None, int] = {None: 0, "train": 1, "dev": 2, "test": 3}


def is_gold(pair: Pair) -> bool:
    """Whether people judged it."""
    return source_of(pair.provenance) in PEOPLE


def judged_queries(pairs: Iterable[Pair]) -> frozenset[str]:
    """Ids of the queries of which a label, a click or a review that counts as a label names an answer."""
    return frozenset(pair.query_id for pair in pairs if pair.relevance > 0 and source_of(pair.provenance) in REAL)


def is_newest(pair: Pair) -> bool:
    """Whether it is of a log's newest part."""
    return source_of(pair.provenance) in NEWEST


def trust(pair: Pair) -> int:
    """How far down its source stands among those that may say something of the same query and passage; 0 is people."""
    return _TRUST.index(source_of(pair.provenance))


def may_be_doubted(pair: Pair) -> bool:
    """Whether rankings and scores may remove it: a positive that no people judged and that will not judge a model.

    What a model is judged by must not be what some model finds easy; that is why the newest clicks stay.
    """
    return pair.relevance > 0 and not is_gold(pair) and not is_newest(pair)


def is_trained_on(pair: Pair) -> bool:
    """Whether it may come to train: it is a positive and was put into no other part."""
    return pair.relevance > 0 and pair.split in (None, "train") and not is_newest(pair)


def sureness(pair: Pair, unknown: float) -> float:
    """How sure its source is; `unknown` where it says nothing, or no number."""
    return unknown if pair.score is None or math.isnan(pair.score) else pair.score


def stricter(one: SplitName | None, other: SplitName | None) -> SplitName | None:
    """The part that counts where two are named: what somebody puts into test never trains."""
    return max(one, other, key=_STRICTEST.__getitem__)
