"""Exact search at many Matryoshka dimensions in one pass over the passages.

A dot product of the leading components is a part of that of more of them, so the products of all dimensions cost what
those of the largest do. Hits and scores are those that a search at each dimension alone gives. Knows vectors and row
numbers; knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Vectors
from jargonaut.retrieval.scan import (
    QUERY_BLOCK,
    UNIT_ROUND_OFF,
    Rows,
    Tile,
    Transform,
    blocks,
    dots,
    longest,
    lowest_of_best,
    one_thread_each,
    scan,
    threads,
    true_places,
)

if TYPE_CHECKING:
    import torch

PASSAGE_BLOCK = 4096
"""Fewer than in a search at one dimension: the scores of a tile are gone over once for each."""


def prefix_top_k(
    queries: Vectors, passages: Vectors, k: int, dims: Sequence[int], *, device: torch.device | None = None
) -> dict[int, tuple[Rows, Vectors]]:
    """Best `k` passages of every query, at every dimension.

    Beyond what comes in and goes out, memory is that of one block of scores and two of passages.

    Args:
        queries: Shape (n, dimension).
        passages: Shape (m, dimension); a `numpy.memmap` is read block by block.
        k: Hits per query; fewer when the corpus is smaller.
        dims: Leading components that count, each normalised again; the full number takes the vectors as they are.
        device: A GPU that multiplies, one dimension after the other; the CPU does when None.

    Returns:
        Dimension → passage rows and scores, both (n, min(k, m)), best first; equal scores by row number.
    """
    wanted = sorted({min(dim, passages.shape[1]) for dim in dims})
    k = min(k, len(passages))
    if k == 0 or not len(queries) or (device is not None and device.type != "cpu"):
        return {dim: scan(queries, passages, k, transform=_cutter(dim), device=device) for dim in wanted}
    starts = range(0, len(queries), QUERY_BLOCK)
    tiles = [_Ladder(queries[start : start + QUERY_BLOCK], wanted, k) for start in starts]
    workers = [_Work(min(QUERY_BLOCK, len(queries)) * min(PASSAGE_BLOCK, len(passages)))
               for _ in range(min(threads(), len(tiles)))]  # fmt: skip

    def compare(worker: int, block: _Block) -> None:
        for tile in tiles[worker :: len(workers)]:
            tile.add(workers[worker], block)

    with ThreadPoolExecutor(len(workers)) as pool, one_thread_each(len(workers)):
        for numbers, part in blocks(passages, None, PASSAGE_BLOCK):
            block = _Block(np.ascontiguousarray(part, dtype=np.float32), wanted, numbers)
            for _ in pool.map(lambda worker: compare(worker, block), range(len(workers))):  # noqa: B023
                pass
    return {
        dim: (
            np.concatenate([tile.best[dim].rows() for tile in tiles]),
            np.concatenate([tile.best[dim].scores() for tile in tiles]),
        )
        for dim in wanted
    }


def _cutter(dim: int) -> Transform:
    return lambda vectors: truncate(vectors, dim)


class _Block:
    """Some passages at every dimension.

    Args:
        vectors: Shape (passages, dimension).
        dims: Ascending.
        numbers: Their rows.
    """

    def __init__(self, vectors: Vectors, dims: Sequence[int], numbers: Rows) -> None:
        self.numbers = numbers
        self.steps = _steps(vectors, dims)
        self.cut = {dim: truncate(vectors, dim) for dim in dims}
        # The full vectors are compared as they are, whatever their length.
        self.inverse = {dim: None if dim == vectors.shape[1] else 1 / _lengths(vectors, dim) for dim in dims}
        self.longest = {dim: longest(cut) for dim, cut in self.cut.items()}


class _Ladder:
    """Some queries, and their best hits so far at every dimension.

    Args:
        queries: Shape (queries, dimension).
        dims: Ascending.
        k: Hits per query.
    """

    def __init__(self, queries: Vectors, dims: Sequence[int], k: int) -> None:
        self.best = {dim: Tile(truncate(queries, dim), k) for dim in dims}
        self._count, self._steps = len(queries), _steps(queries, dims)
        ones = np.ones(len(queries), np.float32)
        self._scale = {dim: ones if dim == queries.shape[1] else _lengths(queries, dim) for dim in dims}

    def add(self, work: _Work, block: _Block) -> None:
        """Compares the queries with a block of passages."""
        for number, (dim, tile) in enumerate(self.best.items()):
            work.extend(self._steps[dim], block.steps[dim], fresh=number == 0)
            work.look_at(block, dim, self._scale[dim])
            tile.add(work, block.numbers)


class _Work:
    """Scores of a tile, in buffers that are used again; the `Product` of a tile at one dimension after the other.

    Args:
        size: Most scores of a tile.
    """

    def __init__(self, size: int) -> None:
        self._sums, self._more = np.empty(size, np.float32), np.empty(size, np.float32)
        self._mask = np.empty(size, np.bool_)
        self._size = 0

    def extend(self, queries: Vectors, passages: Vectors, *, fresh: bool) -> None:
        """Adds the products of further components."""
        shape = (len(queries), len(passages))
        self._size = shape[0] * shape[1]
        target = self._sums if fresh else self._more
        np.matmul(queries, passages.T, out=target[: self._size].reshape(shape))
        if not fresh:
            np.add(self._sums[: self._size], self._more[: self._size], out=self._sums[: self._size])

    def look_at(self, block: _Block, dim: int, scale: Vectors) -> None:
        """Says what the sums are products of, and how long the queries are at this dimension."""
        self._block, self._dim, self._scale = block, dim, scale

    def hits(
        self, queries: Vectors, lengths: Vectors, floor: Vectors, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Queries, columns and scores of all pairs that may be among the best; sorted by query."""
        passages, inverse = self._block.cut[self._dim], self._block.inverse[self._dim]
        shape = (len(queries), len(passages))
        scores = self._sums[: self._size].reshape(shape)
        if inverse is not None:
            scores = np.multiply(scores, inverse, out=self._more[: self._size].reshape(shape))
        if np.isinf(floor).any():
            floor = np.maximum(floor, lowest_of_best(scores, k) / self._scale)
        slack = (self._dim + 8) * UNIT_ROUND_OFF * 2 * lengths * self._block.longest[self._dim]
        mask = self._mask[: self._size]
        np.greater_equal(scores, ((floor - slack) * self._scale)[:, None], out=mask.reshape(shape))
        asked, columns = np.divmod(true_places(mask), shape[1])
        return asked, columns, dots(queries, asked, passages, columns)


def _steps(vectors: Vectors, dims: Sequence[int]) -> dict[int, Vectors]:
    """Dimension → the components that it has more than the one before."""
    return {
        dim: np.ascontiguousarray(vectors[:, before:dim], dtype=np.float32)
        for before, dim in zip((0, *dims), dims, strict=False)
    }


def _lengths(vectors: Vectors, dim: int) -> Vectors:
    lengths: Vectors = np.maximum(np.linalg.norm(vectors[:, :dim], axis=1), np.float32(1e-12))
    return lengths
