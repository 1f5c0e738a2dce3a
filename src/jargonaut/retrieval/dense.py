"""Exact dense retrieval over vectors in memory or in a file, at any dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Vectors
from jargonaut.records import Run
from jargonaut.retrieval.scan import PASSAGE_BLOCK, QUERY_BLOCK, scan

if TYPE_CHECKING:
    import torch

__all__ = ["PASSAGE_BLOCK", "QUERY_BLOCK", "dense_run", "top_k"]


def top_k(
    queries: Vectors,
    passages: Vectors,
    k: int,
    *,
    dim: int | None = None,
    rows: NDArray[np.int64] | None = None,
    device: torch.device | None = None,
) -> tuple[NDArray[np.int64], Vectors]:
    """Best `k` passages of every query by dot product.

    Beyond what comes in and goes out, memory is that of one block of scores (256 queries × 16,384 passages, under
    100 MB; 2 GB on a GPU), whatever the size of the corpus.

    Args:
        queries: Shape (n, dimension).
        passages: Shape (m, dimension); a `numpy.memmap` is read block by block.
        k: Hits per query; fewer when the corpus is smaller.
        dim: Leading components that count, normalised again; all of them, as they are, when None.
        rows: Ascending rows of `passages` that may be found; all when None.
        device: A GPU that multiplies; the CPU does when None.

    Returns:
        Passage rows and scores, both (n, min(k, m)), best first; equal scores by row number.
    """
    transform = None if dim is None else lambda vectors: truncate(vectors, dim)
    return scan(queries, passages, k, rows=rows, transform=transform, device=device)


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
    return run_of(name, query_ids, passage_ids, found, scores)


def run_of(
    name: str, query_ids: Sequence[str], passage_ids: Sequence[str], rows: NDArray[np.int64], scores: Vectors
) -> Run:
    """Hits by row as a run.

    Args:
        name: Of the run.
        query_ids: Of the rows of `rows`.
        passage_ids: Of all passages, in the order of their row numbers.
        rows: Rows of the hits, best first, shape (queries, k).
        scores: Their scores.
    """
    return Run(
        name,
        {
            query_id: {passage_ids[row]: score for row, score in zip(hits, values, strict=True)}
            for query_id, hits, values in zip(query_ids, rows.tolist(), scores.tolist(), strict=True)
        },
    )
