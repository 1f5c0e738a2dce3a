"""Word vectors whose means come near to given vectors."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.students.fitting import bags, fitted

SIZE, DIM = 12, 4


def _world(seed: int, texts: int = 30) -> tuple[list[np.ndarray], np.ndarray]:
    draw = np.random.default_rng(seed)
    ids = [draw.integers(0, SIZE - 2, draw.integers(1, 6)).astype(np.int32) for _ in range(texts)]
    return ids, draw.normal(size=(SIZE, DIM)).astype(np.float32)


def test_a_bag_holds_the_share_of_each_term_and_an_empty_text_holds_nothing() -> None:
    """A term that occurs twice in four has a half; a text without terms is a row of zeros."""
    table = bags([np.array([1, 1, 2, 3], np.int32), np.zeros(0, np.int32)], 5).toarray()
    np.testing.assert_allclose(table, [[0, 0.5, 0.25, 0.25, 0], [0, 0, 0, 0, 0]])


@given(st.integers(0, 10_000))
def test_true_word_vectors_are_found_again(seed: int) -> None:
    """Where means of some word vectors are the targets, and hardly anything holds them, the means are met."""
    ids, truth = _world(seed)
    table = bags(ids, SIZE)
    found = fitted(np.zeros_like(truth), table, table @ truth, np.ones(SIZE, np.float32), 1e-6)
    assert np.abs(table @ found - table @ truth).max() < 0.01


@given(st.integers(0, 10_000))
def test_the_solution_is_that_of_ridge_regression(seed: int) -> None:
    """Conjugate gradients come to what the normal equations give, with weights and a start that is not zero."""
    ids, truth = _world(seed)
    draw = np.random.default_rng(seed + 1)
    start, weights = draw.normal(size=(SIZE, DIM)).astype(np.float32), draw.uniform(0.2, 1, SIZE).astype(np.float32)
    table = bags(ids, SIZE)
    targets = (table @ truth).astype(np.float32)
    dense = table.toarray() * weights
    moved = np.linalg.solve(dense.T @ dense + 0.1 * np.eye(SIZE), dense.T @ (targets - table @ start))
    found = fitted(start, table, targets, weights, 0.1)
    np.testing.assert_allclose(found, start + weights[:, None] * moved, atol=2e-3)


def test_a_term_that_no_text_holds_stays() -> None:
    """The last two terms occur nowhere, so nothing is known of them."""
    ids, truth = _world(3)
    start = np.random.default_rng(4).normal(size=(SIZE, DIM)).astype(np.float32)
    found = fitted(start, bags(ids, SIZE), bags(ids, SIZE) @ truth, np.ones(SIZE, np.float32), 0.01)
    np.testing.assert_array_equal(found[-2:], start[-2:])
    assert not np.allclose(found[:-2], start[:-2])
