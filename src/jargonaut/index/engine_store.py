"""The rules of collections, kept for any `Engine`: who may open, write and search what, and what is finished.

Knows nothing of any database. Before a collection is searched or changed its state is read again, so that one that was
built anew by another program under the same name is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import InputError
from jargonaut.index.engine import Engine, Row, info_from, native_name, state_of
from jargonaut.index.store import (
    BLOCK,
    CollectionInfo,
    DamagedCollectionError,
    Filter,
    Quantisation,
    best_first,
    check_encoder,
    check_quantisation,
    check_rows,
    check_unchanged,
    check_unfinished,
    normalised,
    unknown_collection,
)
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

_READ_AT_ONCE = 500


class EngineStore:
    """Collections in a database that others may use too.

    Args:
        engine: The database.
        prefix: Put before the names of our collections in it.
    """

    def __init__(self, engine: Engine, prefix: str = "jargonaut") -> None:
        self.engine = engine
        self.prefix = prefix

    @property
    def location(self) -> str:
        """Where it is, without secrets."""
        return self.engine.location

    @property
    def quantisations(self) -> frozenset[Quantisation]:
        """The number formats that it has."""
        return self.engine.quantisations

    @property
    def native_aliases(self) -> bool:
        """Whether it has second names for collections."""
        return self.engine.native_aliases

    def collections(self) -> list[CollectionInfo]:
        """All collections by name, unfinished ones too."""
        with self.engine.errors():
            known = (info_from(state) for state in self.engine.states().values())
            return sorted(known, key=lambda info: info.name)

    def create(
        self,
        name: str,
        *,
        fingerprint: str,
        dimension: int,
        meta: Mapping[str, str] | None = None,
        quantisation: Quantisation = "float32",
        approximate: bool = False,
    ) -> EngineCollection:
        """A new, empty, unfinished collection.

        Raises:
            InputError: One of this name exists, or the store does not have this quantisation.
        """
        check_quantisation(self, quantisation)
        info = CollectionInfo(
            name, fingerprint, dimension, dict(meta or {}), quantisation=quantisation, approximate=approximate
        )
        native = self._native(name)
        with self.engine.errors():
            if self.engine.state(native) is not None:
                raise InputError(f"there is a collection {name!r} already", where=self.location)
            self.engine.make(native, info, state_of(info))
        return EngineCollection(self.engine, native, info)

    def open(self, name: str, fingerprint: str) -> EngineCollection:
        """A finished collection of this encoder.

        Raises:
            InputError: There is no finished collection of this name.
            MismatchError: It was built with another encoder.
        """
        return self._opened(name, fingerprint, complete=True)

    def resume(self, name: str, fingerprint: str) -> EngineCollection:
        """An unfinished collection of this encoder, to go on filling it.

        Raises:
            InputError: There is no unfinished collection of this name.
            MismatchError: It was begun with another encoder.
        """
        return self._opened(name, fingerprint, complete=False)

    def drop(self, name: str) -> None:
        """Removes a collection, finished or not; no error when there is none."""
        native = self._native(name)
        with self.engine.errors():
            state = self.engine.state(native)
            if state is None:
                return
            # First, so that a kill half-way leaves nothing that looks complete.
            self.engine.set_state(native, state_of(replace(info_from(state), complete=False)))
            self.engine.remove(native)

    def exclusive(self) -> AbstractContextManager[None]:
        """Waits until no other process builds in this store. A killed process holds nothing."""
        return self.engine.exclusive()

    def alias(self, name: str) -> str | None:
        """The collection that a second name stands for; None where there is none, or the store has no such names."""
        if not self.native_aliases:
            return None
        with self.engine.errors():
            native = self.engine.alias(self._alias(name))
            state = self.engine.state(native) if native is not None else None
        return None if state is None else info_from(state).name

    def set_alias(self, name: str, collection: str) -> bool:
        """Lets a second name stand for a collection, in one step; see the protocol.

        Raises:
            InputError: There is no finished collection of this name.
        """
        if not self.native_aliases:
            return False
        native = self._native(collection)
        with self.engine.errors():
            state = self.engine.state(native)
            if state is None or not info_from(state).complete:
                raise unknown_collection(collection, self.collections(), self.location)
            self.engine.set_alias(self._alias(name), native)
        return True

    def drop_alias(self, name: str) -> None:
        """Forgets a second name; no error when there is none."""
        if self.native_aliases:
            with self.engine.errors():
                if self.engine.alias(self._alias(name)) is not None:
                    self.engine.drop_alias(self._alias(name))

    def _opened(self, name: str, fingerprint: str, *, complete: bool) -> EngineCollection:
        native = self._native(name)
        with self.engine.errors():
            state = self.engine.state(native)
        info = None if state is None else info_from(state)
        if info is None or info.complete != complete:
            raise unknown_collection(name, self.collections(), self.location, complete=complete)
        check_encoder(info, fingerprint, self.location)
        return EngineCollection(self.engine, native, info)

    def _native(self, name: str) -> str:
        return native_name(self.prefix, name)

    def _alias(self, name: str) -> str:
        return native_name(f"{self.prefix}_as", name)


class EngineCollection:
    """One collection of an `EngineStore`."""

    def __init__(self, engine: Engine, native: str, info: CollectionInfo) -> None:
        self._engine = engine
        self._native = native
        self._info = info

    @property
    def info(self) -> CollectionInfo:
        """What it was created with, and its notes."""
        return self._info

    def add(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds rows; see the protocol.

        Raises:
            MismatchError: The collection is finished, or number, length or values of the vectors are wrong.
        """
        check_unfinished(self._info)
        self.upsert(passages, vectors, hashes)

    def upsert(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds or replaces rows; see the protocol.

        Raises:
            MismatchError: Number, length or values of the vectors are wrong, or the collection changed its encoder.
            InputError: Two passages share an id.
        """
        stored, hashes = check_rows(self._info, passages, vectors, hashes)
        rows = [Row(p, hash_, vector) for p, hash_, vector in zip(passages, hashes, stored, strict=True)]
        with self._engine.errors():
            self._refresh()
            for start in range(0, len(rows), self._engine.writes_at_once):
                self._engine.write(self._native, self._info, rows[start : start + self._engine.writes_at_once])

    def delete(self, ids: Sequence[str]) -> None:
        """Removes rows; unknown ids are no error."""
        ids = list(dict.fromkeys(ids))  # some databases refuse to be told twice
        with self._engine.errors():
            self._refresh()
            for start in range(0, len(ids), _READ_AT_ONCE):
                self._engine.delete(self._native, ids[start : start + _READ_AT_ONCE])

    def annotate(self, meta: Mapping[str, str]) -> None:
        """Sets notes; the others stay."""
        with self._engine.errors():
            self._refresh()
            noted = replace(self._info, meta={**self._info.meta, **meta})
            self._engine.set_state(self._native, state_of(noted))
        self._info = noted

    def finish(self) -> None:
        """Builds what a search needs and declares the collection complete."""
        if self._info.complete:
            return
        with self._engine.errors():
            self._refresh()
            self._engine.prepare(self._native, self._info)
            finished = replace(self._info, complete=True)
            self._engine.set_state(self._native, state_of(finished))
        self._info = finished

    def count(self) -> int:
        """How many passages it holds."""
        with self._engine.errors():
            self._refresh()
            return self._engine.count(self._native)

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, approximate: bool | None = None
    ) -> list[list[ScoredPassage]]:
        """The `k` nearest passages of every row by cosine similarity, best first, ties by passage id.

        See the protocol for the arguments.

        Raises:
            MismatchError: The vectors are not of this collection's length, or not finite, or it changed its encoder.
        """
        rows = normalised(self._info, vectors)
        exact = not (self._info.approximate if approximate is None else approximate)
        with self._engine.errors():
            self._refresh()
            if k < 1 or not len(rows):
                return [[] for _ in rows]
            found = self._engine.nearest(self._native, self._info, rows, k, where, exact=exact)
            if found is None:
                found = self._compared_with_all(rows, k, where)
        return [best_first(row)[:k] for row in found]

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages themselves, in the order of `ids`; unknown ids are left out."""
        found = {row.passage.id: row.passage for row in self._read(ids, vectors=False)}
        return {id_: found[id_] for id_ in ids if id_ in found}

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Stored vectors, in the order of `ids`; unknown ids are left out."""
        found = {row.passage.id: row.stored for row in self._read(ids, vectors=True)}
        return {id_: found[id_] for id_ in ids if id_ in found}

    def hashes(self, block: int = BLOCK) -> Iterator[dict[str, str]]:
        """Every passage's id → its hash, at most `block` at a time."""
        with self._engine.errors():
            self._refresh()
        pages = self._engine.pages(self._native, self._info, block, vectors=False)
        while True:
            with self._engine.errors():  # not while the caller is at work
                rows = next(pages, None)
            if rows is None:
                return
            yield {row.passage.id: row.hash for row in rows}

    def check(self) -> None:
        """Reads every vector, and counts.

        Raises:
            DamagedCollectionError: There are fewer rows than are counted, or a vector has another length.
        """
        read = 0
        with self._engine.errors():
            self._refresh()
            counted = self._engine.count(self._native)
            for rows in self._engine.pages(self._native, self._info, BLOCK, vectors=True):
                read += len(rows)
                if any(row.vector is None or len(row.vector) != self._info.dimension for row in rows):
                    raise DamagedCollectionError(self._info.name, "a vector is missing", self._engine.location)
        if read != counted:
            reason = f"{counted} passages are counted, {read} can be read"
            raise DamagedCollectionError(self._info.name, reason, self._engine.location)

    def _refresh(self) -> None:
        """Reads the state again.

        Raises:
            InputError: The collection is gone.
            MismatchError: It has another encoder now, or is being built again.
        """
        state = self._engine.state(self._native)
        now = None if state is None else info_from(state)
        check_unchanged(self._info, now, self._engine.location)
        self._info = now or self._info

    def _read(self, ids: Sequence[str], *, vectors: bool) -> Iterator[Row]:
        with self._engine.errors():
            self._refresh()
            for start in range(0, len(ids), _READ_AT_ONCE):
                wanted = list(dict.fromkeys(ids[start : start + _READ_AT_ONCE]))
                yield from self._engine.read(self._native, self._info, wanted, vectors=vectors)

    def _compared_with_all(self, queries: Vectors, k: int, where: Filter | None) -> list[list[ScoredPassage]]:
        """An exact search for a database that has none: every vector passes by once."""
        best: list[list[ScoredPassage]] = [[] for _ in queries]
        for rows in self._engine.pages(self._native, self._info, BLOCK, vectors=True):
            allowed = [row for row in rows if where is None or where.allows(row.passage)]
            if not allowed:
                continue
            scores = queries @ np.stack([row.stored for row in allowed]).T
            for number, line in enumerate(scores):
                nearest = np.argsort(-line, kind="stable")[:k]
                hits = [ScoredPassage(allowed[at].passage.id, float(line[at])) for at in nearest]
                best[number] = best_first([*best[number], *hits])[:k]
        return best
