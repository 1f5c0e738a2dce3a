"""Which of several pairs of one query and passage stands: one rule for every stage that meets repeats.

Knows sources and parts. Which queries are the same is not its business: it goes by ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

from jargonaut.pairs.provenance import is_gold, is_newest, stricter, sureness, trust
from jargonaut.records import Pair, SplitName


class Repeat(NamedTuple):
    """A pair that does not stand.

    Attributes:
        rule: `duplicate`, or `contradicted` where people say that it is no answer.
        of: Row of the pair that stands.
    """

    rule: str
    of: int


@dataclass(frozen=True, slots=True)
class Distinct:
    """Each (query, passage) once.

    Attributes:
        kept: Row → the pair that stands, in the strictest part that any of its repeats was put in; rows ascend.
        repeats: Row → what it repeats.
    """

    kept: dict[int, Pair]
    repeats: dict[int, Repeat]

    def detail(self, row: int) -> str:
        """What the pair that stands says, for the account of one that does not."""
        first = self.kept[self.repeats[row].of]
        return f"{first.provenance} says relevance {first.relevance}"


def distinct(pairs: Sequence[Pair], *, newest_apart: bool = True) -> Distinct:
    """Finds the pairs that stand, whatever the order of the input.

    What people judged comes first, whatever it says; then the higher relevance, since an answer is better evidence than
    a result that was passed over; then the more trusted source, the higher score, the first provenance. What stands
    goes to the strictest part that one of them was put in: test before dev before train.

    Args:
        pairs: Any pairs.
        newest_apart: Whether a log's newest clicks stand beside its older ones: only those may judge, only these teach.
            Beside what people judged neither stands.
    """
    order = sorted(range(len(pairs)), key=lambda row: _preference(pairs[row]))
    firsts: dict[tuple[bytes, bool], int] = {}
    parts: dict[bytes, SplitName] = {}
    repeats: dict[int, Repeat] = {}
    for row in order:
        pair = pairs[row]
        key = _digest(pair)
        strictest = stricter(parts.get(key), pair.split)
        if strictest is not None:
            parts[key] = strictest
        first = firsts.get((key, False))
        if first is not None and is_gold(pairs[first]):
            against = pairs[first].relevance <= 0 < pair.relevance and not is_gold(pair)
            repeats[row] = Repeat("contradicted" if against else "duplicate", first)
            continue
        first = firsts.setdefault((key, newest_apart and is_newest(pair)), row)
        if first != row:
            repeats[row] = Repeat("duplicate", first)
    kept = {
        row: pair if (part := parts.get(_digest(pair)) if parts else None) == pair.split else replace(pair, split=part)
        for row, pair in enumerate(pairs) if row not in repeats
    }  # fmt: skip
    return Distinct(kept, repeats)


def _preference(pair: Pair) -> tuple[object, ...]:
    return (
        not is_gold(pair), -pair.relevance, trust(pair), pair.split is None, -sureness(pair, -1.0), pair.provenance,
        pair.query_id, pair.passage_id, pair.query, pair.split or "",
    )  # fmt: skip


def _digest(pair: Pair) -> bytes:
    named = repr((pair.query_id, pair.passage_id))
    return blake2b(named.encode("utf-8", "surrogatepass"), digest_size=12).digest()
