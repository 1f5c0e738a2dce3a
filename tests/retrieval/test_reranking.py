"""Hits in a new order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jargonaut.records import Query, Run
from jargonaut.retrieval import reordered, rescored

RUN = Run("dense", {"q": {"a": 0.9, "b": 0.8, "c": 0.1}})


class Length:
    """A reranker that likes long passages."""

    name = fingerprint = "length"
    weight = 1.0

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """Longer is better."""
        return self.score_pairs([(query, passage) for passage in passages])

    def score_pairs(self, both: Sequence[tuple[str, str]]) -> list[float]:
        """The same."""
        return [len(passage) / 100 for _, passage in both]


def test_only_the_first_hits_are_scored_and_a_query_without_any_is_left_out() -> None:
    """Two of three, longest first; nothing found is nothing to rerank."""
    found = rescored(RUN, [Query("q", "x"), Query("none", "y")], {"a": "a", "b": "bbb", "c": "ccccc"}, Length(), 2)
    assert found == {"q": {"b": 0.03, "a": 0.01}}
    assert list(found["q"]) == ["b", "a"]
    assert rescored(Run("empty", {}), [Query("q", "x")], {}, Length(), 5) == {}


def test_the_weight_joins_both_orders() -> None:
    """All of the reranker, none of it, and between: the first search's order counts for the rest."""
    scores = {"q": {"a": 0.2, "b": 0.6, "c": 0.9}}
    assert list(reordered(RUN, scores, 1.0)["q"]) == ["c", "b", "a"]
    assert list(reordered(RUN, scores, 0.0)["q"]) == ["a", "b", "c"]
    assert next(iter(reordered(RUN, scores, 0.5)["q"])) == "b"


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_scores_that_are_quite_sure_are_joined_too(value: float) -> None:
    """0 and 1 have no log-odds, and still an order."""
    assert set(reordered(RUN, {"q": {"a": value, "b": 0.5}}, 0.5)["q"]) == {"a", "b"}
