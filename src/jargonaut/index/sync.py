"""A finished collection follows its documents: what was added, changed and removed, found by hash and applied.

Every step may be repeated, so a sync that was killed is simply run again and ends in the same place. Knows the store's
protocol; knows no pointer and nothing of who searches meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jargonaut.errors import MismatchError
from jargonaut.index.build import BuildOptions, Row, add_rows
from jargonaut.index.content import Many, RowSet, content_key, content_of
from jargonaut.index.store import Collection
from jargonaut.protocols import Encoder, Reporter, SilentReporter
from jargonaut.records import IndexContent, Passage

_DELETED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What lies between a collection and the documents.

    Attributes:
        added: Passages that it lacks.
        changed: Those whose words, place or headings are others now.
        removed: Ids that the documents no longer have.
        target: What it holds after.
    """

    added: int
    changed: int
    removed: tuple[str, ...]
    target: IndexContent

    @property
    def nothing(self) -> bool:
        """Whether it holds what the documents say already."""
        return not (self.added or self.changed or self.removed)


def plan_sync(collection: Collection, passages: Many[Passage], contents: Many[str], target: IndexContent) -> SyncPlan:
    """Compares a collection with the documents by id and hash. Changes nothing, embeds nothing.

    Args:
        collection: What is searched.
        passages: What is to be found.
        contents: The words that are embedded for each.
        target: The content of those (`content_of_passages`).
    """
    # Three times through hashes and passages, so that nothing but 8 bytes for each has to be held.
    rows = RowSet(row for block in collection.hashes() for row in block.items())
    ids = RowSet((id_, "") for block in collection.hashes() for id_ in block)
    wanted = RowSet((passage.id, "") for passage in passages)
    added = changed = 0
    for passage, content in zip(passages, contents, strict=True):
        if (passage.id, "") not in ids:
            added += 1
        elif (passage.id, content_key(passage, content)) not in rows:
            changed += 1
    removed = tuple(id_ for block in collection.hashes() for id_ in block if (id_, "") not in wanted)
    return SyncPlan(added, changed, tuple(sorted(removed)), target)


def apply_sync(
    collection: Collection,
    plan: SyncPlan,
    passages: Many[Passage],
    contents: Many[str],
    encoder: Encoder,
    *,
    options: BuildOptions | None = None,
    reporter: Reporter | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Applies a plan: new and changed passages first, then what was removed, block by block.

    Whoever searches meanwhile finds every passage either as it was or as it is now, whole, and never a vector of
    another model. What was removed is found until its block is deleted.

    Raises:
        MismatchError: The collection holds something else in the end: something else wrote to it, or the documents
            changed while they were read.
    """
    options, reporter = options or BuildOptions(), reporter or SilentReporter()
    rows = RowSet(row for block in collection.hashes() for row in block.items())
    other = _other(rows, passages, contents)
    add_rows(collection.upsert, other, encoder, plan.added + plan.changed, options, reporter, sleep)
    for start in range(0, len(plan.removed), _DELETED_AT_ONCE):
        collection.delete(plan.removed[start : start + _DELETED_AT_ONCE])
    found = content_of(collection)
    if found != plan.target:
        raise MismatchError(
            f"the collection {collection.info.name!r} holds {found.count:,} passages after the sync, or other ones "
            f"than the {plan.target.count:,} that the documents have",
            remedy="something else wrote to it, or the documents changed meanwhile; run the sync again",
        )


def _other(rows: RowSet, passages: Iterable[Passage], contents: Iterable[str]) -> Iterator[Row]:
    """What the collection does not hold as it is now."""
    for passage, content in zip(passages, contents, strict=True):
        key = content_key(passage, content)
        if (passage.id, key) not in rows:
            yield passage, content, key
