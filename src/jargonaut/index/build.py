"""Passages → a finished collection, under a name that says what is in it.

The name is a hash of the encoder's fingerprint, its dimension and the passages, so what is finished under it is never
built again while it can be read and holds what it held, and an index that serves users is never touched. Knows the
store's protocol; knows no store and no pointer.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jargonaut.errors import InputError, MismatchError, require_limits
from jargonaut.index.content import Many, RowSet, content_key, content_of, content_of_passages, repeated_id
from jargonaut.index.store import Collection, CollectionInfo, DamagedCollectionError, Quantisation, VectorStore
from jargonaut.protocols import Encoder, Reporter, SilentReporter, Vectors
from jargonaut.records import IndexContent, Passage

PASSAGES, BUILT = "passages", "built"
"""Notes of a collection: the digest of its passages when it was built, and when that was (ISO 8601)."""

Row = tuple[Passage, str, str]
"""A passage, the words that are embedded for it, and the hash of both."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How passages are embedded into an index.

    Attributes:
        block: Passages that are encoded and written in one step; a kill loses at most one step.
        most_per_second: Passages a second at most, so that a machine that also serves users, or an endpoint with a
            limit, is not overrun. Not set goes as fast as it can.
        most_removed: A sync that would remove a larger share of the live index is refused: it is more likely that the
            documents are the wrong ones.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    block: int = 4096
    most_per_second: float | None = None
    most_removed: float = 0.5

    def __post_init__(self) -> None:
        positive = self.most_per_second is None or self.most_per_second > 0
        require_limits(
            "build",
            self,
            [
                ("block", self.block >= 1, "1 or more"),
                ("most_per_second", positive, "above 0, or not set"),
                ("most_removed", 0 <= self.most_removed <= 1, "from 0 to 1"),
            ],
        )


class Pace:
    """Keeps work below a rate by waiting between its steps.

    Args:
        rate: Items a second; None waits for nothing.
        sleep: Waits so many seconds.
        clock: Seconds that never go backwards.
    """

    def __init__(
        self,
        rate: float | None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._sleep, self._clock = rate, sleep, clock
        self._due = clock()

    def done(self, items: int) -> None:
        """Waits until so many more items may have been done since this was made."""
        if self._rate is None:
            return
        self._due += items / self._rate
        wait = self._due - self._clock()
        if wait > 0:
            self._sleep(wait)


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A finished index.

    Attributes:
        collection: Its name in the store.
        fingerprint: Identity of the encoder whose vectors it holds.
        dimension: Length of one vector.
        count: Passages in it.
        passages_hash: Digest of the passages and of what was embedded for them.
        reused: Whether this call found it already there.
        written: Passages that this call added; the others were there from an earlier one.
        seconds: What adding them took.
    """

    collection: str
    fingerprint: str
    dimension: int
    count: int
    passages_hash: str
    reused: bool = False
    written: int = field(default=0, compare=False)
    seconds: float = field(default=0.0, compare=False)

    @property
    def content(self) -> IndexContent:
        """What it holds."""
        return IndexContent(self.passages_hash, self.count)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The collection that is to be there."""

    encoder: Encoder
    content: IndexContent
    quantisation: Quantisation
    approximate: bool

    def name(self, readable: str, number: int) -> str:
        """A name that every store accepts; the `number`th where other content has the ones before."""
        plain = (self.quantisation, self.approximate) == ("float32", False)
        kind = "" if plain else f"{self.quantisation}{self.approximate}"
        identity = f"{self.encoder.fingerprint}{self.encoder.dimension}{self.content.digest}{kind}"
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", readable).strip("-.") or "index"
        ending = f"-{number}" if number > 1 else ""
        return f"{readable}-{hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()}{ending}"

    def fits(self, info: CollectionInfo) -> bool:
        """Whether a collection is of the same kind."""
        ours = (self.encoder.fingerprint, self.encoder.dimension, self.quantisation, self.approximate)
        return ours == (info.fingerprint, info.dimension, info.quantisation, info.approximate)


def build_index(
    store: VectorStore,
    name: str,
    passages: Many[Passage],
    contents: Many[str],
    encoder: Encoder,
    *,
    quantisation: Quantisation = "float32",
    approximate: bool = False,
    meta: Mapping[str, str] | None = None,
    options: BuildOptions | None = None,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> IndexInfo:
    """Builds the collection of these passages and this encoder, unless it is there already and can be read.

    A kill leaves an unfinished collection, which cannot be opened; the next build of the same content goes on in it,
    and any other removes it. Vectors that were made before the kill are not made again when `encoder` remembers them
    (`CachedEncoder`). Passages are read a block at a time, so they may be more than memory holds.

    Args:
        store: Where to build.
        name: Readable first part of the collection's name, such as a model version.
        passages: What is to be found; ids must be unique.
        contents: The words that are embedded for each passage.
        encoder: Makes the vectors.
        quantisation: How an approximate search compares vectors.
        approximate: Whether it gets an approximate index.
        meta: Notes that the collection keeps.
        options: Steps and speed.
        reporter: Where progress is shown.
        clock: When it was built, for the collection's notes.
        sleep: Waits, where the speed is limited.

    Raises:
        InputError: There are no passages, or two share an id.
        MismatchError: Another process changed the collection meanwhile, or the passages changed while they were read.
    """
    if not len(passages):
        raise InputError("there are no passages to index")
    if (twice := repeated_id(passages)) is not None:
        raise InputError(f"two passages share an id ({twice!r}), so a search could not tell them apart")
    options, reporter = options or BuildOptions(), reporter or SilentReporter()
    wanted = _Wanted(encoder, content_of_passages(passages, contents), quantisation, approximate)
    found = _usable(store, name, wanted)
    if found is not None:
        return found
    with store.exclusive():
        found = _usable(store, name, wanted)  # another process may have built it while this one waited
        if found is not None:
            return found
        notes = {
            **(meta or {}), PASSAGES: wanted.content.digest, BUILT: clock().isoformat(), "encoder": encoder.name,
        }  # fmt: skip
        target, resumed = _begun(store, name, wanted, notes, reporter)
        filling = _Filling(store, wanted, passages, contents, options, reporter, sleep)
        try:
            return filling.done(target)
        except DamagedCollectionError:
            if not resumed:
                raise
            store.drop(target.info.name)  # what the kill left is of no use
            return filling.done(_created(store, target.info.name, wanted, notes))


@dataclass(frozen=True, slots=True)
class _Filling:
    """What fills an unfinished collection."""

    store: VectorStore
    wanted: _Wanted
    passages: Many[Passage]
    contents: Many[str]
    options: BuildOptions
    reporter: Reporter
    sleep: Callable[[float], None]

    def done(self, target: Collection) -> IndexInfo:
        """Adds what the collection lacks and finishes it.

        Raises:
            MismatchError: It holds something else in the end.
        """
        content, started = self.wanted.content, time.monotonic()
        missing = _missing(target, self.passages, self.contents)
        written = add_rows(
            target.add, missing, self.wanted.encoder, content.count, self.options, self.reporter, self.sleep
        )
        # What a kill left is looked through once more: it may have been changed before this call went on with it.
        whole = written == content.count or content_of(target) == content
        if not whole or target.count() != content.count:
            count = target.count()
            self.store.drop(target.info.name)
            raise MismatchError(
                f"the collection {target.info.name!r} held {count} passages, or other ones, where {content.count} were "
                "added",
                remedy="something else wrote to it, or the passages changed while they were read; run again",
            )
        target.finish()
        return _info(target.info.name, self.wanted, written=written, seconds=time.monotonic() - started)


def add_rows(
    write: Callable[[Sequence[Passage], Vectors, Sequence[str] | None], None],
    rows: Iterable[Row],
    encoder: Encoder,
    total: int,
    options: BuildOptions,
    reporter: Reporter,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Encodes rows block by block and writes each block in one step.

    Args:
        write: `add` or `upsert` of a collection.
        rows: What is written.
        encoder: Makes the vectors.
        total: How many rows there are at most, for the progress.
        options: Steps and speed.
        reporter: Where progress is shown.
        sleep: Waits, where the speed is limited.

    Returns:
        How many rows were written.
    """
    pace, written = Pace(options.most_per_second, sleep), 0
    shown = reporter.track(rows, f"indexing {total:,} passages", total)
    while block := list(itertools.islice(shown, options.block)):
        vectors = encoder.encode_passages([content for _, content, _ in block])
        write([passage for passage, _, _ in block], vectors, [key for _, _, key in block])
        written += len(block)
        pace.done(len(block))
    return written


def _usable(store: VectorStore, name: str, wanted: _Wanted) -> IndexInfo | None:
    """The finished collection that holds what is wanted, if its files are what they were."""
    there = {info.name: info for info in store.collections() if info.complete}
    for number in itertools.count(1):
        collection = wanted.name(name, number)
        if collection not in there:
            return None
        if _holds(store, collection, wanted):
            return _info(collection, wanted, reused=True)
    raise AssertionError("unreachable")


def _holds(store: VectorStore, collection: str, wanted: _Wanted) -> bool:
    try:
        opened = store.open(collection, wanted.encoder.fingerprint)
        opened.check()
        return content_of(opened) == wanted.content
    except DamagedCollectionError:
        return False


def _begun(
    store: VectorStore, name: str, wanted: _Wanted, notes: Mapping[str, str], reporter: Reporter
) -> tuple[Collection, bool]:
    """The unfinished collection to fill, and whether it is one that a kill left.

    What other killed builds left goes: only one process builds at a time, so nobody is at work on these.
    """
    there = {info.name: info for info in store.collections()}
    for number in itertools.count(1):
        collection = wanted.name(name, number)
        info = there.get(collection)
        if info is None or not info.complete or _is_damaged(store, collection, wanted):
            break
    for other in there.values():
        if not other.complete and not (other.name == collection and wanted.fits(other)):
            store.drop(other.name)
    if info is not None and info.complete:
        reporter.warn(f"the index {collection} is damaged; it is built anew")
        store.drop(collection)
    elif info is not None and wanted.fits(info):
        try:
            return store.resume(collection, wanted.encoder.fingerprint), True
        except (InputError, MismatchError):
            store.drop(collection)
    return _created(store, collection, wanted, notes), False


def _created(store: VectorStore, name: str, wanted: _Wanted, notes: Mapping[str, str]) -> Collection:
    return store.create(
        name, fingerprint=wanted.encoder.fingerprint, dimension=wanted.encoder.dimension, meta=notes,
        quantisation=wanted.quantisation, approximate=wanted.approximate,
    )  # fmt: skip


def _is_damaged(store: VectorStore, collection: str, wanted: _Wanted) -> bool:
    try:
        store.open(collection, wanted.encoder.fingerprint).check()
    except DamagedCollectionError:
        return True
    return False


def _missing(target: Collection, passages: Iterable[Passage], contents: Iterable[str]) -> Iterator[Row]:
    """The rows that an unfinished collection lacks."""
    there = RowSet(row for block in target.hashes() for row in block.items())
    for passage, content in zip(passages, contents, strict=True):
        key = content_key(passage, content)
        if not len(there) or (passage.id, key) not in there:
            yield passage, content, key


def _info(
    collection: str, wanted: _Wanted, *, reused: bool = False, written: int = 0, seconds: float = 0.0
) -> IndexInfo:
    content, encoder = wanted.content, wanted.encoder
    return IndexInfo(
        collection, encoder.fingerprint, encoder.dimension, content.count, content.digest, reused, written, seconds
    )
