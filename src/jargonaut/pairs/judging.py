"""Which pairs may judge a model and which may only teach it.

People's judgements come first for test and dev, the newest clicks validate, and what was generated or read off the
documents teaches; where people judged too little, the next best source judges too. Knows sources and counts; which
document goes where is the splits' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from jargonaut.records import Pair, Source, SplitName, source_of

EVERY: frozenset[Source] = frozenset(get_args(Source))
_TRUST: tuple[Source, ...] = ("label", "recent-click", "click", "llm", "structure")
Held = Literal["dev", "test"]


def trust(pair: Pair) -> int:
    """How far down its source stands among those that may say something of the same query and passage; 0 is people."""
    return _TRUST.index(source_of(pair.provenance))


@dataclass(frozen=True, slots=True)
class Judges:
    """Sources whose pairs may stand in the held-out parts.

    Attributes:
        dev: For dev.
        test: For test.
        given: Parts that a source assigns pairs to by itself; a pair for training judges none of them.
        teaching: Queries whose sources may only teach.
    """

    dev: frozenset[Source] = EVERY
    test: frozenset[Source] = EVERY
    given: frozenset[SplitName] = frozenset()
    teaching: int = 0

    @property
    def chosen(self) -> bool:
        """Whether some sources may only teach."""
        return self.test != EVERY

    def may(self, pair: Pair, part: Held) -> bool:
        """Whether a pair may stand in a held-out part."""
        if pair.split is not None and pair.split != part and (pair.split != "train" or part in self.given):
            return False
        return source_of(pair.provenance) in (self.test if part == "test" else self.dev)


def judges(pairs: Iterable[Pair], enough: int) -> Judges:
    """Finds who may judge.

    Args:
        pairs: All pairs of a set.
        enough: With fewer queries than this a source is no judge alone.
    """
    asked: dict[Source, set[str]] = {source: set() for source in _TRUST}
    given: set[SplitName] = set()
    for pair in pairs:
        if pair.split is not None:
            given.add(pair.split)
        if pair.relevance > 0:
            asked[source_of(pair.provenance)].add(pair.query_id)
    present = [source for source in _TRUST if asked[source]]
    labels: frozenset[Source] = frozenset(("label",))
    clicks: frozenset[Source] = frozenset(("label", "recent-click"))
    assigned = frozenset(given)
    teaching = sum(len(asked[source]) for source in ("click", "llm", "structure"))
    if len(present) < 2:
        return Judges(given=assigned)
    if len(asked["label"]) >= enough:
        return Judges(clicks, labels, assigned, teaching)
    if len(asked["label"] | asked["recent-click"]) >= enough:
        return Judges(clicks, clicks, assigned, teaching)
    return Judges(given=assigned)
