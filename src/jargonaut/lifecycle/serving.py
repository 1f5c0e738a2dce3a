"""Searches with what is live, while that changes: promotions, roll backs, syncs and removals by other processes.

Every answer is made by one model version on one collection: both are taken from one reading of the pointer, and an
answer that was disturbed by a change is thrown away and made again. Knows the pointer, encoders and stores.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jargonaut.encoders import searching
from jargonaut.encoding.matryoshka import TruncatedEncoder
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.index import Filter, IndexSearcher, VectorStore
from jargonaut.lifecycle.identity import open_collection
from jargonaut.protocols import Encoder
from jargonaut.records import Passage
from jargonaut.registry import IndexRecord, Live, ModelVersion, Registry

Encoders = Callable[[ModelVersion], Encoder]
"""Gives the encoder of a registered version; asked once for each."""

_TRIES = 5
_KEPT = 2
"""Pairs of model and collection that stay open: what is live, and what a roll back goes to."""
_LOOKED_AT_EVERY = 5.0
"""Seconds after which a collection is counted again."""


@dataclass(frozen=True, slots=True)
class AnsweredHit:
    """One passage that was found, with its cosine similarity."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one query.

    Attributes:
        query: What was asked.
        version: The model version that answered.
        collection: The collection that was searched.
        generation: How often that had been brought up to date.
        hits: Best first.
        restricted: Whether only some of the passages were searched.
    """

    query: str
    version: str
    collection: str
    generation: int
    hits: tuple[AnsweredHit, ...]
    restricted: bool = False


class LiveSearcher:
    """Searches with whatever is live when it is asked. One object serves one thread.

    A change of the live pointer by any process is seen by the next search. The pair before it stays loaded, so a roll
    back costs no loading.

    Args:
        registry: Says what is live.
        store: Holds the collections.
        encoders: Gives a version's encoder.
        clock: Seconds that never go backwards.
        observe: Handed the answers of every search, as a query log wants them; it must not raise.
    """

    def __init__(
        self,
        registry: Registry,
        store: VectorStore,
        encoders: Encoders,
        *,
        clock: Callable[[], float] = time.monotonic,
        observe: Callable[[Sequence[Answer]], None] = lambda _: None,
    ) -> None:
        self._registry, self._store, self._encoders, self._clock = registry, store, encoders, clock
        self._observe = observe
        self._open: OrderedDict[tuple[str, str, int, int], _Served] = OrderedDict()

    def search(self, texts: Sequence[str], k: int, *, where: Filter | None = None) -> list[Answer]:
        """The best `k` passages of every text, all by the same version on the same collection.

        Args:
            texts: Queries.
            k: Hits of each.
            where: Which passages may be found; all when None.

        Raises:
            InputError: Nothing is live, or the live collection is gone.
            MismatchError: The live collection is not what was verified, or another model built it.
        """
        for attempt in range(1, _TRIES + 1):
            live = self._registry.live()
            if live is None:
                raise InputError("nothing is live", remedy="promote a version: `jargonaut models promote`")
            try:
                found = self._served(live).search(texts, k, where)
            except JargonautError:
                self._open.pop(_key(live), None)
                if attempt == _TRIES or not self._disturbed(live):
                    raise
            else:
                self._observe(found)
                return found
        raise AssertionError("unreachable")

    def warm(self) -> Live | None:
        """Loads what is live, so that the first search need not wait; None where nothing is."""
        live = self._registry.live()
        if live is not None:
            self._served(live).encoder.encode_queries(["warm"])
        return live

    def _disturbed(self, before: Live) -> bool:
        """Whether what is live, or what it holds, changed while it was searched."""
        now = self._registry.live()
        record = self._registry.indexes.get(before.index)
        return now is None or _key(now) != _key(before) or (record is not None and record.target is not None)

    def _served(self, live: Live) -> _Served:
        found = self._open.get(_key(live))
        if found is None:
            version = self._registry.get(live.version)
            same = (one.encoder for key, one in self._open.items() if key[0] == live.version)
            full = next(same, None) or self._encoders(version)
            found = _Served(live, full, self._store, self._registry, self._clock)
            self._open[_key(live)] = found
        self._open.move_to_end(_key(live))
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return found


class _Served:
    """One version's encoder and one collection."""

    def __init__(
        self, live: Live, encoder: Encoder, store: VectorStore, registry: Registry, clock: Callable[[], float]
    ) -> None:
        self.encoder = encoder
        self._live, self._registry, self._clock = live, registry, clock
        cut = TruncatedEncoder(searching(encoder), live.dimension)
        open_collection(store, live.index, cut)  # which says what differs, if anything does
        self._searcher = IndexSearcher(store, live.index, cut)
        self._looked_at = -_LOOKED_AT_EVERY

    def search(self, texts: Sequence[str], k: int, where: Filter | None) -> list[Answer]:
        self._look()
        found = self._searcher.search_texts(texts, k, where=where)
        passages = self._searcher.passages(list(dict.fromkeys(hit.passage_id for row in found for hit in row)))
        if any(hit.passage_id not in passages for row in found for hit in row):
            raise MismatchError(
                "a passage was removed between the search and the reading of its text", where=self._live.index
            )
        live = self._live
        return [
            Answer(text, live.version, live.index, live.generation,
                   tuple(AnsweredHit(passages[hit.passage_id], hit.score) for hit in row),
                   restricted=where is not None and bool(where.conditions))
            for text, row in zip(texts, found, strict=True)
        ]  # fmt: skip

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at >= _LOOKED_AT_EVERY:
            require_intact(self._registry, self._live.index, self._searcher.count)
            self._looked_at = now


def require_intact(registry: Registry, collection: str, count: Callable[[], int]) -> None:
    """Refuses a collection that is not what the registry remembers.

    What is compared here is what costs nothing: how many passages it holds, and what its last verification found. One
    that was never recorded, by an older release, is believed; so is one in the middle of a sync.

    Raises:
        MismatchError: It holds more or fewer passages, or its last verification found it altered.
    """
    record = registry.indexes.get(collection)
    if record is None or record.target is not None:
        return
    found = count()
    if found != record.content.count:
        raise altered(record, f"it holds {found:,} passages, remembered are {record.content.count:,}")
    latest = registry.indexes.verification(collection)
    if latest is not None and not latest.intact:
        failed = ", ".join(f"{one['name']}: {one['found']}, wanted {one['wanted']}" for one in latest.checks
                           if not one["passed"])  # fmt: skip
        raise altered(record, failed)


def altered(record: IndexRecord, what: str) -> MismatchError:
    """The error for a collection that something else wrote to."""
    return MismatchError(
        f"the collection {record.name!r} is not what was verified ({what}); something else wrote to it",
        remedy="`jargonaut index rollback` goes back to what was live before; `jargonaut index sync` brings this one "
        "up to date again, and `jargonaut index build` makes another",
    )


def _key(live: Live) -> tuple[str, str, int, int]:
    return live.version, live.index, live.dimension, live.generation
