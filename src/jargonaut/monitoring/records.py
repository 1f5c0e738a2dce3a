"""What monitoring exchanges: signals, findings of the rules, alarms, passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FindingKind = Literal["retrain", "look"]
"""`retrain`: a reason to train anew; `look`: something that a person should look at."""

SIGNALS: Mapping[str, str] = {
    "recall_at_10": "recall@10 of the live system on golden queries",
    "ndcg_at_10": "nDCG@10 of the live system on golden queries",
    "recall_change": "recall@10 on golden queries, now − reference",
    "golden_queries": "golden queries that were asked",
    "golden_expired": "share of the golden queries whose passages vanished",
    "golden_leaked": "golden queries that the live version was trained on",
    "golden_top_score": "mean score of golden queries' best hits",
    "golden_score_change": "the same, now − reference",
    "milliseconds_a_query": "milliseconds of one golden query, encoding and search",
    "logged_queries": "distinct logged queries of this window",
    "query_top_score": "median score of logged queries' best hits",
    "query_margin": "median difference of a logged query's first and second score",
    "query_low_scores": "share of logged queries whose best hit scores below nearly all of the reference",
    "query_shattered": "share of logged queries' words that the tokenizer cuts into three or more pieces",
    "query_new_words": "share of logged queries with a word that the training snapshot does not hold",
    "passages": "passages of the documents as they are now",
    "passages_changed": "share of the passages that are new or changed since training",
    "passages_removed": "share of the passages of training that are gone",
    "corpus_new_words": "share of the documents' running words that training did not see",
    "new_labels": "judgements that were added since training",
    "age_days": "days since the live version was made",
    "click_through": "clicks by impression, all ranks together",
    **{f"click_through_{rank}": f"clicks by impression at rank {rank}" for rank in range(1, 11)},
    "counterfactual_recall": "share of the relevance that clicks show, position bias removed, in the live first ten",
}
"""Name → what it is. The order in which they are shown."""

RULES_HELP = "1 while the alarm of a rule is open"


@dataclass(frozen=True, slots=True)
class Signal:
    """One figure of a pass.

    Attributes:
        name: One of `SIGNALS`, or `p: …` for the p-value of a drift test.
        value: The figure.
        low: Lower end of its interval; None where it has none.
        high: Upper end.
        count: On how many queries, passages or words it rests.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says in one pass.

    Attributes:
        name: The rule's.
        kind: Whether it is a reason to train.
        fires: Whether its limit is reached; None where that could not be told in this pass.
        value: What was measured, on the rule's own scale.
        limit: From where on it fires.
        evidence: Why, in words with figures.
        sudden: Whether one look is enough.
    """

    name: str
    kind: FindingKind
    fires: bool | None
    value: float
    limit: float
    evidence: str
    sudden: bool = True

    @property
    def distance(self) -> str:
        """How far from firing it is, in words."""
        if self.fires is None:
            return "not known"
        if self.fires:
            return "fires"
        return f"at {max(0.0, self.value / self.limit):.0%} of its limit" if self.limit > 0 else "does not fire"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that was raised, and perhaps ended.

    Attributes:
        number: Counts up.
        name: The rule that raised it.
        kind: Of the rule.
        raised: UTC, ISO 8601.
        evidence: Why it was raised.
        cleared: When it ended; "" while it is open.
    """

    number: int
    name: str
    kind: FindingKind
    raised: str
    evidence: str
    cleared: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the append-only history of monitoring.

    Attributes:
        number: Counts up.
        at: UTC, ISO 8601.
        kind: Such as `alarm raised`, `retraining begun`, `alert not delivered`.
        detail: What else is known.
    """

    number: int
    at: str
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series.

    Attributes:
        at: UTC, ISO 8601.
        value: The figure.
        low: Lower end of its interval; None where it has none.
        high: Upper end.
    """

    at: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one look at the live system found.

    Attributes:
        number: Counts up; 0 where it could not be kept.
        at: UTC, ISO 8601.
        version: What was live; "" where nothing was.
        collection: What it searched.
        golden: Which golden set was asked.
        signals: The figures.
        findings: What the rules say.
        open: Alarms that are open after it.
        raised: Alarms that it raised.
        cleared: Alarms that it ended.
        notices: What a reader should know.
        seconds: Wall time.
    """

    number: int
    at: str
    version: str
    collection: str
    golden: str
    signals: tuple[Signal, ...]
    findings: tuple[Finding, ...]
    open: tuple[Alarm, ...] = ()
    raised: tuple[Alarm, ...] = ()
    cleared: tuple[Alarm, ...] = ()
    notices: tuple[str, ...] = ()
    seconds: float = 0.0

    def signal(self, name: str) -> Signal | None:
        """One of its figures; None where it was not measured."""
        return next((one for one in self.signals if one.name == name), None)

    @property
    def healthy(self) -> bool:
        """Whether no alarm is open."""
        return not self.open

    @property
    def reasons(self) -> tuple[Alarm, ...]:
        """Open alarms that are reasons to train anew."""
        return tuple(one for one in self.open if one.kind == "retrain")
