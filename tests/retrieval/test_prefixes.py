"""Search at every Matryoshka dimension in one pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jargonaut.protocols import Vectors
from jargonaut.retrieval import prefix_top_k, prefixes, top_k


def unit(count: int, dim: int, seed: int) -> Vectors:
    """Random unit vectors."""
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def test_every_dimension_has_the_hits_of_a_search_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and scores are those of `top_k` at each dimension, to the last bit, over several blocks and tiles."""
    monkeypatch.setattr(prefixes, "PASSAGE_BLOCK", 300)
    queries, passages = unit(300, 48, 0), unit(1000, 48, 1)
    passages[700:720] = passages[3]  # repeats tie, and zeros have no direction
    passages[900], queries[7] = 0, 0
    found = prefix_top_k(queries, passages, 20, (48, 8, 20))
    assert sorted(found) == [8, 20, 48]
    for dim, (rows, scores) in found.items():
        alone = top_k(queries, passages, 20, dim=dim)
        assert np.array_equal(rows, alone[0])
        assert np.array_equal(scores, alone[1])


def test_vectors_in_a_file_are_searched(tmp_path: Path) -> None:
    """A memory-mapped corpus gives the same hits, and more hits than passages are not made up."""
    passages, queries = unit(50, 16, 2), unit(3, 16, 3)
    np.save(tmp_path / "v.npy", passages)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    for dim, (rows, _) in prefix_top_k(queries, mapped, 100, (16, 4)).items():
        assert np.array_equal(rows, top_k(queries, passages, 100, dim=dim)[0])
        assert rows.shape == (3, 50)


def test_nothing_to_search_gives_no_hits() -> None:
    """No passage, or no query, is an empty answer of the right shape."""
    assert prefix_top_k(unit(2, 8, 0), np.zeros((0, 8), np.float32), 5, (8,))[8][0].shape == (2, 0)
    assert prefix_top_k(np.zeros((0, 8), np.float32), unit(2, 8, 0), 5, (8,))[8][0].shape == (0, 2)


def test_all_passages_are_found_where_all_are_wanted() -> None:
    """No hit is lost to rounding where as many are wanted as there are, whatever the vectors."""
    for seed in range(40):
        for rows, _ in prefix_top_k(unit(9, 24, seed), unit(64, 24, seed + 100), 64, (24, 11, 5)).values():
            assert np.array_equal(np.sort(rows, axis=1), np.tile(np.arange(64), (9, 1)))
