"""Vectors in fewer bits: what they take, how they are coded, and exact search over the codes.

The codes are those of sentence-transformers (`quantize_embeddings`): int8 in 255 steps between the smallest and the
largest value of each component, binary by sign. A query stays in float32 for int8; for binary it is cut to signs too,
and `binary+rescore` orders the best of that once more by the float query. Knows vectors; knows no store's own format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Precision, Vectors
from jargonaut.retrieval.scan import PASSAGE_BLOCK, Rows, blocks, pair_scores, scan

if TYPE_CHECKING:
    import torch

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
RESCORED = 2
"""Hits by signs, for each that is wanted, that `binary+rescore` looks at again (sentence-transformers' default)."""
_BITS: Mapping[Precision, int] = {"float32": 32, "int8": 8, "binary": 1, "binary+rescore": 1}


def bytes_per_vector(precision: Precision, dim: int) -> int:
    """What a vector of so many components takes; binary ones are filled up to whole bytes."""
    return -(-_BITS[precision] * dim // 8)


@dataclass(frozen=True, slots=True)
class Ranges:
    """The steps of int8 codes.

    Attributes:
        starts: Smallest value of each component, shape (dim,).
        steps: Width of a step, shape (dim,); 1 where a component is constant.
    """

    starts: NDArray[np.float32]
    steps: NDArray[np.float32]

    @classmethod
    def of(cls, passages: Vectors, dim: int) -> Ranges:
        """Those of a corpus, read block by block.

        Args:
            passages: Shape (m, dimension), m ≥ 1.
            dim: Leading components that count, normalised again.
        """
        low, high = np.full(dim, np.inf, np.float32), np.full(dim, -np.inf, np.float32)
        for _, part in blocks(passages, None, PASSAGE_BLOCK):
            cut = truncate(part, dim)
            low, high = np.minimum(low, cut.min(axis=0)), np.maximum(high, cut.max(axis=0))
        steps = (high - low) / 255
        return cls(low, np.where(steps == 0, np.float32(1), steps).astype(np.float32))

    def codes(self, vectors: Vectors) -> NDArray[np.int8]:
        """Vectors as int8, as `quantize_embeddings` gives them."""
        steps = np.clip(np.floor((vectors - self.starts) / self.steps), 0, 255)
        codes: NDArray[np.int8] = (steps - 128).astype(np.int8)
        return codes

    def restored(self, codes: NDArray[np.int8]) -> Vectors:
        """What the codes stand for."""
        restored: Vectors = (codes.astype(np.float32) + 128) * self.steps + self.starts
        return restored


def signs(vectors: Vectors) -> Vectors:
    """+1 where a component is above 0, else −1: dot products of these order as Hamming distances do."""
    return np.where(vectors > 0, np.float32(1), np.float32(-1))


def quantised_top_k(
    queries: Vectors,
    passages: Vectors,
    k: int,
    dim: int,
    precisions: Sequence[Precision],
    *,
    device: torch.device | None = None,
) -> dict[Precision, tuple[Rows, Vectors]]:
    """Best `k` passages of every query, with the passages in fewer bits.

    Memory is as for `scan`: codes are made block by block and not kept. `binary` and `binary+rescore` share a search.

    Args:
        queries: Shape (n, dimension), float32.
        passages: Shape (m, dimension), float32.
        k: Hits per query; fewer when the corpus is smaller.
        dim: Leading components that count, normalised again.
        precisions: Any but `float32`.
        device: As in `scan`.

    Returns:
        Precision → rows and scores, both (n, min(k, m)), best first; equal scores by row number.
    """
    found: dict[Precision, tuple[Rows, Vectors]] = {}
    asked = truncate(queries, dim)
    if "int8" in precisions and len(passages):
        ranges = Ranges.of(passages, dim)
        found["int8"] = scan(
            asked, passages, k, transform=lambda part: ranges.restored(ranges.codes(truncate(part, dim))),
            asked=lambda vectors: vectors, device=device,
        )  # fmt: skip
    if "binary" in precisions or "binary+rescore" in precisions:
        deep = RESCORED * k if "binary+rescore" in precisions else k
        rows, scores = scan(
            asked, passages, deep, transform=lambda part: signs(part[:, :dim]), asked=signs, device=device
        )
        found["binary"] = rows[:, :k], scores[:, :k]
        if "binary+rescore" in precisions:
            found["binary+rescore"] = _rescored(asked, passages, rows, k)
    return {precision: found[precision] for precision in precisions if precision in found}


def _rescored(asked: Vectors, passages: Vectors, rows: Rows, k: int) -> tuple[Rows, Vectors]:
    """The best of some hits, by the float query and the passages' signs."""
    numbers = np.unique(rows)
    pairs = np.repeat(np.arange(len(asked)), rows.shape[1])
    dim = asked.shape[1]
    places = np.searchsorted(numbers, rows.ravel())
    scores = np.empty(len(pairs), np.float32)
    for first in range(0, len(numbers), PASSAGE_BLOCK):  # many queries' hits are much of a corpus
        last = first + PASSAGE_BLOCK
        here = np.flatnonzero((places >= first) & (places < last))
        codes = signs(np.asarray(passages[numbers[first:last], :dim]))
        scores[here] = pair_scores(asked, pairs[here], codes, places[here] - first)
    table = scores.reshape(rows.shape)
    order = np.lexsort((rows, -table), axis=1)[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(table, order, 1)
