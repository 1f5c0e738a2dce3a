"""Exact search by dot product over any number of vectors: passages block by block, queries tile by tile, on CPU or GPU.

A matrix product gives the scores of a tile, which are compared with the score that each query's hits have to beat so
far. Only the few that may beat it are scored again, each pair in the same order of operations, so the hits do not
depend on how the work was cut. Vectors may lie in a `.npy` file (a `numpy.memmap`): they are read block by block, and
no page of the file stays in this process. Knows vectors and row numbers; knows no text.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jargonaut.protocols import Vectors

if TYPE_CHECKING:
    import torch

QUERY_BLOCK = 256
PASSAGE_BLOCK = 16_384
_GPU_QUERY_BLOCK = 4096
_GPU_PASSAGE_BLOCK = 65_536
_RESCORED_AT_ONCE = 2048
UNIT_ROUND_OFF = 2.0**-24
_NONE = np.uint64(2**64 - 1)
"""No hit; sorts behind every hit."""
Rows: TypeAlias = NDArray[np.int64]
Transform: TypeAlias = Callable[[Vectors], Vectors]
"""What is done to a block of vectors before they are compared, such as cutting them to a dimension."""


def scan(
    queries: Vectors,
    passages: Vectors,
    k: int,
    *,
    rows: Rows | None = None,
    transform: Transform | None = None,
    asked: Transform | None = None,
    device: torch.device | None = None,
    rescore: bool = True,
    tile: int = QUERY_BLOCK,
    block: int = PASSAGE_BLOCK,
) -> tuple[Rows, Vectors]:
    """Best `k` passages of every query.

    Beyond what comes in and goes out, memory is that of one tile of scores and one block of passages, whatever the size
    of the corpus.

    Args:
        queries: Shape (n, dimension).
        passages: Shape (m, dimension); a `numpy.memmap` is read block by block.
        k: Hits per query; fewer when fewer passages may be found.
        rows: Ascending rows of `passages` that may be found; all when None.
        transform: Applied to queries and to every block of passages.
        asked: Applied to the queries in its place, where they are not what the passages are.
        device: A GPU that multiplies; NumPy does when None or a CPU.
        rescore: Whether hits are scored pair by pair. Without, which is faster, the last digit of a score may depend on
            how the work is cut, and so may which of two that score alike comes first.
        tile: Queries that are compared at once.
        block: Passages that are compared at once.

    Returns:
        Passage rows and scores, both (n, k), best first; equal scores by row number.
    """
    k = min(k, len(passages) if rows is None else len(rows))
    if k == 0 or not len(queries):
        return np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    change = asked or transform
    wanted = change(queries) if change else queries
    gpu = device is not None and device.type != "cpu"
    if gpu:
        tile, block = max(tile, _GPU_QUERY_BLOCK), max(block, _GPU_PASSAGE_BLOCK)
    tiles = [Tile(wanted[start : start + tile], k) for start in range(0, len(wanted), tile)]
    products: list[_CpuProduct | _TorchProduct]
    if gpu:
        products = [_TorchProduct(device, rescore=rescore)]
    else:
        size = min(tile, len(wanted)) * min(block, len(passages))
        products = [_CpuProduct(size, rescore=rescore) for _ in range(min(threads(), len(tiles)))]

    def compare(worker: int, numbers: Rows, vectors: Vectors) -> None:
        products[worker].take(vectors)
        for one in tiles[worker :: len(products)]:
            one.add(products[worker], numbers)

    # A thread for each tile instead of several for each product: what stands between products is shared out too.
    with ThreadPoolExecutor(len(products)) as pool, one_thread_each(len(products)):
        for numbers, part in blocks(passages, rows, block):
            vectors = np.ascontiguousarray(transform(part) if transform else part)
            for _ in pool.map(lambda worker: compare(worker, numbers, vectors), range(len(products))):  # noqa: B023
                pass
    return np.concatenate([one.rows() for one in tiles]), np.concatenate([one.scores() for one in tiles])


def pair_scores(queries: Vectors, asked: Rows, passages: Vectors, answered: Rows) -> Vectors:
    """Dot products of single pairs.

    Args:
        queries: Shape (n, dimension).
        asked: Row of each pair's query, shape (pairs,).
        passages: Shape (m, dimension); a `numpy.memmap` is read block by block.
        answered: Row of each pair's passage, shape (pairs,).
    """
    scores = np.zeros(len(asked), np.float32)
    order = np.argsort(answered, kind="stable")
    in_order = answered[order]
    for first in range(0, len(passages), PASSAGE_BLOCK):
        low, high = np.searchsorted(in_order, (first, first + PASSAGE_BLOCK))
        if low < high:
            here = order[low:high]
            slab = rows_between(passages, first, first + PASSAGE_BLOCK)
            scores[here] = dots(queries, asked[here], slab, answered[here] - first)
    return scores


def blocks(passages: Vectors, rows: Rows | None, size: int) -> Iterator[tuple[Rows, Vectors]]:
    """Row numbers and vectors of the passages that may be found, so many rows of the corpus at a time."""
    for first in range(0, len(passages), size):
        last = min(first + size, len(passages))
        if rows is None:
            yield np.arange(first, last), rows_between(passages, first, last)
            continue
        low, high = np.searchsorted(rows, (first, last))
        part = rows[low:high]
        if len(part):
            slab = rows_between(passages, first, last)
            yield part, slab if len(part) == len(slab) else slab[part - first]


def threads() -> int:
    """Threads that this process's linear algebra may take."""
    from threadpoolctl import threadpool_info

    return max((int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)


def one_thread_each(workers: int) -> AbstractContextManager[Any]:
    """While several workers multiply, each product takes one thread."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1 if workers > 1 else None, user_api="blas")
    return limits


class _CpuProduct:
    """Scores of a tile by NumPy, in buffers that are used again.

    Args:
        size: Most scores of a tile.
        rescore: Whether hits are scored pair by pair.
    """

    def __init__(self, size: int, *, rescore: bool = True) -> None:
        self._rescore = rescore
        self._scores, self._mask = np.empty(size, np.float32), np.empty(size, np.bool_)
        self._passages: Vectors = np.empty((0, 0), np.float32)
        self._longest = 0.0

    def take(self, passages: Vectors) -> None:
        """The passages of the next block."""
        self._passages, self._longest = passages, _longest(passages)

    def hits(
        self, queries: Vectors, lengths: Vectors, floor: Vectors, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Queries, columns and scores of all pairs that may be among the best; sorted by query."""
        shape = (len(queries), len(self._passages))
        size = shape[0] * shape[1]
        scores = self._scores[:size].reshape(shape)
        np.matmul(queries, self._passages.T, out=scores)
        floor = np.maximum(floor, lowest_of_best(scores, k)) if np.isinf(floor).any() else floor
        slack = queries.shape[1] * UNIT_ROUND_OFF * 2 * lengths * self._longest
        mask = self._mask[:size]
        np.greater_equal(scores, (floor - slack)[:, None], out=mask.reshape(shape))
        asked, columns = np.divmod(true_places(mask), shape[1])
        exact = dots(queries, asked, self._passages, columns) if self._rescore else scores[asked, columns]
        return asked, columns, exact


class _TorchProduct:
    """The same by torch, on a GPU.

    Args:
        device: The GPU.
        rescore: Whether hits are scored pair by pair.
    """

    def __init__(self, device: torch.device | None, *, rescore: bool = True) -> None:
        self._device, self._rescore = device, rescore
        self._passages: torch.Tensor | None = None
        self._longest = 0.0

    def take(self, passages: Vectors) -> None:
        """The passages of the next block."""
        import torch

        self._passages, self._longest = torch.from_numpy(passages).to(self._device), _longest(passages)

    def hits(
        self, queries: Vectors, lengths: Vectors, floor: Vectors, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Queries, columns and scores of all pairs that may be among the best; sorted by query."""
        import torch

        assert self._passages is not None  # noqa: S101 - `take` came first
        asked = torch.from_numpy(queries).to(self._device)
        scores = asked @ self._passages.T
        least = torch.from_numpy(floor).to(self._device)
        if np.isinf(floor).any() and scores.shape[1] >= k:
            least = torch.maximum(least, torch.topk(scores, k, dim=1).values[:, -1])
        # Whoever lets the GPU multiply in tensor-float32 has products of ten bits.
        unit = 2.0**-10 if torch.backends.cuda.matmul.allow_tf32 else queries.shape[1] * UNIT_ROUND_OFF * 2
        slack = torch.from_numpy(unit * lengths * self._longest).to(self._device)
        found = (scores >= (least - slack)[:, None]).nonzero()
        exact = scores[found[:, 0], found[:, 1]]
        del scores
        for start in range(0, len(found) if self._rescore else 0, _GPU_PASSAGE_BLOCK):
            part = found[start : start + _GPU_PASSAGE_BLOCK]
            exact[start : start + len(part)] = (asked[part[:, 0]].double() * self._passages[part[:, 1]]).sum(1).float()
        where = found.cpu().numpy()
        return where[:, 0], where[:, 1], exact.cpu().numpy()


class Product(Protocol):
    """What compares a tile of queries with the block of passages that it holds."""

    def hits(
        self, queries: Vectors, lengths: Vectors, floor: Vectors, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Queries, columns and scores of all pairs that may be among the best; sorted by query."""


class Tile:
    """Some queries and their best hits so far.

    A hit is one number: its score turned round in the upper half, its row in the lower, so that sorting the numbers
    sorts by score and then by row.
    """

    def __init__(self, queries: Vectors, k: int) -> None:
        self._queries, self._k = np.ascontiguousarray(queries, dtype=np.float32), k
        self._lengths = np.linalg.norm(self._queries, axis=1)
        self._best = np.full((len(queries), k), _NONE)
        self._floor = np.full(len(queries), -np.inf, np.float32)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.uint64]]] = []
        self._count = 0

    def add(self, product: Product, numbers: Rows) -> None:
        """Compares the queries with a block of passages, whose row numbers are given."""
        asked, columns, scores = product.hits(self._queries, self._lengths, self._floor, self._k)
        self._waiting.append((asked, _packed(scores, numbers[columns])))
        self._count += len(asked)
        if self._count > self._best.size // 2 or np.isinf(self._floor).any():
            self._merge()

    def rows(self) -> Rows:
        """Rows of the hits, best first, shape (queries, k)."""
        self._merge()
        return (self._best & np.uint64(2**32 - 1)).astype(np.int64)

    def scores(self) -> Vectors:
        """Their scores."""
        self._merge()
        return _unpacked(self._best)

    def _merge(self) -> None:
        if not self._waiting:
            return
        asked = np.concatenate([queries for queries, _ in self._waiting])
        hits = np.concatenate([packed for _, packed in self._waiting])
        order = np.argsort(asked, kind="stable")
        asked = asked[order]
        counts = np.bincount(asked, minlength=len(self._best))
        places = np.arange(len(asked)) - np.repeat(np.cumsum(counts) - counts, counts)
        more = np.full((len(self._best), int(counts.max(initial=0))), _NONE)
        more[asked, places] = hits[order]
        self._best = np.sort(np.concatenate([self._best, more], axis=1), axis=1)[:, : self._k]
        last = self._best[:, -1]
        self._floor = np.where(last == _NONE, np.float32(-np.inf), _unpacked(last))
        self._waiting, self._count = [], 0


def rows_between(passages: Vectors, first: int, last: int) -> Vectors:
    """Some rows; those of a file are read, for pages that are mapped count as this process's memory."""
    # A part of a mapped array keeps the file's name and offset but lies elsewhere, so only a whole one is read.
    mapped: Any = passages
    if not isinstance(passages, np.memmap) or not isinstance(mapped.base, mmap.mmap) or not mapped.filename:
        return passages[first:last]
    last = min(last, len(passages))
    start = mapped.offset + first * mapped.shape[1] * mapped.itemsize
    count = (last - first) * mapped.shape[1]
    return np.fromfile(mapped.filename, mapped.dtype, count, offset=start).reshape(last - first, -1)


def lowest_of_best(scores: Vectors, k: int) -> Vectors:
    """A score that `k` or more passages of a block reach, for each query; -inf in a block of fewer.

    The k-th largest of the maxima of 2k groups: one pass, and hardly lower than the k-th largest score itself.
    """
    columns = scores.shape[1]
    if columns < k:
        return np.full(len(scores), -np.inf, np.float32)
    depth = columns // (2 * k)
    if depth >= 2:
        scores = scores[:, : depth * 2 * k].reshape(len(scores), depth, 2 * k).max(axis=1)
    floor: Vectors = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k]
    return floor


def true_places(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of the few true values of a long mask, ascending; 64 are looked at at once."""
    if len(mask) % 64:
        return np.flatnonzero(mask)
    words = mask.view(np.uint64)
    for _ in range(3):
        words = words[0::2] | words[1::2]
    groups = np.flatnonzero(words)
    group, place = np.nonzero(mask.reshape(-1, 64)[groups])
    return groups[group] * 64 + place


def dots(queries: Vectors, asked: Rows, passages: Vectors, answered: Rows) -> Vectors:
    """Dot products of single pairs, each in the same order of operations wherever it stands."""
    scores = np.empty(len(asked), np.float32)
    for start in range(0, len(asked), _RESCORED_AT_ONCE):
        part = slice(start, start + _RESCORED_AT_ONCE)
        np.einsum("ij,ij->i", queries[asked[part]], passages[answered[part]], out=scores[part])
    return scores


def _longest(passages: Vectors) -> float:
    """Length of the longest vector."""
    return float(np.sqrt(np.einsum("ij,ij->i", passages, passages).max(initial=0.0)))


def _packed(scores: Vectors, rows: Rows) -> NDArray[np.uint64]:
    bits = (scores + np.float32(0)).view(np.uint32)  # -0 becomes 0
    descending = np.where(bits >> np.uint32(31), bits, ~bits & np.uint32(0x7FFFFFFF))
    return (descending.astype(np.uint64) << np.uint64(32)) | rows.astype(np.uint64)


def _unpacked(packed: NDArray[np.uint64]) -> Vectors:
    upper = (packed >> np.uint64(32)).astype(np.uint32)
    return np.where(upper >> np.uint32(31), upper, ~upper & np.uint32(0x7FFFFFFF)).view(np.float32)
