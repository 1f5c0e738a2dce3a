"""What comes of the steps of an index's life, as records, and the errors that say why one was not taken.

Knows what the registry remembers and what a store lists; changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import InputError, MismatchError
from jargonaut.index import BuildOptions, IndexInfo, SyncPlan, VectorStore
from jargonaut.registry import Event, IndexRecord, IndexVerification, Live, Registry

_MEASURED_FROM = 500
"""Passages that a build must have encoded for its speed to say something."""

_FOLLOWED = ("indexed", "synced")
"""Events after which a collection holds the documents as they are."""

Role = Literal["live", "way back", "candidate", "unfinished", "unknown", "missing"]


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to: the collection, what is remembered of it, and how many vectors were computed for it."""

    info: IndexInfo
    record: IndexRecord
    encoded: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync changed.

    Attributes:
        collection: The live one.
        added: Passages that were new.
        changed: Passages that are others now.
        removed: Passages that are gone.
        count: Passages in it after.
        verification: Of what it holds now.
    """

    collection: str
    added: int
    changed: int
    removed: int
    count: int
    verification: IndexVerification | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What `gc` removed, or would remove."""

    collections: tuple[str, ...]
    kept: tuple[str, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """One collection.

    Attributes:
        name: In the store.
        version: That made its vectors; empty where nobody knows.
        role: What it is to the workspace; `missing` is remembered and not in the store, `unknown` the other way round.
        dimension: Of its vectors.
        quantisation: How an approximate search compares them.
        count: Passages that are remembered; None for one that was never recorded.
        verified: What its last verification said.
        generation: How often it was brought up to date.
        syncing: Whether a sync has begun and not ended.
        built: UTC, ISO 8601.
    """

    name: str
    version: str
    role: Role
    dimension: int
    quantisation: str
    count: int | None
    verified: Literal["passed", "failed", "never"]
    generation: int = 0
    syncing: bool = False
    built: str = ""


def statuses(registry: Registry, store: VectorStore) -> tuple[IndexStatus, ...]:
    """Every collection that is in the store or remembered and not given up, oldest first."""
    live, back = registry.live(), registry.way_back()
    there = {info.name: info for info in store.collections()}
    records = {one.name: one for one in registry.indexes.all() if not one.removed or one.name in there}

    def role(name: str) -> Role:
        if live is not None and live.index == name:
            return "live"
        if back is not None and back.index == name:
            return "way back"
        if name not in there:
            return "missing"
        if not there[name].complete:
            return "unfinished"
        return "candidate" if name in records else "unknown"

    def status(name: str) -> IndexStatus:
        record, latest, info = records.get(name), registry.indexes.verification(name), there.get(name)
        verified: Literal["passed", "failed", "never"] = "never"
        if latest is not None:
            verified = "passed" if latest.passed else "failed"
        if record is None:
            dimension, kind = (info.dimension, str(info.quantisation)) if info is not None else (0, "")
            return IndexStatus(name, "", role(name), dimension, kind, None, verified)
        return IndexStatus(
            name, record.version, role(name), record.dimension, record.quantisation, record.content.count, verified,
            record.generation, record.target is not None, record.built,
        )  # fmt: skip

    return tuple(status(name) for name in [*records, *(name for name in there if name not in records)])


def measured_rate(events: Sequence[Event]) -> float | None:
    """Passages a second of the newest build that embedded enough to say; None where there was none."""
    for event in reversed(events):
        encoded, seconds = event.detail.get("encoded", 0), event.detail.get("seconds", 0)
        if event.kind == "indexed" and encoded >= _MEASURED_FROM and seconds:
            return float(encoded / seconds)
    return None


def older_documents(registry: Registry, now: Live, before: Live | None) -> str | None:
    """A sentence where what is live now holds older documents than what was live before; None where it does not."""
    if before is None or before.index == now.index:
        return None
    records = [registry.indexes.get(one.index) for one in (now, before)]
    if None in records or len({one.content for one in records if one is not None}) == 1:
        return None
    seen = {event.detail.get("index"): event.number for event in registry.events() if event.kind in _FOLLOWED}
    if seen.get(now.index, 0) > seen.get(before.index, 0):
        return None
    return (
        f"{now.index} holds older documents than {before.index}, which was live before: `jargonaut index sync` brings "
        "it up to date"
    )


def not_verified(found: IndexVerification) -> MismatchError:
    """The error for a collection that failed its verification; names each failed check with both values."""
    failed = "; ".join(f"{one['name']}: {one['found']}, wanted {one['wanted']}" for one in found.checks
                       if not one["passed"])  # fmt: skip
    return MismatchError(
        f"the collection {found.collection!r} failed its verification ({failed})",
        remedy="`jargonaut index build` makes another; thresholds are in [verify]",
    )


def require_few_removed(plan: SyncPlan, record: IndexRecord, options: BuildOptions) -> None:
    """Refuses a sync that would empty the index.

    Raises:
        InputError: More would be removed than is allowed.
    """
    share = len(plan.removed) / max(1, record.content.count)
    if share > options.most_removed:
        raise InputError(
            f"{len(plan.removed):,} of {record.content.count:,} passages would be removed: are these the right "
            "documents?",
            remedy=f"if they are, allow it: --set build.most_removed=1 (it is {options.most_removed:g}), or build "
            "another index and switch",
        )
