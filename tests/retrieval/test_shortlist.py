"""Approximate search: as good as it says, and exact where it cannot be good."""

from __future__ import annotations

import numpy as np

from jargonaut.protocols import Vectors
from jargonaut.retrieval import Shortlist, pair_scores, top_k
from jargonaut.retrieval.shortlist import ENOUGH


def made(count: int, decay: float, seed: int) -> Vectors:
    """Unit vectors whose components fall off, as a model's do, or not."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 64)) * np.exp(-decay * np.arange(64))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_vectors_like_a_models_need_few_components() -> None:
    """A fraction of the components finds nearly all, of other queries than its judges too, with true scores."""
    passages, queries = made(4000, 0.08, 0), made(600, 0.08, 1)
    shortlist = Shortlist.fitted(queries, passages, 20)
    assert shortlist.components is not None
    assert shortlist.components <= 32
    rows, scores = shortlist.search(queries, passages, 20)
    exact, _ = top_k(queries, passages, 20)
    recall = np.mean([len(np.intersect1d(a, b)) / 20 for a, b in zip(rows, exact, strict=True)])
    assert recall > ENOUGH - 0.02
    assert shortlist.recall >= ENOUGH
    asked = np.repeat(np.arange(600), 20)
    np.testing.assert_array_equal(scores.ravel(), pair_scores(queries, asked, passages, rows.ravel()))
    assert (np.diff(scores, axis=1) <= 0).all()


def test_vectors_without_a_spectrum_are_searched_exactly() -> None:
    """Where half of the components are not enough, none is left out."""
    passages, queries = made(4000, 0.0, 0), made(200, 0.0, 1)
    shortlist = Shortlist.fitted(queries, passages, 10)
    assert (shortlist.components, shortlist.recall) == (None, 1.0)
    for mine, wanted in zip(shortlist.search(queries, passages, 10), top_k(queries, passages, 10), strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_rows_that_may_not_be_found_are_not() -> None:
    """The shortlist keeps to the allowed rows."""
    passages, queries = made(900, 0.08, 0), made(50, 0.08, 1)
    rows = np.arange(0, 900, 3)
    shortlist = Shortlist.fitted(queries, passages, 10, rows=rows)
    assert (shortlist.search(queries, passages, 10, rows=rows)[0] % 3 == 0).all()
