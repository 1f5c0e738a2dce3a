"""What the registry remembers, as records, and the manifest that travels inside a version's folder.

Knows the shape of a version; knows nothing of databases or of how a version came to be.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from jargonaut.artifacts import atomic_write, content_hash, file_hash, plain, write_json
from jargonaut.errors import InputError, MismatchError

MANIFEST = "jargonaut.json"
"""Name of the manifest. It is no part of the model's identity and sentence-transformers does not read it."""

CARD = "README.md"
_CARD_MARK = "# Written by jargonaut."
"""Second line of a card of ours. Such a card says what a model is and is no part of it; any other file is."""

VersionKind = Literal["encoder", "adapter", "static", "reranker"]
"""`encoder`: a tuned or base model; `adapter`: a map of query vectors on top of one, which searches that one's index;
`static`: word vectors without a network; `reranker`: a cross-encoder, which has no vectors and no index."""

Status = Literal["available", "live", "previous", "retired"]
"""`live`: the pointer names it; `previous`: it was live before; `available`: it never was; `retired`: somebody said
that it shall not be served any more."""


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
        lineage: What it came from: keys of corpus, pairs and negatives, options, seeds, licence, code versions.
        query_prompt: Put before queries; None for what its own files say.
        passage_prompt: Put before passages; None for what its own files say.
        max_tokens: Longer texts are cut to this; None for what its own files say.
        kind: What it is, and so how it is loaded.
        space: Fingerprint of the encoder whose passage vectors it searches, where that is another: the base's, under a
            query adapter. Empty where it embeds passages itself.
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
    kind: VersionKind = "encoder"
    space: str = ""
    status: Status = "available"

    @property
    def searched(self) -> str:
        """Fingerprint that a collection must carry to be searched by this version."""
        return self.space or self.fingerprint

    @property
    def has_vectors(self) -> bool:
        """Whether it searches by itself."""
        return self.kind != "reranker"

    def require_vectors(self) -> None:
        """Refuses what searches nothing by itself.

        Raises:
            InputError: It is a reranker.
        """
        if not self.has_vectors:
            raise InputError(
                f"version {self.version!r} is a reranker: it has no vectors and searches nothing by itself",
                remedy="name an encoder (`jargonaut models list` shows which is which); a reranker is used by "
                f"`search --rerank {self.version}` and `evaluate --set evaluate.cross_encoder={self.version}`",
            )


@dataclass(frozen=True, slots=True)
class Live:
    """The pointer: which model, cut to which dimension, searching which collection.

    Attributes:
        version: A registered version.
        dimension: Vectors are cut to this length (Matryoshka) and normalised again.
        index: Name of the vector collection.
        since: When this binding was first promoted; UTC, ISO 8601.
        quantisation: How an approximate search of the collection compares vectors.
        generation: How often the collection was brought up to date since it was built.
    """

    version: str
    dimension: int
    index: str
    since: str
    quantisation: str = "float32"
    generation: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only history.

    Attributes:
        number: Counts from 1.
        at: UTC, ISO 8601.
        kind: `registered`, `adopted`, `restored`, `moved`, `promoted`, `rolled back`, `retired`, `reinstated`; of a
            collection `indexed`, `verified`, `failed verification`, `synced`, `removed`.
        version: The version it is about.
        detail: What else is known, such as dimension and index.
    """

    number: int
    at: str
    kind: str
    version: str
    detail: Mapping[str, Any]


def model_files(folder: Path) -> list[Path]:
    """The files that make a model: everything but hidden files, our own manifest and our own card, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path != folder / MANIFEST
        and not (path == folder / CARD and is_own_card(path))
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def is_own_card(path: Path) -> bool:
    """Whether a card is one that `write_card` wrote."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.readline() == "---\n" and stream.readline().startswith(_CARD_MARK)
    except OSError:
        return False


def write_card(folder: Path, text: str) -> bool:
    """Writes a model's card into its folder, where hubs and people look for it; False where another's is there.

    Args:
        folder: Of a registered version.
        text: Markdown with a YAML head.

    Raises:
        ValueError: The text has no head.
    """
    if not text.startswith("---\n"):
        raise ValueError("a card begins with its head")
    path = folder / CARD
    if path.exists() and not is_own_card(path):
        return False
    with atomic_write(path) as temporary:
        temporary.write_text(f"---\n{_CARD_MARK}\n{text[4:]}", encoding="utf-8", errors="replace")
    return True


def model_hash(folder: Path) -> str:
    """One hash over the relative names and bytes of a model's files."""
    return content_hash([[path.relative_to(folder).as_posix(), file_hash(path)] for path in model_files(folder)])


def is_whole(version: ModelVersion) -> bool:
    """Whether a version's files are what was registered."""
    return version.path.is_dir() and model_hash(version.path) == version.content_hash


def hash_of_model(folder: Path) -> str:
    """As `model_hash`.

    Raises:
        InputError: There is no model in this folder.
    """
    if not folder.is_dir() or not model_files(folder):
        raise InputError("there is no model in this folder", where=str(folder))
    return model_hash(folder)


def copy_model(source: Path, target: Path, wanted: str) -> None:
    """Copies a model's files and makes them survive a power cut.

    Raises:
        MismatchError: The model changed while it was copied: its hash is not the wanted one.
    """
    for path in model_files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        flush(copy)
    if model_hash(target) != wanted:
        raise MismatchError("the model changed while it was copied", where=str(source), remedy="run again")


def flush(path: Path) -> None:
    """Makes a file's bytes, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
