"""One query at a time over vectors that lie ready in their number format, and how long that takes.

What a batch of queries takes says little of what one user waits. Codes are kept in memory here, as a store keeps them:
int8 is widened block by block, binary compares 64 signs at once. A store with SIMD for int8 is faster; times are
those of NumPy on this machine. Knows vectors; knows no text.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Precision, Vectors
from jargonaut.retrieval.quantised import RESCORED, Ranges, signs
from jargonaut.retrieval.scan import Rows

TIMED_OVER = 50_000
"""Passages that are searched at most when it is timed; the time grows with their number, and is scaled."""
_BLOCK = 8192


class SingleSearch:
    """Exact search for one query.

    Args:
        passages: Shape (m, dimension), m ≥ 1.
        dim: Leading components that count, normalised again.
        precision: How passages are kept.
    """

    def __init__(self, passages: Vectors, dim: int, precision: Precision) -> None:
        cut = truncate(np.asarray(passages), dim)
        self._dim, self._precision = dim, precision
        self._ranges = Ranges.of(cut, dim) if precision == "int8" else None
        self._kept: NDArray[Any]
        if self._ranges is not None:
            self._kept = self._ranges.codes(cut)
        else:
            self._kept = np.ascontiguousarray(cut, np.float32) if precision == "float32" else _packed(cut)

    def search(self, query: Vectors, k: int) -> tuple[Rows, Vectors]:
        """Rows and scores of the best passages, best first.

        Args:
            query: Shape (dimension,).
            k: Hits; fewer when the corpus is smaller.
        """
        asked = truncate(query[None], self._dim)[0]
        if self._precision == "float32":
            return _best(self._kept @ asked, k)
        if self._ranges is not None:
            # Each step's width goes to the query, so that codes are only widened; starts add the same to all.
            scaled, start = asked * self._ranges.steps, float(asked @ (self._ranges.starts + 128 * self._ranges.steps))
            parts = [self._kept[first : first + _BLOCK].astype(np.float32) @ scaled
                     for first in range(0, len(self._kept), _BLOCK)]  # fmt: skip
            return _best(np.concatenate(parts) + np.float32(start), k)
        differing = np.bitwise_count(self._kept ^ _packed(asked[None])).sum(axis=1, dtype=np.int32)
        shared = (self._dim - 2 * differing).astype(np.float32)
        if self._precision == "binary":
            return _best(shared, k)
        rows, _ = _best(shared, RESCORED * k)
        bits = np.unpackbits(self._kept[rows].view(np.uint8), axis=1)[:, : self._dim]
        rows_by_score, scores = _best(signs(bits.astype(np.float32)) @ asked, k)
        return rows[rows_by_score], scores


def search_milliseconds(
    queries: Vectors, passages: Vectors, k: int, dims: Sequence[int], precisions: Sequence[Precision]
) -> dict[tuple[int, Precision], float]:
    """Median time of an exact search for one query, at every dimension and number format.

    Args:
        queries: Some, shape (n, dimension), n ≥ 1; eleven are enough.
        passages: Shape (m, dimension); with more than 50,000 so many are searched and the time is scaled.
        k: Hits.
        dims: Leading components that count.
        precisions: How passages are kept.
    """
    some = np.asarray(passages[:TIMED_OVER])
    scale = len(passages) / max(1, len(some))
    found: dict[tuple[int, Precision], float] = {}
    for dim in dims:
        for precision in precisions:
            searcher = SingleSearch(some, dim, precision)
            found[dim, precision] = scale * milliseconds(lambda query, s=searcher: s.search(query, k), list(queries))  # type: ignore[misc]
    return found


def milliseconds(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Median time of some work on one item; the first is done once before, untimed."""
    work(items[0])
    times = []
    for item in items:
        started = time.perf_counter()
        work(item)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def _packed(vectors: Vectors) -> NDArray[np.uint64]:
    """Signs, 64 to a word; what is missing of the last word is 0 everywhere and so differs nowhere."""
    bits = np.packbits(vectors > 0, axis=1)
    words = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    words[:, : bits.shape[1]] = bits
    return words.view(np.uint64)


def _best(scores: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The highest scores, best first; equal scores by row number."""
    k = min(k, len(scores))
    if not k:
        return np.zeros(0, np.int64), scores[:0]
    kept = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    order = kept[np.lexsort((kept, -scores[kept]))][:k]
    return order, scores[order]
