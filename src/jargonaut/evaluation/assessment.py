"""The gate before training: is fine-tuning worth it here, and what would do instead?

Knows the scores of the untrained systems and how many pairs there are. Knows nothing of training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from jargonaut.errors import SettingsError
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.statistics import excludes_zero, intervals, signed, standard_error, verdict_words

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
        if not 0 <= self.recall_tune <= self.recall_dont <= 1:
            raise SettingsError(
                f"recall_tune is {self.recall_tune} and recall_dont {self.recall_dont}",
                where="[assess]",
                remedy="0 ≤ recall_tune ≤ recall_dont ≤ 1",
            )
        if not (0.5 <= self.confidence < 1 and 0.5 <= self.power < 1):
            raise SettingsError(
                "confidence and power lie between 0.5 and 1", where="[assess]", remedy="say 0.95 and 0.8"
            )
        if self.wanted_gain <= 0 or self.undetectable_gain <= 0:
            raise SettingsError("a gain to look for is above 0", where="[assess]", remedy="say 0.05 and 0.10")


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
        queries_needed: Test queries needed to show `AssessmentOptions.wanted_gain`.
    """

    verdict: AssessmentName
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    smallest_detectable: float
    queries_needed: int

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        return ADVICE[self.verdict]


@dataclass(frozen=True, slots=True)
class _Facts:
    base: Alternative
    hybrid: Alternative
    pairs: int
    detectable: float
    needed: int
    options: AssessmentOptions


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
    tested = test_queries or len(labels)
    needed = math.ceil(tested * (detectable / options.wanted_gain) ** 2)
    facts = _Facts(alternatives[0], alternatives[2], train_pairs, detectable, needed, options)
    rule = next(rule for rule in _RULES if rule.holds(facts))
    reasons = (rule.reason(facts), *_figures(alternatives), _power(facts, tested))
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

    (z₁₋α/₂ + z_power) · se · √(n_dev / n_test), 2.80 standard errors at 95 % and 80 % power (Cohen 1988). The standard
    error is the cluster-robust one of the paired difference. Before training the tuned model's scores do not exist, so
    the difference between base and another system stands in for it; where these never differ, the base's own scores.

    Args:
        base: The base's scores on dev.
        other: The stand-in, normally the hybrid.
        labels: The document group of each query.
        test_queries: How many queries the test set holds; None when it is as large as dev.
        options: Confidence and power.
    """
    options = options or AssessmentOptions()
    difference = other.values["nDCG@10"] - base.values["nDCG@10"]
    error = standard_error(difference if np.any(difference) else base.values["nDCG@10"], labels)
    z = NormalDist().inv_cdf((1 + options.confidence) / 2) + NormalDist().inv_cdf(options.power)
    return float(min(1.0, z * error * math.sqrt(len(labels) / (test_queries or len(labels)))))


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


def _power(facts: _Facts, tested: int) -> str:
    return (
        f"{tested:,} test queries can show an nDCG@10 difference of {signed(facts.detectable)[1:]} or more; "
        f"{facts.options.wanted_gain:.2f} needs about {facts.needed:,}."
    )
