"""SQLite files that several processes share: write-ahead log, numbered migrations, whole transactions.

Knows how to open such a file and change it safely under kill -9. Knows nothing of what the tables mean.
"""

from __future__ import annotations

import contextlib
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
    path: Path, migrations: Sequence[Migration], *, page_size: int = 4096, patience: float = PATIENCE
) -> Iterator[sqlite3.Connection]:
    """Opens a database, brings it up to date, and closes it again.

    A connection lives for one operation, so objects that use this may be shared between threads and processes and need
    no closing.

    Args:
        path: The file; it and its folder are created.
        migrations: All migrations, oldest first. Each commits together with its number (`user_version`).
        page_size: Bytes per page of a new file.
        patience: Seconds to wait for another process's transaction before giving up.

    Raises:
        DamagedError: The file is damaged.
        MismatchError: A newer jargonaut wrote it.
        JargonautError: The file cannot be read or written (rights, full disk, locked for too long).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
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
        if isinstance(error, sqlite3.OperationalError):
            raise JargonautError(
                f"this database cannot be used ({error})",
                where=str(path),
                remedy="check the free disk space, the rights of its folder, and that no other process hangs",
            ) from error
        raise


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


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> None:
    if _version(connection) == len(migrations):
        return
    while True:
        with transaction(connection):
            done = _version(connection)  # read again under the lock: another process may have been first
            if done > len(migrations):
                raise MismatchError(
                    f"a newer jargonaut wrote this database (format {done}, this one knows {len(migrations)})",
                    where=str(path),
                    remedy="pip install --upgrade jargonaut",
                )
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
