"""Whether two samples come from one distribution: tests whose rate of false alarms is stated.

Vectors are compared by the energy distance (Székely & Rizzo 2004), whose permutation test is exact; numbers by
Kolmogorov and Smirnov's; shares by Fisher's. Knows arrays; knows nothing of queries, days or alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 512
"""Shuffles that are looked at together: 2 MB for 1,000 texts."""


@dataclass(frozen=True, slots=True)
class DriftTest:
    """What a test found.

    Attributes:
        name: What was compared, such as `query meaning`.
        p_value: Probability of a difference at least as great if there is none.
        effect: How great the difference is, in the test's own unit.
        before: Texts of the reference.
        now: Texts that it was compared with.
        told: The difference in words.
    """

    name: str
    p_value: float
    effect: float
    before: int
    now: int
    told: str = ""


def energy_test(
    name: str, before: NDArray[np.float32], now: NDArray[np.float32], *, permutations: int, seed: int
) -> DriftTest:
    """Compares two samples of vectors by their energy distance, with as many shuffles of who belongs to which.

    The effect is the energy coefficient: 0 where both are alike, 1 where nothing of the one is near the other.

    Args:
        name: What is compared.
        before: Shape (texts, dimension).
        now: Shape (texts, dimension).
        permutations: Shuffles; the smallest p-value is 1 / (permutations + 1).
        seed: Of the shuffles.

    Raises:
        ValueError: A sample is empty.
    """
    if not len(before) or not len(now):
        raise ValueError("both samples must hold something")
    pooled = np.concatenate([before, now]).astype(np.float32)
    distances = _distances(pooled)
    first = np.zeros((len(pooled), 1), dtype=np.float32)
    first[: len(before)] = 1
    observed = float(_energy(distances, first)[0])
    cross = float(distances[: len(before), len(before) :].mean())
    rng, as_far, done = np.random.default_rng(seed), 0, 0
    while done < permutations:
        step = min(_AT_ONCE, permutations - done)
        labels = rng.permuted(np.repeat(first, step, axis=1), axis=0)
        as_far += int((_energy(distances, labels) >= observed - 1e-7 * max(1.0, cross)).sum())
        done += step
    effect = max(0.0, observed / (2 * cross)) if cross else 0.0
    told = f"energy coefficient {effect:.3f}"
    return DriftTest(name, (as_far + 1) / (permutations + 1), effect, len(before), len(now), told)


def _distances(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of all to all."""
    squares = np.square(points).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2 * points @ points.T
    found: NDArray[np.float32] = np.sqrt(np.maximum(apart, 0)).astype(np.float32)
    np.fill_diagonal(found, 0)
    return found


def _energy(distances: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energy distance for each column of labels (1: the first sample)."""
    sums = distances.sum(axis=1, dtype=np.float64)
    within = (labels * (distances @ labels)).sum(axis=0, dtype=np.float64)
    touched = sums @ labels.astype(np.float64)
    one, other = float(labels[:, 0].sum()), float(len(labels) - labels[:, 0].sum())
    outside = sums.sum() - 2 * touched + within
    found: NDArray[np.float64] = 2 * (touched - within) / (one * other) - within / one**2 - outside / other**2
    return found


def scores_test(name: str, before: Sequence[float], now: Sequence[float]) -> DriftTest:
    """Compares two samples of numbers (Kolmogorov-Smirnov); the effect is the difference of their medians.

    Raises:
        ValueError: A sample is empty.
    """
    from scipy.stats import ks_2samp

    one, other = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if not len(one) or not len(other):
        raise ValueError("both samples must hold something")
    found = ks_2samp(one, other, method="asymp" if max(len(one), len(other)) > 1_000 else "auto")
    medians = float(np.median(one)), float(np.median(other))
    told = f"median {medians[0]:.3f} → {medians[1]:.3f}"
    return DriftTest(name, float(found.pvalue), medians[1] - medians[0], len(one), len(other), told)


def shares_test(name: str, before: tuple[int, int], now: tuple[int, int]) -> DriftTest:
    """Compares two shares, each (how many, of how many), by Fisher's exact test; the effect is their difference.

    Raises:
        ValueError: A sample is empty.
    """
    from scipy.stats import fisher_exact

    if not before[1] or not now[1]:
        raise ValueError("both samples must hold something")
    table = [[before[0], before[1] - before[0]], [now[0], now[1] - now[0]]]
    shares = before[0] / before[1], now[0] / now[1]
    told = f"{shares[0]:.1%} → {shares[1]:.1%}"
    return DriftTest(name, float(fisher_exact(table).pvalue), shares[1] - shares[0], before[1], now[1], told)
