"""Sentences that warn a reader, and those that would only worry one."""

from __future__ import annotations

from typing import Any

from jargonaut import notices
from jargonaut.pairs import Leakage

ENOUGH: dict[str, Any] = {"train": 5000, "dev_queries": 500, "sources": {"test": {"label": 9}}, "removed": {}}


def test_nothing_is_said_where_nothing_is_wrong() -> None:
    """Enough pairs, enough queries, no leak, enough groups: no notice."""
    assert [*notices.of_pairs(ENOUGH), *notices.of_leakage(Leakage(), "ours"), *notices.of_test(30, 6)] == []


def test_scarce_pairs_and_queries_are_told_with_their_numbers() -> None:
    """Few training pairs and few dev queries each have a sentence."""
    told = " ".join(notices.of_pairs({**ENOUGH, "train": 120, "dev_queries": 9}))
    assert "only 120 training pairs" in told
    assert "only 9 dev queries" in told


def test_no_hard_negative_at_all_is_told() -> None:
    """Unless none was wanted."""
    assert "not a single hard negative" in " ".join(notices.of_mining({"per_pair": 1, "negatives": 0}))
    assert not [
        *notices.of_mining({"per_pair": 0, "negatives": 0}),
        *notices.of_mining({"per_pair": 1, "negatives": 1}),
    ]


def test_a_test_set_that_was_divided_is_no_benchmark_any_more() -> None:
    """A set with test judgements alone is used up by splitting it, and that is said."""
    assert "no benchmark" in " ".join(notices.of_pairs({**ENOUGH, "given": ["test"]}))
    assert not list(notices.of_pairs({**ENOUGH, "given": ["train", "test"]}))


def test_queries_that_two_parts_ask_are_counted() -> None:
    """Judgements that left train for a held-out query are not lost in silence."""
    assert "20 judgements" in " ".join(notices.of_pairs({**ENOUGH, "removed": {"query_held_out": 20}}))


def test_structural_questions_say_what_they_are() -> None:
    """The share that the round trip removed is named only when there is one."""
    structural = {**ENOUGH, "sources": {"test": {"structure": 9}}}
    with_loss = " ".join(notices.of_pairs({**structural, "removed": {"round_trip": 1200}}))
    without = " ".join(notices.of_pairs(structural))
    assert "1,200" in with_loss
    assert "without the" not in without


def test_each_leaking_part_is_named() -> None:
    """A leak into dev does not say that test is flattered."""
    assert [
        ("dev" in told, "test" in told) for told in notices.of_leakage(Leakage(dev_queries_in_train=1), "given")
    ] == [(True, False)]


def test_a_test_of_few_groups_proves_nothing() -> None:
    """Below the fewest groups that an interval needs, that is said."""
    assert "can prove nothing" in next(notices.of_test(2, 6))
