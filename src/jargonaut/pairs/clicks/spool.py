"""The impressions of a log on disk: put in order by session and time, and summed up by query, result and rank.

The order is SQLite's, in a temporary file that ends with the process: a log may be unsorted, its sessions may be
interleaved, and yet no more is in memory than its distinct queries and results. Sorting by the log's own order would
need no file, but every session that is still open; nothing says when one ends. Knows rows and sums; what a session
means is not its business.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import JargonautError
from jargonaut.pairs.clicks.log import Impression
from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.wording import normalised

_AT_ONCE = 10_000
_TABLES = (
    "PRAGMA journal_mode = OFF",  # the file dies with the process: there is nothing to bring back
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = FILE",
    "PRAGMA cache_size = -65536",
    """CREATE TABLE row
    (session INT, time REAL, line INT, spelling INT, document INT, rank INT, shown INT, clicks INT, known INT)""",
    "CREATE TABLE seen (time REAL, query INT, document INT, rank INT, shown INT, clicks INT, skips INT)",
)
NO_DOCUMENT = -1


class Row(NamedTuple):
    """An impression by numbers.

    Attributes:
        session: Equal for rows of one session.
        time: Seconds since 1970; None where the log does not say.
        line: Where it stands in the log.
        spelling: Number of the query as it was typed.
        document: Number of the result; `NO_DOCUMENT` for a query without a click.
        rank: From 1; 0 where the log does not say.
        shown: How often it was shown.
        clicks: How often it was clicked.
        known: Whether the log says whose it was; else `session` is made of what it does say.
    """

    session: int
    time: float | None
    line: int
    spelling: int
    document: int
    rank: int
    shown: int
    clicks: int
    known: bool


class Seen(NamedTuple):
    """What one result page, or a log that is summed up, says of a result.

    Attributes:
        time: As in `Row`.
        query: Number of the query in its normal form.
        document: Number of the result.
        rank: From 1; 0 where the log does not say.
        shown: How often it was shown.
        clicks: On how many of those pages it was clicked.
        skips: On how many it was passed over, above a clicked one.
    """

    time: float | None
    query: int
    document: int
    rank: int
    shown: int
    clicks: int
    skips: int


class Newest(NamedTuple):
    """The newest part of a log.

    Attributes:
        since: The time with which it begins.
        share: How much of the impressions with a time it holds.
    """

    since: float
    share: float


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums for each (query, result, rank), as arrays of one length, in the order of the first three.

    Attributes:
        query: Numbers of queries.
        document: Numbers of results.
        rank: From 1; 0 where the log does not say.
        shown: Impressions.
        clicks: Impressions with a click.
        skips: Impressions that were passed over.
    """

    query: NDArray[np.int64]
    document: NDArray[np.int64]
    rank: NDArray[np.int64]
    shown: NDArray[np.int64]
    clicks: NDArray[np.int64]
    skips: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.query)

    def items(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The distinct (query, result): (where each begins, which of them each cell belongs to)."""
        new = np.ones(len(self), dtype=bool)
        new[1:] = (np.diff(self.query) != 0) | (np.diff(self.document) != 0)
        return np.flatnonzero(new), np.cumsum(new) - 1


class Spool:
    """A log on disk, in whatever order it is needed. Made by `spooled`.

    Attributes:
        dropped: Rule → rows that it left out before any was put in order.
        without_click: Whether some row says that a shown result was not clicked.
        rows: How many it was given.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._spellings: dict[str, int] = {}
        self._query_of: list[int] = []
        self._queries: dict[str, int] = {}
        self._documents: dict[str, int] = {}
        self._typed: Counter[int] = Counter()
        self.dropped: Counter[str] = Counter()
        self.without_click = False
        self.rows = 0

    @property
    def queries(self) -> list[str]:
        """The queries in their normal form, by number."""
        return list(self._queries)

    @property
    def documents(self) -> list[str]:
        """Ids and addresses, by number."""
        return list(self._documents)

    def add(self, impressions: Iterable[Impression], options: ClickOptions, *, pages: bool) -> None:
        """Takes all rows of a log.

        Args:
            impressions: They.
            options: Which are too long or too deep.
            pages: Whether the rows of one line are one result page.
        """
        rows = (row for one in impressions if (row := self._row(one, options, pages=pages)) is not None)
        self._insert("row", 9, rows)

    def _row(self, one: Impression, options: ClickOptions, *, pages: bool) -> Row | None:
        self.rows += 1
        if len(one.query) > options.max_query_chars:
            self.dropped["query_too_long"] += 1
            return None
        if one.rank > options.max_rank:
            self.dropped["rank_too_deep"] += 1
            return None
        spelling = self._spelling(one.query)
        if spelling is None:
            self.dropped["query_without_words"] += 1
            return None
        document = NO_DOCUMENT
        if one.document:
            document = self._documents.setdefault(one.document, len(self._documents))
            self.without_click |= one.clicks < one.impressions
        session = one.session or (f"line {one.line}" if pages else f"{self._query_of[spelling]} {one.time}")
        return Row(
            _number(session), one.time, one.line, spelling, document, one.rank, one.impressions, one.clicks,
            bool(one.session),
        )  # fmt: skip

    def _spelling(self, query: str) -> int | None:
        """The number of a query as it was typed; None where it has no words."""
        known = self._spellings.get(query)
        if known is None:
            plain = normalised(query)
            if not plain:
                return None
            known = self._spellings[query] = len(self._spellings)
            self._query_of.append(self._queries.setdefault(plain, len(self._queries)))
        return known

    def query_of(self, spelling: int) -> int:
        """The number of a query's normal form."""
        return self._query_of[spelling]

    def ordered(self) -> Iterator[Row]:
        """All rows by session, then by time, then as they stand in the log."""
        found = self._connection.execute("SELECT * FROM row ORDER BY session, time, line, rank")
        while rows := found.fetchmany(_AT_ONCE):
            yield from map(Row._make, rows)

    def keep(self, seen: Iterable[Seen]) -> None:
        """Takes what is evidence."""
        self._insert("seen", 7, seen)

    def typed(self, spelling: int, times: int = 1) -> None:
        """Counts how often a query was typed so."""
        self._typed[spelling] += times

    def wording(self) -> dict[int, str]:
        """Number of a query → how it was typed most often; of several the first in the alphabet."""
        names = list(self._spellings)
        best: dict[int, tuple[int, str]] = {}
        for spelling, times in self._typed.items():
            query, candidate = self._query_of[spelling], (-times, names[spelling])
            best[query] = min(best.get(query, candidate), candidate)
        return {query: name for query, (_, name) in best.items()}

    def some_unclicked(self) -> bool:
        """Whether some of the evidence says that a shown result was not clicked."""
        return self._connection.execute("SELECT 1 FROM seen WHERE clicks < shown LIMIT 1").fetchone() is not None

    def span(self) -> tuple[float, float] | None:
        """First and last time of what is evidence; None where the log tells no times."""
        first, last = self._connection.execute("SELECT MIN(time), MAX(time) FROM seen").fetchone()
        return None if first is None else (first, last)

    def newest(self, share: float) -> Newest | None:
        """The newest part of the evidence: the one of those that the log's times allow that is nearest to a share.

        Rows of one time are not divided. None where the log tells no times or all are the same, or where even the
        smallest such part is further from the share than nothing is.

        Args:
            share: Of the impressions with a time, from 0 to 1.
        """
        total, first = self._connection.execute(
            "SELECT SUM(shown), MIN(time) FROM seen WHERE time IS NOT NULL"
        ).fetchone()
        if not total or not share:
            return None
        best: Newest | None = None
        held = 0
        times = self._connection.execute(
            "SELECT time, SUM(shown) FROM seen WHERE time > ? GROUP BY time ORDER BY time DESC", (first,)
        )
        for time, shown in times:
            held += shown
            part = Newest(float(time), held / total)
            if abs(part.share - share) < abs((best.share if best else 0.0) - share):
                best = part
            if part.share >= share:
                break
        return best

    def cells(self, since: float | None = None, until: float | None = None) -> Cells:
        """Sums of the evidence from `since` on and before `until`; evidence without a time lies before any."""
        found = self._connection.execute(
            "SELECT query, document, rank, SUM(shown), SUM(clicks), SUM(skips) FROM seen"
            " WHERE (?1 IS NULL OR time >= ?1) AND (?2 IS NULL OR time IS NULL OR time < ?2)"
            " GROUP BY query, document, rank ORDER BY query, document, rank",
            (since, until),
        )
        flat = np.fromiter((value for row in found for value in row), dtype=np.int64).reshape(-1, 6)
        return Cells(*(np.ascontiguousarray(column) for column in flat.T))

    def _insert(self, table: str, width: int, rows: Iterable[tuple[object, ...]]) -> None:
        statement = f"INSERT INTO {table} VALUES ({', '.join('?' * width)})"  # noqa: S608 - names of our own
        remaining = iter(rows)
        while block := list(islice(remaining, _AT_ONCE)):
            self._connection.executemany(statement, block)


@functools.lru_cache(maxsize=1024)
def _number(session: str) -> int:
    """A number that stands for a session; the same for the same name."""
    digest = hashlib.blake2b(session.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@contextlib.contextmanager
def spooled() -> Iterator[Spool]:
    """An empty spool.

    Raises:
        JargonautError: There is no room for it on disk.
    """
    # "" is SQLite's name for a file of its own in the temporary folder, which the system removes with the process.
    try:
        with contextlib.closing(sqlite3.connect("", isolation_level=None)) as connection:
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("BEGIN")
            yield Spool(connection)
    except sqlite3.OperationalError as error:
        raise JargonautError(
            f"the log cannot be put in order ({error})",
            where="the folder of temporary files",
            remedy="make room there: about as much as the log takes; or name another folder in TMPDIR",
        ) from error
