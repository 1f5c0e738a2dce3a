"""Word vectors whose means come near to vectors that texts already have: ridge regression, solved in rounds.

Knows arrays; knows no model and no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.protocols import Vectors

_ROUNDS = 40
"""Rounds of conjugate gradients; by then the error that is left is far below that of the fit."""


def bags(ids: Sequence[NDArray[np.int32]], size: int) -> Any:
    """A CSR matrix of float32, shape (texts, size): the share that each of `size` terms has in each text."""
    from scipy.sparse import csr_array

    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    shares = np.repeat((1 / np.maximum(lengths, 1)).astype(np.float32), lengths)
    terms = np.concatenate([*ids, np.zeros(0, dtype=np.int32)])
    return csr_array((shares, terms, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(ids), size))


def fitted(start: Vectors, texts: Any, targets: Vectors, weights: NDArray[np.float32], ridge: float) -> Vectors:
    """Word vectors near `start` whose means over each text come near the text's target.

    Minimises |X(start + W D) − targets|² + ridge |D|², with W the weights, by conjugate gradients for all components at
    once (Hestenes & Stiefel 1952). Terms that no text holds stay as they are.

    Args:
        start: Shape (terms, dimension).
        texts: From `bags`, shape (texts, terms).
        targets: Of the same length as the means of `start` are on average, shape (texts, dimension).
        weights: What each term may move, shape (terms,); those of frequent ones should be small.
        ridge: Above 0.
    """
    held = np.unique(texts.indices)
    part = texts[:, held]
    scaled = part.multiply(weights[held][None, :]).tocsr()
    left = scaled.T @ (targets - part @ start[held])
    moved, direction = np.zeros_like(left), left.copy()
    size = (left * left).sum(axis=0)
    for _ in range(_ROUNDS):
        there = scaled.T @ (scaled @ direction) + np.float32(ridge) * direction
        step = size / np.maximum((direction * there).sum(axis=0), 1e-20)
        moved += step * direction
        left -= step * there
        size, before = (left * left).sum(axis=0), size
        direction = left + (size / np.maximum(before, 1e-20)) * direction
    found = start.copy()
    found[held] += weights[held][:, None] * moved
    return found
