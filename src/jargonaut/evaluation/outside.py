"""Runs made anywhere, judged on the same queries: TREC runs of other systems against one of ours, or among themselves.

Knows runs, judgements and scores. Knows nothing of models, dimensions, or where a run came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jargonaut.errors import InputError
from jargonaut.evaluation.comparison import Comparison, SystemResult, compare_all
from jargonaut.evaluation.measures import HEADLINE, Scores, per_query, query_clusters
from jargonaut.evaluation.options import EvaluationOptions
from jargonaut.evaluation.statistics import Interval, fewest_clusters, mean_interval
from jargonaut.records import Qrel, Query, Run


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """What one run scored.

    Attributes:
        name: What it is called; unique in a comparison.
        scores: Every measure on every query; a query without an answer scores 0.
        answered: Queries that it answers.
        judged: Share of its first ten answers that somebody judged, over the queries that it answers. Where it is low,
            its scores are a lower bound: what nobody judged counts as wrong.
        intervals: Measure → its mean with its own interval.
    """

    name: str
    scores: Scores
    answered: int
    judged: float
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs on the same queries, each compared with the first.

    Attributes:
        runs: The baseline first.
        comparisons: Baseline and each other run, on every headline measure.
        queries: How many were scored.
        groups: Independent groups among them, which the bootstrap draws.
        notices: What a reader must know before trusting the numbers.
        confidence: Probability mass of the intervals.
    """

    runs: tuple[JudgedRun, ...]
    comparisons: tuple[Comparison, ...]
    queries: int
    groups: int
    notices: tuple[str, ...] = ()
    confidence: float = 0.95

    def of(self, name: str, metric: str = HEADLINE[0]) -> Comparison | None:
        """How a run differs from the baseline; None for the baseline itself."""
        return next((c for c in self.comparisons if (c.candidate, c.metric) == (name, metric)), None)


def compare_runs(
    runs: Sequence[Run],
    qrels: Sequence[Qrel],
    *,
    groups: Mapping[str, str] | None = None,
    options: EvaluationOptions | None = None,
) -> RunComparison:
    """Scores runs on the queries that have a relevant passage, and compares each with the first.

    Queries that share a relevant passage (or, with `groups`, a document) are drawn together by the bootstrap.

    Args:
        runs: The baseline first; names are unique.
        qrels: Judgements; a query without a positive is left out, as trec_eval does.
        groups: Passage id → document group; None where it is not known.
        options: How intervals are drawn.

    Raises:
        InputError: No run, two of one name, no relevant passage, a score that is not finite, or a run that answers none
            of the judged queries.
    """
    options = options or EvaluationOptions()
    judged: dict[str, set[str]] = {}
    for qrel in qrels:
        judged.setdefault(qrel.query_id, set()).add(qrel.passage_id)
    clusters = query_clusters(qrels, groups or {})
    asked = [Query(id_, "") for id_ in judged if id_ in clusters]
    _require(runs, judged, asked)
    labels = [clusters[query.id] for query in asked]
    found = tuple(_judged(run, qrels, asked, judged, labels, options) for run in runs)
    number = len(set(labels))
    notices = [*_notices(runs, judged, asked), *_few(number, options.confidence)]
    return RunComparison(
        found, _compared(found, clusters, options), len(asked), number, tuple(notices), options.confidence
    )


def _judged(
    run: Run, qrels: Sequence[Qrel], asked: Sequence[Query], judged: Mapping[str, set[str]], labels: list[str],
    options: EvaluationOptions,
) -> JudgedRun:  # fmt: skip
    scores = per_query(run, qrels, asked)
    answered = [query.id for query in asked if run.rankings.get(query.id)]
    shown = [[hit.passage_id in judged[id_] for hit in run.top(id_, 10)] for id_ in answered]
    bars = {
        measure: mean_interval(
            scores.values[measure], labels, resamples=options.resamples, confidence=options.confidence,
            seed=options.seed,
        )
        for measure in HEADLINE
    }  # fmt: skip
    total = sum(map(len, shown))
    return JudgedRun(run.name, scores, len(answered), sum(map(sum, shown)) / total if total else 0.0, bars)


def _compared(
    found: Sequence[JudgedRun], clusters: Mapping[str, str], options: EvaluationOptions
) -> tuple[Comparison, ...]:
    """Every other run with the first; what a run is, and of which dimension, plays no part."""
    baseline, *rest = (SystemResult(one.name, "bm25", None, one.scores) for one in found)
    return compare_all([(baseline, one) for one in rest], clusters, options)


def _require(runs: Sequence[Run], judged: Mapping[str, set[str]], asked: Sequence[Query]) -> None:
    names = [run.name for run in runs]
    if not names:
        raise InputError("there is no run to score", remedy="name one with --run FILE")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two runs are called {twice!r}", remedy="rename a file")
    if not asked:
        raise InputError(
            f"none of the {len(judged)} judged queries has a relevant passage, so nothing can be measured",
            where="qrels", remedy="judge at least one passage of each query with a grade above 0",
        )  # fmt: skip
    for run in runs:
        if not any(run.rankings.get(query.id) for query in asked):
            theirs = next(iter(run.rankings), None)
            shown = "it is empty" if theirs is None else f"it answers {theirs!r}, judged is {asked[0].id!r}"
            raise InputError(
                f"the run answers none of the {len(asked)} judged queries: {shown}", where=f"run {run.name!r}",
                remedy="give the judgements of the queries that the run was made for, with the same ids",
            )  # fmt: skip


def _notices(runs: Sequence[Run], judged: Mapping[str, set[str]], asked: Sequence[Query]) -> list[str]:
    told = []
    without = len(judged) - len(asked)
    if without:
        told.append(f"{without:,} judged queries have no relevant passage; they are left out")
    wanted = {query.id for query in asked}
    for run in runs:
        missing = len(asked) - sum(bool(run.rankings.get(id_)) for id_ in wanted)
        if missing:
            told.append(f"{run.name} does not answer {missing:,} of {len(asked):,} queries; each of them scores 0")
        others = sum(id_ not in judged for id_ in run.rankings)
        if others:
            told.append(f"{run.name} answers {others:,} queries that nobody judged; they do not count")
    return told


def _few(groups: int, confidence: float) -> list[str]:
    fewest = fewest_clusters(confidence)
    if groups >= fewest:
        return []
    return [f"there are {groups} independent groups of queries, too few for an interval ({fewest}): nothing is proved"]
