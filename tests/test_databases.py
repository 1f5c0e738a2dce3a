"""Shared SQLite files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from jargonaut.databases import DamagedError, database, transaction
from jargonaut.errors import JargonautError, MismatchError

ONE = (("CREATE TABLE things (name TEXT)",),)
TWO = (*ONE, ("ALTER TABLE things ADD COLUMN size INTEGER", "UPDATE things SET size = 1"))


def test_migrations_bring_an_old_file_up_to_date(tmp_path: Path) -> None:
    """A file that an older version wrote keeps its rows and gains the new columns."""
    path = tmp_path / "deep" / "x.db"
    with database(path, ONE) as connection:
        connection.execute("INSERT INTO things VALUES ('a')")
    with database(path, TWO) as connection:
        assert connection.execute("SELECT * FROM things").fetchall() == [("a", 1)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_failing_migration_leaves_the_number_and_the_tables_alone(tmp_path: Path) -> None:
    """A migration and its number commit together, or not at all."""
    broken = (*ONE, ("ALTER TABLE things ADD COLUMN size INTEGER", "nonsense"))
    with database(tmp_path / "x.db", ONE):
        pass
    with pytest.raises(JargonautError), database(tmp_path / "x.db", broken):
        pass
    with database(tmp_path / "x.db", TWO) as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(things)")] == ["name", "size"]


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A file with migrations that this version does not know is not touched."""
    with database(tmp_path / "x.db", TWO):
        pass
    with pytest.raises(MismatchError, match="newer"), database(tmp_path / "x.db", ONE):
        pass


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A file that is no database gives an error with its path, not a traceback of SQLite's."""
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(DamagedError, match=r"x\.db"), database(tmp_path / "x.db", ONE):
        pass


def test_an_error_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    """All or nothing."""
    with database(tmp_path / "x.db", ONE) as connection:
        rows = ((1 // size,) for size in (1, 0))  # the first row goes in, the second one fails
        with pytest.raises(ZeroDivisionError), transaction(connection):
            connection.executemany("INSERT INTO things VALUES (?)", rows)
        assert connection.execute("SELECT count(*) FROM things").fetchone() == (0,)


def test_a_programming_error_stays_a_programming_error(tmp_path: Path) -> None:
    """A broken constraint is a bug of ours and is not dressed up as the user's."""
    constrained = (("CREATE TABLE things (name TEXT UNIQUE)",),)
    with pytest.raises(sqlite3.IntegrityError), database(tmp_path / "x.db", constrained) as connection:
        connection.execute("INSERT INTO things VALUES ('a'), ('a')")


def test_many_processes_may_create_one_file_at_once(tmp_path: Path) -> None:
    """Creation, migration and writing do not collide."""
    code = (
        "import sys; from pathlib import Path; from jargonaut.databases import database, transaction\n"
        "for i in range(10):\n"
        "    with database(Path(sys.argv[1]), (('CREATE TABLE t (x)',),)) as c, transaction(c):\n"
        "        c.execute('INSERT INTO t VALUES (1)')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.db")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    assert [process.communicate()[1] for process in processes] == [""] * 5
    with database(tmp_path / "x.db", (("CREATE TABLE t (x)",),)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (50,)
