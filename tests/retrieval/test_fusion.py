"""Reciprocal rank fusion."""

from __future__ import annotations

import pytest

from jargonaut.records import Run
from jargonaut.retrieval import reciprocal_rank_fusion

LEFT = Run("left", {"q": {"a": 9.0, "b": 5.0, "c": 1.0}})
RIGHT = Run("right", {"q": {"b": 0.9, "d": 0.2}, "only right": {"e": 0.1}})


def test_scores_are_the_papers_formula() -> None:
    """Σ 1 / (60 + rank), whatever the systems' own scores are."""
    fused = reciprocal_rank_fusion("hybrid", [LEFT, RIGHT], k=10)
    wanted = {"b": 1 / 62 + 1 / 61, "a": 1 / 61, "d": 1 / 62, "c": 1 / 63}
    assert list(fused.rankings["q"].items()) == [(p, pytest.approx(score)) for p, score in wanted.items()]


def test_a_query_that_one_system_missed_takes_the_others_hits() -> None:
    """No query is lost."""
    assert reciprocal_rank_fusion("hybrid", [LEFT, RIGHT], k=10).rankings["only right"] == {"e": pytest.approx(1 / 61)}


def test_only_k_hits_are_kept() -> None:
    """The best of them."""
    assert list(reciprocal_rank_fusion("hybrid", [LEFT, RIGHT], k=1).rankings["q"]) == ["b"]


def test_the_constant_dampens() -> None:
    """With a constant of zero a first rank counts whole."""
    assert reciprocal_rank_fusion("hybrid", [LEFT], k=1, constant=0).rankings["q"] == {"a": 1.0}
