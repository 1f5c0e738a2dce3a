"""What the registry remembers of vector collections: what each held when it was last whole, and who verified it.

A collection is known by its name, its count and a hash over its content. The registry never opens one: whoever does
compares what is there with what is remembered here. Shares the registry's database, so that the pointer and what it
points at change in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.databases import database, transaction
from jargonaut.errors import InputError, MismatchError
from jargonaut.records import IndexContent
from jargonaut.registry.tables import MIGRATIONS, insert_event, live_pointer, pointer, reading, way_back


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """A collection that was finished once.

    Attributes:
        name: Its name in the store.
        version: The model version that made its vectors.
        fingerprint: That encoder's identity.
        dimension: Length of its vectors.
        quantisation: How an approximate search compares them.
        content: What it held when it was built or last brought up to date.
        details: What else its vectors depend on: prompts, pooling, normalisation, how documents were cut.
        built: UTC, ISO 8601. Says nothing about which is newer; `number` does.
        number: Counts up; a newer collection has a higher one.
        generation: How often it was brought up to date.
        removed: Whether it was given up; its files may be gone.
        target: What a sync that has begun is making of it; None when none has.
    """

    name: str
    version: str
    fingerprint: str
    dimension: int
    content: IndexContent
    quantisation: str = "float32"
    details: Mapping[str, Any] = field(default_factory=dict)
    built: str = ""
    number: int = 0
    generation: int = 0
    removed: bool = False
    target: IndexContent | None = None


@dataclass(frozen=True, slots=True)
class IndexVerification:
    """One examination of a collection.

    Attributes:
        collection: Its name.
        content: What was found in it.
        intact: Whether that is what the registry remembered; other checks may have failed all the same.
        passed: Whether all checks passed.
        checks: Each check: its name, what was found, what was wanted, and whether it passed.
        at: UTC, ISO 8601.
        number: Counts up.
    """

    collection: str
    content: IndexContent
    intact: bool
    passed: bool
    checks: tuple[Mapping[str, Any], ...] = ()
    at: str = ""
    number: int = 0


class IndexRecords:
    """The collections that a registry knows. Several processes and threads may use it at once.

    Args:
        path: The registry's database.
        time: Gives the time, ISO 8601.
    """

    def __init__(self, path: Path, time: Callable[[], str]) -> None:
        self._path = path
        self._time = time

    def all(self) -> tuple[IndexRecord, ...]:
        """Every collection that was ever recorded, oldest first, those given up too."""
        with reading(self._path) as connection:
            return _select(connection)

    def get(self, name: str) -> IndexRecord | None:
        """One collection; None when it was never recorded."""
        return next((one for one in self.all() if one.name == name), None)

    def record(self, made: IndexRecord, detail: Mapping[str, Any] | None = None) -> IndexRecord:
        """Remembers a finished collection; one of this name that was given up before is there again.

        Recording what is remembered already only makes it the newest, so a build that was killed after it may be
        repeated.

        Args:
            made: The collection; number, generation and target play no part.
            detail: What the history shall say of the build, such as how many vectors were encoded and how fast.
        """
        with database(self._path, MIGRATIONS) as connection, transaction(connection):
            known = _get(connection, made.name)
            same = known is not None and (known.fingerprint, known.dimension, known.content) == (
                made.fingerprint, made.dimension, made.content,
            )  # fmt: skip
            if known is not None and same and not known.removed:
                # It was asked for again, so it is the newest now.
                connection.execute(
                    "UPDATE collections SET number = (SELECT max(number) + 1 FROM collections) WHERE name = ? "
                    "AND number < (SELECT max(number) FROM collections)",
                    (made.name,),
                )
                return _require(connection, made.name)
            connection.execute("DELETE FROM collections WHERE name = ?", (made.name,))
            connection.execute(
                "INSERT INTO collections (name, version, fingerprint, dimension, quantisation, content, count, "
                "details, built) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (made.name, made.version, made.fingerprint, made.dimension, made.quantisation, made.content.digest,
                 made.content.count, json.dumps(plain(made.details), ensure_ascii=False), made.built or self._time()),
            )  # fmt: skip
            said = {"index": made.name, "count": made.content.count, "dimension": made.dimension, **(detail or {})}
            insert_event(connection, self._time(), "indexed", made.version, said)
            return _require(connection, made.name)

    def verification(self, name: str) -> IndexVerification | None:
        """The newest examination of a collection; None when there was none."""
        with reading(self._path) as connection:
            return _latest(connection, name)

    def verifications(self) -> tuple[IndexVerification, ...]:
        """All examinations of all collections, oldest first."""
        with reading(self._path) as connection:
            rows = connection.execute(f"SELECT {_EXAMINED} FROM verifications ORDER BY number").fetchall()  # noqa: S608 - a constant
        return tuple(_verification(*row) for row in rows)

    def verified(self, found: IndexVerification) -> IndexVerification:
        """Adds an examination; what was recorded before stays.

        Raises:
            InputError: No such collection was recorded.
        """
        with database(self._path, MIGRATIONS) as connection, transaction(connection):
            return self._add(connection, found)

    def _add(self, connection: sqlite3.Connection, found: IndexVerification) -> IndexVerification:
        known = _require(connection, found.collection)
        connection.execute(
            "INSERT INTO verifications (at, collection, content, count, intact, passed, checks) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._time(), found.collection, found.content.digest, found.content.count, found.intact, found.passed,
             json.dumps(plain(found.checks), ensure_ascii=False)),
        )  # fmt: skip
        failed = [check["name"] for check in found.checks if not check["passed"]]
        kind = "verified" if found.passed else "failed verification"
        insert_event(connection, self._time(), kind, known.version, {"index": known.name, "failed": failed})
        latest = _latest(connection, found.collection)
        assert latest is not None  # noqa: S101 - it was inserted above
        return latest

    def begin_sync(self, name: str, target: IndexContent) -> IndexRecord:
        """Remembers what a sync is about to make of a collection, so that readers know both as right until it ends.

        Raises:
            InputError: No such collection was recorded, or it was given up.
        """
        with database(self._path, MIGRATIONS) as connection, transaction(connection):
            _require_kept(connection, name)
            connection.execute(
                "UPDATE collections SET target_content = ?, target_count = ? WHERE name = ?",
                (target.digest, target.count, name),
            )
            return _require(connection, name)

    def end_sync(self, name: str, detail: Mapping[str, Any], found: IndexVerification) -> IndexRecord:
        """Makes the target what is remembered, together with an examination that found it there.

        Args:
            name: The collection.
            detail: What the history shall say: how many passages were added, changed and removed.
            found: An examination of the collection as it is now.

        Raises:
            InputError: No sync of this collection has begun.
        """
        with database(self._path, MIGRATIONS) as connection, transaction(connection):
            known = _require(connection, name)
            if known.target is None:
                raise InputError("no sync of this collection has begun", where=name)
            connection.execute(
                "UPDATE collections SET content = target_content, count = target_count, target_content = NULL, "
                "target_count = NULL, generation = generation + 1 WHERE name = ?",
                (name,),
            )
            insert_event(connection, self._time(), "synced", known.version, {"index": name, **detail})
            self._add(connection, found)
            return _require(connection, name)

    def give_up(self, names: Sequence[str], *, keep: int = 0) -> tuple[str, ...]:
        """Marks collections as given up, so that no pointer can be moved to them any more; their files come after.

        What is live, what a roll back goes to and the newest `keep` others stay.

        Args:
            names: Those that may go, the newest last.
            keep: How many of them stay although nothing points at them.

        Returns:
            Those that were given up.
        """
        with database(self._path, MIGRATIONS) as connection, transaction(connection):
            pointed = _pointed(connection)
            free = [name for name in names if name not in pointed]
            gone = free[: max(0, len(free) - keep)]
            for name in gone:
                known = _get(connection, name)
                if known is not None and not known.removed:
                    connection.execute("UPDATE collections SET removed = 1 WHERE name = ?", (name,))
                    insert_event(connection, self._time(), "removed", known.version, {"index": name})
            return tuple(gone)


def require_servable(connection: sqlite3.Connection, name: str, fingerprint: str, dimension: int) -> IndexRecord:
    """The record of a collection that a pointer may name.

    Raises:
        InputError: It was never recorded, or was given up.
        MismatchError: It belongs to another model, or it was not verified as it is remembered now.
    """
    known = _require_kept(connection, name)
    if (known.fingerprint, known.dimension) != (fingerprint, dimension):
        raise MismatchError(
            f"the collection {name!r} holds {known.dimension}-d vectors of encoder {known.fingerprint}, wanted are "
            f"{dimension}-d ones of {fingerprint}",
            remedy="build an index for this model version: `jargonaut index build`",
        )
    if known.target is not None:
        raise MismatchError(
            f"a sync of the collection {name!r} was begun and not ended",
            remedy=f"`jargonaut index sync --collection {name}` ends it; `jargonaut index build` makes another",
        )
    latest = _latest(connection, name)
    if latest is None or not latest.passed or latest.content != known.content:
        why = "was never verified" if latest is None else "failed its last verification"
        if latest is not None and latest.passed:
            why = "changed since it was verified"
        raise MismatchError(f"the collection {name!r} {why}", remedy=f"run `jargonaut index verify {name}`")
    return known


_EXAMINED = "collection, content, count, intact, passed, checks, at, number"
_FIELDS = (
    "name, version, fingerprint, dimension, quantisation, content, count, details, built, number, generation, removed, "
    "target_content, target_count"
)


def _select(connection: sqlite3.Connection) -> tuple[IndexRecord, ...]:
    rows = connection.execute(f"SELECT {_FIELDS} FROM collections ORDER BY number")  # noqa: S608 - a constant
    return tuple(_record(*row) for row in rows)


def _record(
    name: str, version: str, fingerprint: str, dimension: int, quantisation: str, content: str, count: int,
    details: str, built: str, number: int, generation: int, removed: int, target: str | None, target_count: int | None,
) -> IndexRecord:  # fmt: skip
    wanted = None if target is None or target_count is None else IndexContent(target, target_count)
    return IndexRecord(
        name, version, fingerprint, dimension, IndexContent(content, count), quantisation, json.loads(details), built,
        number, generation, bool(removed), wanted,
    )  # fmt: skip


def _get(connection: sqlite3.Connection, name: str) -> IndexRecord | None:
    return next((one for one in _select(connection) if one.name == name), None)


def _require(connection: sqlite3.Connection, name: str) -> IndexRecord:
    known = _get(connection, name)
    if known is None:
        raise InputError(
            f"the registry does not know the collection {name!r}",
            remedy="run `jargonaut index build`, which records it",
        )
    return known


def _require_kept(connection: sqlite3.Connection, name: str) -> IndexRecord:
    known = _require(connection, name)
    if known.removed:
        raise InputError(f"the collection {name!r} was removed", remedy="build it again: `jargonaut index build`")
    return known


def _latest(connection: sqlite3.Connection, name: str) -> IndexVerification | None:
    row = connection.execute(
        f"SELECT {_EXAMINED} FROM verifications WHERE collection = ? ORDER BY number DESC LIMIT 1",  # noqa: S608 - a constant
        (name,),
    ).fetchone()
    return None if row is None else _verification(*row)


def _verification(
    collection: str, content: str, count: int, intact: int, passed: int, checks: str, at: str, number: int
) -> IndexVerification:
    found = IndexContent(content, count)
    return IndexVerification(collection, found, bool(intact), bool(passed), tuple(json.loads(checks)), at, number)


def _pointed(connection: sqlite3.Connection) -> set[str]:
    """The collections that are live or that a roll back goes to."""
    live, back = live_pointer(connection), way_back(connection)
    return {one.index for one in (live, pointer(connection, back) if back else None) if one is not None}
