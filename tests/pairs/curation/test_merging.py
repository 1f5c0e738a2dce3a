"""Queries that ask the same become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from jargonaut.pairs.curation.merging import merge_queries
from jargonaut.protocols import Vectors
from jargonaut.records import Pair

from .cases import pair


def alike(texts: Sequence[str]) -> Vectors:
    """Vectors that are all the same."""
    return np.full((len(texts), 4), 3.0, np.float32)


def apart(texts: Sequence[str]) -> Vectors:
    """Vectors that have nothing in common."""
    return np.eye(len(texts), dtype=np.float32)


def test_positives_are_united_under_the_judged_query() -> None:
    """The query that people judged stands for the others, however frequent they are, and gets their passages."""
    pairs = [
        pair("reset password", "a"),
        pair("reset password", "b"),
        pair("How do I reset my password?", "c", "label"),
    ]
    merged = merge_queries(pairs)
    assert merged.queries == {"reset password": "How do I reset my password?"}
    assert [(p.query, p.passage_id, p.provenance) for p in merged.pairs] == [
        ("How do I reset my password?", "a", "llm"), ("How do I reset my password?", "b", "llm"),
        ("How do I reset my password?", "c", "label"),
    ]  # fmt: skip


def test_the_most_frequent_wording_stands_for_the_others() -> None:
    """Where nobody judged, the wording with most pairs wins."""
    pairs = [pair("a reset of the password", "a"), pair("password reset", "b"), pair("password reset", "c")]
    assert merge_queries(pairs).queries == {"a reset of the password": "password reset"}


def test_ids_of_one_wording_become_one() -> None:
    """Two ids whose texts differ in case and punctuation only are one query."""
    merged = merge_queries([Pair("1", "What is it?", "a"), Pair("2", "what is it", "b")])
    assert len({(p.query_id, p.query) for p in merged.pairs}) == 1


def test_inflections_need_vectors_that_agree() -> None:
    """Equal stems are merged where the vectors agree, and neither without vectors nor where these differ."""
    pairs = [pair("treating infections", "a"), pair("treated infection", "b")]
    assert not merge_queries(pairs).queries
    assert not merge_queries(pairs, apart).queries
    assert merge_queries(pairs, alike).queries == {"treating infections": "treated infection"}


@pytest.mark.parametrize(
    "other", ["treat infections in 6 days", "treat infections without 5 days", "treats E5 infection"]
)
def test_vectors_never_merge_another_number_or_negation(other: str) -> None:
    """However alike the vectors are, a number, a negation and a code count."""
    assert not merge_queries([pair("treat infection in 5 days", "a"), pair(other, "b")], alike).queries


def test_only_queries_of_equal_stems_are_encoded() -> None:
    """Encoding costs, so it is asked of few."""
    asked: list[str] = []

    def encode(texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        return alike(texts)

    merge_queries([pair("treated infection"), pair("treating infections"), pair("something else")], encode)
    assert sorted(asked) == ["treated infection", "treating infections"]


def test_queries_of_other_parts_stay_apart() -> None:
    """A test query is never merged into a train query; one of no part joins."""
    pairs = [
        replace(pair("reset password", "a"), split="train"), replace(pair("password reset", "b"), split="test"),
        pair("the password reset", "c"),
    ]  # fmt: skip
    assert merge_queries(pairs).queries == {"the password reset": "password reset"}
    assert {p.query for p in merge_queries(pairs).pairs if p.split} == {"reset password", "password reset"}


def test_queries_of_empty_words_are_like_no_other() -> None:
    """Queries that lose all their words are not all the same."""
    assert not merge_queries(
        [pair("what is the", "a"), pair("for my", "b"), pair("???", "c"), pair("!!!", "d")]
    ).queries
