"""The log of queries: opt-in, sampled, redacted or hashed, rotated; writing it never disturbs a search.

One JSON object a line. Knows files, hashes and what looks personal in a query; knows nothing of searching.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from jargonaut.artifacts import held
from jargonaut.monitoring.options import LoggedText, QueryLogOptions
from jargonaut.records import BadRow

_LOG, _SALT = "log.jsonl", "salt"
_SCORES = 10
_KEY_BYTES = 32
_SKEW = timedelta(minutes=5)
"""A row may lie so far in the future without its clock being doubted."""

_PERSONAL = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    (re.compile(r"(?:https?://|www\.)\S+"), "<link>"),
    (re.compile(r"\+?\d(?:[\s().-]?\d){4,}"), "<number>"),
)


class ScoredHit(Protocol):
    """One hit of an answer."""

    @property
    def score(self) -> float:
        """Its similarity."""


class Answered(Protocol):
    """What a search gave, as far as it is logged."""

    @property
    def query(self) -> str:
        """What was asked."""

    @property
    def version(self) -> str:
        """Who answered."""

    @property
    def collection(self) -> str:
        """What was searched."""

    @property
    def restricted(self) -> bool:
        """Whether only some of the passages were searched."""

    @property
    def hits(self) -> Sequence[ScoredHit]:
        """Best first."""


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """One row of the log.

    Attributes:
        at: When it was asked.
        query: Its words, as far as they were kept; "" where only a hash was.
        key: Equal for equal queries of one workspace.
        version: Who answered.
        collection: What was searched.
        scores: Of the first ten hits.
        restricted: Whether only some of the passages were searched, so that scores cannot be compared with others.
    """

    at: datetime
    query: str
    key: str
    version: str
    collection: str
    scores: tuple[float, ...]
    restricted: bool = False


def redacted(query: str) -> str:
    """A query without e-mail addresses, links and long numbers."""
    for pattern, mark in _PERSONAL:
        query = pattern.sub(mark, query)
    return query


def as_logged(query: str, text: LoggedText) -> str:
    """What of a query's words a log of this kind keeps."""
    match text:
        case "plain":
            return query
        case "redacted":
            return redacted(query)
        case "hashed":
            return ""


class QueryLog:
    """Writes answers down. A fault is counted and swallowed: whoever searches never notices.

    Args:
        root: The log's folder.
        options: What is kept.
        clock: The time, with its zone.
        chance: From 0 to 1, another value at each call; decides what is sampled.

    Attributes:
        failures: Answers that could not be written.
        fault: The last reason.
    """

    def __init__(
        self,
        root: Path,
        options: QueryLogOptions,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.failures, self.fault = 0, ""
        self._root, self._options, self._clock, self._chance = root, options, clock, chance
        self._salt: bytes | None = None

    def record(self, answers: Sequence[Answered]) -> None:
        """Writes down a share of some answers; never raises."""
        if not self._options.enabled:
            return
        try:
            kept = [one for one in answers if self._chance() < self._options.share]
            if kept:
                self._append([self._row(one) for one in kept])
        except Exception as error:  # noqa: BLE001 - a full disk, a lost right or a bug here must stop no search
            self.failures += len(answers)
            self.fault = str(error)

    def _row(self, one: Answered) -> dict[str, Any]:
        query = as_logged(one.query, self._options.text)
        return {
            "at": self._clock().astimezone(UTC).isoformat(timespec="milliseconds"), "query": query,
            "key": self._key(one.query), "version": one.version, "collection": one.collection,
            "scores": [round(hit.score, 5) for hit in one.hits[:_SCORES]], "restricted": one.restricted,
        }  # fmt: skip

    def _key(self, query: str) -> str:
        if self._salt is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._salt = _salt(self._root / _SALT)
        folded = " ".join(query.casefold().split()).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(folded, key=self._salt, digest_size=12).hexdigest()

    def _append(self, rows: Sequence[dict[str, Any]]) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        path = self._root / _LOG
        self._rotate(path)
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")
        # One write to a file opened for appending: lines of several processes do not mix.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            data = b"\n" + data if _torn(path) else data
            written = os.write(handle, data)
            if written < len(data):
                raise OSError(f"{written} of {len(data)} bytes were written: the disk is full")
        finally:
            os.close(handle)

    def _rotate(self, path: Path) -> None:
        limit = int(self._options.max_megabytes * 1e6)
        if not path.exists() or path.stat().st_size < limit:
            return
        lock = held(self._root / "lock")
        if lock is None:
            return  # another process is doing it
        try:
            if path.stat().st_size >= limit:  # asked again: it may have been done by now
                path.rename(path.with_name(f"log-{self._clock().astimezone(UTC):%Y%m%dT%H%M%S%f}.jsonl"))
            aside = _put_aside(self._root)
            for old in aside[: max(0, len(aside) - self._options.files)]:
                old.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _torn(path: Path) -> bool:
    """Whether the last line of a file has no end, as where the disk was full: it shall tear no other."""
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"


def _salt(path: Path) -> bytes:
    """The workspace's key: made once, whoever comes first, and never seen half written.

    Raises:
        ValueError: The file holds no key; with another one nothing that was logged would be known again.
    """
    if not path.exists():
        own = path.with_name(f"{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
        handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(os.urandom(_KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                os.link(own, path)
        finally:
            own.unlink(missing_ok=True)
    found = path.read_bytes()
    if len(found) != _KEY_BYTES:
        raise ValueError(f"{path} holds no key of {_KEY_BYTES} bytes; remove it, and hashes begin anew")
    return found


def read_log(
    root: Path, since: datetime, now: datetime, on_bad: Callable[[BadRow], None]
) -> Iterator[LoggedQuery]:  # fmt: skip
    """The queries that were logged after `since`, oldest file first.

    A row that lies in the future, or that cannot be read, is told and left out: a wrong clock must not move a window.
    One that is older than the row above it, as after a clock was put back, counts as asked when that one was.

    Args:
        root: The log's folder; nothing where there is none.
        since: Rows up to then are left out.
        now: Rows more than five minutes later are not believed.
        on_bad: Told of rows that are left out as wrong.
    """
    latest = datetime.min.replace(tzinfo=UTC)
    for path in [*_put_aside(root), root / _LOG]:
        if not path.exists():
            continue
        with path.open(encoding="utf-8", errors="replace") as stream:
            for line, text in enumerate(stream, start=1):
                row = _parsed(text)
                if row is None:
                    on_bad(BadRow(str(path), line, "", "it is no row of a query log"))
                elif row.at > now + _SKEW:
                    on_bad(BadRow(str(path), line, "at", f"{row.at.isoformat()} lies in the future: a clock is wrong"))
                else:
                    latest = max(latest, row.at)
                    if latest > since:
                        yield replace(row, at=latest)


def _put_aside(root: Path) -> list[Path]:
    """Files that were rotated, oldest first."""
    return sorted(root.glob("log-*.jsonl"))


def _parsed(text: str) -> LoggedQuery | None:
    try:
        row = json.loads(text)
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            return None
        scores = tuple(float(score) for score in row["scores"])
        return LoggedQuery(
            at, str(row["query"]), str(row["key"]), str(row["version"]), str(row["collection"]), scores,
            row.get("restricted") is True,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None
