"""The registry's tables and the rows in them. Knows SQL; decides nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jargonaut.databases import Migration, database
from jargonaut.errors import JargonautError, MismatchError
from jargonaut.registry.versions import Event, Live, ModelVersion, Status

_COLUMNS = (
    "version, content_hash, name, path, fingerprint, dimension, base, run_id, created, metrics, lineage, "
    "query_prompt, passage_prompt, max_tokens, kind, space"
)

# A migration that was released is never edited: append a new one.
MIGRATIONS: Sequence[Migration] = (
    (
        # `path` is empty for versions in the models folder, so a workspace can be moved as a whole.
        """CREATE TABLE versions (
            number INTEGER PRIMARY KEY,
            version TEXT NOT NULL UNIQUE,
            content_hash TEXT NOT NULL,
            name TEXT NOT NULL,
            path TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            dimension INTEGER NOT NULL CHECK (dimension > 0),
            base TEXT NOT NULL,
            run_id TEXT NOT NULL,
            created TEXT NOT NULL,
            metrics TEXT NOT NULL,
            lineage TEXT NOT NULL
        )""",
        "CREATE UNIQUE INDEX one_version_per_run ON versions (content_hash, run_id)",
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            version TEXT NOT NULL,
            detail TEXT NOT NULL
        )""",
        """CREATE TRIGGER events_stay BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        """CREATE TRIGGER events_are_kept BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        # Every promotion is a pointer that knows the one before it; `live` names the one in force.
        """CREATE TABLE pointers (
            number INTEGER PRIMARY KEY,
            version TEXT NOT NULL REFERENCES versions (version),
            dimension INTEGER NOT NULL,
            index_name TEXT NOT NULL,
            since TEXT NOT NULL,
            previous INTEGER REFERENCES pointers (number)
        )""",
        """CREATE TABLE live (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            pointer INTEGER NOT NULL REFERENCES pointers (number)
        )""",
    ),
    (
        # How a version's encoder is built is part of the version, not of today's settings; NULL is what its files say.
        "ALTER TABLE versions ADD COLUMN query_prompt TEXT",
        "ALTER TABLE versions ADD COLUMN passage_prompt TEXT",
        "ALTER TABLE versions ADD COLUMN max_tokens INTEGER",
        # The same model is the same version, whichever run evaluated it.
        "DROP INDEX one_version_per_run",
        "CREATE INDEX versions_by_model ON versions (content_hash, fingerprint)",
    ),
    (
        "ALTER TABLE pointers ADD COLUMN quantisation TEXT NOT NULL DEFAULT 'float32'",
        # What each collection held when it was last whole. `number` says which is newer: clocks go backwards.
        """CREATE TABLE collections (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            version TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            dimension INTEGER NOT NULL,
            quantisation TEXT NOT NULL,
            content TEXT NOT NULL,
            count INTEGER NOT NULL,
            generation INTEGER NOT NULL DEFAULT 0,
            details TEXT NOT NULL,
            built TEXT NOT NULL,
            removed INTEGER NOT NULL DEFAULT 0,
            target_content TEXT,
            target_count INTEGER
        )""",
        """CREATE TABLE verifications (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            collection TEXT NOT NULL,
            content TEXT NOT NULL,
            count INTEGER NOT NULL,
            intact INTEGER NOT NULL,
            passed INTEGER NOT NULL,
            checks TEXT NOT NULL
        )""",
        "CREATE INDEX verifications_by_collection ON verifications (collection, number)",
        """CREATE TRIGGER verifications_stay BEFORE UPDATE ON verifications
            BEGIN SELECT RAISE(ABORT, 'verifications are append-only'); END""",
        """CREATE TRIGGER verifications_are_kept BEFORE DELETE ON verifications
            BEGIN SELECT RAISE(ABORT, 'verifications are append-only'); END""",
        "CREATE TABLE retired (version TEXT PRIMARY KEY REFERENCES versions (version), reason TEXT NOT NULL)",
    ),
    (
        "ALTER TABLE versions ADD COLUMN kind TEXT NOT NULL DEFAULT 'encoder'",
        # Whose passage vectors a version searches, where it embeds none itself.
        "ALTER TABLE versions ADD COLUMN space TEXT NOT NULL DEFAULT ''",
    ),
)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The registry, to be read: also where it cannot be opened as usual, as on a full disk, which must stop no search.

    Raises:
        JargonautError: It cannot be read either.
    """
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(database(path, MIGRATIONS))
        except MismatchError:  # it is damaged, or of a newer release
            raise
        except JargonautError:
            if not path.exists():
                raise
            connection = stack.enter_context(database(path, MIGRATIONS, read_only=True))
        yield connection


def insert(connection: sqlite3.Connection, version: ModelVersion, *, path: str) -> None:
    """Adds a version; `path` is empty when it lies in the models folder."""
    connection.execute(
        f"INSERT INTO versions ({_COLUMNS}) VALUES ({', '.join('?' * 16)})",  # noqa: S608 - constants
        (
            version.version,
            version.content_hash,
            version.name,
            path,
            version.fingerprint,
            version.dimension,
            version.base,
            version.run_id,
            version.created,
            json.dumps(dict(version.metrics), ensure_ascii=False),
            json.dumps(dict(version.lineage), ensure_ascii=False),
            version.query_prompt,
            version.passage_prompt,
            version.max_tokens,
            version.kind,
            version.space,
        ),
    )


def set_run(connection: sqlite3.Connection, version: ModelVersion) -> None:
    """Writes which run tested a version, what it found, and what the version came from."""
    told = (version.run_id, *(json.dumps(dict(one), ensure_ascii=False) for one in (version.metrics, version.lineage)))
    connection.execute(
        "UPDATE versions SET run_id = ?, metrics = ?, lineage = ? WHERE version = ?", (*told, version.version)
    )


def select(connection: sqlite3.Connection, models: Path) -> tuple[ModelVersion, ...]:
    """All versions, oldest first, with their present status."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM versions ORDER BY number").fetchall()  # noqa: S608 - a constant
    now = live_pointer(connection)
    once = {row[0] for row in connection.execute("SELECT DISTINCT version FROM pointers")}
    retired = {row[0] for row in connection.execute("SELECT version FROM retired")}

    def status(version: str) -> Status:
        if now is not None and now.version == version:
            return "live"
        if version in retired:
            return "retired"
        return "previous" if version in once else "available"

    def version(row: tuple[Any, ...]) -> ModelVersion:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        values["path"] = Path(values["path"]) if values["path"] else models / values["version"]
        values["metrics"], values["lineage"] = json.loads(values["metrics"]), json.loads(values["lineage"])
        return ModelVersion(**values, status=status(values["version"]))

    return tuple(version(row) for row in rows)


def live_pointer(connection: sqlite3.Connection) -> Live | None:
    """The pointer in force."""
    row = connection.execute("SELECT pointer FROM live").fetchone()
    return pointer(connection, row[0]) if row else None


def pointer(connection: sqlite3.Connection, number: int) -> Live:
    """One pointer of the chain, with its collection's present generation."""
    row = connection.execute(
        "SELECT p.version, p.dimension, p.index_name, p.since, p.quantisation, coalesce(c.generation, 0) "
        "FROM pointers p LEFT JOIN collections c ON c.name = p.index_name WHERE p.number = ?",
        (number,),
    ).fetchone()
    return Live(*row)


def way_back(connection: sqlite3.Connection) -> int | None:
    """Number of the pointer that a roll back goes to: the nearest whose version and collection may still be served."""
    row = connection.execute(
        """WITH RECURSIVE chain (number, depth) AS (
            SELECT previous, 1 FROM pointers WHERE number = (SELECT pointer FROM live)
            UNION ALL SELECT p.previous, depth + 1 FROM pointers p JOIN chain ON p.number = chain.number
        )
        SELECT chain.number FROM chain JOIN pointers p ON p.number = chain.number
        LEFT JOIN collections c ON c.name = p.index_name
        WHERE coalesce(c.removed, 0) = 0 AND p.version NOT IN (SELECT version FROM retired)
        ORDER BY depth LIMIT 1"""
    ).fetchone()
    return int(row[0]) if row else None


def insert_event(connection: sqlite3.Connection, at: str, kind: str, version: str, detail: Mapping[str, Any]) -> None:
    """Adds a line to the history."""
    connection.execute(
        "INSERT INTO events (at, kind, version, detail) VALUES (?, ?, ?, ?)",
        (at, kind, version, json.dumps(detail, ensure_ascii=False)),
    )


def select_events(connection: sqlite3.Connection) -> tuple[Event, ...]:
    """The history, oldest first."""
    rows = connection.execute("SELECT number, at, kind, version, detail FROM events ORDER BY number")
    return tuple(Event(number, at, kind, version, json.loads(detail)) for number, at, kind, version, detail in rows)
