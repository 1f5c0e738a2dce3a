"""Candidates of each pair: rankings of several sources joined into one, by row numbers.

Knows rankings and neighbours as arrays of rows; who made them, and which candidates are false, is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.int64]
NOTHING = -1
"""The row where a ranking has no further hit."""
_DAMPING = 60


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one system answered to every query.

    Attributes:
        rows: Passage rows, best first, shape (queries, depth); -1 where there is no further hit.
        scores: Their scores on the system's own scale, same shape.
    """

    rows: Rows
    scores: NDArray[np.float32]


class Neighbours:
    """Passages that stand near one another.

    Args:
        places: What each passage stands in, such as its document; equal for neighbours. Passages stand in the order in
            which they are read.
    """

    def __init__(self, places: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        groups = np.array([numbers.setdefault(place, len(numbers)) for place in places], dtype=np.int64)
        self._members: Rows = np.argsort(groups, kind="stable")
        counts = np.bincount(groups)
        self._start = (np.cumsum(counts) - counts)[groups]
        self._size = counts[groups]
        self._place = np.empty(len(groups), np.int64)
        self._place[self._members] = np.arange(len(groups))

    def of(self, rows: Rows, depth: int) -> Rows:
        """The nearest neighbours of some passages: the next one, the one before, and so on.

        Args:
            rows: Shape (n,).
            depth: Most neighbours of each.

        Returns:
            Shape (n, depth or less), -1 where there is none.
        """
        reach = int(min(depth, 2 * (self._size[rows].max(initial=1) - 1)))
        steps = np.arange(1, reach + 1)
        offsets = np.where(steps % 2, (steps + 1) // 2, -(steps // 2))
        places = self._place[rows][:, None] + offsets
        start = self._start[rows][:, None]
        inside = (places >= start) & (places < start + self._size[rows][:, None])
        found = np.where(inside, self._members[np.where(inside, places, 0)], NOTHING)
        order = np.argsort(~inside, axis=1, kind="stable")  # what is there comes first
        return np.take_along_axis(found, order, 1)


def joined(rankings: Sequence[Rows], depth: int) -> Rows:
    """One ranking of several: by reciprocal rank fusion, score = Σ 1 / (60 + rank); a single one stays as it is.

    Args:
        rankings: Each of shape (n, any depth), -1 where there is no further hit; no row twice in one line.
        depth: Ranks to keep.

    Returns:
        Shape (n, depth or less); equal scores by row number.
    """
    if len(rankings) == 1:
        return rankings[0][:, :depth]
    rows = np.concatenate(rankings, axis=1)
    worth = np.concatenate([1.0 / (_DAMPING + 1 + np.arange(each.shape[1])) for each in rankings])
    order = np.argsort(rows, axis=1, kind="stable")
    rows, score = np.take_along_axis(rows, order, 1), worth[order]
    total = score.copy()
    for step in range(1, len(rankings)):  # a row stands in each ranking once at most
        total[:, :-step] += np.where(rows[:, step:] == rows[:, :-step], score[:, step:], 0.0)
    first = np.ones(rows.shape, np.bool_)
    first[:, 1:] = rows[:, 1:] != rows[:, :-1]
    kept = first & (rows != NOTHING)
    best = np.lexsort((rows, np.where(kept, -total, np.inf)), axis=1)[:, :depth]
    return np.where(np.take_along_axis(kept, best, 1), np.take_along_axis(rows, best, 1), NOTHING)
