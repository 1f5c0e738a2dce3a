"""A linear map from one model's vectors into another's: a new model may search an old index until its own is built.

Fitted on passages that both models embedded. Two maps are tried and the better one on passages held out is taken: an
orthogonal one (orthogonal Procrustes, Schönemann 1966), which only turns the space, and ridge regression (Hoerl and
Kennard 1970), which may also stretch it. Knows vectors; what a map retains on real queries is measured by the caller.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jargonaut.artifacts import atomic_write
from jargonaut.errors import InputError, MismatchError
from jargonaut.protocols import Encoder, Vectors

Method = Literal["orthogonal", "ridge"]
FEWEST = 32
"""Passages that a map is fitted on at least; below, it would only repeat them."""
_HELD_OUT = 5
"""One in so many passages is held out."""
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that are tried, as shares of the mean eigenvalue."""


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """A map of query vectors.

    Attributes:
        source: Fingerprint of the encoder whose vectors go in.
        target: Fingerprint of the encoder whose index is searched.
        method: How it was fitted.
        matrix: Shape (dimension of the source, dimension of the target's index).
        fitted_on: Passages.
        cosine: Mean cosine, on passages held out, of a mapped vector and the target's own.
    """

    source: str
    target: str
    method: Method
    matrix: NDArray[np.float32]
    fitted_on: int
    cosine: float

    def across(self, vectors: Vectors) -> Vectors:
        """The vectors on the other side, normalised, shape (n, dimension of the target's index)."""
        return _unit(vectors @ self.matrix)


def fit_bridge(source: str, target: str, new: Vectors, old: Vectors, *, seed: int = 13) -> Bridge:
    """Fits the map from a model's vectors into an index.

    Args:
        source: Fingerprint of the new encoder.
        target: Fingerprint of the encoder of the index.
        new: Vectors of passages by the new encoder, shape (n, d), normalised.
        old: Vectors of the same passages in the index, shape (n, d'), normalised.
        seed: Chooses what is held out.

    Raises:
        InputError: There are too few passages.
        MismatchError: The two do not have as many rows.
    """
    if len(new) != len(old):
        raise MismatchError(f"{len(new)} new vectors, {len(old)} old ones")
    if len(new) < FEWEST:
        raise InputError(f"{len(new)} passages are too few for a bridge; {FEWEST} are wanted")
    order = np.random.default_rng(seed).permutation(len(new))
    held, kept = order[::_HELD_OUT], np.setdiff1d(order, order[::_HELD_OUT])
    tried = [("orthogonal", _orthogonal(new[kept], old[kept]))]
    tried += [("ridge", _ridge(new[kept], old[kept], strength)) for strength in _STRENGTHS]
    scored = [(_likeness(new[held], old[held], matrix), name, matrix) for name, matrix in tried]
    cosine, name, matrix = max(scored, key=lambda one: one[0])
    method: Method = "orthogonal" if name == "orthogonal" else "ridge"
    return Bridge(source, target, method, matrix, len(kept), cosine)


class BridgedEncoder:
    """An encoder of queries for an index that another model built.

    Its fingerprint is that of the index's encoder, so that the index lets it search; it cannot embed passages, so no
    index will ever hold what came over a bridge.

    Args:
        encoder: The new model.
        bridge: Fitted for this model.

    Raises:
        MismatchError: The bridge was fitted for another model.
    """

    def __init__(self, encoder: Encoder, bridge: Bridge) -> None:
        if (encoder.fingerprint, encoder.dimension) != (bridge.source, bridge.matrix.shape[0]):
            raise MismatchError(
                f"this bridge was fitted for encoder {bridge.source} with {bridge.matrix.shape[0]} dimensions, the "
                f"encoder in use is {encoder.fingerprint} with {encoder.dimension}",
                remedy="fit it again: `jargonaut index bridge`",
            )
        self._encoder = encoder
        self._bridge = bridge

    @property
    def name(self) -> str:
        """What a user calls it."""
        return f"{self._encoder.name}, over a bridge"

    @property
    def fingerprint(self) -> str:
        """The index's."""
        return self._bridge.target

    @property
    def dimension(self) -> int:
        """The index's."""
        return int(self._bridge.matrix.shape[1])

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, as the index's own encoder might have made it."""
        return self._bridge.across(self._encoder.encode_queries(texts))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Refuses.

        Raises:
            MismatchError: Always: what comes over a bridge is searched with, and never stored.
        """
        raise MismatchError(f"{len(texts)} passages were to be embedded over a bridge, which is for queries only")


def save_bridge(bridge: Bridge, path: Path) -> None:
    """Writes a bridge as one file: a line of JSON, then the matrix as NumPy writes it. Nothing is pickled."""
    said = {key: value for key, value in asdict(bridge).items() if key != "matrix"}
    buffer = io.BytesIO()
    np.save(buffer, bridge.matrix, allow_pickle=False)
    with atomic_write(path) as temporary:
        temporary.write_bytes(json.dumps(said).encode() + b"\n" + buffer.getvalue())


def load_bridge(path: Path) -> Bridge:
    """Reads what `save_bridge` wrote.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        matrix = np.load(io.BytesIO(body), allow_pickle=False).astype(np.float32)
        return Bridge(**json.loads(head), matrix=matrix)
    except FileNotFoundError as error:
        remedy = "`jargonaut index bridge` fits one"
        raise InputError("there is no such bridge", where=str(path), remedy=remedy) from error
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise InputError(
            f"this bridge cannot be read ({error})", where=str(path), remedy="remove it and fit it again"
        ) from error


def _orthogonal(new: Vectors, old: Vectors) -> NDArray[np.float32]:
    """The map with orthonormal rows or columns that brings `new` nearest to `old`."""
    left, _, right = np.linalg.svd((new.T @ old).astype(np.float64), full_matrices=False)
    return np.asarray(left @ right, dtype=np.float32)


def _ridge(new: Vectors, old: Vectors, strength: float) -> NDArray[np.float32]:
    gram = (new.T @ new).astype(np.float64)
    penalty = strength * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.asarray(np.linalg.solve(gram + penalty, (new.T @ old).astype(np.float64)), dtype=np.float32)


def _likeness(new: Vectors, old: Vectors, matrix: NDArray[np.float32]) -> float:
    return float((_unit(new @ matrix) * old).sum(axis=1).mean())


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
