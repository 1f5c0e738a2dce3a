"""Exact dense retrieval."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jargonaut.protocols import Vectors
from jargonaut.retrieval import dense_run, top_k
from jargonaut.retrieval.dense import PASSAGE_BLOCK, QUERY_BLOCK

SMALL = st.integers(-3, 3).map(np.float32)  # small whole numbers: dot products are exact, and ties are many


def matrix(rows: st.SearchStrategy[int]) -> st.SearchStrategy[Vectors]:
    """Vectors of length 4."""
    return rows.flatmap(lambda n: arrays.arrays(np.float32, (n, 4), elements=SMALL))


@given(matrix(st.integers(0, 6)), matrix(st.integers(0, 30)), st.integers(1, 12))
def test_top_k_is_what_brute_force_finds(queries: Vectors, passages: Vectors, k: int) -> None:
    """Best first, equal scores by row number."""
    scores = queries @ passages.T
    wanted = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    rows, found = top_k(queries, passages, k)
    np.testing.assert_array_equal(np.take_along_axis(scores, wanted, 1), found)
    np.testing.assert_array_equal(rows, wanted)


@given(matrix(st.just(3)), matrix(st.integers(1, 30)))
def test_equal_scores_stand_in_row_order(queries: Vectors, passages: Vectors) -> None:
    """The order among ties is the corpus's, so that two runs agree."""
    rows, _ = top_k(queries, passages, len(passages))
    np.testing.assert_array_equal(rows, np.argsort(-(queries @ passages.T), axis=1, kind="stable"))


def test_hits_are_found_across_blocks() -> None:
    """A corpus and a query set larger than one block give the same answer as one piece."""
    rng = np.random.default_rng(0)
    passages = rng.standard_normal((PASSAGE_BLOCK + 500, 2)).astype(np.float32)
    queries = np.vstack([rng.standard_normal((2, 2)), np.zeros((QUERY_BLOCK, 2)), rng.standard_normal((2, 2))])
    queries = queries.astype(np.float32)
    passages[[5, PASSAGE_BLOCK + 7]] = queries[-1] * 100  # one in each block
    rows, _ = top_k(queries, passages, 2)
    assert rows[-1].tolist() == [5, PASSAGE_BLOCK + 7]
    for row in (0, 1, -2):
        assert rows[row].tolist() == np.argsort(-(passages @ queries[row]), kind="stable")[:2].tolist()


def test_blocks_change_nothing() -> None:
    """Over several blocks of queries and passages, ties at the cut included: what one full sort finds."""
    rng = np.random.default_rng(1)
    queries = rng.integers(-3, 4, (QUERY_BLOCK + 3, 4)).astype(np.float32)  # whole numbers: products are exact
    passages = rng.integers(-3, 4, (2 * PASSAGE_BLOCK + 5, 4)).astype(np.float32)
    rows, scores = top_k(queries, passages, 60)
    for number in (0, 1, QUERY_BLOCK - 1, QUERY_BLOCK, QUERY_BLOCK + 2):
        all_scores = passages @ queries[number]
        wanted = np.argsort(-all_scores, kind="stable")[:60]
        np.testing.assert_array_equal(rows[number], wanted)
        np.testing.assert_array_equal(scores[number], all_scores[wanted])


def test_memory_does_not_grow_with_the_corpus() -> None:
    """Beside what comes in and goes out, 300 queries need less than 100 MB, over three blocks as over thirty."""
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((300, 4), dtype=np.float32)
    peaks = []
    for blocks in (3, 30):
        passages = rng.standard_normal((blocks * PASSAGE_BLOCK, 4), dtype=np.float32)
        tracemalloc.start()
        try:
            top_k(queries, passages, 100, dim=2)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert max(peaks) < 100 * 2**20
    assert peaks[1] < 1.05 * peaks[0]


def test_only_the_rows_that_are_allowed_are_found() -> None:
    """`rows` gives what a search over those rows alone would give, under their own numbers."""
    rng = np.random.default_rng(1)
    queries, passages = (rng.standard_normal((n, 8), dtype=np.float32) for n in (5, 400))
    rows = np.flatnonzero(rng.random(400) < 0.3)
    found, scores = top_k(queries, passages, 20, rows=rows)
    alone, same = top_k(queries, passages[rows], 20)
    np.testing.assert_array_equal(found, rows[alone])
    np.testing.assert_allclose(scores, same, rtol=1e-6)


def test_a_run_ranks_by_cosine_at_the_dimension_asked_for() -> None:
    """Components beyond `dim` have no say."""
    passages = np.array([[0.6, 0.8, 0], [0.8, 0, 0.6]], dtype=np.float32)
    query = np.array([[0.6, 0.8, 0]], dtype=np.float32)
    full = dense_run("full", ["q"], query, ["a", "b"], passages, k=2)
    first = dense_run("one", ["q"], query, ["a", "b"], passages, k=2, dim=1)
    assert full.rankings["q"] == pytest.approx({"a": 1.0, "b": 0.48})
    assert first.rankings["q"] == pytest.approx({"a": 1.0, "b": 1.0})
