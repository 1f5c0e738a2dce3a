"""The gate before training: is fine-tuning worth it here, and what would do instead?

Knows the scores of the untrained systems and how many pairs there are. Knows nothing of training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jargonaut.errors import require_limits
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.statistics import (
    excludes_zero,
    fewest_clusters,
    intervals,
    signed,
    standard_error,
    t_quantile,
    verdict_words,
)

AssessmentName = Literal["fine_tune", "hybrid_is_enough", "collect_labels_first", "dont"]

ADVICE: Mapping[AssessmentName, str] = {
    "fine_tune": "Fine-tuning is worth it here.",
    "hybrid_is_enough": "Hybrid search is enough here; fine-tune only if it is not an option.",
    "collect_labels_first": "Collect more labelled questions before fine-tuning.",
    "dont": "Don't fine-tune: the base model already finds nearly everything.",
}
"""The assessment's verdict as a sentence."""

_COSTS: Mapping[str, str] = {
    "base dense": "nothing to train; what runs today",
    "BM25": "no model, no GPU; a word index",
    "hybrid": "a word index beside the vectors; two searches per query, nothing to train",
}


@dataclass(frozen=True, slots=True)
class AssessmentOptions:
    """Thresholds of the gate.

    Attributes:
        recall_dont: Recall@10 from which the base (or the hybrid) is good enough.
        recall_tune: Recall@10 below which there is clear room for fine-tuning.
        min_pairs: Training pairs below which fine-tuning seldom helps.
        hybrid_margin: nDCG@10 that the hybrid must gain over dense search to be called clearly better.
        undetectable_gain: If the test set cannot show a gain of this nDCG@10, more labelled queries come first.
        wanted_gain: Gain for which the needed number of queries is told.
        power: Probability with which `smallest_detectable` would be shown.
        confidence: Probability mass of every interval.
        resamples: Bootstrap resamples.
        seed: Seed of the bootstrap.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    recall_dont: float = 0.90
    recall_tune: float = 0.70
    min_pairs: int = 1000
    hybrid_margin: float = 0.02
    undetectable_gain: float = 0.10
    wanted_gain: float = 0.05
    power: float = 0.80
    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        require_limits(
            "assess",
            self,
            (
                ("recall_dont", 0 <= self.recall_dont <= 1, "from 0 to 1"),
                ("recall_tune", 0 <= self.recall_tune <= self.recall_dont, "from 0 to recall_dont"),
                ("min_pairs", self.min_pairs >= 0, "0 or more"),
                ("hybrid_margin", 0 <= self.hybrid_margin <= 1, "from 0 to 1"),
                ("undetectable_gain", 0 < self.undetectable_gain <= 1, "above 0 and at most 1, such as 0.10"),
                ("wanted_gain", 0 < self.wanted_gain <= 1, "above 0 and at most 1, such as 0.05"),
                ("power", 0.5 <= self.power < 1, "from 0.5 to below 1, such as 0.8"),
                ("confidence", 0.5 <= self.confidence < 1, "from 0.5 to below 1, such as 0.95"),
                ("resamples", self.resamples >= 100, "100 or more; 10,000 is good"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that could be used instead of a fine-tuned model, measured on the same queries.

    Attributes:
        name: What it is.
        recall_at_10: Its mean.
        ndcg_at_10: Its mean.
        gain: nDCG@10 over base dense search.
        low: Lower end of the gain's interval.
        high: Upper end.
        cost: What it takes, in words.
    """

    name: str
    recall_at_10: float
    ndcg_at_10: float
    gain: float
    low: float
    high: float
    cost: str = ""

    @property
    def excludes_zero(self) -> bool:
        """Whether it measurably differs from base dense search."""
        return excludes_zero(self.low, self.high)

    @property
    def words(self) -> str:
        """The gain with its interval, or "no measurable difference"."""
        return verdict_words(self.gain, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether to fine-tune, why, and what else was measured.

    Attributes:
        verdict: What to do.
        reasons: The deciding rule first, then the other figures.
        alternatives: Base dense search and everything it was compared with.
        smallest_detectable: Smallest nDCG@10 difference that the test set can show, see `smallest_detectable`.
        queries_needed: Test queries needed to show `AssessmentOptions.wanted_gain`; None where dev has too few
            document groups to tell.
    """

    verdict: AssessmentName
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    smallest_detectable: float
    queries_needed: int | None

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        return ADVICE[self.verdict]


@dataclass(frozen=True, slots=True)
class _Facts:
    base: Alternative
    hybrid: Alternative
    pairs: int
    clusters: int
    tested: int
    detectable: float
    needed: int | None
    options: AssessmentOptions

    @property
    def fewest(self) -> int:
        """How many document groups dev needs before anything can be said of spread."""
        return fewest_clusters(self.options.confidence)


@dataclass(frozen=True, slots=True)
class _Rule:
    verdict: AssessmentName
    holds: Callable[[_Facts], bool]
    reason: Callable[[_Facts], str]


# The gate, first match wins. The last rule always holds.
_RULES: tuple[_Rule, ...] = (
    _Rule(
        "dont",
        lambda f: f.base.recall_at_10 >= f.options.recall_dont,
        lambda f: (
            f"The base finds {f.base.recall_at_10:.1%} of the right passages in its first ten "
            f"(enough is {f.options.recall_dont:.0%})."
        ),
    ),
    _Rule(
        "hybrid_is_enough",
        lambda f: (
            f.hybrid.recall_at_10 >= f.options.recall_dont
            and f.hybrid.low > 0
            and f.hybrid.gain >= f.options.hybrid_margin
        ),
        lambda f: (
            f"BM25 and dense search together reach recall@10 {f.hybrid.recall_at_10:.1%} "
            f"(enough is {f.options.recall_dont:.0%}) without training: nDCG@10 {f.hybrid.words} over dense alone."
        ),
    ),
    _Rule(
        "collect_labels_first",
        lambda f: f.pairs < f.options.min_pairs,
        lambda f: f"There are {f.pairs:,} training pairs; below {f.options.min_pairs:,} a gain is unlikely.",
    ),
    _Rule(
        "collect_labels_first",
        lambda f: f.needed is None and f.detectable > f.options.undetectable_gain,
        lambda f: (
            f"Dev has too few document groups to show anything: {f.clusters}, and {f.fewest} are needed; add labelled "
            "questions about other documents."
        ),
    ),
    _Rule(
        "collect_labels_first",
        lambda f: f.detectable > f.options.undetectable_gain,
        lambda f: (
            f"The test set can only show differences above {f.detectable:.3f} nDCG@10; about {f.needed:,} test "
            f"queries are needed to show {f.options.wanted_gain:.2f}."
        ),
    ),
    _Rule(
        "fine_tune",
        lambda f: f.base.recall_at_10 < f.options.recall_tune,
        lambda f: (
            f"The base finds {f.base.recall_at_10:.1%} of the right passages in its first ten (below "
            f"{f.options.recall_tune:.0%} there is clear room), and there are {f.pairs:,} training pairs."
        ),
    ),
    _Rule(
        "fine_tune",
        lambda _: True,
        lambda f: (
            f"Recall@10 of the base is {f.base.recall_at_10:.1%}, short of {f.options.recall_dont:.0%}, the hybrid's "
            f"is {f.hybrid.recall_at_10:.1%}, and there are {f.pairs:,} training pairs: a moderate gain is likely."
        ),
    ),
)


def assess(
    base: Scores,
    bm25: Scores,
    hybrid: Scores,
    *,
    train_pairs: int,
    clusters: Mapping[str, str],
    test_queries: int | None = None,
    others: Mapping[str, Scores] | None = None,
    options: AssessmentOptions | None = None,
) -> Assessment:
    """Says whether fine-tuning is worth it, by the rules of `_RULES`.

    Args:
        base: The untrained model's dense search on dev.
        bm25: BM25 on the same queries.
        hybrid: Both, fused.
        train_pairs: Positive pairs that training would get.
        clusters: Query id → document group; a query that is missing stands alone.
        test_queries: How many queries the test set holds; None when it is as large as this one.
        others: Further systems measured on the same queries, by name.
        options: Thresholds.
    """
    options = options or AssessmentOptions()
    labels = [clusters.get(query_id, query_id) for query_id in base.query_ids]
    rivals = {"base dense": base, "BM25": bm25, "hybrid": hybrid, **(others or {})}
    alternatives = _alternatives(rivals, labels, options)
    detectable = smallest_detectable(base, hybrid, labels, test_queries=test_queries, options=options)
    tested, number = test_queries or len(labels), len(set(labels))
    known = number >= fewest_clusters(options.confidence)
    needed = math.ceil(tested * (detectable / options.wanted_gain) ** 2) if known and detectable else None
    facts = _Facts(alternatives[0], alternatives[2], train_pairs, number, tested, detectable, needed, options)
    rule = next(rule for rule in _RULES if rule.holds(facts))
    reasons = (rule.reason(facts), *_figures(alternatives), _power(facts))
    return Assessment(rule.verdict, reasons, alternatives, detectable, needed)


def smallest_detectable(
    base: Scores,
    other: Scores,
    labels: list[str],
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


def _alternatives(
    rivals: Mapping[str, Scores], labels: list[str], options: AssessmentOptions
) -> tuple[Alternative, ...]:
    base = next(iter(rivals.values())).values["nDCG@10"]
    gains = intervals(
        np.column_stack([scores.values["nDCG@10"] - base for scores in rivals.values()]),
        labels,
        resamples=options.resamples,
        confidence=options.confidence,
        seed=options.seed,
    )
    return tuple(
        Alternative(
            name,
            scores.mean("recall@10"),
            scores.mean("nDCG@10"),
            gain.difference,
            gain.low,
            gain.high,
            _COSTS.get(name, ""),
        )
        for (name, scores), gain in zip(rivals.items(), gains, strict=True)
    )


def _figures(alternatives: tuple[Alternative, ...]) -> list[str]:
    base, *rest = alternatives
    shown = f"recall@10 {base.recall_at_10:.3f}, nDCG@10 {base.ndcg_at_10:.3f}"
    lines = [f"{base.name}: {shown}."]
    for one in rest:
        shown = f"recall@10 {one.recall_at_10:.3f}, nDCG@10 {one.ndcg_at_10:.3f}"
        lines.append(f"{one.name}: {shown}; against base dense {one.words}.")
    return lines


def _power(facts: _Facts) -> str:
    if facts.clusters < facts.fewest:
        return (
            f"Which nDCG@10 difference {facts.tested:,} test queries can show is unknown: dev has {facts.clusters} "
            f"document group{'s' if facts.clusters != 1 else ''}, too few ({facts.fewest} are needed)."
        )
    if facts.detectable == 0:
        return (
            f"Which nDCG@10 difference {facts.tested:,} test queries can show is unknown: base and hybrid score the "
            "same on all of dev."
        )
    return (
        f"{facts.tested:,} test queries can show an nDCG@10 difference of {signed(facts.detectable)[1:]} or more; "
        f"{facts.options.wanted_gain:.2f} needs about {facts.needed:,}."
    )
