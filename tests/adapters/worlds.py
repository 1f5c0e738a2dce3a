"""A made-up language gap: queries are passages' vectors, turned, so that a linear map can learn to turn them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.adapters import Adapter, Kind, Lesson, Sides
from jargonaut.adapters.maps import mapped_sides, shapes
from jargonaut.protocols import Vectors

DIMENSION = 16


def unit(vectors: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Vectors:
    """Rows of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def turned(count: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Queries and the passages that answer them, row by row; the turn is always the same one."""
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(DIMENSION, DIMENSION)))[0]
    passages = unit(np.random.default_rng(seed).normal(size=(count, DIMENSION)))
    noise = 0.02 * np.random.default_rng(seed + 1).normal(size=passages.shape)
    return unit(0.6 * passages.astype(np.float64) + 0.8 * passages @ turn + noise), passages


def lesson(count: int = 200, seed: int = 0) -> Lesson:
    """One answer to each query."""
    queries, passages = turned(count, seed)
    asked, there = [f"q{n}" for n in range(count)], [f"p{n}" for n in range(count)]
    return Lesson.of(asked, queries, there, passages, {q: {p} for q, p in zip(asked, there, strict=True)}, {})


def first_hits(adapter: Adapter, seed: int = 50) -> float:
    """Share of unseen queries whose answer is found first."""
    queries, passages = turned(100, seed)
    scores = adapter.mapped(queries, "query") @ adapter.mapped(passages, "passage").T
    return float((scores.argmax(axis=1) == np.arange(100)).mean())


def some_adapter(kind: Kind, sides: Sides, base: str, dimension: int, seed: int = 1) -> Adapter:
    """One that changes every vector."""
    random = np.random.default_rng(seed)
    tensors = {
        f"{side}.{name}": random.normal(0, 0.2, shape).astype(np.float32)
        for side in mapped_sides(sides)
        for name, shape in shapes(kind, dimension, 3, 5).items()
    }
    return Adapter(kind, sides, base, "a base", dimension, tensors)


class Bag:
    """An encoder of counted words, by hash."""

    name = "bag"
    dimension = DIMENSION

    def __init__(self, fingerprint: str = "b" * 32) -> None:
        self.fingerprint = fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        rows = [np.random.default_rng([ord(c) for c in text] or [0]).normal(size=DIMENSION) for text in texts]
        return unit(np.array(rows).reshape(-1, DIMENSION))

    encode_passages = encode_queries
