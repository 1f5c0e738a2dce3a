"""What a test set can show before anything is trained: the smallest difference, and how many queries another one needs.

Knows scores of untrained systems, which stand in for the tuned model's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jargonaut.evaluation.assessment_options import AssessmentOptions
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.statistics import fewest_clusters, standard_error, t_quantile


@dataclass(frozen=True, slots=True)
class Power:
    """What a test set can show.

    Attributes:
        detectable: Smallest nDCG@10 difference; 1.0 where it is unknown.
        needed: Queries that `AssessmentOptions.wanted_gain` needs; None where it is unknown.
        tested: Queries that test has.
        groups: Document groups of the queries that this was judged by.
        fewest: How many of these are needed to know anything.
    """

    detectable: float
    needed: int | None
    tested: int
    groups: int
    fewest: int

    @classmethod
    def of(
        cls, base: Scores, other: Scores, labels: Sequence[str], test_queries: int | None, options: AssessmentOptions
    ) -> Power:
        """Judged by dev.

        Args:
            base: The base's scores on dev.
            other: The stand-in for the tuned model, normally the hybrid.
            labels: The document group of each query.
            test_queries: How many queries the test set holds; None when it is as large as dev.
            options: Confidence and power.
        """
        detectable = smallest_detectable(base, other, labels, test_queries=test_queries, options=options)
        tested, groups = test_queries or len(labels), len(set(labels))
        fewest = fewest_clusters(options.confidence)
        known = groups >= fewest and detectable > 0
        needed = math.ceil(tested * (detectable / options.wanted_gain) ** 2) if known else None
        return cls(detectable, needed, tested, groups, fewest)


def smallest_detectable(
    base: Scores,
    other: Scores,
    labels: Sequence[str],
    *,
    test_queries: int | None = None,
    options: AssessmentOptions | None = None,
) -> float:
    """The smallest nDCG@10 difference that the test set can be expected to show.

    (t₁₋α/₂ + t_power) · se · √(n_dev / n_test), with one degree of freedom less than dev has document groups (Bloom
    1995, "Minimum Detectable Effects"): 2.80 standard errors at 95 % and 80 % power where groups are many. The standard
    error is the cluster-robust one of the paired difference. Before training the tuned model's scores do not exist, so
    the difference between base and another system stands in for it; where these never differ, the base's own scores.

    With fewer document groups than an interval needs (6 at 95 %, see `fewest_clusters`) it is unknown, and 1.0 is the
    answer: nothing smaller can be shown.

    Args:
        base: The base's scores on dev.
        other: The stand-in, normally the hybrid.
        labels: The document group of each query.
        test_queries: How many queries the test set holds; None when it is as large as dev.
        options: Confidence and power.
    """
    options = options or AssessmentOptions()
    number = len(set(labels))
    if number < fewest_clusters(options.confidence):
        return 1.0
    difference = other.values["nDCG@10"] - base.values["nDCG@10"]
    error = standard_error(difference if np.any(difference) else base.values["nDCG@10"], labels)
    t = t_quantile((1 + options.confidence) / 2, number) + t_quantile(options.power, number)
    return float(min(1.0, t * error * math.sqrt(len(labels) / (test_queries or len(labels)))))
