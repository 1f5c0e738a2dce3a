"""Fair shares: no document, no topic and no easy lot supplies more of the positives than it should.

A share is of what is kept, not of what came in, so curating again changes nothing. Knows counts and preferences; what
people judged counts, and is never cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.provenance import is_trained_on, may_be_doubted, sureness
from jargonaut.records import Pair

LEAST = 10
"""A document or a topic may always supply this many."""
LEAST_EASY = 1000
"""Fewer easy pairs than this are never cut: a set of easy pairs is better than none."""
_TIMES_EQUAL = 3
_UNKNOWN = 0.5
"""A source that does not say how sure it is is neither sure nor unsure."""


def over_share(
    pairs: Sequence[Pair], rows: Sequence[int], of: Mapping[str, str], share: float, cap: int | None = None
) -> dict[int, str]:
    """Positives of documents (or topics) that supply more than their share.

    Of a document the surest stay, spread over its passages; between equals a hash decides, so the order of the pairs
    does not count.

    Args:
        pairs: All pairs.
        rows: Rows of the positives that count.
        of: Passage id → document or topic; positives of other passages do not count.
        share: Most of the positives that are kept which one may supply; at least three times an equal share.
        cap: Most in any case.

    Returns:
        Row of a pair → the figures.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        owner = of.get(pairs[row].passage_id)
        if owner is not None:
            members[owner].append(row)
    if not members:
        return {}
    sizes = np.array([len(each) for each in members.values()])
    fixed = np.array([sum(not may_be_doubted(pairs[row]) for row in each) for each in members.values()])
    most = _level(sizes, fixed, max(share, _TIMES_EQUAL / len(members)), cap)
    found: dict[int, str] = {}
    for owner, each in members.items():
        if len(each) > most:
            loose = _spread(pairs, [row for row in each if may_be_doubted(pairs[row])])
            detail = f"{owner} has {len(each):,} positives, {most:,} of them may stay"
            found.update(dict.fromkeys(loose[max(0, most - (len(each) - len(loose))) :], detail))
    return found


def _level(sizes: NDArray[np.int64], fixed: NDArray[np.int64], share: float, cap: int | None) -> int:
    """The highest level to which all can be cut so that no one has more than its share of what is then left."""
    level = int(sizes.max()) if cap is None else min(cap, int(sizes.max()))
    while True:
        left = int(np.maximum(fixed, np.minimum(sizes, level)).sum())
        allowed = max(LEAST if cap is None else min(cap, LEAST), int(share * left))
        if level <= allowed:
            return level
        level = allowed


def _spread(pairs: Sequence[Pair], rows: Sequence[int]) -> list[int]:
    """Rows by preference: of every passage its surest, then every passage's second, and so on."""
    by_passage: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_passage[pairs[row].passage_id].append(row)
    ranked: list[tuple[int, float, bytes, int]] = []
    for each in by_passage.values():
        keyed = sorted((-sureness(pairs[row], _UNKNOWN), _lot(pairs[row]), row) for row in each)
        ranked += [(nth, sure, lot, row) for nth, (sure, lot, row) in enumerate(keyed)]
    return [row for *_, row in sorted(ranked)]


def too_easy(
    pairs: Sequence[Pair], rows: Sequence[int], easy: Mapping[int, tuple[float, str]], share: float
) -> dict[int, str]:
    """Easy positives beyond their share of what is trained on; the hardest stay.

    Args:
        pairs: All pairs.
        rows: Rows of the positives that count.
        easy: Row of an easy positive → how close its best rival comes, and the figures.
        share: Most of the positives that may be easy.

    Returns:
        Row of a pair → the figures.
    """
    if share >= 1:
        return {}
    trained = [row for row in rows if is_trained_on(pairs[row])]
    among = [row for row in trained if row in easy]
    fixed = [row for row in among if not may_be_doubted(pairs[row])]
    others = len(trained) - len(among)
    most = max(LEAST_EASY, int(share / (1 - share) * others))
    if len(among) <= most:
        return {}
    loose = sorted(set(among) - set(fixed), key=lambda row: (-easy[row][0], _lot(pairs[row]), row))
    return {row: easy[row][1] for row in loose[max(0, most - len(fixed)) :]}


def _lot(pair: Pair) -> bytes:
    text = f"{pair.query_id}\x00{pair.passage_id}\x00{pair.provenance}\x00{pair.split}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
