"""Delimited text (CSV, TSV and their kin) → cells and where each row stands.

Knows encodings, delimiters and quotes. A quote that is never closed costs its own row, not those that follow. What a
column means is not known here.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from jargonaut.artifacts import unreadable
from jargonaut.decoding import NotTextError, decode, encoding_of
from jargonaut.errors import InputError
from jargonaut.formats.jsonl import OnBad
from jargonaut.records import BadRow

_SAMPLE = 65_536
_DELIMITERS = ",\t;|"
_LARGEST_CELL = 16 * 1024 * 1024
_SEPARATOR_LINE = re.compile(r"^\ufeff?\"?sep=(.)\"?\s*$")
"""What Excel writes above a header."""

DAMAGE = (EOFError, OSError, zlib.error)
"""What reading a damaged file raises."""


def open_delimited(path: Path, on_bad: OnBad) -> tuple[tuple[str, ...], Iterator[tuple[int, Mapping[str, str]]]]:
    """Column names, and the rows as (line on which it begins, column → cell).

    Blank lines are passed over. Columns without a name are called `column 3`, and one whose name was used before gets
    a number behind it. Cells beyond the last column are passed over where they are blank.

    Args:
        path: The file, plain or `.gz`.
        on_bad: Told of every row that cannot be read, with its line.

    Raises:
        InputError: The file cannot be opened, or is no text.
    """
    sample = _sample(path)
    cut = sample[: sample.rfind(b"\n") + 1] or sample
    if b"\0" in cut:
        cut = sample[: len(sample) // 4 * 4]  # UTF-16 or UTF-32, whose line ends are several bytes
    try:
        encoding, head = encoding_of(cut), decode(cut).lstrip("\n")
    except NotTextError as error:
        raise InputError(
            str(error), where=str(path), remedy="give text, or name the file .parquet if it is one"
        ) from error
    if not head.strip():
        return (), iter(())
    first = head.partition("\n")[0]
    named = _SEPARATOR_LINE.match(first)
    delimiter = named[1] if named else _delimiter(first, prefer_tabs=".tsv" in path.name.lower())
    lines = _Lines(_text(path, encoding, on_bad))
    records = _records(path, lines, delimiter, on_bad)
    header = next(records, None)
    if header is not None and named:
        header = next(records, None)
    if header is None:
        return (), iter(())
    columns = _names(header[1])
    return columns, _rows(path, columns, records, on_bad)


class _Lines:
    """Lines with their numbers; those of a record that turned out to be none can be handed back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.taken: list[tuple[int, str]] = []
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._back:
            item = self._back.popleft()
        else:
            line = next(self._lines, None)
            if line is None:
                self.ended = True
                raise StopIteration
            self._number += 1
            item = (self._number, line)
        self.taken.append(item)
        return item[1]

    def begin(self) -> None:
        """What is taken from here on is another record."""
        self.taken.clear()

    def hand_back(self) -> None:
        """All lines of this record but its first will be given once more."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.ended = False


Record = tuple[int, list[str], str]
"""(line on which it begins, cells, why it cannot be used or "")."""


def _records(path: Path, lines: _Lines, delimiter: str, on_bad: OnBad) -> Iterator[tuple[int, list[str]]]:
    """The records of a file, blank ones left out."""
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin()
        problem = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], str(error)
        number, first = lines.taken[0]
        if lines.ended or problem or (len(lines.taken) > 1 and not _well_quoted(lines.taken, delimiter)):
            if lines.ended or len(lines.taken) > 1:
                problem = "a quote is opened that is not closed; only this line is left out"
            lines.hand_back()
            if delimiter == "\t":  # many write tabs without any quoting, where a quote is a letter like others
                cells, problem = first.rstrip("\r\n").split("\t"), ""
        if problem:
            on_bad(BadRow(str(path), number, "", f"not usable CSV ({problem})"))
        elif any(cell.strip() for cell in cells):
            yield number, cells


def _well_quoted(taken: list[tuple[int, str]], delimiter: str) -> bool:
    """Whether a record over several lines has its quotes where they belong."""
    try:
        next(csv.reader((line for _, line in taken), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


def _rows(
    path: Path, columns: tuple[str, ...], records: Iterator[tuple[int, list[str]]], on_bad: OnBad
) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, cells in records:
        spare = cells[len(columns) :]
        if len(cells) < len(columns) or any(cell.strip() for cell in spare):
            reason = f"{len(columns)} columns are wanted, this row has {len(cells)}"
            on_bad(BadRow(str(path), number, "", reason))
        else:
            yield number, dict(zip(columns, cells, strict=False))


def _names(header: list[str]) -> tuple[str, ...]:
    """The header's names, each once."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(header, start=1):
        name = cell.strip() or f"column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _delimiter(first: str, *, prefer_tabs: bool) -> str:
    """What divides the header into the most cells."""
    if prefer_tabs and "\t" in first:
        return "\t"
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _sample(path: Path) -> bytes:
    """The first bytes of a file, as far as they can be read."""
    found = b""
    with opened(path) as stream:
        while len(found) < _SAMPLE:
            try:
                block = stream.read1(_SAMPLE - len(found))  # type: ignore[attr-defined]  # both kinds of stream have it
            except DAMAGE as error:
                if not found:
                    raise damaged(path, error) from error
                break  # who reads the rows will say where it ends
            if not block:
                break
            found += block
    return found


def _text(path: Path, encoding: str, on_bad: OnBad) -> Iterator[str]:
    """The lines of a text file; one that is not in the encoding of the rest is read in that which fits it."""
    with opened(path) as stream:
        wide = encoding.startswith(("utf-16", "utf-32"))
        source = io.TextIOWrapper(stream, encoding, errors="replace", newline="") if wide else stream
        number = 0
        while True:
            try:
                raw: bytes | str | None = next(source, None)
            except DAMAGE as error:
                on_bad(BadRow(str(path), 0, "", f"damaged after line {number}: what follows is lost ({error})"))
                return
            if raw is None:
                return
            number += 1
            if isinstance(raw, str):
                yield raw.replace("\0", "")
                continue
            line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            text, encoding = _decoded(line, encoding)
            yield from io.StringIO(text.replace("\0", ""), newline="") if "\r" in text else (text.replace("\0", ""),)


def _decoded(line: bytes, encoding: str) -> tuple[str, str]:
    """A line's text, and the encoding to try on the next one that is no UTF-8."""
    for name in ("utf-8", encoding):
        try:
            return line.decode(name), encoding
        except UnicodeDecodeError:
            continue
    try:
        found = encoding_of(line)
    except NotTextError:
        found = "utf-8"
    return line.decode(found, errors="replace"), found if encoding.startswith("utf-8") else encoding


def opened(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked if it is a `.gz`.

    Raises:
        InputError: It cannot be opened.
    """
    try:
        return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise unreadable(path, error) from error


def damaged(path: Path, error: Exception) -> InputError:
    """The error that says that a file is damaged from its beginning."""
    return InputError(f"it is damaged ({error})", where=str(path), remedy="make or fetch it again")
