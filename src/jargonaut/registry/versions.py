"""What the registry remembers, as records, and the manifest that travels inside a version's folder.

Knows the shape of a version; knows nothing of databases or of how a version came to be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from jargonaut.artifacts import content_hash, file_hash, plain, write_json

MANIFEST = "jargonaut.json"
"""Name of the manifest. It is no part of the model's identity and sentence-transformers does not read it."""

Status = Literal["available", "live", "retired"]
"""`live`: the pointer names it; `retired`: it was live before; `available`: it never was."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One immutable model.

    Attributes:
        version: What a user types: `base`, `v1`, `v2` …
        content_hash: Hash over the names and bytes of the model's files.
        name: The model's descriptive name.
        path: Folder that sentence-transformers loads.
        fingerprint: The encoder's identity.
        dimension: Length of its full vectors.
        base: Version (or name) of the model it was tuned from; empty for a base.
        run_id: The run that made it first; empty for a base.
        created: UTC, ISO 8601.
        metrics: Headline metrics on test.
        lineage: What it came from: keys of corpus, pairs and negatives, options, seed, code version.
        query_prompt: Put before queries; None for what its own files say.
        passage_prompt: Put before passages; None for what its own files say.
        max_tokens: Longer texts are cut to this; None for what its own files say.
        status: Where it stands now.
    """

    version: str
    content_hash: str
    name: str
    path: Path
    fingerprint: str
    dimension: int
    base: str
    run_id: str
    created: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    query_prompt: str | None = None
    passage_prompt: str | None = None
    max_tokens: int | None = None
    status: Status = "available"


@dataclass(frozen=True, slots=True)
class Live:
    """The pointer: which model, cut to which dimension, searching which collection.

    Attributes:
        version: A registered version.
        dimension: Vectors are cut to this length (Matryoshka) and normalised again.
        index: Name of the vector collection.
        since: When this binding was first promoted; UTC, ISO 8601.
    """

    version: str
    dimension: int
    index: str
    since: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only history.

    Attributes:
        number: Counts from 1.
        at: UTC, ISO 8601.
        kind: `registered`, `adopted`, `restored`, `moved`, `promoted` or `rolled back`.
        version: The version it is about.
        detail: What else is known, such as dimension and index.
    """

    number: int
    at: str
    kind: str
    version: str
    detail: Mapping[str, Any]


def model_files(folder: Path) -> list[Path]:
    """The files that make a model: everything but hidden files and our own manifest, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path != folder / MANIFEST
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def model_hash(folder: Path) -> str:
    """One hash over the relative names and bytes of a model's files."""
    return content_hash([[path.relative_to(folder).as_posix(), file_hash(path)] for path in model_files(folder)])


def write_manifest(folder: Path, version: ModelVersion) -> None:
    """Writes the version into its folder, without what depends on place and time of reading."""
    write_json(folder / MANIFEST, {k: v for k, v in plain(version).items() if k not in ("path", "status")})


def read_manifest(folder: Path) -> ModelVersion | None:
    """The version that a folder says it is; None when it does not say so in a way that can be read."""
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        wanted = {f.name for f in fields(ModelVersion)} - {"path", "status"}
        return ModelVersion(path=folder, **{name: values[name] for name in wanted if name in values})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
