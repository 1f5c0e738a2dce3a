"""How a figure is spread: quantiles and a histogram.

Knows numbers, not what they are about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_BINS = 16


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges.

    Attributes:
        edges: Where bins begin and the last one ends, one more than counts; what lies beyond an end is in its bin.
        counts: How many values lie in each bin.
    """

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """Counts as shares of all values."""
        total = sum(self.counts)
        return tuple(count / total for count in self.counts) if total else tuple(0.0 for _ in self.counts)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How some values are spread; all zero where there is none.

    Attributes:
        measured: How many values were looked at.
        of: How many there are; more than `measured` where a sample was drawn.
        mean: Their mean.
        low: 5 % lie at or below this.
        quarter: 25 % quantile.
        median: 50 % quantile.
        three_quarters: 75 % quantile.
        high: 95 % lie at or below this.
        least: The smallest.
        most: The largest.
        histogram: Counts by bin.
    """

    measured: int = 0
    of: int = 0
    mean: float = 0.0
    low: float = 0.0
    quarter: float = 0.0
    median: float = 0.0
    three_quarters: float = 0.0
    high: float = 0.0
    least: float = 0.0
    most: float = 0.0
    histogram: Histogram = field(default_factory=Histogram)


def distribution(values: Sequence[float] | NDArray[np.float64], edges: Sequence[float], of: int) -> Distribution:
    """Summarises values.

    Args:
        values: Any number of finite values.
        edges: Edges of the histogram, rising.
        of: How many values there are of which these are a sample.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        return Distribution(of=of, histogram=Histogram(tuple(map(float, edges)), (0,) * (len(edges) - 1)))
    bins = np.clip(np.searchsorted(edges, found + 1e-9, side="right") - 1, 0, len(edges) - 2)
    histogram = Histogram(tuple(map(float, edges)), tuple(int(n) for n in np.bincount(bins, minlength=len(edges) - 1)))
    low, quarter, median, three_quarters, high = map(float, np.quantile(found, [0.05, 0.25, 0.5, 0.75, 0.95]))
    return Distribution(
        len(found), of, float(found.mean()), low, quarter, median, three_quarters, high, float(found.min()),
        float(found.max()), histogram,
    )  # fmt: skip


def count_edges(groups: Sequence[NDArray[np.float64]]) -> list[float]:
    """Edges for whole numbers from 0, the same for several groups, so that 98 % of each lie inside.

    Bins are equally wide, at least 1 and at most 16 of them.
    """
    highest = max((float(np.quantile(group, 0.98)) for group in groups if len(group)), default=0.0)
    width = max(1, int(np.ceil((highest + 1) / _BINS)))
    bins = max(1, int(np.ceil((highest + 1) / width)))
    return [float(width * number) for number in range(bins + 1)]


def sampled(rows: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """At most `limit` of some row numbers, in order; the seed decides which."""
    if len(rows) <= limit:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), size=limit, replace=False)
    return rows[np.sort(chosen)]
