"""Which pairs may judge a model and which may only teach it.

People's judgements come first for test and dev, the newest clicks validate, and what was generated or read off the
documents teaches; where people judged too little, the next best source judges too. Knows sources and counts; which
document goes where is the splits' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from jargonaut.pairs.provenance import EVERY, NEWEST, PEOPLE, TEACHING
from jargonaut.records import Pair, Source, SplitName, source_of

CLICKS: frozenset[Source] = PEOPLE | NEWEST
Held = Literal["dev", "test"]
HELD: tuple[Held, ...] = ("dev", "test")


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
        """Whether a pair may stand in a held-out part: whoever puts it there says that it may."""
        if pair.split in HELD:
            return pair.split == part
        if pair.split == "train" and part in self.closed:
            return False
        return source_of(pair.provenance) in (self.test if part == "test" else self.dev)

    def wider(self, part: Held) -> Judges | None:
        """The same with the next best source for a part, at last with what is assigned to train; None beyond that."""
        sources = self.test if part == "test" else self.dev
        if sources != EVERY:
            following = CLICKS if sources == PEOPLE else EVERY
            return replace(self, test=following) if part == "test" else replace(self, dev=following)
        return replace(self, closed=self.closed - {part}) if part in self.closed else None


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
        return next((sources for sources in (PEOPLE, CLICKS) if asked(part, sources) >= enough), EVERY)

    test, dev = alone("test"), alone("dev")
    teaching = {pair.query_id for pair in relevant if source_of(pair.provenance) in TEACHING}
    return Judges(CLICKS if dev == PEOPLE else dev, test, closed, len(teaching))
