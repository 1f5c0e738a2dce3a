"""Judgements → pairs."""

from __future__ import annotations

from jargonaut.pairs import pairs_from_qrels
from jargonaut.records import BadRow, Pair, Qrel, Query

QUERIES = [Query("q1", "one"), Query("q2", "two"), Query("q3", "three")]


def test_grades_are_kept() -> None:
    """Grades stay as they are, and grade 0 is a curated hard negative of its query."""
    result = pairs_from_qrels(QUERIES, [Qrel("q1", "a", 2), Qrel("q1", "b", 0)], {"a", "b"}, [].append)
    assert result.pairs == (Pair("q1", "one", "a", 2), Pair("q1", "one", "b", 0))
    assert (result.queries, result.unjudged) == (1, 2)


def test_unknown_ids_are_named_and_counted() -> None:
    """A judgement of an unknown query or passage is left out, named and counted; the others go on."""
    bad: list[BadRow] = []
    qrels = [Qrel("q1", "a", 1), Qrel("nobody", "a", 1), Qrel("q2", "nowhere", 1)]
    result = pairs_from_qrels(QUERIES, qrels, {"a"}, bad.append, qrels_source="qrels/test.tsv")
    assert [pair.query_id for pair in result.pairs] == ["q1"]
    assert (result.unknown_queries, result.unknown_passages, result.without_positive) == (1, 1, 1)
    assert "qrels/test.tsv: field 'query-id': 'nobody' is not in queries.jsonl" in map(str, bad)


def test_query_without_positive_is_counted() -> None:
    """A query that is judged but has no positive gives no pairs, its negatives included."""
    bad: list[BadRow] = []
    result = pairs_from_qrels(QUERIES, [Qrel("q1", "a", 0)], {"a"}, bad.append)
    assert (result.pairs, result.without_positive) == ((), 1)
    assert "has no positive" in bad[0].reason


def test_repeated_judgement_counts_once() -> None:
    """The same query and passage twice is one pair with the higher grade."""
    result = pairs_from_qrels(QUERIES, [Qrel("q1", "a", 1), Qrel("q1", "a", 2)], {"a"}, [].append)
    assert (result.pairs, result.duplicates) == ((Pair("q1", "one", "a", 2),), 1)


def test_contradicting_judgements_are_told() -> None:
    """Relevant counts, whichever comes first; grades that differ only in how relevant contradict nothing."""
    bad: list[BadRow] = []
    judged = [Qrel("q1", "a", 1), Qrel("q1", "a", 0), Qrel("q1", "b", 0), Qrel("q1", "b", 2), Qrel("q1", "b", 1)]
    result = pairs_from_qrels([Query("q1", "one")], judged, {"a", "b"}, bad.append)
    assert {(pair.passage_id, pair.relevance) for pair in result.pairs} == {("a", 1), ("b", 2)}
    assert [row.reason.partition(" are ")[2] for row in bad] == ["judged both relevant and not; relevant counts"] * 2
