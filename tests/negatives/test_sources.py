"""Where candidates come from: joined rankings and neighbours."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.negatives import NOTHING, Neighbours
from jargonaut.negatives.pooling import joined
from jargonaut.records import Run
from jargonaut.retrieval import reciprocal_rank_fusion

RANKINGS = st.lists(st.permutations(range(100, 112)).map(lambda row: row[:7]), min_size=2, max_size=4)


@given(RANKINGS)
def test_joined_rankings_are_reciprocal_rank_fusion(rankings: list[list[int]]) -> None:
    """The same order as the fusion that retrieval uses; ids of three digits sort as their numbers do."""
    runs = [Run("one", {"q": {str(row): -float(n) for n, row in enumerate(each)}}) for each in rankings]
    fused = reciprocal_rank_fusion("all", runs, k=9).rankings["q"]
    found = joined([np.array([each]) for each in rankings], 9)[0]
    assert [str(row) for row in found if row != NOTHING] == list(fused)


def test_rankings_of_several_lengths_are_joined() -> None:
    """What is missing at the end of one plays no part."""
    dense, words = np.array([[5, 6, 7]]), np.array([[6, NOTHING]])
    assert joined([dense, words], 4).tolist() == [[6, 5, 7, NOTHING]]


def test_neighbours_are_the_nearest_of_the_same_place() -> None:
    """First the next one, then the one before, further and further, and never beyond the place's ends."""
    places = Neighbours(["a", "a", "b", "a", "b", "a"])
    assert places.of(np.array([1, 4, 5]), 10).tolist() == [
        [3, 0, 5, NOTHING, NOTHING, NOTHING],
        [2, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING],
        [3, 1, 0, NOTHING, NOTHING, NOTHING],
    ]
    assert places.of(np.array([1]), 2).tolist() == [[3, 0]]


def test_who_stands_alone_has_no_neighbours() -> None:
    """A labelled set without documents gives none, and no error."""
    assert Neighbours(["a", "b"]).of(np.array([0, 1]), 5).shape == (2, 0)
