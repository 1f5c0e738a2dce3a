"""The embedded vector store: LanceDB tables in a folder.

A collection is one table. Fingerprint, dimension and notes lie in its Arrow schema, so they cannot be parted from the
vectors. The tag `complete`, set last, names the table version that is searched: without it a table is unfinished.
Search is exact (a scan); knows no approximate index.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from jargonaut.databases import database, transaction
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.index.store import CollectionInfo, DamagedCollectionError, check_encoder, unknown_collection
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb import DBConnection
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table

_COMPLETE = "complete"
_META = b"jargonaut"
_LOCK = "builders.db"
_BUILD_AT_MOST = 7 * 24 * 3600.0
_SEARCHED_AT_ONCE = 256
_FETCHED_AT_ONCE = 500
_LANCE_ERRORS = (RuntimeError, ValueError, OSError)
# Rights, memory, open files: what the system refuses now says nothing about the files. The rest, missing files among
# them, does.
_REFUSED = re.compile(r"(\(os error |\[Errno )(1|12|13|23|24)[)\]]")


class LanceStore:
    """Collections in a folder. Several processes may read and build at once.

    Args:
        folder: Where the tables lie; created when something is built.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collections(self) -> list[CollectionInfo]:
        """All collections by name, unfinished ones too."""
        if not self.folder.is_dir():
            return []
        connection = self._connect()
        return [_info(name, _open_table(connection, name)) for name in _table_names(connection)]

    def create(
        self, name: str, *, fingerprint: str, dimension: int, meta: Mapping[str, str] | None = None
    ) -> LanceCollection:
        """A new, empty, unfinished collection.

        Raises:
            InputError: One of this name exists.
        """
        connection = self._connect()
        if name in _table_names(connection):
            raise InputError(f"there is a collection {name!r} already", where=str(self.folder))
        noted = {"fingerprint": fingerprint, "dimension": dimension, "meta": dict(meta or {})}
        table = connection.create_table(name, schema=_schema(dimension, json.dumps(noted)))
        return LanceCollection(table, CollectionInfo(name, fingerprint, dimension, dict(meta or {})), self.folder)

    def open(self, name: str, fingerprint: str) -> LanceCollection:
        """A finished collection of this encoder.

        Raises:
            InputError: There is no finished collection of this name.
            MismatchError: It was built with another encoder.
            DamagedCollectionError: The version that was finished is no longer there.
        """
        table = None
        if self.folder.is_dir():
            connection = self._connect()
            table = _open_table(connection, name) if name in _table_names(connection) else None
        info = _info(name, table)
        if table is None or not info.complete:
            raise unknown_collection(name, self.collections(), str(self.folder))
        check_encoder(info, fingerprint, str(self.folder))
        with _legible_errors(name, self.folder):
            table.checkout(_COMPLETE)
        return LanceCollection(table, info, self.folder)

    def drop(self, name: str) -> None:
        """Removes a collection, finished or not; no error when there is none."""
        if not self.folder.is_dir():
            return
        connection = self._connect()
        if name not in _table_names(connection):
            return
        table = _open_table(connection, name)
        if table is not None and _tagged(table):
            table.tags.delete(_COMPLETE)  # first, so that a kill half-way leaves nothing that looks complete
        shutil.rmtree(self.folder / f"{name}.lance")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until no other process builds in this store. A killed process holds nothing."""
        # The lock is SQLite's: the system frees it with the process, on every platform.
        with database(self.folder / _LOCK, (), patience=_BUILD_AT_MOST) as connection, transaction(connection):
            yield

    def _connect(self) -> DBConnection:
        # Lance's scanner logs notices about its own deprecations to the terminal; a user's choice is kept.
        os.environ.setdefault("LANCE_LOG", "error")
        import lancedb

        return lancedb.connect(self.folder)


class LanceCollection:
    """One LanceDB table. Made by `LanceStore`. Reading one whose files were damaged is a DamagedCollectionError."""

    def __init__(self, table: Table, info: CollectionInfo, folder: Path) -> None:
        self._table = table
        self._info = info
        self._folder = folder

    @property
    def info(self) -> CollectionInfo:
        """What it was created with."""
        return self._info

    def add(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Adds rows in one commit.

        Args:
            passages: What the vectors stand for.
            vectors: Shape (passages, dimension); normalised here.

        Raises:
            MismatchError: The collection is finished, or number, length or values of the vectors are wrong.
        """
        import pyarrow as pa

        if self._info.complete:
            raise MismatchError("a finished collection takes no more passages", where=self._info.name)
        rows = self._normalised(vectors)
        if len(rows) != len(passages):
            raise MismatchError(f"{len(passages)} passages, {len(rows)} vectors", where=self._info.name)
        flat = pa.array(rows.reshape(-1), pa.float32())
        columns = {
            "id": [p.id for p in passages],
            "text": [p.text for p in passages],
            "title": [p.title for p in passages],
            "headings": [list(p.headings) for p in passages],
            "document_id": [p.document_id for p in passages],
            "start": [p.start for p in passages],
            "end": [p.end for p in passages],
            "vector": pa.FixedSizeListArray.from_arrays(flat, self._info.dimension),
        }
        self._table.add(pa.table(columns, schema=self._table.schema))

    def finish(self) -> None:
        """Declares the collection complete. Nothing is added after this."""
        self._table.tags.create(_COMPLETE, self._table.version)
        self._info = _info(self._info.name, self._table)

    def count(self) -> int:
        """How many passages it holds, as its table says; the files are not read."""
        with _legible_errors(self._info.name, self._folder):
            return int(self._table.count_rows())

    def search(self, vectors: Vectors, k: int) -> list[list[ScoredPassage]]:
        """The `k` nearest passages of every row by cosine similarity, best first, ties by passage id.

        Args:
            vectors: Shape (queries, dimension); normalised here.
            k: Hits per query; fewer come back from a smaller collection.

        Raises:
            MismatchError: The vectors are not of this collection's length, or not finite.
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        rows = self._normalised(vectors)
        found: list[list[ScoredPassage]] = []
        for start in range(0, len(rows), _SEARCHED_AT_ONCE):
            found += self._search(rows[start : start + _SEARCHED_AT_ONCE], k)
        return found

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages themselves, in the order of `ids`; unknown ids are left out.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        found: dict[str, Passage] = {}
        for start in range(0, len(ids), _FETCHED_AT_ONCE):
            quoted = ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids[start : start + _FETCHED_AT_ONCE])
            with _legible_errors(self._info.name, self._folder):
                rows = self._table.search().where(f"id IN ({quoted})").select(_PASSAGE_FIELDS).to_arrow()
            for row in rows.to_pylist():
                found[row["id"]] = Passage(**{**row, "headings": tuple(row["headings"])})
        return {id_: found[id_] for id_ in ids if id_ in found}

    def check(self) -> None:
        """Searches all vectors once and fetches what was found; the table's own notes may outlive its files.

        Raises:
            DamagedCollectionError: The collection's files are missing or damaged.
        """
        anything = np.zeros((1, self._info.dimension), dtype=np.float32)
        anything[0, 0] = 1.0
        best = [hit.passage_id for hit in self.search(anything, 1)[0]]
        if len(self.fetch(best)) != min(1, self.count()):
            raise DamagedCollectionError(self._info.name, "a search finds no passage", str(self._folder))

    def _search(self, rows: Vectors, k: int) -> list[list[ScoredPassage]]:
        if k < 1 or self.count() == 0:
            return [[] for _ in rows]
        query = cast("LanceVectorQueryBuilder", self._table.search(rows))
        with _legible_errors(self._info.name, self._folder):
            nearest = query.distance_type("dot").select(["id", "_distance"]).limit(k).to_arrow()
        # One query alone comes back without the column that numbers the queries.
        numbers = nearest["query_index"].to_pylist() if "query_index" in nearest.schema.names else [0] * len(nearest)
        hits: list[list[ScoredPassage]] = [[] for _ in rows]
        for number, id_, distance in zip(
            numbers, nearest["id"].to_pylist(), nearest["_distance"].to_pylist(), strict=True
        ):
            hits[number].append(ScoredPassage(id_, 1.0 - distance))
        return [sorted(row, key=lambda hit: (-hit.score, hit.passage_id)) for row in hits]

    def _normalised(self, vectors: Vectors) -> Vectors:
        if vectors.ndim != 2 or vectors.shape[1] != self._info.dimension:
            raise MismatchError(
                f"this collection holds {self._info.dimension}-d vectors, not ones of shape {vectors.shape}",
                where=self._info.name,
            )
        if not np.isfinite(vectors).all():
            raise MismatchError("a vector holds values that are not finite", where=self._info.name)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


_PASSAGE_FIELDS = ["id", "text", "title", "headings", "document_id", "start", "end"]


def _schema(dimension: int, noted: str) -> pa.Schema:
    import pyarrow as pa

    text = [pa.field(name, pa.string()) for name in ("id", "text", "title")]
    rest = [
        pa.field("headings", pa.list_(pa.string())),
        pa.field("document_id", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("vector", pa.list_(pa.float32(), dimension)),
    ]
    return pa.schema([*text, *rest], metadata={_META: noted.encode()})


def _table_names(connection: DBConnection) -> list[str]:
    names: list[str] = []
    token = None
    while True:
        answer = connection.list_tables(page_token=token)
        names += answer.tables
        token = answer.page_token
        if not token:
            return sorted(names)


def _open_table(connection: DBConnection, name: str) -> Table | None:
    """The table; None when a kill left a folder that is no table yet."""
    try:
        return connection.open_table(name)
    except _LANCE_ERRORS as error:
        _raise_if_refused(name, error)  # or what serves users would be taken for unfinished, and removed
        return None


def _info(name: str, table: Table | None) -> CollectionInfo:
    noted = (table.schema.metadata or {}).get(_META) if table is not None else None
    if table is None or noted is None:
        return CollectionInfo(name, fingerprint="", dimension=0)
    known = json.loads(noted)
    return CollectionInfo(name, known["fingerprint"], known["dimension"], known["meta"], _tagged(table))


def _tagged(table: Table) -> bool:
    """Whether the table was finished; one whose tag cannot be read was not."""
    try:
        return _COMPLETE in table.tags.list()
    except _LANCE_ERRORS as error:
        _raise_if_refused(table.name, error)
        return False


@contextlib.contextmanager
def _legible_errors(name: str, folder: Path) -> Iterator[None]:
    """Turns what the library raises over unreadable files into an error that a user can act on."""
    try:
        yield
    except _LANCE_ERRORS as error:
        _raise_if_refused(name, error)
        raise DamagedCollectionError(name, _reason(error), str(folder)) from error


def _raise_if_refused(name: str, error: Exception) -> None:
    if _REFUSED.search(str(error)):
        raise JargonautError(
            f"the collection {name!r} cannot be read now ({_reason(error)})",
            remedy="check your rights to its files, the memory, and how many files may be open (ulimit -n)",
        ) from error


def _reason(error: Exception) -> str:
    """What the library says, without where in its own source it says so."""
    return str(error).split(", /")[0].removeprefix("lance error: ")
