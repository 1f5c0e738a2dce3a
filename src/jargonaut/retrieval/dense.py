"""Exact dense retrieval over vectors in memory, block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jargonaut.protocols import Vectors
from jargonaut.records import Run

QUERY_BLOCK = 1024
PASSAGE_BLOCK = 65_536


def top_k(queries: Vectors, passages: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
    """Best `k` passages of every query by dot product.

    Memory is bounded by one block of scores (1,024 queries × 65,536 passages), whatever the corpus size.

    Args:
        queries: Shape (n, dimension).
        passages: Shape (m, dimension).
        k: Hits per query; fewer when the corpus is smaller.

    Returns:
        Passage rows and scores, both (n, min(k, m)), best first; equal scores by row number.
    """
    k = min(k, len(passages))
    rows = np.zeros((len(queries), k), dtype=np.int64)
    scores = np.zeros((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = queries[start : start + QUERY_BLOCK]
        best = np.full((len(block), 0), -np.inf, dtype=np.float32)
        where = np.zeros((len(block), 0), dtype=np.int64)
        for first in range(0, len(passages), PASSAGE_BLOCK):
            found = block @ passages[first : first + PASSAGE_BLOCK].T
            columns = np.broadcast_to(np.arange(first, first + found.shape[1]), found.shape)
            best, where = _keep(np.hstack([best, found]), np.hstack([where, columns]), k)
        rows[start : start + len(block)], scores[start : start + len(block)] = where, best
    return rows, scores


def dense_run(
    name: str,
    query_ids: Sequence[str],
    queries: Vectors,
    passage_ids: Sequence[str],
    passages: Vectors,
    *,
    k: int,
    dim: int | None = None,
) -> Run:
    """A run by cosine similarity at the leading `dim` components (all when None)."""
    left, right = (queries, passages) if dim is None else (truncate(queries, dim), truncate(passages, dim))
    rows, scores = top_k(left, right, k)
    return Run(
        name,
        {
            query_id: {passage_ids[row]: float(score) for row, score in zip(hits, values, strict=True)}
            for query_id, hits, values in zip(query_ids, rows, scores, strict=True)
        },
    )


def truncate(vectors: Vectors, dim: int) -> Vectors:
    """The leading `dim` components, normalised again."""
    if dim >= vectors.shape[1]:
        return vectors
    cut = vectors[:, :dim]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(cut / np.maximum(lengths, 1e-12), dtype=np.float32)


def _keep(scores: Vectors, rows: NDArray[np.int64], k: int) -> tuple[Vectors, NDArray[np.int64]]:
    """The best `k` columns of each row, sorted; equal scores by passage row."""
    if scores.shape[1] > k:
        part = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        lowest = np.take_along_axis(scores, part, 1).min(axis=1, initial=np.inf)
        for query in np.flatnonzero((scores >= lowest[:, None]).sum(axis=1) > k):  # a partition cuts ties anywhere
            above = np.flatnonzero(scores[query] > lowest[query])
            level = np.flatnonzero(scores[query] == lowest[query])
            part[query] = np.concatenate([above, level[: k - len(above)]])
        scores, rows = np.take_along_axis(scores, part, 1), np.take_along_axis(rows, part, 1)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
