"""One LanceDB table as a collection: rows in and out, exact and approximate search, changes that are seen whole.

The tag `complete` names the table version that is searched. A change of a finished collection makes a new version and
then moves the tag. Knows a table; the folder that it lies in with others is `lance`'s, columns and error texts are
`lance_tables`'s.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from jargonaut.databases import database, transaction
from jargonaut.index.lance_tables import (
    COMPLETE,
    LANCE_ERRORS,
    PASSAGE_COLUMNS,
    any_of,
    hash_columns,
    hashes_of,
    info_of,
    legible_errors,
    legible_writing,
    note,
    passage_of,
    rows_of,
    tagged,
    vectors_of,
)
from jargonaut.index.store import (
    BLOCK,
    CollectionInfo,
    DamagedCollectionError,
    Filter,
    Quantisation,
    best_first,
    check_rows,
    check_unchanged,
    check_unfinished,
    normalised,
)
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table

_WRITERS = "writers.db"
_WAIT_AT_MOST = 7 * 24 * 3600.0
_SEARCHED_AT_ONCE = 256
_FETCHED_AT_ONCE = 500
_INDEXED_FROM = 1024  # passages; below, comparing all is as fast as any index, and there is too little to train one
_REFINED = 10  # times k: that many are compared again with their vectors as they are
_PIECES = 64  # small files, one or more per change, from which on they are put together
_KEPT = timedelta(hours=1)  # for searches that are under way in another process


class LanceCollection:
    """One LanceDB table. Made by `LanceStore`. Reading one whose files were damaged is a DamagedCollectionError."""

    def __init__(self, table: Table, info: CollectionInfo, folder: Path) -> None:
        self._table = table
        self._info = info
        self._folder = folder
        self._version = -1  # which is checked out; for a finished collection the tagged one

    @property
    def info(self) -> CollectionInfo:
        """What it was created with, and its notes."""
        return self._info

    def add(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds rows in one commit; see the protocol.

        Raises:
            MismatchError: The collection is finished, or number, length or values of the vectors are wrong.
        """
        check_unfinished(self._info)
        rows, hashes = check_rows(self._info, passages, vectors, hashes)
        with legible_writing(self._info.name, self._folder):
            self._table.add(rows_of(self._table, passages, rows, hashes))

    def upsert(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds or replaces rows in one commit; see the protocol.

        Raises:
            MismatchError: Number, length or values of the vectors are wrong, or the collection changed its encoder.
            InputError: Two passages share an id.
        """
        rows, hashes = check_rows(self._info, passages, vectors, hashes)
        if not len(rows):
            return
        with self._changing() as table:
            merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge.execute(rows_of(table, passages, rows, hashes))

    def delete(self, ids: Sequence[str]) -> None:
        """Removes rows; unknown ids are no error."""
        if not ids:
            return
        with self._changing() as table:
            for start in range(0, len(ids), BLOCK):
                table.delete(any_of("id", ids[start : start + BLOCK]))

    def annotate(self, meta: Mapping[str, str]) -> None:
        """Sets notes; the others stay."""
        with self._changing() as table:
            note(table, meta)

    def finish(self) -> None:
        """Builds the approximate index if one is wanted, and declares the collection complete."""
        if self._info.complete:
            return
        with legible_writing(self._info.name, self._folder):
            if self._info.approximate and self._table.count_rows() >= _INDEXED_FROM:
                self._table.create_index("vector", config=_index(self._info, self._table.count_rows()))
            self._table.tags.create(COMPLETE, self._table.version)
        self._info = info_of(self._info.name, self._table)

    def count(self) -> int:
        """How many passages it holds, as its table says; the files are not read."""
        self.refresh()
        with legible_errors(self._info.name, self._folder):
            return int(self._table.count_rows())

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, approximate: bool | None = None
    ) -> list[list[ScoredPassage]]:
        """The `k` nearest passages of every row by cosine similarity, best first, ties by passage id.

        See the protocol for the arguments.

        Raises:
            MismatchError: The vectors are not of this collection's length, or not finite, or it changed its encoder.
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        rows = normalised(self._info, vectors)
        if k < 1 or self.count() == 0:
            return [[] for _ in rows]
        exact = not (self._info.approximate if approximate is None else approximate)
        found: list[list[ScoredPassage]] = []
        for start in range(0, len(rows), _SEARCHED_AT_ONCE):
            found += self._search(rows[start : start + _SEARCHED_AT_ONCE], k, where, exact=exact)
        return found

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages themselves, in the order of `ids`; unknown ids are left out.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        found: dict[str, Passage] = {}
        for rows in self._rows(ids, PASSAGE_COLUMNS):
            found |= {row["id"]: passage_of(row) for row in rows.to_pylist()}
        return {id_: found[id_] for id_ in ids if id_ in found}

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Stored vectors, in the order of `ids`; unknown ids are left out.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        found: dict[str, NDArray[np.float32]] = {}
        for rows in self._rows(ids, ["id", "vector"]):
            stored = vectors_of(rows["vector"], self._info.dimension)
            found |= dict(zip(rows["id"].to_pylist(), stored, strict=True))
        return {id_: found[id_] for id_ in ids if id_ in found}

    def hashes(self, block: int = BLOCK) -> Iterator[dict[str, str]]:
        """Every passage's id → its hash, at most `block` at a time.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        self.refresh()
        with legible_errors(self._info.name, self._folder):
            batches = self._table.search().select(hash_columns(self._table)).to_batches(batch_size=block)
            for batch in batches:
                for start in range(0, batch.num_rows, block):
                    yield hashes_of(batch.slice(start, block))

    def check(self) -> None:
        """Searches all vectors once and fetches what was found; the table's own notes may outlive its files.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        anything = np.zeros((1, self._info.dimension), dtype=np.float32)
        anything[0, 0] = 1.0
        best = [hit.passage_id for hit in self.search(anything, 1, approximate=False)[0]]
        if len(self.fetch(best)) != min(1, self.count()):
            raise DamagedCollectionError(self._info.name, "a search finds no passage", str(self._folder))
        self.search(anything, 1, approximate=True)

    def refresh(self) -> None:
        """Goes to the version that is to be searched now, if another process changed the collection.

        Raises:
            InputError: The collection is gone.
            MismatchError: It has another encoder now, or is being built again.
            DamagedCollectionError: Its version is not there.
        """
        if not self._info.complete:
            return
        name, where = self._info.name, str(self._folder)
        try:
            version = int(self._table.tags.get_version(COMPLETE))
        except LANCE_ERRORS:
            present = (self._folder / f"{name}.lance" / "_versions").is_dir()
            if present and tagged(self._table):
                raise
            check_unchanged(self._info, replace(self._info, complete=False) if present else None, where)
            return
        if version != self._version:
            with legible_errors(name, self._folder):
                self._table.checkout(version)
            now = info_of(name, self._table)
            check_unchanged(self._info, now, where)
            self._info, self._version = now, version

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Table]:
        """The table, to be changed; what was done is seen by others when this ends without an error."""
        # Not the builders' lock, which the caller may hold.
        path = self._folder / _WRITERS
        with database(path, (), patience=_WAIT_AT_MOST) as connection, transaction(connection):
            self.refresh()
            with legible_writing(self._info.name, self._folder):
                if not self._info.complete:
                    cast("Any", self._table).checkout_latest()
                    yield self._table
                    return
                try:
                    # What lies above the tagged version is a change that was killed, or somebody else's.
                    cast("Any", self._table).checkout_latest()
                    if self._table.version != self._version:
                        self._table.checkout(self._version)
                        self._table.restore()
                    yield self._table
                    pieces = cast("Any", self._table.stats())["fragment_stats"][
                        "num_small_fragments"
                    ]  # a dict, not as typed
                    if pieces > _PIECES:
                        self._table.optimize(cleanup_older_than=_KEPT)
                    self._table.tags.update(COMPLETE, self._table.version)
                finally:
                    self._version = -1
                    self._table.checkout(COMPLETE)
            self.refresh()

    def _rows(self, ids: Sequence[str], columns: list[str]) -> Iterator[pa.Table]:
        self.refresh()
        for start in range(0, len(ids), _FETCHED_AT_ONCE):
            condition = any_of("id", ids[start : start + _FETCHED_AT_ONCE])
            with legible_errors(self._info.name, self._folder):
                yield self._table.search().where(condition).select(columns).to_arrow()

    def _search(self, rows: Vectors, k: int, where: Filter | None, *, exact: bool) -> list[list[ScoredPassage]]:
        query = cast("LanceVectorQueryBuilder", self._table.search(rows)).distance_type("dot")
        if where is not None and where.conditions:
            query = query.where(" AND ".join(any_of(*each) for each in where.conditions.items()), prefilter=True)
        if exact:
            query = query.bypass_vector_index()
        else:
            query = query.nprobes(_probes(self.count()))
            query = query if self._info.quantisation == "float32" else query.refine_factor(_REFINED)
        with legible_errors(self._info.name, self._folder):
            nearest = query.select(["id", "_distance"]).limit(k).to_arrow()
        # One query alone comes back without the column that numbers the queries.
        numbers = nearest["query_index"].to_pylist() if "query_index" in nearest.schema.names else [0] * len(nearest)
        hits: list[list[ScoredPassage]] = [[] for _ in rows]
        for number, id_, distance in zip(
            numbers, nearest["id"].to_pylist(), nearest["_distance"].to_pylist(), strict=True
        ):
            hits[number].append(ScoredPassage(id_, 1.0 - distance))
        return [best_first(row) for row in hits]


def _index(info: CollectionInfo, count: int) -> Any:
    """Cells of near vectors; inside a cell they are compared as they are, or rounded."""
    from lancedb import index

    kinds: dict[Quantisation, Any] = {"float32": index.IvfFlat, "int8": index.IvfSq, "binary": index.IvfRq}
    details = {"num_bits": 1} if info.quantisation == "binary" else {}
    return kinds[info.quantisation](distance_type="dot", num_partitions=_cells(count), **details)


def _cells(count: int) -> int:
    return max(1, math.isqrt(count))


def _probes(count: int) -> int:
    """Cells that a query looks into: enough to find about all of the nearest in what was measured."""
    return max(16, _cells(count) // 20)
