"""Filters remove and say why."""

from __future__ import annotations

import pytest

from jargonaut.errors import SettingsError
from jargonaut.pairs import (
    FilterOptions,
    RemovedPair,
    known_positives,
    length_filter,
)
from jargonaut.records import Pair

TEXT = "A passage that has enough words to be an answer."


def test_length_filter_names_the_rule() -> None:
    """Each removed pair carries the rule that it broke; the others stay in order."""
    pairs = [
        Pair("q1", "what is it", "p"),
        Pair("q2", "ab", "p"),
        Pair("q3", "word " * 80, "p"),
        Pair("q4", "a fine query", "short"),
        Pair("q5", "a fine query", "gone"),
        Pair("q6", "a fine query", "short", 0),
    ]
    result = length_filter(pairs, {"p": TEXT, "short": "Too few words."})
    assert [pair.query_id for pair in result.kept] == ["q1", "q6"]
    assert result.counts == {"passage_too_short": 1, "passage_unknown": 1, "query_too_long": 1, "query_too_short": 1}


def test_length_filter_counts_characters_of_scripts_without_spaces() -> None:
    """A Chinese query of three characters is three words, not one."""
    assert length_filter([Pair("q", "数据库", "p")], {"p": TEXT}, FilterOptions(min_query_words=3)).kept


def test_removed_positives_and_equal_questions_are_known_answers() -> None:
    """What was removed still answers its query, and so does what answers the same words under another id."""
    used = [Pair("q1", "Late fee", "a"), Pair("q2", "late  FEE", "b"), Pair("q3", "refund", "c")]
    removed = [RemovedPair(Pair("q1", "Late fee", "d"), "joins_groups"), RemovedPair(Pair("q3", "refund", "e", 0), "x")]
    known = known_positives(used, removed)
    assert known["q1"] == known["q2"] == {"a", "b", "d"}
    assert known["q3"] == {"c"}


@pytest.mark.parametrize(
    "bad", [{"min_query_words": -1}, {"max_query_chars": 2}, {"round_trip_k": 0}, {"max_per_document": 0}]
)
def test_limits_that_mean_nothing_are_refused(bad: dict[str, int]) -> None:
    """Negative counts and limits that no pair can keep are refused; none at all is a choice."""
    FilterOptions(min_query_chars=0, min_query_words=0, min_passage_words=0, round_trip_k=1)
    with pytest.raises(SettingsError, match=rf"\[filter\] {next(iter(bad))}"):
        FilterOptions(**bad)
