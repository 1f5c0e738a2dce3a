"""How fast a corpus changes, by the versions of it that a workspace still holds.

Knows corpus artifacts and their dates. Versions that share next to nothing are other corpora, and those that were read
with other options would differ without any change; neither counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jargonaut import formats
from jargonaut.artifacts import MANIFEST, Artifact
from jargonaut.evaluation import Churn
from jargonaut.records import Passage

LEAST_SHARED = 0.2
"""Share of passages below which two versions are not of one corpus."""
MOST_VERSIONS = 8
LEAST_VERSIONS = 3
"""One change is no rate."""
LEAST_DAYS = 1.0
"""A morning's work on the documents is none either."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a corpus.

    Attributes:
        key: Its artifact's.
        made: When, in seconds since 1970.
        path: Its folder.
    """

    key: str
    made: float
    path: Path


def versions(artifact: Artifact) -> tuple[Version, ...]:
    """The versions of one corpus in a workspace, oldest first, read with the same options; this one among them.

    Args:
        artifact: The corpus as it is now.
    """
    mine = _manifest(artifact.path)
    found = []
    for folder in artifact.path.parent.iterdir():
        other = {} if folder.name.startswith(".") else _manifest(folder)
        if other and _read_alike(mine) == _read_alike(other):
            found.append(Version(folder.name, (folder / MANIFEST).stat().st_mtime, folder))
    return tuple(sorted(found, key=lambda one: (one.made, one.key))[-MOST_VERSIONS:])


def churn(known: tuple[Version, ...], current: str, reindex_hours: float) -> Churn | None:
    """What changed since the oldest version that is of the same corpus; None where there are too few to tell.

    Args:
        known: From `versions`.
        current: Key of the corpus as it is now.
        reindex_hours: Hours that embedding all of it takes.
    """
    now = next((one for one in known if one.key == current), None)
    if now is None:
        return None
    mine = _texts(now.path)
    earlier = [one for one in known if one.made < now.made]
    for position, old in enumerate(earlier):
        theirs, days, count = _texts(old.path), (now.made - old.made) / _DAY, len(earlier) - position + 1
        if days < LEAST_DAYS or count < LEAST_VERSIONS:
            return None
        shared = len(mine & theirs)
        if shared >= LEAST_SHARED * max(1, min(len(mine), len(theirs))):
            return Churn(1 - shared / len(mine | theirs), days, count, reindex_hours)
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_alike(manifest: dict[str, Any]) -> tuple[Any, ...]:
    """What must agree: everything but the source's own hash."""
    inputs = manifest.get("inputs")
    inputs = {name: value for name, value in inputs.items() if name != "source"} if isinstance(inputs, dict) else {}
    return manifest.get("version"), inputs, manifest.get("options")


def _texts(folder: Path) -> set[bytes]:
    rows = formats.read_records(folder / "passages.jsonl", Passage)
    return {blake2b(p.content("headings").encode("utf-8", "surrogatepass"), digest_size=16).digest() for p in rows}
