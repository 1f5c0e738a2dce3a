"""Where decisions are kept: one row each in a SQLite file, written before the next card is shown.

Knows rows. A row is never removed: undoing marks it. Decisions belong to the texts that were judged, so the file
outlives any one set of pairs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from jargonaut.databases import Migration, database, transaction
from jargonaut.pairs.review.decisions import Decision, Reason, Verdict, in_force

Origin = Literal["session", "import"]

# A migration that was released is never edited: append a new one.
_MIGRATIONS: Sequence[Migration] = (
    (
        """CREATE TABLE decisions (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            card TEXT NOT NULL,
            reviewer TEXT NOT NULL,
            verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'edit', 'reject', 'skip')),
            reason TEXT NOT NULL,
            comment TEXT NOT NULL,
            edited_query TEXT NOT NULL,
            edited_card TEXT NOT NULL,
            query TEXT NOT NULL,
            at TEXT NOT NULL,
            origin TEXT NOT NULL CHECK (origin IN ('session', 'import')),
            undone TEXT
        )""",
        """CREATE TRIGGER decisions_are_kept BEFORE DELETE ON decisions
            BEGIN SELECT RAISE(ABORT, 'decisions are kept; undo them'); END""",
    ),
)
_COLUMNS = "card, reviewer, verdict, reason, comment, edited_query, edited_card, query, at"


@dataclass(frozen=True, slots=True)
class Stored:
    """A decision that stands in the file.

    Attributes:
        number: Rises with time.
        decision: The decision.
        origin: Whether it was made card by card, and so can be undone step by step, or imported.
    """

    number: int
    decision: Decision
    origin: Origin


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of imported decisions.

    Attributes:
        new: Cards that the reviewer had not decided.
        changed: Cards of which the reviewer now says something else.
        unchanged: Decisions that were known.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class DecisionStore:
    """Decisions in a file that several processes may share.

    Args:
        path: The SQLite file; it is created with the first decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, decision: Decision) -> Stored:
        """Keeps a decision that was made card by card; when this returns, killing the process loses nothing."""
        with database(self.path, _MIGRATIONS) as connection, transaction(connection):
            return Stored(_insert(connection, decision, "session"), decision, "session")

    def take(self, decisions: Iterable[Decision]) -> Taken:
        """Keeps imported decisions, all or none; what a reviewer already says of a card is left as it is."""
        new = changed = unchanged = 0
        with database(self.path, _MIGRATIONS) as connection, transaction(connection):
            held = {(one.card, one.reviewer): one for one in (row.decision for row in _select(connection))}
            for decision in decisions:
                before = held.get((decision.card, decision.reviewer))
                if before is not None and before.says == decision.says:
                    unchanged += 1
                    continue
                new, changed = new + (before is None), changed + (before is not None)
                held[decision.card, decision.reviewer] = decision
                _insert(connection, decision, "import")
        return Taken(new, changed, unchanged)

    def undo(self, number: int, at: str) -> None:
        """Takes a decision back; one that was taken back before stays so."""
        with database(self.path, _MIGRATIONS) as connection, transaction(connection):
            connection.execute("UPDATE decisions SET undone = ? WHERE number = ? AND undone IS NULL", (at, number))

    def stored(self) -> tuple[Stored, ...]:
        """All decisions that were not taken back, oldest first; none where there is no file."""
        if not self.path.exists():
            return ()
        with database(self.path, _MIGRATIONS) as connection:
            return _select(connection)

    def in_force(self) -> dict[str, dict[str, Decision]]:
        """Card → reviewer → what holds."""
        return in_force(row.decision for row in self.stored())


def _insert(connection: sqlite3.Connection, decision: Decision, origin: Origin) -> int:
    cells = (
        decision.card, decision.reviewer, decision.verdict, decision.reason, decision.comment, decision.edited_query,
        decision.edited_card, decision.query, decision.at, origin,
    )  # fmt: skip
    done = connection.execute(f"INSERT INTO decisions ({_COLUMNS}, origin) VALUES (?,?,?,?,?,?,?,?,?,?)", cells)  # noqa: S608
    return int(done.lastrowid or 0)


def _select(connection: sqlite3.Connection) -> tuple[Stored, ...]:
    rows = connection.execute(
        f"SELECT number, origin, {_COLUMNS} FROM decisions WHERE undone IS NULL ORDER BY number"  # noqa: S608 - constants
    )
    return tuple(_stored(*row) for row in rows)


def _stored(number: int, origin: str, card: str, reviewer: str, verdict: str, reason: str, *texts: str) -> Stored:
    decision = Decision(card, reviewer, cast("Verdict", verdict), cast("Reason", reason), *texts)
    return Stored(number, decision, cast("Origin", origin))
