"""What `changes` promises."""

from __future__ import annotations

from jargonaut.evaluation import Changes, find_changes, moved_passages, per_query
from jargonaut.records import Passage, Qrel, Query, Run

from .samples import run_at


def changes(before: list[int], after: list[int], limit: int = 10) -> Changes:
    """The changes between two lists of ranks."""
    queries = [Query(f"q{i}", f"query {i}") for i in range(len(before))]
    judged = [Qrel(f"q{i}", f"p{i}", 1) for i in range(len(before))]
    base, tuned = run_at("base", before), run_at("tuned", after)
    passages = {f"p{i}": Passage(f"p{i}", f"text {i}") for i in range(len(before))}
    scored = [(run, per_query(run, judged, queries)) for run in (base, tuned)]
    return find_changes(queries, passages, judged, scored[0], scored[1], limit=limit)


def test_biggest_change_comes_first() -> None:
    """Queries are ordered by nDCG@10 difference, ties by how far the positive moved."""
    found = changes([2, 15, 0, 1, 1, 5], [1, 1, 1, 3, 0, 5])
    assert [c.query.id for c in found.better] == ["q2", "q1", "q0"]
    assert [c.query.id for c in found.worse] == ["q4", "q3"]
    assert (found.better_total, found.worse_total) == (3, 2)


def test_a_change_shows_ranks_and_passages() -> None:
    """A change carries the positive, both first hits and both ranks; unknown passages are shown by id."""
    (change,) = changes([0], [1]).better
    assert (change.base_rank, change.tuned_rank, change.difference) == (None, 1, 1.0)
    assert change.positive.text == "text 0"
    assert change.tuned_top == change.positive
    assert change.tuned_top_relevant
    assert change.base_top == Passage("p1", "")
    assert not change.base_top_relevant


def test_rank_alone_counts_below_the_cut() -> None:
    """A positive that rises outside the first ten is a gain that comes after every gain in nDCG@10."""
    assert [c.query.id for c in changes([18, 9], [12, 8]).better] == ["q1", "q0"]


def test_limit_and_totals() -> None:
    """No more than `limit` are shown, all are counted."""
    found = changes([5] * 30, [1] * 30, limit=10)
    assert (len(found.better), found.better_total) == (10, 30)


def test_unanswered_query_is_no_error() -> None:
    """A run that answers nothing gives changes without first hits."""
    queries, judged = [Query("q0", "x")], [Qrel("q0", "p0", 1)]
    empty, full = Run("base", {}), run_at("tuned", [1])
    found = find_changes(
        queries,
        {},
        judged,
        (empty, per_query(empty, judged, queries)),
        (full, per_query(full, judged, queries)),
    )
    assert found.better[0].base_top is None


def test_unchanged_queries_and_near_misses_are_counted() -> None:
    """What did not move is counted; an answer at ranks 11 to 20 is a near miss, the nearest first."""
    found = changes([1, 12, 3, 20], [1, 14, 11, 2])
    assert (found.better_total, found.worse_total, found.unchanged_total) == (1, 2, 1)
    assert [(n.query.id, n.rank, n.base_rank) for n in found.near_misses] == [("q2", 11, 3), ("q1", 14, 12)]
    assert (found.near_miss_total, found.base_near_miss_total) == (2, 2)


def test_passages_come_and_go() -> None:
    """What only one of the two models has among the first hits came or left, query by query."""
    base = Run("base", {"a": {"x": 3.0, "y": 2.0}, "b": {"x": 1.0}})
    tuned = Run("tuned", {"a": {"z": 3.0, "x": 2.0}})
    moved = moved_passages([Query("a", ""), Query("b", "")], base, tuned, k=2)
    assert (moved.gained, moved.lost, moved.kept) == (("z",), ("y", "x"), 1)
