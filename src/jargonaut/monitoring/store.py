"""The time series: passes, their figures and findings, alarms, the reference, and what happened, in one SQLite file.

A pass is written twice: that it was begun, and, in one transaction, all that it found. So a pass that was killed, or
whose findings found no room on the disk, is known to the next. Knows SQL and records; decides nothing but what
`hysteresis` says.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jargonaut.databases import Migration, database, transaction
from jargonaut.monitoring.hysteresis import remembered, step
from jargonaut.monitoring.options import WatchOptions
from jargonaut.monitoring.records import Alarm, Finding, Happening, PassRecord, Point, Signal

# A migration that was released is never edited: append a new one.
MIGRATIONS: Sequence[Migration] = (
    (
        """CREATE TABLE passes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            ended INTEGER NOT NULL DEFAULT 0,
            version TEXT NOT NULL DEFAULT '',
            collection TEXT NOT NULL DEFAULT '',
            golden TEXT NOT NULL DEFAULT '',
            notices TEXT NOT NULL DEFAULT '[]',
            seconds REAL NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE signals (
            pass INTEGER NOT NULL REFERENCES passes (number) ON DELETE CASCADE,
            name TEXT NOT NULL, value REAL NOT NULL, low REAL, high REAL, count INTEGER,
            PRIMARY KEY (pass, name)
        )""",
        """CREATE TABLE findings (
            pass INTEGER NOT NULL REFERENCES passes (number) ON DELETE CASCADE,
            name TEXT NOT NULL, kind TEXT NOT NULL, fires INTEGER, value REAL NOT NULL, bound REAL NOT NULL,
            evidence TEXT NOT NULL, sudden INTEGER NOT NULL,
            PRIMARY KEY (pass, name)
        )""",
        """CREATE TABLE alarms (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL, kind TEXT NOT NULL, raised TEXT NOT NULL, evidence TEXT NOT NULL,
            cleared TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE UNIQUE INDEX one_open_alarm ON alarms (name) WHERE cleared = ''",
        # What is to be told to whom: one row for each alarm that was raised or ended.
        """CREATE TABLE outbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT, alarm INTEGER NOT NULL, what TEXT NOT NULL,
            channel TEXT NOT NULL, sent TEXT NOT NULL DEFAULT '', fault TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE TABLE happenings (number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, kind TEXT, detail TEXT)",
        """CREATE TRIGGER happenings_stay BEFORE UPDATE ON happenings
            BEGIN SELECT RAISE(ABORT, 'what happened is append-only'); END""",
        """CREATE TRIGGER happenings_are_kept BEFORE DELETE ON happenings
            BEGIN SELECT RAISE(ABORT, 'what happened is append-only'); END""",
        "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ),
)

_ACCEPTED = "accepted"
"""Note of the last pass before somebody said that all is well: what rules said until then raises nothing any more."""


class Series:
    """What monitoring remembers of one workspace; several processes may share it.

    Args:
        path: The SQLite file; created when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, at: datetime) -> int:
        """Notes that a pass has begun; gives its number."""
        with database(self.path, MIGRATIONS) as db, transaction(db):
            return int(db.execute("INSERT INTO passes (at) VALUES (?)", (_iso(at),)).lastrowid or 0)

    def unended(self, before: int) -> tuple[str, ...]:
        """When earlier passes were begun that never ended and were not told yet; they are told by this."""
        with database(self.path, MIGRATIONS) as db, transaction(db):
            rows = db.execute("SELECT at FROM passes WHERE ended = 0 AND number < ? ORDER BY number", (before,))
            found = tuple(row[0] for row in rows)
            db.execute("DELETE FROM passes WHERE ended = 0 AND number < ?", (before,))
            return found

    def end(
        self, found: PassRecord, options: WatchOptions, channels: Sequence[str], notes: Mapping[str, Any]
    ) -> PassRecord:
        """Keeps all that a pass found, in one transaction, and raises and ends alarms.

        Args:
            found: The pass, its number from `begin`.
            options: Of alarms, and how long passes are kept.
            channels: Who is told of alarms, such as `webhook`.
            notes: What is to be remembered beside it, by name.

        Returns:
            The pass with what became of the alarms.
        """
        with database(self.path, MIGRATIONS) as db, transaction(db):
            db.execute(
                "UPDATE passes SET ended = 1, version = ?, collection = ?, golden = ?, notices = ?, seconds = ? "
                "WHERE number = ?",
                (found.version, found.collection, found.golden, json.dumps(found.notices, ensure_ascii=False),
                 found.seconds, found.number),
            )  # fmt: skip
            db.executemany(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?)",
                [(found.number, s.name, s.value, s.low, s.high, s.count) for s in found.signals],
            )
            db.executemany(
                "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(found.number, f.name, f.kind, f.fires, f.value, f.limit, f.evidence, f.sudden)
                 for f in found.findings],
            )  # fmt: skip
            for name, value in notes.items():
                _note(db, name, value)
            raised, cleared = _move_alarms(db, found, options, channels)
            _forget(db, found, options)
            still = _alarms(db, "WHERE cleared = '' ORDER BY number")
        return PassRecord(
            found.number, found.at, found.version, found.collection, found.golden, found.signals, found.findings,
            still, raised, cleared, found.notices, found.seconds,
        )  # fmt: skip

    def accept(self, at: datetime, notes: Mapping[str, Any]) -> tuple[Alarm, ...]:
        """Ends all alarms because somebody says that what is now is the new normal; gives them."""
        with database(self.path, MIGRATIONS) as db, transaction(db):
            ended = _alarms(db, "WHERE cleared = '' ORDER BY number")
            db.execute("UPDATE alarms SET cleared = ? WHERE cleared = ''", (_iso(at),))
            # Or earlier answers would raise them again.
            _note(db, _ACCEPTED, db.execute("SELECT coalesce(max(number), 0) FROM passes").fetchone()[0])
            for name, value in notes.items():
                _note(db, name, value)
            _happen(db, at, "accepted", {"alarms": [one.name for one in ended]})
        return ended

    def happened(self, at: datetime, kind: str, **detail: Any) -> None:
        """Adds a line to the history."""
        with database(self.path, MIGRATIONS) as db, transaction(db):
            _happen(db, at, kind, detail)

    def happenings(self) -> tuple[Happening, ...]:
        """The history, oldest first; nothing where there is no file."""
        if not self.path.exists():
            return ()
        with database(self.path, MIGRATIONS) as db:
            rows = db.execute("SELECT number, at, kind, detail FROM happenings ORDER BY number")
            return tuple(Happening(number, at, kind, json.loads(detail)) for number, at, kind, detail in rows)

    def note(self, name: str) -> Any:
        """What was remembered under a name; None for nothing."""
        if not self.path.exists():
            return None
        with database(self.path, MIGRATIONS) as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
            return None if row is None else json.loads(row[0])

    def remember(self, name: str, value: Any) -> None:
        """Remembers something under a name, in place of what was there."""
        with database(self.path, MIGRATIONS) as db, transaction(db):
            _note(db, name, value)

    def alarms(self) -> tuple[Alarm, ...]:
        """All that were ever raised, oldest first."""
        if not self.path.exists():
            return ()
        with database(self.path, MIGRATIONS) as db:
            return _alarms(db, "ORDER BY number")

    def points(self, name: str, last: int = 200) -> tuple[Point, ...]:
        """The latest values of a signal, oldest first."""
        if not self.path.exists():
            return ()
        with database(self.path, MIGRATIONS) as db:
            rows = db.execute(
                "SELECT p.at, s.value, s.low, s.high FROM signals s JOIN passes p ON p.number = s.pass "
                "WHERE s.name = ? ORDER BY p.number DESC LIMIT ?",
                (name, last),
            ).fetchall()
        return tuple(Point(*row) for row in reversed(rows))

    def latest(self) -> PassRecord | None:
        """The last pass that ended, with the alarms that are open now; None before the first."""
        if not self.path.exists():
            return None
        with database(self.path, MIGRATIONS) as db:
            row = db.execute(
                "SELECT number, at, version, collection, golden, notices, seconds FROM passes WHERE ended = 1 "
                "ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            number, at, version, collection, golden, notices, seconds = row
            signals = db.execute(
                "SELECT name, value, low, high, count FROM signals WHERE pass = ? ORDER BY rowid", (number,)
            ).fetchall()
            found = db.execute(
                "SELECT name, kind, fires, value, bound, evidence, sudden FROM findings WHERE pass = ? ORDER BY rowid",
                (number,),
            ).fetchall()
            still = _alarms(db, "WHERE cleared = '' ORDER BY number")
        said = tuple(
            Finding(name, kind, None if fires is None else bool(fires), value, bound, evidence, bool(sudden))
            for name, kind, fires, value, bound, evidence, sudden in found
        )
        return PassRecord(
            number, at, version, collection, golden, tuple(Signal(*one) for one in signals), said, still,
            notices=tuple(json.loads(notices)), seconds=seconds,
        )  # fmt: skip

    def unsent(self) -> tuple[tuple[int, str, str, Alarm], ...]:
        """What nobody took yet: (number, channel, `raised` or `cleared`, the alarm), oldest first."""
        with database(self.path, MIGRATIONS) as db:
            rows = db.execute("SELECT number, channel, what, alarm FROM outbox WHERE sent = '' ORDER BY number")
            known = {alarm.number: alarm for alarm in _alarms(db, "")}
            return tuple((number, channel, what, known[alarm]) for number, channel, what, alarm in rows.fetchall())

    def delivered(self, at: datetime, outcomes: Mapping[int, str], kept: Sequence[str]) -> None:
        """Notes what became of attempts to tell somebody: number → fault, "" for none.

        Args:
            at: When.
            outcomes: Of each attempt.
            kept: Channels that are still wanted; what waits for another is given up.
        """
        with database(self.path, MIGRATIONS) as db, transaction(db):
            for number, fault in outcomes.items():
                sent = "" if fault else _iso(at)
                db.execute("UPDATE outbox SET sent = ?, fault = ? WHERE number = ?", (sent, fault, number))
            marks = ", ".join("?" * len(kept))
            db.execute(f"DELETE FROM outbox WHERE sent = '' AND channel NOT IN ({marks})", tuple(kept))  # noqa: S608

    def untold(self) -> tuple[str, ...]:
        """Faults of alerts that were tried and that nobody took."""
        with database(self.path, MIGRATIONS) as db:
            rows = db.execute(
                "SELECT o.channel, a.name, o.fault FROM outbox o JOIN alarms a ON a.number = o.alarm "
                "WHERE o.sent = '' AND o.fault != '' ORDER BY o.number"
            )
            return tuple(f"{channel} did not take the alert {name!r}: {fault}" for channel, name, fault in rows)


def _forget(db: sqlite3.Connection, found: PassRecord, options: WatchOptions) -> None:
    """Removes passes that are too old, once two in a row say so: one look with a wrong clock shall not end a series."""
    latest = _iso(datetime.fromisoformat(found.at) - timedelta(days=options.keep_days))
    before = db.execute("SELECT max(number), at FROM passes WHERE number < ?", (found.number,)).fetchone()
    if before[0] is not None and before[1] >= latest:
        db.execute("DELETE FROM passes WHERE at < ? AND number != ?", (latest, found.number))


def _move_alarms(
    db: sqlite3.Connection, found: PassRecord, options: WatchOptions, channels: Sequence[str]
) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
    """Raises and ends alarms by what the rules have said lately."""
    still = {alarm.name: alarm for alarm in _alarms(db, "WHERE cleared = ''")}
    raised: list[Alarm] = []
    cleared: list[Alarm] = []
    for one in found.findings:
        if one.fires is None:
            continue
        rows = db.execute(
            "SELECT fires FROM findings WHERE name = ? AND fires IS NOT NULL AND pass > coalesce((SELECT CAST(value AS "
            "INTEGER) FROM notes WHERE name = ?), 0) ORDER BY pass DESC LIMIT ?",
            (one.name, _ACCEPTED, remembered(options)),
        ).fetchall()
        answers = [bool(row[0]) for row in reversed(rows)]
        match step(answers, is_open=one.name in still, sudden=one.sudden, options=options):
            case "raise":
                number = db.execute(
                    "INSERT INTO alarms (name, kind, raised, evidence) VALUES (?, ?, ?, ?)",
                    (one.name, one.kind, found.at, one.evidence),
                ).lastrowid
                raised += _alarms(db, f"WHERE number = {int(number or 0)}")
            case "clear":
                before = still[one.name]
                db.execute("UPDATE alarms SET cleared = ? WHERE number = ?", (found.at, before.number))
                cleared += _alarms(db, f"WHERE number = {before.number}")
    moved = [*(("raised", alarm) for alarm in raised), *(("cleared", alarm) for alarm in cleared)]
    for what, alarm in moved:
        _happen(db, datetime.fromisoformat(found.at), f"alarm {what}", {"name": alarm.name, "evidence": alarm.evidence})
        for channel in channels:
            db.execute("INSERT INTO outbox (alarm, what, channel) VALUES (?, ?, ?)", (alarm.number, what, channel))
    return tuple(raised), tuple(cleared)


def _alarms(db: sqlite3.Connection, where: str) -> tuple[Alarm, ...]:
    rows = db.execute(f"SELECT number, name, kind, raised, evidence, cleared FROM alarms {where}")  # noqa: S608 - ours
    return tuple(_rows(rows))


def _rows(rows: sqlite3.Cursor) -> Iterator[Alarm]:
    for number, name, kind, raised, evidence, cleared in rows:
        yield Alarm(number, name, kind, raised, evidence, cleared)


def _happen(db: sqlite3.Connection, at: datetime, kind: str, detail: Mapping[str, Any]) -> None:
    db.execute(
        "INSERT INTO happenings (at, kind, detail) VALUES (?, ?, ?)",
        (_iso(at), kind, json.dumps(detail, ensure_ascii=False)),
    )


def _note(db: sqlite3.Connection, name: str, value: Any) -> None:
    db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False)))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
