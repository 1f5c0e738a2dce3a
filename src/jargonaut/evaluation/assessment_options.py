"""The thresholds of the gate before training, and how much it measures.

Knows numbers and their limits; what they decide stands in `rules`.
"""

from __future__ import annotations

from dataclasses import dataclass

from jargonaut.errors import require_limits


@dataclass(frozen=True, slots=True)
class AssessmentOptions:
    """Thresholds of the gate before training, and how much it measures.

    Attributes:
        recall_dont: Share of the answers within the first ten hits from which a system finds enough.
        ndcg_dont: nDCG@10 from which it also ranks well enough; a system is good enough when it reaches both.
        recall_tune: Share of the answers within the first ten hits below which there is clear room for fine-tuning.
        min_pairs: Training pairs below which fine-tuning seldom helps.
        weak_weight: What a pair that nobody judged (generated, or read off headings) counts for among them.
        hybrid_margin: nDCG@10 that another system must gain over dense search to be called clearly better.
        undetectable_gain: If the test set cannot show a gain of this nDCG@10, more labelled queries come first.
        wanted_gain: Gain for which the needed number of queries is told.
        max_churn: Share of the passages that may change while all of them are embedded once.
        power: Probability with which `smallest_detectable` would be shown.
        confidence: Probability mass of every interval.
        resamples: Bootstrap resamples.
        seed: Seed of the bootstrap, of the samples, and of what a language model is asked.
        queries: Most dev queries that are asked.
        passages: Most passages that are searched: those that answer, and others drawn from the rest.
        adapter: Whether a query adapter is tried: a map of query vectors, fitted on the training queries in seconds.
        contextual: Whether title and heading path before every passage are tried.
        candidates: Other base models to try: hub ids, folders, `openai:MODEL`, `cohere:MODEL`, `voyage:MODEL`; each may
            end in dimensions, as in `voyage:voyage-3.5@1024/256`.
        rerank_queries: Most queries that the cross-encoder of `[evaluate]` is tried on, where there is one.
        rewrites: Most queries that a language model rewrites, where `[llm]` names an endpoint; 0 for none.
        hour_price: What an hour is worth in money, to weigh minutes against prices when alternatives are ranked.
        reindex_minutes: What the care of a re-index is worth in minutes, beside the time of embedding.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    recall_dont: float = 0.90
    ndcg_dont: float = 0.90
    recall_tune: float = 0.70
    min_pairs: int = 600
    weak_weight: float = 0.10
    hybrid_margin: float = 0.02
    undetectable_gain: float = 0.10
    wanted_gain: float = 0.05
    max_churn: float = 0.05
    power: float = 0.80
    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0
    queries: int = 500
    passages: int = 10_000
    adapter: bool = True
    contextual: bool = True
    candidates: tuple[str, ...] = ()
    rerank_queries: int = 100
    rewrites: int = 100
    hour_price: float = 60.0
    reindex_minutes: float = 60.0

    def __post_init__(self) -> None:
        require_limits(
            "assess",
            self,
            (
                ("recall_dont", 0 <= self.recall_dont <= 1, "from 0 to 1"),
                ("ndcg_dont", 0 <= self.ndcg_dont <= 1, "from 0 to 1"),
                ("recall_tune", 0 <= self.recall_tune <= self.recall_dont, "from 0 to recall_dont"),
                ("min_pairs", self.min_pairs >= 0, "0 or more"),
                ("weak_weight", 0 <= self.weak_weight <= 1, "from 0 to 1"),
                ("hybrid_margin", 0 <= self.hybrid_margin <= 1, "from 0 to 1"),
                ("undetectable_gain", 0 < self.undetectable_gain <= 1, "above 0 and at most 1, such as 0.10"),
                ("wanted_gain", 0 < self.wanted_gain <= 1, "above 0 and at most 1, such as 0.05"),
                ("max_churn", 0 < self.max_churn <= 1, "above 0 and at most 1, such as 0.05"),
                ("power", 0.5 <= self.power < 1, "from 0.5 to below 1, such as 0.8"),
                ("confidence", 0.5 <= self.confidence < 1, "from 0.5 to below 1, such as 0.95"),
                ("resamples", self.resamples >= 100, "100 or more; 10,000 is good"),
                ("seed", self.seed >= 0, "0 or more"),
                ("queries", self.queries >= 1, "1 or more"),
                ("passages", self.passages >= 100, "100 or more"),
                ("rerank_queries", self.rerank_queries >= 1, "1 or more"),
                ("rewrites", self.rewrites >= 0, "0 or more"),
                ("hour_price", 0 < self.hour_price < float("inf"), "above 0"),
                ("reindex_minutes", 0 <= self.reindex_minutes < float("inf"), "0 or more"),
            ),
        )
