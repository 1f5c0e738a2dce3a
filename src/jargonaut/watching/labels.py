"""What was added since a version was trained: judgements, reviews, another base model.

Joins pool, reviews and the lineage of versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jargonaut.artifacts import MANIFEST
from jargonaut.labelled import own_parts
from jargonaut.layout import Layout
from jargonaut.pairs.review import DecisionStore
from jargonaut.pool import Pool
from jargonaut.records import SPLITS
from jargonaut.registry import ModelVersion
from jargonaut.sources import PreparedCorpus
from jargonaut.watching.snapshot import Trained


def new_labels(
    trained: Trained, now: PreparedCorpus | None, layout: Layout, seen: Mapping[str, int]
) -> tuple[int | None, dict[str, int]]:
    """How many judgements training did not see: of the pool, of a labelled set's own files, of reviews.

    Args:
        trained: What the live version was made from.
        now: The documents as they are; None where they cannot be read, and their own judgements are not counted.
        layout: Where all that lies.
        seen: Entry of the pool → judgements, as an earlier pass saw them when training knew all of them.

    Returns:
        The number, None where the version's pairs are gone; and what is to be handed in as `seen` next time.
    """
    if trained.pairs is None:
        return None, dict(seen)
    known = _entries_of(trained.pairs.artifact.path, layout)
    count, kept = 0, dict(seen)
    for entry in Pool(layout.pool).entries():
        if entry.key in known:
            kept[entry.name] = entry.judgements
        else:
            count += max(0, entry.judgements - seen.get(entry.name, 0))
    if now is not None and now.source.kind == "beir":
        asked = {(pair.query_id, pair.passage_id) for name in SPLITS for pair in trained.pairs.splits.part(name)}
        asked |= {(one.pair.query_id, one.pair.passage_id) for one in trained.pairs.removed}
        own = {(pair.query_id, pair.passage_id) for part in own_parts(now).values() for pair in part}
        count += len(own - asked)
    return count + _reviewed_since(trained.version, layout), kept


def _entries_of(pairs: Any, layout: Layout) -> frozenset[str]:
    """Keys of the pool's entries that went into some pairs."""
    collected = _inputs(pairs).get("collected")
    attributed = _inputs(layout.stage("collected") / str(collected)).get("pool", [])
    entries = (_inputs(layout.stage("attributed") / str(key)).get("entry") for key in attributed)
    return frozenset(str(entry) for entry in entries if entry)


def _inputs(folder: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["inputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found


def _reviewed_since(version: ModelVersion, layout: Layout) -> int:
    created = datetime.fromisoformat(version.created)
    count = 0
    for one in DecisionStore(layout.reviews).stored():
        try:
            at = datetime.fromisoformat(one.decision.at)
        except ValueError:
            continue
        count += one.decision.verdict != "skip" and at.tzinfo is not None and at > created
    return count


def root_base(live: ModelVersion) -> tuple[str, str]:
    """Name and fingerprint of the base that a version goes back to; two empty texts where it does not say."""
    if not live.base:
        return live.name, live.fingerprint
    said = live.lineage.get("root_base") or live.lineage.get("base")
    if not isinstance(said, Mapping):
        return "", ""
    return str(said.get("name", "")), str(said.get("fingerprint", ""))
