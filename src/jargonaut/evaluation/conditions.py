"""How base and tuned model bear it when the same questions are typed otherwise.

Knows scores of the same queries, as they were asked and as they were changed. How that was done is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.options import EvaluationOptions
from jargonaut.evaluation.statistics import Interval, paired_bootstrap, signed, verdict_words

METRIC = "nDCG@10"


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Base and tuned model under one condition; every score is nDCG@10 over the same `n` queries.

    Attributes:
        name: What was done to the queries.
        n: Queries that the condition changes.
        groups: Document groups among them.
        base_before: The base's score on these queries as they were asked.
        tuned_before: The tuned model's.
        base: The base's score under the condition.
        tuned: The tuned model's.
        difference: tuned − base under the condition.
        low: Lower end of its interval.
        high: Upper end.
        extra_loss: How much more the tuned model loses by the condition than the base; below 0 it loses less.
        extra_loss_low: Lower end of its interval.
        extra_loss_high: Upper end.
    """

    name: str
    n: int
    groups: int
    base_before: float
    tuned_before: float
    base: float
    tuned: float
    difference: float
    low: float
    high: float
    extra_loss: float
    extra_loss_low: float
    extra_loss_high: float

    @property
    def words(self) -> str:
        """What is left of the gain under the condition, with its interval."""
        return verdict_words(self.difference, self.low, self.high)

    @property
    def is_loss(self) -> bool:
        """Whether the tuned model is measurably worse than the base under the condition."""
        return self.high < 0

    @property
    def is_more_fragile(self) -> bool:
        """Whether the tuned model measurably loses more by the condition than the base."""
        return self.extra_loss_low > 0

    @property
    def sentence(self) -> str:
        """The condition in one line."""
        before, after = signed(self.base - self.base_before), signed(self.tuned - self.tuned_before)
        lost = " (measurably more)" if self.is_more_fragile else ""
        return f"{self.name}: base {before}, tuned {after}{lost}; tuned against base {self.words} ({self.n:,} queries)"


@dataclass(frozen=True, slots=True)
class Retention:
    """What the tuned model still finds outside its domain: nDCG@10 on the general set that ships with the package.

    Attributes:
        n: Questions.
        base: The base's score.
        tuned: The tuned model's.
        difference: tuned − base.
        low: Lower end of its interval, by topics.
        high: Upper end.
        limit: Loss that is put up with.
    """

    n: int
    base: float
    tuned: float
    difference: float
    low: float
    high: float
    limit: float

    @property
    def within_limit(self) -> bool:
        """Whether the loss, as measured, is no larger than the limit."""
        return -self.difference <= self.limit + 1e-9

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        words = verdict_words(self.difference, self.low, self.high)
        fits = f"{'within' if self.within_limit else 'beyond'} the limit of {self.limit:g}"
        return f"outside the domain, nDCG@10 {self.base:.3f} → {self.tuned:.3f}, {words}; {fits}"


def condition(
    name: str,
    before: tuple[Scores, Scores],
    after: tuple[Scores, Scores],
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
) -> ConditionResult | None:
    """Compares both models under a condition; None where it changes no query.

    Args:
        name: What was done to the queries.
        before: Base and tuned, on all queries as they were asked.
        after: Base and tuned, on the changed ones; all of them are among those of `before`.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.
    """
    ids = after[0].query_ids
    if not ids:
        return None
    base_before, tuned_before = (_values(scores, ids) for scores in before)
    base, tuned = (_values(scores, ids) for scores in after)
    labels = [clusters.get(query_id, query_id) for query_id in ids]
    gain = _interval(base, tuned, labels, options)
    # The mean of a difference of losses; halved to lie in [−1, 1], as the bootstrap's scores do, and doubled again.
    lost = _interval((tuned - tuned_before) / 2, (base - base_before) / 2, labels, options)
    return ConditionResult(
        name, len(ids), len(set(labels)), float(base_before.mean()), float(tuned_before.mean()), float(base.mean()),
        float(tuned.mean()), gain.difference, gain.low, gain.high, 2 * lost.difference, max(-1.0, 2 * lost.low),
        min(1.0, 2 * lost.high),
    )  # fmt: skip


def retention(
    base: Scores, tuned: Scores, topics: Mapping[str, str], limit: float, options: EvaluationOptions | None = None
) -> Retention:
    """Compares both models on questions outside the domain.

    Args:
        base: The base's scores.
        tuned: The tuned model's, on the same questions.
        topics: Question id → topic; the units that the bootstrap draws.
        limit: Loss that is put up with.
        options: How intervals are drawn.
    """
    labels = [topics.get(query_id, query_id) for query_id in base.query_ids]
    found = _interval(base.values[METRIC], tuned.values[METRIC], labels, options)
    return Retention(len(labels), base.mean(METRIC), tuned.mean(METRIC), found.difference, found.low, found.high, limit)


def _values(scores: Scores, ids: tuple[str, ...]) -> NDArray[np.float64]:
    if scores.query_ids == ids:
        return scores.values[METRIC]
    known = scores.of(METRIC)
    return np.array([known[query_id] for query_id in ids])


def _interval(
    a: NDArray[np.float64], b: NDArray[np.float64], labels: list[str], options: EvaluationOptions | None
) -> Interval:
    how = options or EvaluationOptions()
    return paired_bootstrap(a, b, labels, resamples=how.resamples, confidence=how.confidence, seed=how.seed)
