"""Passages → a finished collection, under a name that says what is in it.

The name is a hash of the encoder's fingerprint, its dimension and the passages, so what is finished under it is never
built again while it can be read, and an index that serves users is never touched. Knows the store's protocol; knows no
store and no pointer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jargonaut.errors import InputError, MismatchError
from jargonaut.index.store import Collection, DamagedCollectionError, VectorStore
from jargonaut.protocols import Encoder, Reporter, SilentReporter
from jargonaut.records import Passage

BLOCK = 4096
"""Passages encoded and added in one commit."""
PASSAGES, BUILT = "passages", "built"
"""Notes of a collection: the hash of its passages, and when it was built (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A finished index.

    Attributes:
        collection: Its name in the store.
        fingerprint: Identity of the encoder whose vectors it holds.
        dimension: Length of one vector.
        count: Passages in it.
        passages_hash: Hash of the passages and of what was embedded for them.
        reused: Whether this call found it already there.
    """

    collection: str
    fingerprint: str
    dimension: int
    count: int
    passages_hash: str
    reused: bool = False


def build_index(
    store: VectorStore,
    name: str,
    passages: Sequence[Passage],
    contents: Sequence[str],
    encoder: Encoder,
    *,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> IndexInfo:
    """Builds the collection of these passages and this encoder, unless it is there already and can be read.

    A kill leaves an unfinished collection, which cannot be opened and which the next build removes. Vectors that were
    made before the kill are not made again when `encoder` remembers them (`CachedEncoder`).

    Args:
        store: Where to build.
        name: Readable first part of the collection's name, such as a model version.
        passages: What is to be found; ids must be unique.
        contents: The words that are embedded for each passage.
        encoder: Makes the vectors.
        reporter: Where progress is shown.
        clock: When it was built, for the collection's notes.

    Raises:
        InputError: There are no passages, or two share an id.
        MismatchError: Another process changed the collection meanwhile.
    """
    if not passages:
        raise InputError("there are no passages to index")
    if len({p.id for p in passages}) != len(passages):
        raise InputError("two passages share an id, so a search could not tell them apart")
    digest = _passages_hash(passages, contents)
    collection = _collection_name(name, f"{encoder.fingerprint}{encoder.dimension}{digest}")
    reporter = reporter or SilentReporter()
    reused = _usable(store, collection, encoder.fingerprint)
    if not reused:
        with store.exclusive():
            # Another process may have built it while this one waited.
            reused = _usable(store, collection, encoder.fingerprint)
            if not reused:
                if _complete(store, collection):
                    reporter.warn(f"the index {collection} is damaged; it is built anew")
                    store.drop(collection)
                _remove_abandoned(store)
                meta = {PASSAGES: digest, BUILT: clock().isoformat(), "encoder": encoder.name}
                target = store.create(
                    collection, fingerprint=encoder.fingerprint, dimension=encoder.dimension, meta=meta
                )
                _fill(target, passages, contents, encoder, reporter)
    built = store.open(collection, encoder.fingerprint)
    return IndexInfo(collection, encoder.fingerprint, built.info.dimension, built.count(), digest, reused)


def _usable(store: VectorStore, collection: str, fingerprint: str) -> bool:
    """Whether a finished collection of this name is there and its files are what they were."""
    if not _complete(store, collection):
        return False
    try:
        store.open(collection, fingerprint).check()
    except DamagedCollectionError:
        return False
    return True


def _complete(store: VectorStore, collection: str) -> bool:
    return any(info.name == collection and info.complete for info in store.collections())


def _remove_abandoned(store: VectorStore) -> None:
    """Removes what killed builds left: only one process builds at a time, so nobody is at work on these."""
    for info in store.collections():
        if not info.complete:
            store.drop(info.name)


def _fill(
    target: Collection, passages: Sequence[Passage], contents: Sequence[str], encoder: Encoder, reporter: Reporter
) -> None:
    starts = range(0, len(passages), BLOCK)
    for start in reporter.track(starts, f"indexing {len(passages):,} passages", len(starts)):
        vectors = encoder.encode_passages(contents[start : start + BLOCK])
        target.add(passages[start : start + BLOCK], vectors)
    if target.count() != len(passages):
        raise MismatchError(
            f"the collection {target.info.name!r} holds {target.count()} passages, {len(passages)} were added",
            remedy="something else wrote to it; run again",
        )
    target.finish()


def _collection_name(name: str, identity: str) -> str:
    """A name that every store accepts."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "index"
    return f"{readable}-{hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()}"


def _passages_hash(passages: Sequence[Passage], contents: Sequence[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for p, content in zip(passages, contents, strict=True):
        fields = [p.id, p.text, p.title, p.headings, p.document_id, p.start, p.end, content]
        digest.update(json.dumps(fields, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()
