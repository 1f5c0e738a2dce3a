"""SQLite files that several processes share: write-ahead log, numbered migrations, whole transactions.

Knows how to open such a file and change it safely under kill -9. Knows nothing of what the tables mean.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from jargonaut.errors import JargonautError, MismatchError

Migration = Sequence[str]
"""Statements that take a database from one number to the next."""

PATIENCE = 300.0
"""Seconds; transactions here take far less, except for copying a very large model."""


class DamagedError(MismatchError):
    """The file is no database, or its pages cannot be trusted."""


@contextlib.contextmanager
def database(
    path: Path,
    migrations: Sequence[Migration],
    *,
    page_size: int = 4096,
    patience: float = PATIENCE,
    read_only: bool | None = None,
) -> Iterator[sqlite3.Connection]:
    """Opens a database, brings it up to date, and closes it again.

    A connection lives for one operation, so objects that use this may be shared between threads and processes and need
    no closing. Where nothing may be written, on a read-only file system for one, a database that is there and up to
    date can still be read.

    Args:
        path: The file; it and its folder are created.
        migrations: All migrations, oldest first. Each commits together with its number (`user_version`).
        page_size: Bytes per page of a new file.
        patience: Seconds to wait for another process's transaction before giving up.
        read_only: Whether to open it for reading alone; None to ask `only_readable`.

    Raises:
        DamagedError: The file is damaged.
        MismatchError: A newer jargonaut wrote it.
        JargonautError: The file cannot be read or written (rights, read-only file system, full disk, locked for too
            long).
    """
    reading = only_readable(path) if read_only is None else read_only
    try:
        if reading:
            with contextlib.closing(_connect_for_reading(path, patience)) as connection:
                _require_current(_version(connection), migrations, path)
                yield connection
            return
        _make_folder(path)
        # Python's implicit transactions would start one late and commit it early; `transaction` does both.
        with contextlib.closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {page_size}")
            _use_write_ahead_log(connection, patience)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, migrations, path)
            yield connection
    except sqlite3.DatabaseError as error:
        if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise DamagedError(
                f"this database is damaged ({error})", where=str(path), remedy="move the file away and run again"
            ) from error
        if _code(error) == sqlite3.SQLITE_READONLY:
            raise _unwritable(path, "it can be read, but not changed") from error
        if reading and _code(error) == sqlite3.SQLITE_CANTOPEN:
            raise _unwritable(path, "whoever wrote it last was killed, and its log cannot be written back") from error
        if isinstance(error, sqlite3.OperationalError):
            raise JargonautError(
                f"this database cannot be used ({error})",
                where=str(path),
                remedy="check the free disk space, the rights of its folder, and that no other process hangs",
            ) from error
        raise


def only_readable(path: Path) -> bool:
    """Whether a database is there but nothing may be written beside it, as its log must be.

    So it is on a read-only file system, even for root, and in a folder of somebody else's.
    """
    return path.exists() and not os.access(path.parent, os.W_OK)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; holds the write lock from the start, so what was read inside is still true at the commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connect_for_reading(path: Path, patience: float) -> sqlite3.Connection:
    """A connection that writes nothing, not even the files that SQLite keeps beside a write-ahead log."""
    log = path.with_name(path.name + "-wal")
    # What an unfinished log holds is seen only where SQLite looks for one, which it needs the log's index for. Without
    # a log, nobody is writing, and saying so spares SQLite the files that it could not make.
    unfinished = log.exists() and log.stat().st_size > 0
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if unfinished else '&immutable=1'}"
    return sqlite3.connect(uri, timeout=patience, isolation_level=None, uri=True)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, f"its folder cannot be made ({error.strerror})") from error


def _unwritable(path: Path, what: str) -> JargonautError:
    return JargonautError(
        f"{what}: this is a read-only file system, or you have no right to write here",
        where=str(path),
        remedy="work in a copy of the workspace that you may write to, or mount it writable",
    )


def _require_current(done: int, migrations: Sequence[Migration], path: Path) -> None:
    if done > len(migrations):
        raise _newer(done, migrations, path)
    if done < len(migrations):
        raise _unwritable(path, f"an older jargonaut wrote this database (format {done}) and it cannot be migrated")


def _newer(done: int, migrations: Sequence[Migration], path: Path) -> MismatchError:
    return MismatchError(
        f"a newer jargonaut wrote this database (format {done}, this one knows {len(migrations)})",
        where=str(path),
        remedy="pip install --upgrade jargonaut",
    )


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> None:
    if _version(connection) == len(migrations):
        return
    while True:
        with transaction(connection):
            done = _version(connection)  # read again under the lock: another process may have been first
            if done > len(migrations):
                raise _newer(done, migrations, path)
            if done == len(migrations):
                return
            for statement in migrations[done]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {done + 1}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _use_write_ahead_log(connection: sqlite3.Connection, patience: float) -> None:
    """SQLite does not wait for other processes while it switches the journal, so this does."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _code(error: sqlite3.Error) -> int:
    """The primary result code; errors of Python's own module carry none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
