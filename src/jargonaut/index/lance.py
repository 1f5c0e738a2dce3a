"""The embedded vector store: LanceDB tables in a folder.

A collection is one table. Fingerprint, dimension and notes lie in its Arrow schema, so they cannot be parted from the
vectors. The tag `complete`, set last, says that a table is finished. Knows which tables there are, whose they are and
who may build; what is done with one is known by `lance_collection`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jargonaut.databases import database, transaction
from jargonaut.errors import InputError
from jargonaut.index.lance_collection import LanceCollection
from jargonaut.index.lance_tables import (
    COMPLETE,
    LANCE_ERRORS,
    info_of,
    legible_writing,
    open_table,
    schema,
    table_names,
    tagged,
)
from jargonaut.index.store import (
    CollectionInfo,
    Quantisation,
    check_encoder,
    check_quantisation,
    unknown_collection,
)

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

_BUILDERS = "builders.db"
_BUILD_AT_MOST = 7 * 24 * 3600.0


class LanceStore:
    """Collections in a folder. Several processes may read and build at once.

    Args:
        folder: Where the tables lie; created when something is built.
    """

    quantisations: frozenset[Quantisation] = frozenset({"float32", "int8", "binary"})
    native_aliases = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.folder)

    def collections(self) -> list[CollectionInfo]:
        """All collections by name, unfinished ones too."""
        if not self.folder.is_dir():
            return []
        connection = self._connect()
        return [_finished_info(name, open_table(connection, name)) for name in table_names(connection)]

    def create(
        self,
        name: str,
        *,
        fingerprint: str,
        dimension: int,
        meta: Mapping[str, str] | None = None,
        quantisation: Quantisation = "float32",
        approximate: bool = False,
    ) -> LanceCollection:
        """A new, empty, unfinished collection.

        Raises:
            InputError: One of this name exists, or Lance does not have this quantisation.
        """
        check_quantisation(self, quantisation)
        info = CollectionInfo(
            name, fingerprint, dimension, dict(meta or {}), quantisation=quantisation, approximate=approximate
        )
        with legible_writing(name, self.folder):
            connection = self._connect()
            if name in table_names(connection):
                raise InputError(f"there is a collection {name!r} already", where=str(self.folder))
            table = connection.create_table(name, schema=schema(info))
        return LanceCollection(table, info, self.folder)

    def open(self, name: str, fingerprint: str) -> LanceCollection:
        """A finished collection of this encoder.

        Raises:
            InputError: There is no finished collection of this name.
            MismatchError: It was built with another encoder.
            DamagedCollectionError: The version that was finished is no longer there.
        """
        return self._opened(name, fingerprint, complete=True)

    def resume(self, name: str, fingerprint: str) -> LanceCollection:
        """An unfinished collection of this encoder, to go on filling it.

        Raises:
            InputError: There is no unfinished collection of this name.
            MismatchError: It was begun with another encoder.
        """
        return self._opened(name, fingerprint, complete=False)

    def drop(self, name: str) -> None:
        """Removes a collection, finished or not; no error when there is none."""
        if not self.folder.is_dir():
            return
        connection = self._connect()
        if name not in table_names(connection):
            return
        table = open_table(connection, name)
        with legible_writing(name, self.folder):
            if table is not None and tagged(table):
                table.tags.delete(COMPLETE)  # first, so that a kill half-way leaves nothing that looks complete
            shutil.rmtree(self.folder / f"{name}.lance")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until no other process builds in this store. A killed process holds nothing."""
        # The lock is SQLite's: the system frees it with the process, on every platform.
        with database(self.folder / _BUILDERS, (), patience=_BUILD_AT_MOST) as connection, transaction(connection):
            yield

    def alias(self, name: str) -> str | None:
        """None: a folder has no second names; the registry's pointer says what is live."""
        del name
        return None

    def set_alias(self, name: str, collection: str) -> bool:
        """Does nothing and says so."""
        del name, collection
        return False

    def drop_alias(self, name: str) -> None:
        """Does nothing."""

    def _opened(self, name: str, fingerprint: str, *, complete: bool) -> LanceCollection:
        table = None
        if self.folder.is_dir():
            connection = self._connect()
            table = open_table(connection, name) if name in table_names(connection) else None
        info = _finished_info(name, table)
        if table is None or info.complete != complete or not info.dimension:
            raise unknown_collection(name, self.collections(), str(self.folder), complete=complete)
        check_encoder(info, fingerprint, str(self.folder))
        collection = LanceCollection(table, info, self.folder)
        if complete:
            collection.refresh()
        return collection

    def _connect(self) -> DBConnection:
        # Lance's scanner logs notices about its own deprecations to the terminal; a user's choice is kept.
        os.environ.setdefault("LANCE_LOG", "error")
        import lancedb

        return lancedb.connect(self.folder)


def _finished_info(name: str, table: Table | None) -> CollectionInfo:
    """What the finished version says, or the newest of an unfinished table."""
    if table is not None and tagged(table):
        with contextlib.suppress(*LANCE_ERRORS):  # opening it will say what is wrong
            table.checkout(COMPLETE)
    return info_of(name, table)
