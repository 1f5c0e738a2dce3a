"""The vocabulary."""

from __future__ import annotations

import dataclasses

import pytest

from jargonaut.records import (
    BadRow,
    Context,
    Pair,
    PairSplits,
    Passage,
    Qrel,
    Query,
    Run,
    ScoredPassage,
    grades,
    positives,
    qrels,
    queries,
)

PAIRS = (Pair("q1", "one", "p1"), Pair("q2", "two", "p1", 0), Pair("q1", "one", "p2", 2), Pair("q3", "three", "p3"))


@pytest.mark.parametrize(
    ("context", "wanted"), [("none", "text"), ("title", "T\ntext"), ("headings", "T > A > B\ntext")]
)
def test_content_is_text_under_its_context(context: Context, wanted: str) -> None:
    """Title and heading path stand before the text, as asked for."""
    assert Passage("p", "text", "T", ("A", "B")).content(context) == wanted


def test_content_repeats_nothing() -> None:
    """A heading equal to the title above it, or an empty title, is not written."""
    assert Passage("p", "text", "T", ("T", "B")).content("headings") == "T > B\ntext"
    assert Passage("p", "text").content("headings") == "text"
    assert Passage("p", "text").content("title") == "text"


def test_records_do_not_change() -> None:
    """A record that was handed over stays what it was."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Query("q", "text").text = "other"  # type: ignore[misc]


def test_relevance_zero_is_no_positive() -> None:
    """Grade 0 stays in the judgements and out of positives and queries."""
    assert [pair.passage_id for pair in positives(PAIRS)] == ["p1", "p2", "p3"]
    assert qrels(PAIRS)[1] == Qrel("q2", "p1", 0)
    assert queries(PAIRS) == [Query("q1", "one"), Query("q3", "three")]


def test_splits_are_found_by_name() -> None:
    """`part` gives what the attribute holds."""
    splits = PairSplits(PAIRS[:1], PAIRS[1:2], PAIRS[2:], {"p1": "g"})
    assert [splits.part(name) for name in ("train", "dev", "test")] == [splits.train, splits.dev, splits.test]


def test_a_run_gives_its_first_hits() -> None:
    """The best come first; an unknown query has no hits."""
    run = Run("r", {"q": {"a": 2.0, "b": 1.0, "c": 0.5}})
    assert run.top("q", 2) == [ScoredPassage("a", 2.0), ScoredPassage("b", 1.0)]
    assert run.top("other", 2) == []


def test_a_bad_row_says_where() -> None:
    """File, line and field stand in front of the reason, as far as they are known."""
    assert str(BadRow("a.jsonl", 3, "text", "empty")) == "a.jsonl:3: field 'text': empty"
    assert str(BadRow("a.pdf", 0, "", "cannot be read")) == "a.pdf: cannot be read"


def test_grades_are_those_of_all_pairs() -> None:
    """By query and passage, grade 0 included."""
    assert grades(PAIRS) == {"q1": {"p1": 1, "p2": 2}, "q2": {"p1": 0}, "q3": {"p3": 1}}
