"""What could be used instead of a fine-tuned model: its gain, what it costs, and which gives most for its cost.

Knows scores and costs that were measured elsewhere. Knows no system.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jargonaut.evaluation.assessment_options import AssessmentOptions
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.statistics import excludes_zero, intervals, verdict_words

CUTOFFS = (1, 5, 10)
"""Depths at which recall is measured, up to the one that the rules are stated for."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes, beyond dense search with the base model.

    Attributes:
        words: In words.
        minutes: Once, until it serves this corpus; measured, and scaled to the whole corpus where a part was measured.
        money: Once, for this corpus; None where it is not known.
        currency: What `money` is in.
        reindex: Whether every passage needs another vector.
        query_ms: Milliseconds that each query takes longer.
        query_money: Money for 1,000 queries; None where it is not known.
    """

    words: str = ""
    minutes: float = 0.0
    money: float | None = 0.0
    currency: str = "USD"
    reindex: bool = False
    query_ms: float = 0.0
    query_money: float | None = 0.0

    def __str__(self) -> str:
        parts = [self.words, f"{_time(self.minutes)} once" if self.minutes else ""]
        parts.append(_money(self.money, self.currency, "once") if self.money != 0 else "")
        parts.append("re-index" if self.reindex else "")
        parts.append(f"{self.query_ms:,.0f} ms a query" if self.query_ms >= 1 else "")
        parts.append(_money(self.query_money, self.currency, "for 1,000 queries") if self.query_money != 0 else "")
        return "; ".join(part for part in parts if part)

    def effort(self, options: AssessmentOptions) -> float:
        """The cost as hours: of work and of machines once, and of what 1,000 queries take longer.

        Money counts by `hour_price`, a re-index by `reindex_minutes`; what is not known counts as nothing.
        """
        hours = (1 + self.minutes + (options.reindex_minutes if self.reindex else 0)) / 60
        hours += ((self.money or 0) + (self.query_money or 0)) / options.hour_price
        return hours + self.query_ms / 3600


@dataclass(frozen=True, slots=True)
class Rival:
    """A system that was measured.

    Attributes:
        name: What it is.
        scores: Of the queries that it was asked: all of dev's, or some.
        cost: What it takes.
        kind: `base`; `hybrid`: words and vectors together; `other`: something else that needs no fine-tuning.
    """

    name: str
    scores: Scores
    cost: Cost = field(default_factory=Cost)
    kind: str = "other"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that could be used instead of a fine-tuned model, measured on the same queries as the base.

    Attributes:
        name: What it is.
        recall_at_10: Its mean.
        ndcg_at_10: Its mean.
        gain: nDCG@10 over base dense search on the same queries.
        low: Lower end of the gain's interval.
        high: Upper end.
        cost: What it takes, in words.
        found: Share of what could be found that was found, at the depth that the rules look at; see `found_at`.
        queries: On how many queries it was measured.
        kind: As in `Rival`.
        price: What it takes, in figures.
        effort: The same in hours, see `Cost.effort`.
        gain_per_hour: `gain` for each hour of effort; None where no gain was measured.
    """

    name: str
    recall_at_10: float
    ndcg_at_10: float
    gain: float
    low: float
    high: float
    cost: str = ""
    found: float = 0.0
    queries: int = 0
    kind: str = "other"
    price: Cost = field(default_factory=Cost)
    effort: float = 0.0
    gain_per_hour: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether it measurably differs from base dense search."""
        return excludes_zero(self.low, self.high)

    @property
    def words(self) -> str:
        """The gain with its interval, or "no measurable difference"."""
        return verdict_words(self.gain, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep the rules look into a ranking.

    Attributes:
        hits: First hits that count, from 1 to 10; between measured depths it is interpolated.
        passages: Passages that were searched.
        corpus: Passages that there are.
    """

    hits: float = 10.0
    passages: int = 0
    corpus: int = 0

    @classmethod
    def of(cls, passages: int, corpus: int) -> Depth:
        """The first ten of a corpus are about the first ten × share of a sample of it, never less than the first."""
        share = min(1.0, passages / corpus) if corpus else 1.0
        return cls(max(1.0, 10 * share), passages, corpus)

    @property
    def is_whole(self) -> bool:
        """Whether all passages were searched."""
        return self.passages >= self.corpus

    @property
    def words(self) -> str:
        """The depth as a reader of a reason wants it."""
        return "its first 10" if self.is_whole else "its first 10 of the whole corpus (estimated)"


def found_at(depth: float, scores: Scores, relevant: Mapping[str, int]) -> NDArray[np.float64]:
    """Recall in the first hits against the most that they can hold (capped recall, as BEIR has it for many answers).

    A query with 40 answers cannot have more than a quarter of them among its first ten, whatever the model. Between two
    of `CUTOFFS` the value is interpolated over the logarithm of the depth.

    Args:
        depth: First hits that count, from 1 to 10.
        scores: Of a system.
        relevant: Query id → passages that answer it; a query that is missing has one.

    Returns:
        One value in [0, 1] per query.
    """
    counts = np.array([max(1, relevant.get(query_id, 1)) for query_id in scores.query_ids])
    low = max(cutoff for cutoff in CUTOFFS if cutoff <= depth)
    high = min(cutoff for cutoff in CUTOFFS if cutoff >= depth)
    share = math.log(depth / low) / math.log(high / low) if high > low else 0.0
    ends = [scores.values[f"recall@{cutoff}"] * counts / np.minimum(counts, cutoff) for cutoff in (low, high)]
    found: NDArray[np.float64] = (1 - share) * ends[0] + share * ends[1]
    return found


def measured(
    rivals: Sequence[Rival],
    labels: Mapping[str, str],
    relevant: Mapping[str, int],
    depth: Depth,
    options: AssessmentOptions,
) -> tuple[Alternative, ...]:
    """Every rival against the first of them, the base, on the queries that it was asked.

    Args:
        rivals: The base first; it was asked everything that another one was.
        labels: Query id → document group.
        relevant: Query id → how many passages answer it.
        depth: How deep the rules look.
        options: Confidence, resamples, and what effort is worth.
    """
    base = rivals[0].scores
    place = {query_id: row for row, query_id in enumerate(base.query_ids)}
    gains: dict[int, tuple[float, float, float]] = {}
    by_queries: dict[tuple[str, ...], list[int]] = {}
    for number, rival in enumerate(rivals):
        by_queries.setdefault(rival.scores.query_ids, []).append(number)
    for asked, numbers in by_queries.items():  # one set of draws for all that answered the same queries
        rows = [place[query_id] for query_id in asked]
        before = base.values["nDCG@10"][rows]
        found = intervals(
            np.column_stack([rivals[number].scores.values["nDCG@10"] - before for number in numbers]),
            [labels.get(query_id, query_id) for query_id in asked],
            resamples=options.resamples, confidence=options.confidence, seed=options.seed,
        )  # fmt: skip
        for number, one in zip(numbers, found, strict=True):
            gains[number] = (one.difference, one.low, one.high)
    return tuple(_alternative(rival, gains[i], relevant, depth, options) for i, rival in enumerate(rivals))


def ranked(alternatives: Sequence[Alternative]) -> tuple[Alternative, ...]:
    """By measured gain per effort, the best first; the base before all, and what showed no gain last, by its gain."""
    base, *rest = alternatives
    return (base, *sorted(rest, key=lambda one: (one.gain_per_hour is None, -(one.gain_per_hour or 0.0), -one.gain)))


def _alternative(
    rival: Rival,
    gain: tuple[float, float, float],
    relevant: Mapping[str, int],
    depth: Depth,
    options: AssessmentOptions,
) -> Alternative:
    scores, effort = rival.scores, rival.cost.effort(options)
    return Alternative(
        rival.name, scores.mean("recall@10"), scores.mean("nDCG@10"), *gain, str(rival.cost),
        float(found_at(depth.hits, scores, relevant).mean()), len(scores.query_ids), rival.kind, rival.cost,
        round(effort, 4), gain[0] / effort if gain[1] > 0 else None,
    )  # fmt: skip


def _time(minutes: float) -> str:
    if minutes < 1:
        return "under a minute"
    return f"{minutes / 60:,.1f} h" if minutes >= 90 else f"{minutes:,.0f} min"


def _money(money: float | None, currency: str, what: str) -> str:
    if money is None:
        return f"price not known {what}"
    return f"{money:,.2f} {currency} {what}" if money >= 0.01 else f"under 0.01 {currency} {what}"
