"""Reciprocal rank fusion."""

from __future__ import annotations

import pytest

from jargonaut.records import Run
from jargonaut.retrieval import reciprocal_rank_fusion, weighted_fusion

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


def test_weighted_scores_are_put_between_0_and_1_first() -> None:
    """Each run's scores of a query go from 0 to 1, whatever their scale, and count by the weight."""
    fused = weighted_fusion("hybrid", LEFT, RIGHT, 0.75, k=10)
    wanted = {"a": 0.75, "b": 0.75 * 0.5 + 0.25, "c": 0.0, "d": 0.0}
    assert fused.rankings["q"] == {passage: pytest.approx(score) for passage, score in wanted.items()}
    assert fused.rankings["only right"] == {"e": 0.25}


@pytest.mark.parametrize(("weight", "order"), [(1.0, ["a", "b", "c"]), (0.0, ["b", "d"])])
def test_a_weight_of_all_or_nothing_is_one_of_the_runs(weight: float, order: list[str]) -> None:
    """The first hits are that run's own, in its order."""
    ranked = list(weighted_fusion("hybrid", LEFT, RIGHT, weight, k=10).rankings["q"])
    assert ranked[: len(order) - 1] == order[:-1]


def test_equal_scores_of_a_run_count_as_its_best() -> None:
    """A run that cannot tell its hits apart says that all are good, not that none is."""
    same = Run("same", {"q": {"x": 2.0, "y": 2.0}})
    assert weighted_fusion("hybrid", same, Run("none", {"q": {}}), 0.5, k=10).rankings["q"] == {"x": 0.5, "y": 0.5}
