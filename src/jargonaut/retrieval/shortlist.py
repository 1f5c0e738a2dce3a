"""Approximate search: a shortlist by the leading principal components of the vectors, scored again by all of them.

A quarter of the components needs a quarter of the arithmetic, and vectors of embedding models have most of their length
in few directions. How many are enough is measured on some of the queries themselves; where half of them are not enough,
the search is exact. An inverted file (IVF) saves more from some ten million passages on; below, its clustering and its
scattered reads cost what it saves. Knows vectors and row numbers; knows no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jargonaut.protocols import Vectors
from jargonaut.retrieval.scan import Rows, pair_scores, scan

if TYPE_CHECKING:
    import torch

ENOUGH = 0.95
"""Recall of the exact hits from which on a shortlist is good enough; the first ranks are missed far less often."""
_TRIED = ((8, 4), (8, 8), (4, 4), (4, 8), (3, 4), (3, 8), (2, 4))
"""What is tried, the cheapest first: a share of the components, and hits of the shortlist for each that is wanted."""
_JUDGED = 128
_FITTED_ON = 20_000


@dataclass(frozen=True, slots=True)
class Shortlist:
    """A way to search one corpus for one kind of queries.

    Attributes:
        basis: Leading principal directions, shape (dimension, components); None where the search is exact.
        length: Hits of the shortlist for each that is wanted.
        recall: Share of the exact hits that it finds, on the queries that it was judged by.
    """

    basis: NDArray[np.float32] | None
    length: int
    recall: float

    @classmethod
    def fitted(
        cls,
        queries: Vectors,
        passages: Vectors,
        k: int,
        *,
        rows: Rows | None = None,
        device: torch.device | None = None,
    ) -> Shortlist:
        """Finds how many components are enough.

        Args:
            queries: What will be asked, shape (n, dimension); 128 of them judge.
            passages: Shape (m, dimension).
            k: Hits per query.
            rows: As in `scan`.
            device: As in `scan`.
        """
        judges = queries[np.unique(np.linspace(0, len(queries) - 1, min(_JUDGED, len(queries))).astype(np.int64))]
        exact, _ = scan(judges, passages, k, rows=rows, device=device)
        basis = _principal(passages, rows)
        for share, length in _TRIED:
            tried = cls(np.ascontiguousarray(basis[:, : max(1, basis.shape[1] // share)]), length, 0.0)
            found, _ = tried.search(judges, passages, k, rows=rows, device=device)
            recall = _overlap(exact, found)
            if recall >= ENOUGH:
                return cls(tried.basis, length, recall)
        return cls(None, 1, 1.0)

    @property
    def components(self) -> int | None:
        """How many components the shortlist looks at; None where the search is exact."""
        return None if self.basis is None else self.basis.shape[1]

    def search(
        self,
        queries: Vectors,
        passages: Vectors,
        k: int,
        *,
        rows: Rows | None = None,
        device: torch.device | None = None,
    ) -> tuple[Rows, Vectors]:
        """Hits and their true scores, as `scan` gives them, though some of the best may be missing."""
        if self.basis is None or not len(queries):
            return scan(queries, passages, k, rows=rows, device=device)
        basis = self.basis
        shorter, _ = scan(
            queries, passages, self.length * k, rows=rows, transform=lambda v: v @ basis, device=device, rescore=False
        )
        asked = np.repeat(np.arange(len(queries)), shorter.shape[1])
        scores = pair_scores(queries, asked, passages, shorter.ravel()).reshape(shorter.shape)
        order = np.lexsort((shorter, -scores), axis=1)[:, :k]
        return np.take_along_axis(shorter, order, 1), np.take_along_axis(scores, order, 1)


def _principal(passages: Vectors, rows: Rows | None) -> NDArray[np.float32]:
    """Principal directions of some of the passages, the strongest first; not centred, since products are wanted."""
    count = len(passages) if rows is None else len(rows)
    drawn = np.unique(np.linspace(0, count - 1, min(count, _FITTED_ON)).astype(np.int64))
    sample = np.asarray(passages[drawn if rows is None else rows[drawn]], dtype=np.float64)
    _, directions = np.linalg.eigh(sample.T @ sample)
    return directions[:, ::-1].astype(np.float32)


def _overlap(exact: Rows, found: Rows) -> float:
    """Share of the exact hits among those found."""
    shared = sum(len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(exact, found, strict=True))
    return shared / max(1, exact.size)
