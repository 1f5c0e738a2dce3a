"""Exact dense retrieval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jargonaut.protocols import Vectors
from jargonaut.retrieval import dense_run, top_k, truncate
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


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_truncated_vectors_are_normalised_again(dim: int) -> None:
    """The leading components keep their direction and get length one."""
    vectors = np.array([[3, 4, 12, 84], [1, 1, 1, 1]], dtype=np.float32)
    cut = truncate(vectors, dim)
    assert cut.shape == (2, dim)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(cut[1], 1 / np.sqrt(dim), rtol=1e-6)


def test_a_vector_of_zeros_stays_zero() -> None:
    """Nothing is divided by zero."""
    assert truncate(np.zeros((1, 4), dtype=np.float32), 2).tolist() == [[0, 0]]


def test_a_run_ranks_by_cosine_at_the_dimension_asked_for() -> None:
    """Components beyond `dim` have no say."""
    passages = np.array([[0.6, 0.8, 0], [0.8, 0, 0.6]], dtype=np.float32)
    query = np.array([[0.6, 0.8, 0]], dtype=np.float32)
    full = dense_run("full", ["q"], query, ["a", "b"], passages, k=2)
    first = dense_run("one", ["q"], query, ["a", "b"], passages, k=2, dim=1)
    assert full.rankings["q"] == pytest.approx({"a": 1.0, "b": 0.48})
    assert first.rankings["q"] == pytest.approx({"a": 1.0, "b": 1.0})
