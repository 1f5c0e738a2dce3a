"""An adapter: a small map of vectors, its identity, and how it lies on disk.

Every map adds something to the vector that goes in and normalises the sum, so that one which adds nothing is the
identity. Knows NumPy and safetensors, so serving one needs no torch; how one is fitted is not its business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from jargonaut.adapters.options import Kind, Sides
from jargonaut.artifacts import content_hash, write_json
from jargonaut.encoding.cache import Kind as TextKind
from jargonaut.errors import MismatchError, ModelError
from jargonaut.protocols import Vectors

ADAPTER_FILE = "adapter.json"
"""What an adapter is, beside its tensors."""
_TENSORS = "adapter.safetensors"
_FORMAT = 1
Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Adapter:
    """A map of queries' vectors, or of both sides', on top of one encoder.

    Attributes:
        kind: Its form. `linear` adds W x + b; `low_rank` adds U V x; `mlp` adds W₂ max(0, W₁ x + b₁).
        sides: Whether passages are mapped too.
        base: Fingerprint of the encoder whose vectors go in.
        base_name: What a user calls that.
        dimension: Length of the vectors, in and out.
        tensors: `<side>.<name>` → values; sides are `query` and `passage`.
    """

    kind: Kind
    sides: Sides
    base: str
    base_name: str
    dimension: int
    tensors: Tensors

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the vectors that come out: the base's and the map's. 32 hex digits."""
        hashes = [(name, hashlib.sha256(value.astype("<f4").tobytes()).hexdigest())
                  for name, value in sorted(self.tensors.items())]  # fmt: skip
        return content_hash("adapter", self.base, self.kind, self.sides, self.dimension, hashes, "l2")

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(value.size for value in self.tensors.values())

    def mapped(self, vectors: Vectors, side: TextKind) -> Vectors:
        """The vectors on the other side, L2-normalised, shape (n, dimension); passages' own where they stay.

        Raises:
            MismatchError: They have another length.
        """
        if vectors.shape[1] != self.dimension:
            raise MismatchError(
                f"this adapter maps {self.dimension}-d vectors, and {vectors.shape[1]}-d ones were handed in",
                remedy="it stands on whole vectors; they are cut after it",
            )
        if side == "passage" and self.sides == "query":
            return vectors
        out = vectors + self._added(vectors, {k: self.tensors[f"{side}.{k}"] for k in shapes(self.kind, 1)})
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def _added(self, x: Vectors, one: Tensors) -> Vectors:
        added: Vectors
        match self.kind:
            case "linear":
                added = np.matmul(x, one["weight"].T) + one["bias"]
            case "low_rank":
                added = np.matmul(np.matmul(x, one["down"].T), one["up"].T)
            case "mlp":
                added = np.matmul(np.maximum(np.matmul(x, one["inner"].T) + one["bias"], 0), one["outer"].T)
        return added


def shapes(kind: Kind, dimension: int, rank: int = 1, hidden: int = 1) -> dict[str, tuple[int, ...]]:
    """The tensors of one side, by name; those whose zeros make the identity come first."""
    match kind:
        case "linear":
            return {"weight": (dimension, dimension), "bias": (dimension,)}
        case "low_rank":
            return {"up": (dimension, rank), "down": (rank, dimension)}
        case "mlp":
            return {"outer": (dimension, hidden), "inner": (hidden, dimension), "bias": (hidden,)}


def mapped_sides(sides: Sides) -> tuple[TextKind, ...]:
    """The sides that an adapter maps."""
    return ("query",) if sides == "query" else ("query", "passage")


def identity(kind: Kind, sides: Sides, base: str, base_name: str, dimension: int) -> Adapter:
    """The map that changes nothing."""
    tensors = {
        f"{side}.{name}": np.zeros(shape, dtype=np.float32)
        for side in mapped_sides(sides)
        for name, shape in shapes(kind, dimension).items()
    }
    return Adapter(kind, sides, base, base_name, dimension, tensors)


def save_adapter(adapter: Adapter, folder: Path) -> None:
    """Writes an adapter as two files: what it is, as JSON, and its tensors. Nothing is pickled."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in sorted(adapter.tensors.items())}, str(folder / _TENSORS))
    write_json(folder / ADAPTER_FILE, {
        "format": _FORMAT, "kind": adapter.kind, "sides": adapter.sides, "base": adapter.base,
        "base_name": adapter.base_name, "dimension": adapter.dimension,
    })  # fmt: skip


def load_adapter(folder: Path) -> Adapter:
    """Reads what `save_adapter` wrote.

    Raises:
        ModelError: It cannot be read, a tensor is missing or of another shape, or one holds something that is no
            number.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        said = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
        if said.get("format") != _FORMAT:
            raise _broken(folder, f"its format is {said.get('format')}, known is {_FORMAT}")
        kind, sides = said["kind"], said["sides"]
        if kind not in get_args(Kind) or sides not in get_args(Sides):
            raise _broken(folder, f"an adapter of kind {kind!r} for {sides!r} is not known")
        adapter = Adapter(
            cast("Kind", kind), cast("Sides", sides), str(said["base"]), str(said["base_name"]),
            int(said["dimension"]), load_file(str(folder / _TENSORS)),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise _broken(folder, str(error) or type(error).__name__) from error
    _require_whole(adapter, folder)
    return adapter


def _require_whole(adapter: Adapter, folder: Path) -> None:
    wanted = {f"{side}.{name}" for side in mapped_sides(adapter.sides) for name in shapes(adapter.kind, 1)}
    if set(adapter.tensors) != wanted:
        raise _broken(folder, f"its tensors are {', '.join(sorted(adapter.tensors))}")
    for side in mapped_sides(adapter.sides):
        inner = adapter.tensors[f"{side}.{'down' if adapter.kind == 'low_rank' else 'inner'}"] if (
            adapter.kind != "linear") else None  # fmt: skip
        size = 1 if inner is None else len(inner)
        for name, shape in shapes(adapter.kind, adapter.dimension, size, size).items():
            tensor = adapter.tensors[f"{side}.{name}"]
            if tensor.shape != shape or tensor.dtype != np.float32:
                raise _broken(folder, f"{side}.{name} is {tensor.dtype} of shape {tensor.shape}, wanted {shape}")
            if not np.isfinite(tensor).all():
                raise _broken(folder, f"{side}.{name} holds numbers that are not finite")


def _broken(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"this adapter cannot be used ({reason})",
        where=str(folder),
        remedy="train it again: `jargonaut train --adapter`",
    )
