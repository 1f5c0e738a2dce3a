"""What a run is worth: the literature's measures, query by query.

Every value comes from `ir-measures` (pytrec_eval, which is trec_eval). Knows runs and judgements; knows nothing of
models, dimensions or what is compared with what.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.artifacts import atomic_write
from jargonaut.errors import InputError, MismatchError
from jargonaut.records import Qrel, Query, Run

MEASURES: tuple[str, ...] = (
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@20",
    "recall@50",
    "recall@100",
    "MRR@10",
    "nDCG@10",
    "MAP",
    "success@1",
    "judged@10",
)
"""Names as they are shown and kept, in the order in which they are shown."""

PER_QUERY = "per_query.parquet"
"""Name of the file that `write_per_query` writes in a run's folder."""
DEPTH = 100
"""Hits that a run holds for each query: the deepest that a measure looks at."""

JUDGED = "judged@10"
"""The share of a query's first ten hits that somebody judged; the rest count as irrelevant without anybody knowing."""

HEADLINE: tuple[str, ...] = ("nDCG@10", "recall@10", "MRR@10")
"""The measures on which systems are compared."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One system's score on every query.

    Attributes:
        query_ids: The queries, in the order of every array in `values`.
        values: Measure name → one value in [0, 1] per query, shape (queries,).
    """

    query_ids: tuple[str, ...]
    values: Mapping[str, Values]

    def mean(self, measure: str) -> float:
        """The measure's mean over all queries."""
        return float(self.values[measure].mean())

    @property
    def means(self) -> dict[str, float]:
        """Every measure's mean."""
        return {measure: self.mean(measure) for measure in self.values}

    def of(self, measure: str) -> dict[str, float]:
        """Query id → value of one measure."""
        return dict(zip(self.query_ids, self.values[measure].tolist(), strict=True))


def per_query(
    run: Run, qrels: Sequence[Qrel], queries: Sequence[Query], *, passages: Collection[str] | None = None
) -> Scores:
    """Scores a run with every measure of `MEASURES`.

    Ties are ordered as trec_eval orders them. A query that the run does not answer scores 0; grade 0 is not relevant;
    judgements and answers of queries that were not asked for are ignored.

    Args:
        run: What the system answered.
        qrels: Judgements; of several for one query and passage the highest counts.
        queries: The queries to score, each with at least one positive.
        passages: Ids of all that can be found, as a set; None where that is not known.

    Raises:
        InputError: No query, a query twice, a query without a positive, a positive or a hit that is none of `passages`,
            or a score that is not a finite number.
    """
    judged = _judgements(qrels, queries)
    if passages is not None:
        _check_known(judged, run, passages)
    answers = {query.id: run.rankings[query.id] for query in queries if query.id in run.rankings}
    _check_finite(run.name, answers)
    row = {query.id: number for number, query in enumerate(queries)}
    values = {name: np.zeros(len(queries)) for name in MEASURES}
    for query_id, measure, value in _calculate(_scorer(), judged, answers):
        values[measure][row[query_id]] = value
    # trec_eval's reciprocal rank has no cut-off: below 1/10 the first relevant passage is not among the first ten.
    values["MRR@10"][values["MRR@10"] < 1 / 10] = 0.0
    values[JUDGED] = _judged_share(judged, answers, row)
    return Scores(tuple(row), values)


def unjudged(scores: Scores, run: Run) -> int:
    """How many of all queries' first ten hits nobody judged.

    Args:
        scores: Of the run, as `per_query` gives them.
        run: What the system answered.
    """
    shown = [min(10, len(run.rankings.get(query_id, ()))) for query_id in scores.query_ids]
    return round(float(np.dot(shown, 1 - scores.values[JUDGED])))


def query_clusters(qrels: Sequence[Qrel], groups: Mapping[str, str]) -> dict[str, str]:
    """Query id → the groups of its positives, as one cluster: the unit that the bootstrap draws.

    Groups that share a query are one cluster, whether or not the split joined them (a split that came with the data
    does not). A cluster is named after its smallest group, so names do not depend on the order of the judgements.

    Args:
        qrels: Judgements; grade 0 joins nothing.
        groups: Passage id → group, as `PairSplits.groups`; a passage that is missing there stands alone.
    """
    parents: dict[str, str] = {}
    first: dict[str, str] = {}
    for judgement in qrels:
        if judgement.relevance > 0:
            group = groups.get(judgement.passage_id, judgement.passage_id)
            one, other = (_root(parents, each) for each in (first.setdefault(judgement.query_id, group), group))
            parents[max(one, other)] = min(one, other)
    return {query_id: _root(parents, group) for query_id, group in first.items()}


def write_per_query(path: Path, scores_by_system: Mapping[str, Scores]) -> None:
    """Writes one Parquet row per system and query: `system`, `query_id`, then a column per measure."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for system, scores in scores_by_system.items():
        columns: dict[str, Any] = {
            "system": pa.array([system] * len(scores.query_ids), pa.string()),
            "query_id": pa.array(scores.query_ids, pa.string()),
        }
        columns |= {name: pa.array(scores.values[name], pa.float64()) for name in MEASURES}
        tables.append(pa.table(columns))
    if not tables:
        raise InputError("there are no scores to write", where=str(path))
    with atomic_write(path) as temporary:
        pq.write_table(pa.concat_tables(tables), temporary)


def read_per_query(path: Path) -> dict[str, Scores]:
    """Reads what `write_per_query` wrote.

    Raises:
        MismatchError: The file is not a table of per-query scores.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # A plain file handle: pyarrow would otherwise read folder names such as `a=b` as columns.
        with path.open("rb") as stream:
            table = pq.read_table(stream, columns=["system", "query_id", *MEASURES])
        systems = np.array(table["system"].to_pylist())
        query_ids = table["query_id"].to_pylist()
        columns = {name: table[name].to_numpy() for name in MEASURES}
    except (pa.ArrowException, KeyError) as error:
        raise MismatchError(
            f"this is not a table of per-query scores ({error})", where=str(path), remedy="evaluate again"
        ) from error
    result: dict[str, Scores] = {}
    for system in dict.fromkeys(systems.tolist()):
        rows = np.flatnonzero(systems == system)
        values = {name: np.asarray(column[rows], dtype=np.float64) for name, column in columns.items()}
        result[system] = Scores(tuple(query_ids[row] for row in rows), values)
    return result


def _root(parents: dict[str, str], group: str) -> str:
    """The smallest group that `group` was joined with; shortens the way there (union-find with path halving)."""
    while (parent := parents.setdefault(group, group)) != group:
        parents[group] = parents[parent]
        group = parents[group]
    return group


def _judgements(qrels: Sequence[Qrel], queries: Sequence[Query]) -> dict[str, dict[str, int]]:
    """Query id → {passage id: grade} of the asked queries; refuses what cannot be scored."""
    judged: dict[str, dict[str, int]] = {query.id: {} for query in queries}
    if not judged:
        raise InputError("there is no query to score", remedy="add judged queries, or more documents to make them from")
    if len(judged) < len(queries):
        raise InputError("a query id is given twice", remedy="give every query its own id")
    for judgement in qrels:
        grades = judged.get(judgement.query_id)
        if grades is not None:
            grades[judgement.passage_id] = max(judgement.relevance, grades.get(judgement.passage_id, 0))
    empty = [id_ for id_, grades in judged.items() if not any(grade > 0 for grade in grades.values())]
    if empty:
        raise InputError(
            f"{len(empty)} of {len(judged)} queries have no relevant passage, so nothing can be measured on them",
            where=f"query {empty[0]!r}",
            remedy="leave them out, or judge at least one passage of each as relevant",
        )
    return judged


def _check_known(judged: Mapping[str, Mapping[str, int]], run: Run, passages: Collection[str]) -> None:
    """Refuses what would lower every score without a word: a positive that nobody can find."""
    lost = [(query_id, id_) for query_id, grades in judged.items() for id_, grade in grades.items()
            if grade > 0 and id_ not in passages]  # fmt: skip
    if lost:
        raise InputError(
            f"{len(lost)} judgements name a passage that is not in the corpus, so no system can find it",
            where=f"query {lost[0][0]!r}, passage {lost[0][1]!r}",
            remedy="leave these judgements out, or judge the passages of this corpus",
        )
    for query_id in judged:
        strange = next((id_ for id_ in run.rankings.get(query_id, ()) if id_ not in passages), None)
        if strange is not None:
            raise InputError(
                f"it answers with passage {strange!r}, which is not in the corpus",
                where=f"run {run.name!r}, query {query_id!r}",
                remedy="the run was made over other passages: search these, or give the corpus that it was made over",
            )


def _check_finite(name: str, answers: Mapping[str, Mapping[str, float]]) -> None:
    for query_id, hits in answers.items():
        if not all(map(math.isfinite, hits.values())):
            passage = next(id_ for id_, score in hits.items() if not math.isfinite(score))
            raise InputError(
                f"the score of passage {passage!r} is {hits[passage]}, not a finite number",
                where=f"run {name!r}, query {query_id!r}",
                remedy="the vectors hold NaN or infinity: embed again, in float32 if it was a half-precision run",
            )


@functools.cache
def _scorer() -> dict[Any, str]:
    """The scorer's measures → the names that we show."""
    from ir_measures import AP, RR, R, Success, nDCG

    recalls = {R @ cutoff: f"recall@{cutoff}" for cutoff in (1, 5, 10, 20, 50, 100)}
    return recalls | {RR: "MRR@10", nDCG @ 10: "nDCG@10", AP: "MAP", Success @ 1: "success@1"}


def _judged_share(
    judged: Mapping[str, Mapping[str, int]], answers: Mapping[str, Mapping[str, float]], row: Mapping[str, int]
) -> Values:
    """Judged passages among the first ten hits: P@10 where whatever was judged counts as relevant.

    Not `ir_measures.Judged`, which orders ties by ascending id, where trec_eval orders them by descending id.
    """
    from ir_measures import P

    looked_at = {query_id: dict.fromkeys(grades, 1) for query_id, grades in judged.items()}
    shares = np.zeros(len(row))
    for query_id, _, value in _calculate({P @ 10: JUDGED}, looked_at, answers):
        if shown := min(10, len(answers.get(query_id, ()))):
            shares[row[query_id]] = value * 10 / shown
    return shares


def _calculate(
    measures: Mapping[Any, str], judged: Mapping[str, Mapping[str, int]], answers: Mapping[str, Mapping[str, float]]
) -> Iterator[tuple[str, str, float]]:
    """Query id, our name of a measure and its value, of every query that is answered."""
    import ir_measures

    run = {query_id: _floats(hits) for query_id, hits in answers.items()}
    # Its invokers and not `iter_calc`, which takes three times as long to name the values as to calculate them.
    scorer: Any = ir_measures.pytrec_eval.evaluator(list(measures), judged)
    for invoker in scorer.invokers:
        names = {key: measures[measure] for key, (measure, _) in invoker.measure_map.items()}
        for query_id, found in invoker.evaluator.evaluate(run).items():
            for key, value in found.items():
                yield query_id, names[key], value


def _floats(hits: Mapping[str, float]) -> dict[str, float]:
    """The hits as the scorer wants them, which takes no other numbers than Python's."""
    if isinstance(hits, dict) and set(map(type, hits.values())) <= {float}:
        return hits
    return {passage_id: float(score) for passage_id, score in hits.items()}
