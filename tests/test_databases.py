"""Shared SQLite files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jargonaut.databases import DamagedError, database, only_readable, transaction
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


def with_one_thing(path: Path) -> Path:
    """A database with one row, closed as it should be."""
    with database(path, ONE) as connection:
        connection.execute("INSERT INTO things VALUES ('a')")
    return path


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Path]:
    """A database in a folder where nothing may be written: a read-only mount for root, the folder's rights else."""
    folder = tmp_path / "frozen"
    folder.mkdir()
    if os.geteuid() != 0:
        path = with_one_thing(folder / "x.db")
        folder.chmod(0o500)
        yield path
        folder.chmod(0o700)
        return
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("root may write anywhere, and may not mount here")
    try:
        path = with_one_thing(folder / "x.db")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield path
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_database_where_nothing_may_be_written_can_be_read(frozen: Path) -> None:
    """Rows are read on a read-only file system, and nothing is left beside the file."""
    assert only_readable(frozen)
    with database(frozen, ONE) as connection:
        assert connection.execute("SELECT * FROM things").fetchall() == [("a",)]
    assert [path.name for path in frozen.parent.iterdir()] == ["x.db"]


def test_writing_where_nothing_may_be_written_says_so(frozen: Path) -> None:
    """The error names the file, the read-only file system and a way out; a new file is no other case."""
    with pytest.raises(JargonautError, match=r"(?s)x\.db.*read-only file system.*→"):  # noqa: SIM117 - both raise
        with database(frozen, ONE) as connection, transaction(connection):
            connection.execute("INSERT INTO things VALUES ('b')")
    with pytest.raises(JargonautError, match="read-only file system"), database(frozen.parent / "new" / "y.db", ONE):
        pass


def test_an_old_database_where_nothing_may_be_written_is_refused(tmp_path: Path) -> None:
    """A file that wants a migration says so; a newer one is refused as anywhere; a damaged one is named."""
    path = with_one_thing(tmp_path / "x.db")
    with pytest.raises(JargonautError, match="older jargonaut"), database(path, TWO, read_only=True):
        pass
    with pytest.raises(MismatchError, match="newer"), database(path, (), read_only=True):
        pass
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DamagedError), database(path, ONE, read_only=True):
        pass


def test_a_log_that_was_left_behind_is_read_too(tmp_path: Path) -> None:
    """Reading sees what a killed process committed, not only what had reached the file itself."""
    code = (
        "import os, sys; from pathlib import Path; from jargonaut.databases import database\n"
        "with database(Path(sys.argv[1]), (('CREATE TABLE things (name TEXT)',),)) as c:\n"
        "    c.execute(\"INSERT INTO things VALUES ('a')\")\n"
        "    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.db")], check=True)
    assert (tmp_path / "x.db-wal").stat().st_size > 0
    with database(tmp_path / "x.db", ONE, read_only=True) as connection:
        assert connection.execute("SELECT * FROM things").fetchall() == [("a",)]


def test_a_folder_that_may_be_written_is_not_read_only(tmp_path: Path) -> None:
    """Neither an ordinary file nor one that is not there yet is opened for reading alone."""
    assert not only_readable(with_one_thing(tmp_path / "x.db"))
    assert not only_readable(tmp_path / "nowhere" / "x.db")
