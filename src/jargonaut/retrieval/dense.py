"""Exact dense retrieval over vectors in memory, block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Vectors
from jargonaut.records import Run

QUERY_BLOCK = 256
PASSAGE_BLOCK = 16_384


def top_k(
    queries: Vectors,
    passages: Vectors,
    k: int,
    *,
    dim: int | None = None,
    rows: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], Vectors]:
    """Best `k` passages of every query by dot product.

    Beyond what comes in and goes out, memory is that of sorting one block of scores (256 queries × 16,384 passages,
    under 100 MB), whatever the size of the corpus.

    Args:
        queries: Shape (n, dimension).
        passages: Shape (m, dimension).
        k: Hits per query; fewer when the corpus is smaller.
        dim: Leading components that count, normalised again; all of them, as they are, when None.
        rows: Ascending rows of `passages` that may be found; all when None.

    Returns:
        Passage rows and scores, both (n, min(k, m)), best first; equal scores by row number.
    """
    among = len(passages) if rows is None else len(rows)
    k = min(k, among)
    found_rows = np.zeros((len(queries), k), dtype=np.int64)
    scores = np.zeros((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = _cut(queries[start : start + QUERY_BLOCK], dim)
        best = np.zeros((len(block), 0), dtype=np.float32)
        where = np.zeros((len(block), 0), dtype=np.int64)
        for first in range(0, among, PASSAGE_BLOCK):
            part = slice(first, first + PASSAGE_BLOCK)
            found, columns = _lowest(-(block @ _cut(passages[part if rows is None else rows[part]], dim).T), k)
            best, where = np.hstack([best, found]), np.hstack([where, columns + first])
            order = np.lexsort((where, best), axis=1)[:, :k]
            best, where = np.take_along_axis(best, order, 1), np.take_along_axis(where, order, 1)
        found_rows[start : start + len(block)] = where if rows is None else rows[where]
        scores[start : start + len(block)] = -best
    return found_rows, scores


def dense_run(
    name: str,
    query_ids: Sequence[str],
    queries: Vectors,
    passage_ids: Sequence[str],
    passages: Vectors,
    *,
    k: int,
    dim: int | None = None,
    rows: NDArray[np.int64] | None = None,
) -> Run:
    """A run by cosine similarity; `k`, `dim` and `rows` as in `top_k`."""
    found, scores = top_k(queries, passages, k, dim=dim, rows=rows)
    return Run(
        name,
        {
            query_id: {passage_ids[row]: float(score) for row, score in zip(hits, values, strict=True)}
            for query_id, hits, values in zip(query_ids, found, scores, strict=True)
        },
    )


def _cut(vectors: Vectors, dim: int | None) -> Vectors:
    return vectors if dim is None else truncate(vectors, dim)


def _lowest(values: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
    """The `k` lowest values of each row and their columns, in any order; of equal values those in the first columns."""
    if values.shape[1] <= k:
        return values, np.broadcast_to(np.arange(values.shape[1]), values.shape)
    part = np.argpartition(values, k - 1, axis=1)[:, :k]
    highest = np.take_along_axis(values, part, 1).max(axis=1, initial=-np.inf)
    for query in np.flatnonzero((values <= highest[:, None]).sum(axis=1) > k):  # a partition cuts ties anywhere
        below = np.flatnonzero(values[query] < highest[query])
        level = np.flatnonzero(values[query] == highest[query])
        part[query] = np.concatenate([below, level[: k - len(below)]])
    return np.take_along_axis(values, part, 1), part
