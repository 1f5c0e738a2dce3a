"""A click log, row by row: which result was shown for which query, at which rank, and was it clicked.

Knows the two shapes of a log (a row for each shown result, a row for each result page) and its notation: whether ranks
are counted from 0, how dates are written. Which rows belong together, and what a click is worth, is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jargonaut.errors import InputError
from jargonaut.formats import OnBad, open_table
from jargonaut.formats.tables import Row
from jargonaut.pairs.clicks import cells
from jargonaut.pairs.clicks.columns import Columns, find_columns, missing_column
from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.times import DayOrder, Times, day_order, is_slashed
from jargonaut.records import BadRow

_HEAD = 5_000
"""So many rows are looked at before the first is given out, to learn the log's notation."""
_ID_KEYS = ("id", "_id", "doc_id", "document_id", "passage_id", "docid", "url", "document", "doc", "passage")
_RANK_KEYS = ("rank", "position", "pos")
_CLICKED_KEYS = ("clicked", "click", "is_clicked")
_NO_RANK = ("", "-1", "false")

Value = TypeVar("Value")


class Impression(NamedTuple):
    """A result that was shown for a query.

    Attributes:
        line: Where it stands in the log.
        query: The query as it was typed, white space tidied.
        document: Id or address as the log writes it; "" says that a query had no click, in a log of clicks alone.
        rank: From 1; 0 where the log does not say.
        clicks: How often it was clicked.
        impressions: How often it was shown.
        time: Seconds since 1970, UTC; None where the log does not say.
        session: Whose it was; "" where the log does not say.
    """

    line: int
    query: str
    document: str
    rank: int
    clicks: int
    impressions: int = 1
    time: float | None = None
    session: str = ""


@dataclass(frozen=True, slots=True)
class ClickLog:
    """A click log that is read once.

    Attributes:
        columns: Where what stands in it.
        impressions: Streamed; those of one result page follow one another in a log of pages.
        notices: What a reader must know of how it was understood, in sentences.
    """

    columns: Columns
    impressions: Iterable[Impression]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notation:
    """How a log writes what it says.

    Attributes:
        first_rank: The rank of the best result, 0 or 1.
        order: What comes first in dates with slashes.
        timed: Whether it tells times.
    """

    first_rank: int = 1
    order: DayOrder = "unknown"
    timed: bool = True


class _BadCellError(ValueError):
    """A cell that makes its row useless."""

    def __init__(self, field: str, reason: object) -> None:
        super().__init__(str(reason))
        self.field = field


def open_log(path: Path, on_bad: OnBad, options: ClickOptions | None = None) -> ClickLog:
    """Opens a click log: CSV, TSV, JSONL, JSON or Parquet, as `formats.open_table` reads them.

    A log has a row for each shown result (query, document, rank, clicked), or a row for each result page (query, the
    shown ids, the clicked ones), or lists clicks alone.

    Args:
        path: The file.
        on_bad: Told of every row that cannot be used.
        options: Names of columns that cannot be found by their usual names.

    Raises:
        InputError: The file cannot be read, is empty, or lacks a column that must be there.
    """
    options = options or ClickOptions()
    table = open_table(path, on_bad)
    rows = iter(table.rows)
    head = list(islice(rows, _HEAD))
    names = tuple(dict.fromkeys(chain(table.columns, *(row for _, row in head))))
    if not names:
        raise InputError("this log is empty", where=str(path), remedy="it needs a header and rows")
    columns = find_columns(names, options, str(path))
    if columns.shown and not columns.clicked and not any(_page_says(row, columns) for _, row in head):
        what = "no column says which of the shown results were clicked"
        raise missing_column("clicked", what, names, str(path))
    notation = _notation([row for _, row in head], columns)
    reading = _Reading(str(path), columns, notation, Times(notation.order), on_bad)
    return ClickLog(columns, reading.impressions(chain(head, rows)), tuple(_notices(head, columns, notation)))


def _notation(rows: list[Mapping[str, Any]], columns: Columns) -> Notation:
    times = [row.get(columns.time) for row in rows] if columns.time else []
    ranks = list(_seen_ranks(rows, columns))
    # A few ranks 0 among many ranks 1 are faults; where counting starts at 0, rank 0 is as frequent as any.
    from_zero = 2 * ranks.count(0) >= max(1, ranks.count(1)) and not columns.impressions
    return Notation(
        0 if from_zero and 0 in ranks else 1, day_order(times), not all(cells.is_empty(time) for time in times)
    )


def _seen_ranks(rows: list[Mapping[str, Any]], columns: Columns) -> Iterator[int]:
    """The ranks of some rows, as far as they can be read; in a log of pages those of the clicks."""
    told = [row.get(columns.clicked) for row in rows] if columns.shown else []
    no_click_is_empty = any(not cells.listed(cell) or cell in ("-1", -1) for cell in told)  # else 0 may say it
    for row in rows:
        try:
            if columns.rank:
                yield cells.rank(row.get(columns.rank))
            elif columns.clicked and no_click_is_empty:
                shown, _ = _page(row, columns)
                clicked = cells.listed(row.get(columns.clicked))
                yield from (cells.rank(place) for place in clicked if cells.identifier(place) not in shown)
        except ValueError:
            continue


def _notices(head: list[Row], columns: Columns, notation: Notation) -> Iterator[str]:
    if notation.first_rank == 0:
        yield "Ranks are counted from 0 in this log; 1 was added to each."
    slashed = columns.time and any(is_slashed(row.get(columns.time)) for _, row in head)
    if slashed and notation.order == "unknown":
        yield "Dates such as 03/04/2024 were read with the month first: no date of the log's beginning says otherwise."
    if columns.time and head and not notation.timed:
        yield f"The column {columns.time!r} is empty at the log's beginning, so its times were not read."


@dataclass(frozen=True, slots=True)
class _Reading:
    """Rows → impressions."""

    path: str
    columns: Columns
    notation: Notation
    times: Times
    on_bad: OnBad

    def impressions(self, rows: Iterable[Row]) -> Iterator[Impression]:
        """Those of all rows; a row at fault goes to `on_bad`."""
        of_row = self._of_page if self.columns.shown else self._of_result
        for line, row in rows:
            try:
                found = of_row(line, row)
            except _BadCellError as bad:
                self.on_bad(BadRow(self.path, line, bad.field, str(bad)))
            else:
                yield from found

    def _of_result(self, line: int, row: Mapping[str, Any]) -> list[Impression]:
        columns = self.columns
        query, time, session = self._asked(row)
        document = self._read(cells.identifier, row, columns.document)
        clicks = self._clicks(row)
        if not document:
            if columns.only_clicks:
                return [Impression(line, query, "", 0, 0, 1, time, session)]
            raise _BadCellError(columns.document, "it is empty")
        rank = self._rank(row) if columns.rank else 0
        shown = self._read(cells.count, row, columns.impressions) if columns.impressions else 1
        if shown < 1:
            raise _BadCellError(columns.impressions, "a result that was never shown says nothing")
        return [Impression(line, query, document, rank, clicks, shown, time, session)]

    def _of_page(self, line: int, row: Mapping[str, Any]) -> list[Impression]:
        query, time, session = self._asked(row)
        try:
            shown, clicked = _page(row, self.columns)
        except ValueError as error:
            raise _BadCellError(self.columns.shown, error) from error
        if not shown:
            raise _BadCellError(self.columns.shown, "no result is listed")
        try:
            clicked |= _clicked(cells.listed(row.get(self.columns.clicked)), list(shown), self.notation.first_rank)
        except ValueError as error:
            raise _BadCellError(self.columns.clicked, error) from error
        return [
            Impression(line, query, document, rank, int(document in clicked), 1, time, session)
            for document, rank in shown.items()
        ]

    def _asked(self, row: Mapping[str, Any]) -> tuple[str, float | None, str]:
        """Query, time and session of a row."""
        columns = self.columns
        query = " ".join(self._read(cells.text, row, columns.query).split())
        if not query:
            raise _BadCellError(columns.query, "it is empty")
        time = None
        if columns.time and self.notation.timed:
            cell = row.get(columns.time)
            if cell == "" or cells.is_empty(cell):
                raise _BadCellError(columns.time, "it is empty")
            time = self._read(self.times.seconds, row, columns.time)
        return query, time, self._read(cells.identifier, row, columns.session) if columns.session else ""

    def _clicks(self, row: Mapping[str, Any]) -> int:
        columns = self.columns
        if columns.clicked:
            return self._read(cells.count, row, columns.clicked)
        if columns.click_time:
            cell = row.get(columns.click_time)
            return int(not cells.is_empty(cell) and str(cell).strip() not in ("0", "0.0", "-1"))
        return 1

    def _rank(self, row: Mapping[str, Any]) -> int:
        first = self.notation.first_rank
        averaged = bool(self.columns.impressions)
        rank = self._read(lambda cell: cells.rank(cell, rounded=averaged), row, self.columns.rank)
        if rank < first and not averaged:
            raise _BadCellError(self.columns.rank, f"ranks are counted from {first} in this log, this is {rank}")
        return max(1, rank + 1 - first)

    def _read(self, reading: Callable[[Any], Value], row: Mapping[str, Any], column: str) -> Value:
        try:
            return reading(row.get(column))
        except ValueError as error:
            raise _BadCellError(column, error) from error


def _page(row: Mapping[str, Any], columns: Columns) -> tuple[dict[str, int], set[str]]:
    """The results of a page: id → rank from 1, and which of them say themselves that they were clicked."""
    shown: dict[str, int] = {}
    clicked: set[str] = set()
    for place, item in enumerate(cells.listed(row.get(columns.shown)), start=1):
        if isinstance(item, Mapping):
            name = next((cells.identifier(item[key]) for key in _ID_KEYS if key in item), "")
            rank = next((cells.rank(item[key]) for key in _RANK_KEYS if key in item), place)
            if any(cells.count(item[key]) for key in _CLICKED_KEYS if key in item):
                clicked.add(name)
        else:
            name, rank = cells.identifier(item), place
        if name:
            shown.setdefault(name, max(1, rank))
    return shown, clicked


def _page_says(row: Mapping[str, Any], columns: Columns) -> bool:
    """Whether the results of a page say themselves whether they were clicked."""
    items = cells.listed(row.get(columns.shown))
    return any(key in item for item in items if isinstance(item, Mapping) for key in _CLICKED_KEYS)


def _clicked(told: list[Any], shown: list[str], first_rank: int) -> set[str]:
    """Which of a page's results were clicked, told by id, by rank, or by a flag for each.

    Raises:
        ValueError: It tells of a result that was not shown.
    """
    names = [str(item).casefold() if isinstance(item, bool) else cells.identifier(item) for item in told]
    if all(name in shown for name in names):
        return set(names)
    if len(names) == len(shown) > 1 and {*names} <= {"0", "1", "true", "false"}:
        return {name for name, flag in zip(shown, names, strict=True) if flag in ("1", "true")}
    found = set()
    for name in names:
        if name in shown:
            found.add(name)
        elif name in _NO_RANK or (name == "0" and first_rank == 1):
            continue
        elif name.isdecimal() and 0 <= int(name) - first_rank < len(shown):
            found.add(shown[int(name) - first_rank])
        else:
            raise ValueError(f"{name!r} was clicked but is not among the shown results")
    return found
