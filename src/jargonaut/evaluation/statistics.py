"""How sure we are: bootstrap intervals and randomisation tests over whole groups of documents.

Queries about one document are not independent, so what is drawn, or changes its sign, is the document group, not the
query. Knows arrays and labels; knows nothing of measures or models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_DIFFERENCE = "no measurable difference"
_CELLS = 4_000_000  # drawn clusters held in memory at once: 32 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean (or a mean difference) and where it may lie.

    Attributes:
        difference: The estimate: candidate − baseline, or a system's own mean.
        low: Lower end of the confidence interval.
        high: Upper end.
        p_value: Two-sided bootstrap p-value of "no difference"; None for a system's own mean.
    """

    difference: float
    low: float
    high: float
    p_value: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly above or wholly below zero."""
        return excludes_zero(self.low, self.high)

    @property
    def verdict_words(self) -> str:
        """The interval for a reader: "+0.064 (0.050 to 0.078)" or "no measurable difference"."""
        return verdict_words(self.difference, self.low, self.high)


def excludes_zero(low: float, high: float) -> bool:
    """Whether an interval lies wholly above or wholly below zero."""
    return low > 0 or high < 0


def verdict_words(difference: float, low: float, high: float) -> str:
    """A difference with its interval, or the words that say that there is none to be seen."""
    if not excludes_zero(low, high):
        return NO_DIFFERENCE
    return f"{signed(difference)} ({signed(low)} to {signed(high)})"


def signed(value: float) -> str:
    """A difference with its sign, three decimals: "+0.064", "−0.012"."""
    return f"{value:+.3f}".replace("-", "−")


def paired_bootstrap(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The mean difference b − a over the same queries, with its interval.

    Expanded percentile bootstrap over clusters (Efron & Tibshirani 1993; Hesterberg 2015, "What Teachers Should Know
    About the Bootstrap", for the expansion that makes up for few clusters). With fewer clusters than a sign test needs
    to reach the confidence even when all agree (6 at 95 %), nothing can be shown, and the interval is −1 to 1.

    Args:
        a: The baseline's score of each query, in [0, 1], shape (queries,).
        b: The candidate's, same order.
        clusters: The document group of each query.
        resamples: How many times the clusters are drawn anew.
        confidence: Probability mass of the interval.
        seed: Same seed, same interval.

    Raises:
        ValueError: The lengths differ, or there is no query.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} scores cannot be paired")
    differences = (np.asarray(b, dtype=np.float64) - np.asarray(a, dtype=np.float64))[:, None]
    return intervals(differences, clusters, resamples=resamples, confidence=confidence, seed=seed)[0]


def mean_interval(
    values: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """One system's mean score with its own interval (for a bar in a chart, never for a comparison).

    Args, method and errors as `paired_bootstrap`; with too few clusters the interval is 0 to 1.
    """
    column = np.asarray(values, dtype=np.float64)[:, None]
    return mean_intervals(column, clusters, resamples=resamples, confidence=confidence, seed=seed)[0]


def mean_intervals(
    columns: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """The same for many systems over the same queries, shape (queries, systems), with one set of draws."""
    found = intervals(columns, clusters, resamples=resamples, confidence=confidence, seed=seed)
    return [Interval(one.difference, max(one.low, 0.0), one.high) for one in found]


def intervals(
    columns: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """Intervals of many means over the same queries, with one set of draws for all of them.

    Args:
        columns: Values (differences or scores), shape (queries, columns).
        clusters: The document group of each query.
        resamples: How many times the clusters are drawn anew.
        confidence: Probability mass of the interval.
        seed: Same seed, same intervals.

    Returns:
        One interval per column, in order.

    Raises:
        ValueError: The lengths differ, or there is no query.
    """
    sums, counts = _cluster_sums(columns, clusters)
    number, means = len(sums), columns.mean(axis=0)
    if number < fewest_clusters(confidence):
        return [Interval(float(mean), -1.0, 1.0, 1.0) for mean in means]
    sums = np.column_stack([sums, counts])
    drawn = _resampled_means(sums, resamples, np.random.default_rng(seed))
    tail = _expanded_tail(number, confidence)
    lows, highs = np.quantile(drawn, [tail, 1 - tail], axis=0)
    lows, highs = np.minimum(lows, means), np.maximum(highs, means)  # rounding, where all differences are equal
    below, above = (drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0)
    p_values = np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (resamples + 1))
    return [Interval(*map(float, cells)) for cells in zip(means, lows, highs, p_values, strict=True)]


def randomisation_p_values(
    columns: NDArray[np.float64], clusters: Sequence[str], *, resamples: int = 10_000, seed: int = 0
) -> NDArray[np.float64]:
    """Two-sided p-values of "the two systems are the same", for many paired differences over the same queries.

    Fisher's randomisation test as Smucker, Allan & Carterette 2007 advise for retrieval: were there no difference, each
    document group's difference could as well have the other sign. All 2ⁿ signs are tried where they are no more than
    `resamples`, else so many are drawn.

    Args:
        columns: Differences, shape (queries, columns).
        clusters: The document group of each query.
        resamples: How many assignments of signs are drawn.
        seed: Same seed, same values.

    Returns:
        One value in (0, 1] per column.

    Raises:
        ValueError: The lengths differ, or there is no query.
    """
    sums, _ = _cluster_sums(columns, clusters)
    number = len(sums)
    # A sign for all groups at once changes nothing of a two-sided test: the first group keeps its own.
    if number - 1 <= math.log2(resamples):
        signs = 1 - 2 * (np.arange(2 ** (number - 1))[:, None] >> np.arange(number) & 1)
        as_far, tried = _as_far(signs.astype(np.float64), sums), len(signs)
    else:
        rng, step = np.random.default_rng(seed), max(1, _CELLS // number)
        as_far, tried = np.ones(columns.shape[1]), resamples + 1  # what was observed is one of them
        for start in range(0, resamples, step):
            bits = rng.integers(0, 2, size=(min(step, resamples - start), number), dtype=np.int8)
            as_far += _as_far((1 - 2 * bits).astype(np.float64), sums)
    return as_far / tried


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values for which the chance of any false alarm in the whole family is what one of them says (Holm 1979).

    Args:
        p_values: Of every comparison of the family, in any order.

    Returns:
        The adjusted values, in the same order, none below its own.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def effect_size(differences: NDArray[np.float64]) -> float | None:
    """Cohen's d_z: mean of paired differences over their standard deviation; None where they do not vary."""
    mean = float(np.mean(differences))
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return mean / spread if spread > abs(mean) * 1e-9 else None


def queries_needed(
    differences: NDArray[np.float64],
    clusters: Sequence[str],
    wanted: float,
    *,
    confidence: float = 0.95,
    power: float = 0.80,
) -> int | None:
    """How many queries show a mean difference of `wanted` with a given power, if more of them are like these.

    n · ((t₁₋α/₂ + t_power) · se / wanted)², as for the smallest detectable effect (Bloom 1995), with the standard error
    of clustered queries.

    Args:
        differences: Of two systems, query by query.
        clusters: The document group of each query.
        wanted: The difference that is to be shown, above or below 0.
        confidence: Of the interval that shows it.
        power: Probability that it does.

    Returns:
        None where nobody can tell: `wanted` is 0, or there are fewer groups than an interval needs.
    """
    number = len(set(clusters))
    if not wanted or number < fewest_clusters(confidence):
        return None
    t = t_quantile((1 + confidence) / 2, number) + t_quantile(power, number)
    spread = t * standard_error(differences, clusters) / wanted
    return max(1, math.ceil(len(clusters) * spread**2))


def standard_error(values: NDArray[np.float64], clusters: Sequence[str]) -> float:
    """Standard error of a mean whose values come in clusters (Liang & Zeger 1986); 0 for a constant.

    It is infinite for a single cluster: how much clusters differ cannot be seen in one.
    """
    _, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    residuals = np.bincount(members, weights=np.asarray(values) - np.mean(values))
    number = len(residuals)
    if number < 2:
        return math.inf
    return float(np.sqrt(number / (number - 1) * np.square(residuals).sum()) / len(values))


def t_quantile(probability: float, clusters: int) -> float:
    """Quantile of Student's t for a mean over so many clusters, with clusters − 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(clusters - 1, probability))


def fewest_clusters(confidence: float) -> int:
    """How few clusters can show anything: a unanimous sign test of n clusters has p = 2^(1 − n)."""
    return math.ceil(1 - math.log2(1 - confidence))


def _cluster_sums(
    columns: NDArray[np.float64], clusters: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of every column in every cluster, shape (clusters, columns), and how many queries each cluster has.

    Raises:
        ValueError: The lengths differ, or there is no query.
    """
    if len(columns) != len(clusters) or not len(clusters):
        raise ValueError(f"{len(columns)} queries and {len(clusters)} cluster labels: one of each per query is wanted")
    _, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    sums = np.zeros((int(members.max()) + 1, columns.shape[1]))
    np.add.at(sums, members, columns)
    return sums, np.bincount(members).astype(np.float64)


def _as_far(signs: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many of some assignments of signs put each column at least as far from 0 as it is."""
    observed = np.abs(sums.sum(axis=0))
    slack = 1e-12 * np.abs(sums).sum(axis=0)  # sums in another order differ in their last digits
    counted: NDArray[np.float64] = (np.abs(signs @ sums) >= observed - slack).sum(axis=0).astype(np.float64)
    return counted


def _resampled_means(sums: NDArray[np.float64], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Mean of every column in every resample, shape (resamples, columns); the last column of `sums` counts queries."""
    number = len(sums)
    step = max(1, _CELLS // number)
    parts = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, number, size=(rows, number))
        drawn += np.arange(rows)[:, None] * number
        times = np.bincount(drawn.ravel(), minlength=rows * number).reshape(rows, number)
        totals = times.astype(np.float64) @ sums
        parts.append(totals[:, :-1] / totals[:, -1:])
    return np.concatenate(parts)


def _expanded_tail(number: int, confidence: float) -> float:
    """Tail mass that makes a percentile interval of `number` clusters as wide as a t interval would be."""
    from scipy.special import ndtr

    return float(ndtr(-math.sqrt(number / (number - 1)) * t_quantile((1 + confidence) / 2, number)))
