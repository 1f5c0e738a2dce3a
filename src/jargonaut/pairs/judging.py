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
LABELS: frozenset[Source] = frozenset(("label",))
CLICKS: frozenset[Source] = frozenset(("label", "recent-click"))
_TRUST: tuple[Source, ...] = ("label", "recent-click", "click", "llm", "structure")
Held = Literal["dev", "test"]
HELD: tuple[Held, ...] = ("dev", "test")


def trust(pair: Pair) -> int:
    """How far down its source stands among those that may say something of the same query and passage; 0 is people."""
    return _TRUST.index(source_of(pair.provenance))


@dataclass(frozen=True, slots=True)
class Judges:
    """Sources whose pairs may stand in the held-out parts.

    Attributes:
        dev: For dev.
        test: For test.
        closed: Parts in which no pair may stand that its source assigns to train.
        teaching: Queries whose sources may only teach.
    """

    dev: frozenset[Source] = EVERY
    test: frozenset[Source] = EVERY
    closed: frozenset[SplitName] = frozenset()
    teaching: int = 0

    @property
    def chosen(self) -> bool:
        """Whether some sources may only teach."""
        return self.test != EVERY

    def may(self, pair: Pair, part: Held) -> bool:
        """Whether a pair may stand in a held-out part."""
        if pair.split is not None and pair.split != part and (pair.split != "train" or part in self.closed):
            return False
        return source_of(pair.provenance) in (self.test if part == "test" else self.dev)


def judges(pairs: Iterable[Pair], enough: int) -> Judges:
    """Finds who may judge.

    Args:
        pairs: All pairs of a set.
        enough: With fewer queries than this a source is no judge alone.
    """
    relevant = [pair for pair in pairs if pair.relevance > 0]
    present = {source_of(pair.provenance) for pair in relevant}
    # A pair that is assigned to train judges only where nothing else could.
    closed: frozenset[SplitName] = frozenset(
        part for part in HELD if any(pair.split in {None, part} for pair in relevant)
    )
    if len(present) < 2:
        return Judges(closed=closed)
    open_to_all = Judges(closed=closed)

    def asked(part: Held, sources: frozenset[Source]) -> int:
        fit = (p for p in relevant if source_of(p.provenance) in sources and open_to_all.may(p, part))
        return len({pair.query_id for pair in fit})

    def alone(part: Held) -> frozenset[Source]:
        return next((sources for sources in (LABELS, CLICKS) if asked(part, sources) >= enough), EVERY)

    test, dev = alone("test"), alone("dev")
    teaching = {pair.query_id for pair in relevant if source_of(pair.provenance) in {"click", "llm", "structure"}}
    return Judges(CLICKS if dev == LABELS else dev, test, closed, len(teaching))
