"""Vectors cut to their leading components, as Matryoshka training makes them useful (Kusupati et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.errors import InputError
from jargonaut.protocols import Encoder, Vectors


def truncate(vectors: Vectors, dim: int) -> Vectors:
    """The leading `dim` components, normalised again, shape (n, dim)."""
    if dim >= vectors.shape[1]:
        return vectors
    cut = vectors[:, :dim]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(cut / np.maximum(lengths, 1e-12), dtype=np.float32)


class TruncatedEncoder:
    """An `Encoder` whose vectors are cut to `dim` components.

    The fingerprint stays the model's own; whoever keeps vectors keeps their length beside it.

    Args:
        encoder: Makes the full vectors.
        dim: Components that are kept.

    Raises:
        InputError: The encoder has no such dimension.
    """

    def __init__(self, encoder: Encoder, dim: int) -> None:
        if not 0 < dim <= encoder.dimension:
            raise InputError(f"{encoder.name} has {encoder.dimension} dimensions, not {dim}")
        self.encoder = encoder
        self.dimension = dim

    @property
    def name(self) -> str:
        """What a user calls the model."""
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        """Identity of the model."""
        return self.encoder.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, shape (texts, dim)."""
        return truncate(self.encoder.encode_queries(texts), self.dimension)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, shape (texts, dim)."""
        return truncate(self.encoder.encode_passages(texts), self.dimension)
