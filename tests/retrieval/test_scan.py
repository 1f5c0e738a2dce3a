"""Search block by block: how the work is cut, and where the vectors lie, changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.protocols import Vectors
from jargonaut.retrieval.scan import PASSAGE_BLOCK, Tile, _TorchProduct, blocks, pair_scores, scan


def made(count: int, seed: int, dimension: int = 24) -> Vectors:
    """Unit vectors, some of them the same."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    vectors[rng.integers(0, count, count // 5)] = vectors[0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute(queries: Vectors, passages: Vectors, k: int, rows: np.ndarray | None = None) -> tuple[np.ndarray, Vectors]:
    """Every pair scored in one way, then sorted by score and row."""
    rows = np.arange(len(passages)) if rows is None else rows
    scores = np.array([np.einsum("ij,ij->i", np.tile(q, (len(rows), 1)), passages[rows]) for q in queries])
    order = np.lexsort((np.broadcast_to(rows, scores.shape), -scores), axis=1)[:, :k]
    return rows[order], np.take_along_axis(scores, order, 1)


@given(
    st.integers(1, 40), st.integers(1, 300), st.integers(1, 60), st.integers(1, 50), st.integers(1, 310),
    st.integers(0, 9),
)  # fmt: skip
def test_any_blocks_give_what_brute_force_gives(n: int, m: int, k: int, tile: int, block: int, seed: int) -> None:
    """Rows and scores are the same to the last bit, ties included, whatever the sizes of tiles and blocks."""
    queries, passages = made(n, seed), made(m, seed + 1)
    rows, scores = scan(queries, passages, k, tile=tile, block=block)
    wanted, best = brute(queries, passages, k)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_array_equal(scores, best)


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 64), st.integers(0, 9))
def test_rows_that_may_not_be_found_are_not(m: int, k: int, block: int, seed: int) -> None:
    """Only allowed rows, as brute force over them gives."""
    queries, passages = made(5, seed), made(m, seed + 1)
    rows = np.flatnonzero(np.random.default_rng(seed).random(m) < 0.4)
    found, scores = scan(queries, passages, k, rows=rows, block=block)
    wanted, best = brute(queries, passages, k, rows)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(scores, best)


@pytest.mark.parametrize("rows", [None, np.arange(3, PASSAGE_BLOCK + 400, 7)])
def test_vectors_in_a_file_give_the_same(tmp_path: Path, rows: np.ndarray | None) -> None:
    """A `.npy` file that is mapped is read block by block, with the same answer as the array."""
    queries, passages = made(9, 0), made(PASSAGE_BLOCK + 500, 1)
    np.save(tmp_path / "passages.npy", passages)
    mapped = np.load(tmp_path / "passages.npy", mmap_mode="r")
    for mine, wanted in zip(scan(queries, mapped, 20, rows=rows), scan(queries, passages, 20, rows=rows), strict=True):
        np.testing.assert_array_equal(mine, wanted)
    assert not any(isinstance(part, np.memmap) for _, part in blocks(mapped, rows, 5000))


def test_a_part_of_a_mapped_file_is_that_part(tmp_path: Path) -> None:
    """A slice of a mapped array still claims the file's own offset; its rows are the slice's all the same."""
    passages = made(300, 1)
    np.save(tmp_path / "passages.npy", passages)
    mapped = np.load(tmp_path / "passages.npy", mmap_mode="r")
    rows, _ = scan(made(4, 0), mapped[100:], 10)
    np.testing.assert_array_equal(rows, scan(made(4, 0), passages[100:], 10)[0])


def test_torch_finds_the_same() -> None:
    """What multiplies on a GPU gives, run on the CPU, the same rows, over several blocks."""
    queries, passages = made(30, 2), made(900, 3)
    wanted, best = scan(queries, passages, 15)
    tile, product = Tile(queries, 15), _TorchProduct(torch.device("cpu"))
    for numbers, part in blocks(passages, None, 128):
        product.take(part)
        tile.add(product, numbers)
    np.testing.assert_array_equal(tile.rows(), wanted)
    np.testing.assert_allclose(tile.scores(), best, rtol=1e-6)


def test_negative_and_equal_scores_are_in_order() -> None:
    """Scores below zero sort as numbers do, and zero is zero whatever its sign."""
    passages = np.array([[-1.0], [-0.0], [0.0], [-2.0], [3.0]], dtype=np.float32)
    rows, scores = scan(np.ones((1, 1), np.float32), passages, 5)
    assert rows.tolist() == [[4, 1, 2, 0, 3]]
    assert scores.tolist() == [[3.0, 0.0, 0.0, -1.0, -2.0]]


@given(st.integers(0, 60), st.integers(0, 9))
def test_single_pairs_score_as_their_vectors_say(count: int, seed: int) -> None:
    """In any order, with repeats, over several blocks."""
    queries, passages = made(7, seed), made(PASSAGE_BLOCK + 90, 1, 4)
    queries = queries[:, :4]
    rng = np.random.default_rng(seed)
    asked, answered = rng.integers(0, 7, count), rng.integers(0, len(passages), count)
    scores = pair_scores(queries, asked, passages, answered)
    np.testing.assert_allclose(scores, (queries[asked] * passages[answered]).sum(axis=1), atol=1e-6)


def test_nothing_to_find_or_to_ask() -> None:
    """No passage may be found, or nobody asks: empty answers, no error."""
    queries, passages = made(3, 0), made(9, 1)
    assert scan(queries, passages, 5, rows=np.array([], dtype=np.int64))[0].shape == (3, 0)
    assert scan(queries[:0], passages, 5)[0].shape == (0, 5)
