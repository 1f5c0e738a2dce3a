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
    lowest_of_best,
    one_thread_each,
    rows_between,
    scan,
    threads,
    true_places,
)

if TYPE_CHECKING:
    import torch

PASSAGE_BLOCK = 4096
"""Fewer than in a search at one dimension: the scores of a tile are gone over once for each."""
_SPARE = 28
"""Hits that are looked at beyond those that are wanted, since rounded products choose them."""


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
    deep = min(k + _SPARE, len(passages))
    if k == 0 or not len(queries) or (device is not None and device.type != "cpu"):
        return {dim: scan(queries, passages, k, transform=_cutter(dim), device=device) for dim in wanted}
    starts = range(0, len(queries), QUERY_BLOCK)
    tiles = [_Ladder(queries[start : start + QUERY_BLOCK], wanted, deep) for start in starts]
    workers = [_Work(min(QUERY_BLOCK, len(queries)) * min(PASSAGE_BLOCK, len(passages)))
               for _ in range(min(threads(), len(tiles)))]  # fmt: skip

    def compare(worker: int, block: _Block) -> None:
        for tile in tiles[worker :: len(workers)]:
            tile.add(workers[worker], block)

    longest = 1.0  # of the passages; cut ones are normalised
    with ThreadPoolExecutor(len(workers)) as pool, one_thread_each(len(workers)):
        for numbers, part in blocks(passages, None, PASSAGE_BLOCK):
            block = _Block(np.ascontiguousarray(part, dtype=np.float32), wanted, numbers)
            longest = max(longest, block.longest)
            for _ in pool.map(lambda worker: compare(worker, block), range(len(workers))):  # noqa: B023
                pass
    return {
        dim: _ordered(
            queries, passages, k, dim, np.concatenate([tile.best[dim].rows() for tile in tiles]),
            np.concatenate([tile.best[dim].scores() for tile in tiles]), longest,
        )
        for dim in wanted
    }  # fmt: skip


def _ordered(
    queries: Vectors, passages: Vectors, k: int, dim: int, rows: Rows, about: Vectors, longest: float
) -> tuple[Rows, Vectors]:
    """The best of somewhat more hits than are wanted, by scores of single pairs, in the order of `scan`.

    The products that chose them are off in their last digits, which the spare hits make up for. Where even the last of
    these may be as good as one that is kept, as where many passages are the same, the query is searched again.
    """
    asked, scores = truncate(queries, dim), np.empty(rows.shape, np.float32)
    places, flat = np.argsort(rows, axis=None, kind="stable"), scores.reshape(-1)
    numbers = rows.reshape(-1)[places]
    for first in range(0, len(passages), PASSAGE_BLOCK):  # a file is read block by block, as before
        low, high = np.searchsorted(numbers, (first, first + PASSAGE_BLOCK))
        if low < high:
            here = places[low:high]
            part = truncate(rows_between(passages, first, first + PASSAGE_BLOCK), dim)
            flat[here] = dots(asked, here // rows.shape[1], part, numbers[low:high] - first)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    found, kept = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
    if rows.shape[1] < len(passages):
        slack = (dim + 8) * UNIT_ROUND_OFF * 4 * np.linalg.norm(asked, axis=1) * longest
        unsure = np.flatnonzero(about[:, -1] + slack >= kept[:, -1])
        if len(unsure):
            found[unsure], kept[unsure] = scan(queries[unsure], passages, k, transform=_cutter(dim))
    return found, kept


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
        self.count, self.steps = len(vectors), _steps(vectors, dims)
        squares, self.inverse = np.zeros(len(vectors), np.float32), dict[int, Vectors | None]()
        for dim, step in self.steps.items():
            squares = squares + np.einsum("ij,ij->i", step, step)
            # The full vectors are compared as they are, whatever their length.
            full = dim == vectors.shape[1]
            self.inverse[dim] = None if full else 1 / np.maximum(np.sqrt(squares), np.float32(1e-12))
        self.longest = float(np.sqrt(squares.max(initial=0.0)))


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
        del queries, lengths
        inverse, shape = self._block.inverse[self._dim], (len(floor), self._block.count)
        scores = self._sums[: self._size].reshape(shape)
        if inverse is not None:
            scores = np.multiply(scores, inverse, out=self._more[: self._size].reshape(shape))
        if np.isinf(floor).any():
            floor = np.maximum(floor, lowest_of_best(scores, k) / self._scale)
        mask = self._mask[: self._size]
        slack = 8 * UNIT_ROUND_OFF * np.abs(floor)  # what was divided by the length and is multiplied again is rounded
        np.greater_equal(scores, ((floor - slack) * self._scale)[:, None], out=mask.reshape(shape))
        asked, columns = np.divmod(true_places(mask), shape[1])
        return asked, columns, scores[asked, columns] / self._scale[asked]


def _steps(vectors: Vectors, dims: Sequence[int]) -> dict[int, Vectors]:
    """Dimension → the components that it has more than the one before."""
    return {
        dim: np.ascontiguousarray(vectors[:, before:dim], dtype=np.float32)
        for before, dim in zip((0, *dims), dims, strict=False)
    }


def _lengths(vectors: Vectors, dim: int) -> Vectors:
    lengths: Vectors = np.maximum(np.linalg.norm(vectors[:, :dim], axis=1), np.float32(1e-12))
    return lengths
