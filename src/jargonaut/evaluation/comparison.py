"""Which system is better, and whether to ship: paired comparisons and the verdict drawn from them.

Knows systems by kind and dimension and compares like with like. Knows nothing of how a system was made or searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from jargonaut.errors import InputError, require_limits
from jargonaut.evaluation.measures import HEADLINE, Scores
from jargonaut.evaluation.statistics import (
    Interval,
    excludes_zero,
    intervals,
    mean_interval,
    signed,
    verdict_words,
)

SystemKind = Literal["base", "tuned", "bm25", "hybrid-base", "hybrid-tuned"]
VerdictName = Literal["ship", "dont_ship", "no_measurable_difference"]

_PAIRED: tuple[tuple[SystemKind, SystemKind], ...] = (("base", "tuned"), ("hybrid-base", "hybrid-tuned"))


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How systems are compared.

    Attributes:
        deployed_dim: Dimension that will serve users, on which the verdict is drawn; None for the full one.
        dims: Dimensions that are measured (Matryoshka prefixes), full one included; empty for those that there are.
        confidence: Probability mass of every interval.
        resamples: Bootstrap resamples.
        seed: Seed of the bootstrap.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    deployed_dim: int | None = None
    dims: tuple[int, ...] = ()
    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        require_limits(
            "evaluate",
            self,
            (
                ("deployed_dim", self.deployed_dim is None or self.deployed_dim >= 1, "1 or more"),
                ("dims", all(dim >= 1 for dim in self.dims), "dimensions of 1 or more"),
                ("confidence", 0.5 <= self.confidence < 1, "from 0.5 to below 1, such as 0.95"),
                ("resamples", self.resamples >= 100, "100 or more; 10,000 is good"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class SystemResult:
    """What one system scored.

    Attributes:
        name: As a reader knows it; (name, dim) is unique among the systems of one report.
        kind: What it is, which says what it is compared with.
        dim: Length of its vectors; None for BM25.
        scores: Every measure on every query.
        intervals: nDCG@10 and recall@10 → the system's own mean with its interval.
    """

    name: str
    kind: SystemKind
    dim: int | None
    scores: Scores
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Every measure's mean over the queries."""
        return self.scores.means


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two systems on the same queries: candidate − baseline."""

    baseline: str
    candidate: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float | None = None
    baseline_dim: int | None = None
    candidate_dim: int | None = None

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ship or don't, in a word, in a sentence for a manager, and with its reasons."""

    name: VerdictName
    sentence: str
    reasons: tuple[str, ...] = ()


def summarise(
    name: str,
    kind: SystemKind,
    dim: int | None,
    scores: Scores,
    *,
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
) -> SystemResult:
    """A system's result with its own intervals.

    Args:
        name: As a reader knows it.
        kind: What it is.
        dim: Length of its vectors; None for BM25.
        scores: From `per_query`.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.
    """
    options = options or EvaluationOptions()
    labels = _labels(scores, clusters)
    bars = {
        metric: mean_interval(
            scores.values[metric],
            labels,
            resamples=options.resamples,
            confidence=options.confidence,
            seed=options.seed,
        )
        for metric in ("nDCG@10", "recall@10")
    }
    return SystemResult(name, kind, dim, scores, bars)


def compare(
    systems: Sequence[SystemResult], clusters: Mapping[str, str], options: EvaluationOptions | None = None
) -> tuple[Comparison, ...]:
    """Compares like with like on every headline metric.

    For every dimension base with tuned, and base hybrid with tuned hybrid; then tuned at each smaller dimension with
    base at the full one (can the index be smaller and still be better?). One set of bootstrap draws serves all.

    Args:
        systems: All systems, scored on the same queries.
        clusters: Query id → document group; a query that is missing stands alone.
        options: How intervals are drawn.

    Raises:
        InputError: Two systems have the same name and dimension, or they were scored on different queries.
    """
    options = options or EvaluationOptions()
    _check(systems)
    couples = list(_couples(systems))
    if not couples:
        return ()
    columns = [b.scores.values[m] - a.scores.values[m] for a, b in couples for m in HEADLINE]
    found = iter(
        intervals(
            np.column_stack(columns),
            _labels(systems[0].scores, clusters),
            resamples=options.resamples,
            confidence=options.confidence,
            seed=options.seed,
        )
    )
    return tuple(_comparison(a, b, metric, next(found)) for a, b in couples for metric in HEADLINE)


def find(
    comparisons: Iterable[Comparison], baseline: SystemResult | None, candidate: SystemResult | None, metric: str
) -> Comparison | None:
    """The comparison of these two systems on one metric, if it was made."""
    if baseline is None or candidate is None:
        return None
    wanted = (baseline.name, baseline.dim, candidate.name, candidate.dim, metric)
    for c in comparisons:
        if (c.baseline, c.baseline_dim, c.candidate, c.candidate_dim, c.metric) == wanted:
            return c
    return None


def system(systems: Iterable[SystemResult], kind: SystemKind, dim: int | None) -> SystemResult | None:
    """The system of one kind and dimension, if there is one."""
    return next((s for s in systems if s.kind == kind and s.dim == dim), None)


def deployed_dimension(systems: Sequence[SystemResult], options: EvaluationOptions | None = None) -> int:
    """The dimension on which the verdict is drawn.

    Raises:
        InputError: Base and tuned model were not both measured there.
    """
    dims = {s.dim for s in systems if s.kind == "base" and s.dim} & {s.dim for s in systems if s.kind == "tuned"}
    wanted = options.deployed_dim if options else None
    if not dims or (wanted is not None and wanted not in dims):
        raise InputError(
            f"base and tuned model were not both measured at {wanted or 'any'} dimensions",
            where="[evaluate] deployed_dim",
            remedy=f"choose one of {sorted(filter(None, dims))}" if dims else "evaluate both on the same queries",
        )
    return wanted or max(filter(None, dims))


def verdict(
    systems: Sequence[SystemResult], comparisons: Sequence[Comparison], options: EvaluationOptions | None = None
) -> Verdict:
    """Draws the verdict at the deployed dimension by these rules, first match first.

    1. The dense model or the hybrid is measurably worse in nDCG@10, or the dense model in recall@10 → `dont_ship`:
       an answer that is better ranked when it is found does not make up for answers that are lost.
    2. The dense model is measurably better in nDCG@10 → `ship`.
    3. Otherwise → `no_measurable_difference`.

    Raises:
        InputError: Base and tuned model were not both measured at the deployed dimension.
    """
    dim = deployed_dimension(systems, options)
    base, tuned = system(systems, "base", dim), system(systems, "tuned", dim)
    dense = find(comparisons, base, tuned, "nDCG@10")
    if base is None or tuned is None or dense is None:
        raise InputError(f"base and tuned model were not compared at {dim} dimensions", remedy="call compare() first")
    hybrid = find(comparisons, system(systems, "hybrid-base", dim), system(systems, "hybrid-tuned", dim), "nDCG@10")
    recall = find(comparisons, base, tuned, "recall@10")
    lost = [one for one in (dense, hybrid, recall) if one is not None and one.is_loss]
    name: VerdictName
    if lost:
        name = "dont_ship"
    elif dense.is_gain:
        name = "ship"
    else:
        name = "no_measurable_difference"
    sentence = _sentence(name, base, tuned, dense, lost)
    return Verdict(name, sentence, tuple(_reasons(dim, base, tuned, comparisons, hybrid)))


def _sentence(
    name: VerdictName, base: SystemResult, tuned: SystemResult, dense: Comparison, lost: Sequence[Comparison]
) -> str:
    before, after = base.metrics, tuned.metrics
    asked = f"{len(base.scores.query_ids):,} test queries"
    span = f"{signed(dense.difference)}, interval {signed(dense.low)} to {signed(dense.high)}"
    if (dense.low, dense.high) == (-1.0, 1.0):
        span = f"{signed(dense.difference)}, too few document groups for an interval"
    ndcg = f"nDCG@10 {before['nDCG@10']:.3f} → {after['nDCG@10']:.3f}, {span}"
    if name == "ship":
        return f"Ship it: the tuned model is measurably better on {asked} ({ndcg})."
    if name == "no_measurable_difference":
        return f"Keep the base: on {asked} the tuned model is not measurably different ({ndcg})."
    if dense.is_loss:
        return f"Don't ship: the tuned model is measurably worse on {asked} ({ndcg})."
    worst = lost[0]
    what = "the tuned model" if worst.candidate == tuned.name else "hybrid search with the tuned model"
    figures = f"{worst.metric} {signed(worst.difference)}, interval {signed(worst.low)} to {signed(worst.high)}"
    return f"Don't ship: {what} is measurably worse on {asked} ({figures}); dense alone: {ndcg}."


def _reasons(
    dim: int, base: SystemResult, tuned: SystemResult, comparisons: Sequence[Comparison], hybrid: Comparison | None
) -> Iterable[str]:
    measured = (find(comparisons, base, tuned, metric) for metric in HEADLINE)
    told = "; ".join(f"{found.metric} {found.words}" for found in measured if found is not None)
    yield f"Dense search at {dim} dimensions: {told}."
    if hybrid is None:
        yield "Hybrid search was not measured, so the verdict rests on dense search alone."
    else:
        yield f"Hybrid search (BM25 and dense, fused): nDCG@10 {hybrid.words}."
    smaller = [
        c
        for c in comparisons
        if c.metric == "nDCG@10"
        and (c.candidate, c.baseline, c.baseline_dim) == (tuned.name, base.name, base.dim)
        and c.candidate_dim is not None
        and c.candidate_dim < dim
        and c.is_gain
    ]
    if smaller:
        best = min(smaller, key=lambda c: c.candidate_dim or 0)
        yield f"Tuned vectors of {best.candidate_dim} dimensions beat the base's {dim}: nDCG@10 {best.words}."


def _couples(systems: Sequence[SystemResult]) -> Iterable[tuple[SystemResult, SystemResult]]:
    for before, after in _PAIRED:
        for baseline in sorted((s for s in systems if s.kind == before), key=lambda s: -(s.dim or 0)):
            candidate = system(systems, after, baseline.dim)
            if candidate is not None:
                yield baseline, candidate
    bases = [s for s in systems if s.kind == "base"]
    if bases:
        full = max(bases, key=lambda s: s.dim or 0)
        for small in sorted((s for s in systems if s.kind == "tuned"), key=lambda s: -(s.dim or 0)):
            if (small.dim or 0) < (full.dim or 0):
                yield full, small


def _comparison(a: SystemResult, b: SystemResult, metric: str, found: Interval) -> Comparison:
    return Comparison(a.name, b.name, metric, found.difference, found.low, found.high, found.p_value, a.dim, b.dim)


def _check(systems: Sequence[SystemResult]) -> None:
    seen: set[tuple[str, int | None]] = set()
    for one in systems:
        if (one.name, one.dim) in seen:
            raise InputError(f"two systems are called {one.name!r} at {one.dim} dimensions", remedy="rename one")
        seen.add((one.name, one.dim))
        if one.scores.query_ids != systems[0].scores.query_ids:
            raise InputError(
                f"{one.name!r} and {systems[0].name!r} were scored on different queries",
                remedy="score every system with the same queries",
            )


def _labels(scores: Scores, clusters: Mapping[str, str]) -> list[str]:
    return [clusters.get(query_id, query_id) for query_id in scores.query_ids]
