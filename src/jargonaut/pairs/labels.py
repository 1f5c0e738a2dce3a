"""Queries and relevance judgements that a data set brings → pairs.

Knows records only; reading the files is the formats' job.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from jargonaut.records import BadRow, Pair, Qrel, Query


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Pairs from judgements, with what could not be used.

    Attributes:
        pairs: In the order of the judgements; relevance 0 is a curated hard negative.
        unknown_queries: Judgements that name a query id which does not exist.
        unknown_passages: Judgements that name a passage id which does not exist.
        duplicates: Judgements of a (query, passage) that was judged before; the highest grade counts.
        without_positive: Queries that are judged here but have no usable positive; their pairs are left out.
        unjudged: Queries without any judgement here (they may belong to another split).
    """

    pairs: tuple[Pair, ...]
    unknown_queries: int = 0
    unknown_passages: int = 0
    duplicates: int = 0
    without_positive: int = 0
    unjudged: int = 0

    @property
    def queries(self) -> int:
        """How many queries have at least one positive."""
        return len({pair.query_id for pair in self.pairs})


def pairs_from_qrels(
    queries: Iterable[Query],
    qrels: Iterable[Qrel],
    passage_ids: Collection[str],
    on_bad: Callable[[BadRow], None],
    *,
    queries_source: str = "queries.jsonl",
    qrels_source: str = "qrels",
) -> LabelledPairs:
    """Joins queries with judgements.

    Args:
        queries: All queries of the set.
        qrels: The judgements of one split; a grade below 0 counts as 0.
        passage_ids: Ids of the corpus; hand in a set, it is asked once per judgement.
        on_bad: Told of every judgement with an unknown id, of every query without a positive, and of judgements that
            contradict each other.
        queries_source: Name of the queries' file, for messages.
        qrels_source: Name of the judgements' file, for messages.
    """
    texts = {query.id: query.text for query in queries}
    grades: dict[tuple[str, str], int] = {}
    judged: set[str] = set()
    unknown_queries = unknown_passages = duplicates = 0
    for qrel in qrels:
        if qrel.query_id not in texts:
            unknown_queries += 1
            on_bad(BadRow(qrels_source, 0, "query-id", f"{qrel.query_id!r} is not in {queries_source}"))
            continue
        judged.add(qrel.query_id)
        if qrel.passage_id not in passage_ids:
            unknown_passages += 1
            reason = f"{qrel.passage_id!r} is not in the corpus (query {qrel.query_id!r})"
            on_bad(BadRow(qrels_source, 0, "corpus-id", reason))
            continue
        key = (qrel.query_id, qrel.passage_id)
        duplicates += key in grades
        if key in grades and (grades[key] > 0) != (qrel.relevance > 0):
            reason = f"query {qrel.query_id!r} and passage {qrel.passage_id!r} are judged both relevant and not"
            on_bad(BadRow(qrels_source, 0, "score", f"{reason}; relevant counts"))
        grades[key] = max(grades.get(key, 0), qrel.relevance)
    answered = {query_id for (query_id, _), grade in grades.items() if grade > 0}
    for query_id in sorted(judged - answered):
        on_bad(BadRow(queries_source, 0, "_id", f"query {query_id!r} has no positive in {qrels_source}"))
    return LabelledPairs(
        tuple(Pair(q, texts[q], p, grade, "label") for (q, p), grade in grades.items() if q in answered),
        unknown_queries,
        unknown_passages,
        duplicates,
        len(judged - answered),
        len(texts.keys() - judged),
    )
