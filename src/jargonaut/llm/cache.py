"""Answers that were paid for, kept by a hash of (model and its address, messages, parameters); one SQLite file.

Knows SQLite and requests; calls no model. Unlike the cache of vectors it is never thrown away: what is in it has cost
money. So a damaged file is an error.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jargonaut.artifacts import content_hash, held, legible
from jargonaut.databases import Migration, database, only_readable
from jargonaut.errors import JargonautError
from jargonaut.protocols import ChatRequest

_MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE answers (key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL,
           finished INTEGER NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER)""",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered.

    Attributes:
        text: Its words.
        finished: Whether it came to its own end.
        prompt_tokens: As the endpoint counted them; None where it did not.
        completion_tokens: The same of the answer.
    """

    text: str
    finished: bool = True
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class AnswerCache:
    """The answers of any number of models.

    Args:
        path: The file; made when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def opened(self) -> Iterator[OpenCache]:
        """A connection for many look-ups, to be used in this thread.

        Raises:
            DamagedError: The file is damaged.
            JargonautError: It cannot be read or written.
        """
        with database(self.path, _MIGRATIONS) as connection:
            yield OpenCache(connection)

    @contextlib.contextmanager
    def paying(self) -> Iterator[OpenCache]:
        """The same for whoever pays for what is not in it: one process at a time, or two would pay for one answer.

        Raises:
            DamagedError: The file is damaged.
            JargonautError: It cannot be read or written, or another process pays for answers now.
        """
        with self.opened() as cache, _alone(self.path):
            yield cache

    def __len__(self) -> int:
        with database(self.path, _MIGRATIONS) as connection:
            return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


class OpenCache:
    """An open cache file; every answer is committed as it comes, so that a kill loses none."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Answer | None:
        """The answer that was kept under a key."""
        row = self._connection.execute(
            "SELECT text, finished, prompt_tokens, completion_tokens FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else Answer(row[0], bool(row[1]), row[2], row[3])

    def put(self, key: str, model: str, answer: Answer) -> None:
        """Keeps an answer."""
        row = (key, model, legible(answer.text), answer.finished, answer.prompt_tokens, answer.completion_tokens)
        self._connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds the file's lock; where nothing may be written there is none to hold."""
    if only_readable(path):
        yield
        return
    lock = held(path.with_name(path.name + ".lock"))
    if lock is None:
        raise JargonautError(
            "another process is asking a language model in this workspace now; both would pay for the same answers",
            where=str(path), remedy="wait until it is done, then run this again: what it paid for costs nothing more",
        )  # fmt: skip
    try:
        yield
    finally:
        os.close(lock)


def request_key(model: str, request: ChatRequest) -> str:
    """The identity of what is asked; the caller's own name for it plays no part.

    Args:
        model: What tells this model from every other, wherever it runs.
        request: What it is asked.
    """
    return content_hash(
        model, request.messages, request.schema, float(request.temperature), request.max_tokens, request.seed
    )
