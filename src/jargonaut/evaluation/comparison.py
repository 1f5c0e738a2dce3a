"""Which system is better: paired comparisons of like with like.

Knows systems by kind, dimension and number format. Knows nothing of how a system was made or searched, nor of what
follows from a comparison; that is the gate's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from jargonaut.errors import InputError
from jargonaut.evaluation.measures import HEADLINE, Scores
from jargonaut.evaluation.options import EvaluationOptions
from jargonaut.evaluation.statistics import (
    Interval,
    effect_size,
    excludes_zero,
    holm,
    intervals,
    mean_intervals,
    queries_needed,
    randomisation_p_values,
    verdict_words,
)
from jargonaut.protocols import Precision

SystemKind = Literal[
    "base", "tuned", "bm25", "hybrid-base", "hybrid-tuned", "weighted-base", "weighted-tuned",
    "reranked-base", "reranked-tuned", "adapter",
]  # fmt: skip
"""What a system is. `hybrid` is dense and BM25 joined by rank, `weighted` by score with a weight fitted on dev,
`reranked` dense search whose first hits a cross-encoder orders anew, `adapter` the base with adapted queries."""

LABELS: Mapping[SystemKind, str] = {
    "bm25": "BM25",
    "base": "base",
    "tuned": "tuned",
    "hybrid-base": "base + BM25",
    "hybrid-tuned": "tuned + BM25",
    "weighted-base": "base + BM25, weighted",
    "weighted-tuned": "tuned + BM25, weighted",
    "reranked-base": "base, reranked",
    "reranked-tuned": "tuned, reranked",
    "adapter": "adapter",
}
"""What a reader calls a system of this kind."""

_PAIRED: tuple[tuple[SystemKind, SystemKind], ...] = (
    ("base", "tuned"), ("hybrid-base", "hybrid-tuned"), ("weighted-base", "weighted-tuned"),
    ("reranked-base", "reranked-tuned"), ("base", "adapter"),
)  # fmt: skip
COUNTERPART: Mapping[SystemKind, SystemKind] = {candidate: baseline for baseline, candidate in _PAIRED}
"""Kind of a system with a tuned model → the kind of the untuned one that it is compared with."""
_SHOWN = ("nDCG@10", "recall@10")
"""Measures of which a system's own interval is shown."""
_TIE = 1e-9
"""Scores of a query that differ by no more than this are the same."""


@dataclass(frozen=True, slots=True)
class SystemResult:
    """What one system scored.

    Attributes:
        name: As a reader knows it; (name, dim, precision) is unique among the systems of one report.
        kind: What it is, which says what it is compared with.
        dim: Length of its vectors; None for BM25.
        scores: Every measure on every query.
        intervals: nDCG@10 and recall@10 → the system's own mean with its interval.
        precision: How its passages' vectors are kept.
        storage: Bytes that a passage takes in what it searches; None where that was not measured.
        latency: Milliseconds that one query takes, its encoding included; None where that was not measured.
        unjudged: How many of all queries' first ten hits nobody judged; None where that was not counted.
    """

    name: str
    kind: SystemKind
    dim: int | None
    scores: Scores
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    precision: Precision = "float32"
    storage: float | None = None
    latency: float | None = None
    unjudged: int | None = None

    @property
    def slug(self) -> str:
        """Name of its files and rows, unique in a report: kind, dimension, and number format unless it is float32."""
        return slug(self.kind, self.dim, self.precision)

    @property
    def metrics(self) -> dict[str, float]:
        """Every measure's mean over the queries."""
        return self.scores.means


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two systems on the same queries: candidate − baseline.

    Attributes:
        baseline: Name of the one.
        candidate: Name of the other.
        metric: What is compared.
        difference: Mean of the paired differences.
        low: Lower end of their interval (paired bootstrap over document groups).
        high: Upper end.
        p_value: Of the randomisation test over document groups, two-sided.
        baseline_dim: Length of the baseline's vectors.
        candidate_dim: Length of the candidate's.
        p_holm: The p-value, adjusted by Holm for all comparisons on this metric.
        effect: Cohen's d_z; None where the differences do not vary.
        won: Queries on which the candidate is better.
        lost: Queries on which it is worse.
        needed: Queries that would show a difference of this size with the wanted power; None where nobody can tell.
        baseline_precision: How the baseline's vectors are kept.
        candidate_precision: How the candidate's are.
    """

    baseline: str
    candidate: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float | None = None
    baseline_dim: int | None = None
    candidate_dim: int | None = None
    p_holm: float | None = None
    effect: float | None = None
    won: int = 0
    lost: int = 0
    needed: int | None = None
    baseline_precision: Precision = "float32"
    candidate_precision: Precision = "float32"

    @property
    def excludes_zero(self) -> bool:
        """Whether the difference is measurable."""
        return excludes_zero(self.low, self.high)

    @property
    def is_gain(self) -> bool:
        """Whether the candidate is measurably better."""
        return self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether the candidate is measurably worse."""
        return self.high < 0

    @property
    def words(self) -> str:
        """The difference with its interval, or "no measurable difference"."""
        return verdict_words(self.difference, self.low, self.high)


def summarise(
    name: str,
    kind: SystemKind,
    dim: int | None,
    scores: Scores,
    *,
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
    precision: Precision = "float32",
    unjudged: int | None = None,
) -> SystemResult:
    """A system's result with its own intervals.

    Args:
        name: As a reader knows it.
        kind: What it is.
        dim: Length of its vectors; None for BM25.
        scores: From `per_query`.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.
        precision: How its vectors are kept.
        unjudged: As in `SystemResult`.
    """
    made = SystemResult(name, kind, dim, scores, precision=precision, unjudged=unjudged)
    return with_intervals([made], clusters, options)[0]


def with_intervals(
    systems: Sequence[SystemResult], clusters: Mapping[str, str], options: EvaluationOptions | None = None
) -> tuple[SystemResult, ...]:
    """The systems with their own intervals, by one set of bootstrap draws for all.

    Args:
        systems: All scored on the same queries.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.

    Raises:
        InputError: They were scored on different queries.
    """
    options = options or EvaluationOptions()
    _check(systems)
    if not systems:
        return ()
    columns = np.column_stack([one.scores.values[metric] for one in systems for metric in _SHOWN])
    bars = iter(mean_intervals(
        columns, _labels(systems[0].scores, clusters), resamples=options.resamples, confidence=options.confidence,
        seed=options.seed,
    ))  # fmt: skip
    return tuple(replace(one, intervals={metric: next(bars) for metric in _SHOWN}) for one in systems)


def compare(
    systems: Sequence[SystemResult], clusters: Mapping[str, str], options: EvaluationOptions | None = None
) -> tuple[Comparison, ...]:
    """Compares like with like on every headline metric.

    For every dimension and number format base with tuned, and every pipeline of the base with that of the tuned model;
    then every smaller form of the tuned model with the base in full (can the index be smaller and still be better?).
    One set of bootstrap draws serves all; the comparisons on one metric are one family for Holm's adjustment.

    Args:
        systems: All systems, scored on the same queries.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.

    Raises:
        InputError: Two systems are the same by name, dimension and number format, or were scored on different queries.
    """
    _check(systems)
    return compare_all(list(_couples(systems)), clusters, options)


def compare_all(
    couples: Sequence[tuple[SystemResult, SystemResult]],
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
) -> tuple[Comparison, ...]:
    """Compares the second of each couple with the first, on every headline metric; they are one family.

    Args:
        couples: (baseline, candidate), all scored on the same queries.
        clusters: As for `compare`.
        options: As for `compare`.
    """
    options = options or EvaluationOptions()
    if not couples:
        return ()
    labels = _labels(couples[0][0].scores, clusters)
    differences = [b.scores.values[m] - a.scores.values[m] for m in HEADLINE for a, b in couples]
    table, drawn = np.column_stack(differences), {"resamples": options.resamples, "seed": options.seed}
    bars = intervals(table, labels, confidence=options.confidence, **drawn)
    p_values = randomisation_p_values(table, labels, **drawn).tolist()
    made = []
    for place, (bar, column, p_value) in enumerate(zip(bars, differences, p_values, strict=True)):
        a, b = couples[place % len(couples)]
        needed = queries_needed(
            column, labels, bar.difference, confidence=options.confidence, power=options.power
        ) if bar.difference else None  # fmt: skip
        made.append(Comparison(
            a.name, b.name, HEADLINE[place // len(couples)], bar.difference, bar.low, bar.high, p_value, a.dim, b.dim,
            effect=effect_size(column), won=int((column > _TIE).sum()), lost=int((column < -_TIE).sum()),
            needed=needed, baseline_precision=a.precision, candidate_precision=b.precision,
        ))  # fmt: skip
    width, adjusted = len(couples), list[Comparison]()
    for start in range(0, len(made), width):
        family = made[start : start + width]
        corrected = holm([one.p_value or 0.0 for one in family])
        adjusted += [replace(one, p_holm=p_holm) for one, p_holm in zip(family, corrected, strict=True)]
    # Couple by couple, as they are read.
    return tuple(adjusted[metric * width + couple] for couple in range(width) for metric in range(len(HEADLINE)))


def find(
    comparisons: Iterable[Comparison], baseline: SystemResult | None, candidate: SystemResult | None, metric: str
) -> Comparison | None:
    """The comparison of these two systems on one metric, if it was made."""
    if baseline is None or candidate is None:
        return None
    wanted = (*key(baseline), *key(candidate), metric)
    for c in comparisons:
        one = (c.baseline, c.baseline_dim, c.baseline_precision)
        other = (c.candidate, c.candidate_dim, c.candidate_precision)
        if (*one, *other, c.metric) == wanted:
            return c
    return None


def slug(kind: SystemKind, dim: int | None, precision: Precision) -> str:
    """As `SystemResult.slug`."""
    name = kind if dim is None else f"{kind}-{dim}"
    return name if precision == "float32" else f"{name}-{precision}"


def key(one: SystemResult) -> tuple[str, int | None, Precision]:
    """What tells a system from all others of a report."""
    return one.name, one.dim, one.precision


def system(
    systems: Iterable[SystemResult], kind: SystemKind, dim: int | None, precision: Precision = "float32"
) -> SystemResult | None:
    """The system of one kind, dimension and number format, if there is one."""
    return next((s for s in systems if (s.kind, s.dim, s.precision) == (kind, dim, precision)), None)


def pareto_front(systems: Iterable[SystemResult], metric: str = "nDCG@10") -> tuple[SystemResult, ...]:
    """The systems that no other beats in both quality and bytes per passage, the smallest first.

    Args:
        systems: Those without a known size are left out.
        metric: What quality is, as a mean.
    """
    sized = [(one.storage, -one.scores.mean(metric), one) for one in systems if one.storage is not None]
    best, front = 0.0, []
    for _, quality, one in sorted(sized, key=lambda item: item[:2]):
        if quality < best:
            best = quality
            front.append(one)
    return tuple(front)


def _couples(systems: Sequence[SystemResult]) -> Iterable[tuple[SystemResult, SystemResult]]:
    def size(one: SystemResult) -> tuple[float, float]:
        return -(one.dim or 0), -(one.storage or 0)

    for before, after in _PAIRED:
        for baseline in sorted((s for s in systems if s.kind == before), key=size):
            candidate = system(systems, after, baseline.dim, baseline.precision)
            if candidate is not None:
                yield baseline, candidate
    bases = [s for s in systems if s.kind == "base" and s.precision == "float32"]
    if bases:
        full = max(bases, key=lambda s: s.dim or 0)
        for small in sorted((s for s in systems if s.kind == "tuned"), key=size):
            if (small.dim or 0) < (full.dim or 0) or (small.dim == full.dim and small.precision != "float32"):
                yield full, small


def _check(systems: Sequence[SystemResult]) -> None:
    seen: set[tuple[str, int | None, Precision]] = set()
    for one in systems:
        if key(one) in seen:
            raise InputError(f"two systems are called {one.name!r} at {one.dim} dimensions", remedy="rename one")
        seen.add(key(one))
        if one.scores.query_ids != systems[0].scores.query_ids:
            raise InputError(
                f"{one.name!r} and {systems[0].name!r} were scored on different queries",
                remedy="score every system with the same queries",
            )


def _labels(scores: Scores, clusters: Mapping[str, str]) -> list[str]:
    return [clusters.get(query_id, query_id) for query_id in scores.query_ids]
