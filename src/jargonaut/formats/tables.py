"""Tables of any kind, row by row: CSV and TSV in any usual encoding, JSONL, JSON arrays, Parquet.

Knows cells and where a row stands. What a column means is its reader's business.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jargonaut.artifacts import legible, unreadable
from jargonaut.decoding import NotTextError, decode
from jargonaut.errors import InputError
from jargonaut.formats.jsonl import OnBad, is_jsonl, read_jsonl
from jargonaut.records import BadRow

_SAMPLE = 65_536
_AT_ONCE = 4096
_DELIMITERS = ",\t;|"
_LARGEST_CELL = 16 * 1024 * 1024

Row = tuple[int, Mapping[str, Any]]
"""(where it stands, from 1: its line in a text file, its number in a Parquet file; column → value)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read once, row by row.

    Attributes:
        columns: Names, in the order of the file; in a JSONL those of its first object.
        rows: Streamed; a row that cannot be read went to `on_bad`. CSV cells are text, the others have their types.
    """

    columns: tuple[str, ...]
    rows: Iterable[Row]


def open_table(path: Path, on_bad: OnBad) -> Table:
    """Opens a `.csv`, `.tsv`, `.jsonl`, `.json` (an array of objects) or `.parquet` file; all but Parquet also `.gz`.

    A CSV's delimiter and encoding are detected; a line in another encoding than the rest is read as that one. Memory
    stays flat, except with `.json`, which is read whole.

    Args:
        path: The file; its name says its kind.
        on_bad: Told of every row that cannot be read.

    Raises:
        InputError: The file cannot be opened, is of no such kind, or has no header.
    """
    name = path.name.removesuffix(".gz")
    if is_jsonl(path):
        return _peeked(read_jsonl(path, on_bad))
    if name.endswith(".json"):
        return _peeked(_array(path, on_bad))
    if name.endswith((".csv", ".tsv", ".txt")):
        return _csv(path, on_bad)
    if name.endswith(".parquet") and name == path.name:
        return _parquet(path)
    raise InputError(
        "this is no table",
        where=str(path),
        remedy="give a .csv, .tsv, .jsonl or .json (each may be .gz), or a .parquet",
    )


def _peeked(rows: Iterator[Row]) -> Table:
    """A table whose columns are those of its first row."""
    first = next(rows, None)
    if first is None:
        return Table((), ())

    def all_rows() -> Iterator[Row]:
        yield first
        yield from rows

    return Table(tuple(first[1]), all_rows())


def _array(path: Path, on_bad: OnBad) -> Iterator[Row]:
    with _opened(path) as stream:
        data = stream.read()
    try:
        items = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not usable JSON ({error})", where=str(path), remedy="an array of objects, or one object a line as .jsonl"
        ) from error
    if not isinstance(items, list):
        raise InputError("a JSON array of objects is wanted", where=str(path), remedy="or one object a line as .jsonl")
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            yield number, item
        else:
            on_bad(BadRow(str(path), number, "", f"a JSON object is wanted, this is {type(item).__name__}"))


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except OSError as error:
        raise unreadable(path, error) from error
    except pa.ArrowException as error:
        raise InputError(f"this is no Parquet file ({error})", where=str(path)) from error

    def rows() -> Iterator[Row]:
        number = 0
        with file:
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row

    return Table(tuple(file.schema_arrow.names), rows())


def _csv(path: Path, on_bad: OnBad) -> Table:
    with _opened(path) as stream:
        sample = stream.read(_SAMPLE)
    try:
        head = decode(sample[: sample.rfind(b"\n") + 1] or sample)
    except NotTextError as error:
        raise InputError(
            str(error), where=str(path), remedy="give text, or name the file .parquet if it is one"
        ) from error
    if not head.strip():
        return Table((), ())
    delimiter = "\t" if ".tsv" in path.suffixes else _delimiter(head)
    reader = csv.reader(_text(path, sample, on_bad), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader)]
    except (csv.Error, StopIteration) as error:
        raise InputError(f"it has no header ({error})", where=f"{path}:1") from error
    return Table(tuple(header), _cells(path, header, reader, on_bad))


def _cells(path: Path, header: list[str], reader: Any, on_bad: OnBad) -> Iterator[Row]:
    csv.field_size_limit(_LARGEST_CELL)
    while True:
        line = reader.line_num + 1  # a quoted cell may go on over several lines: the row is where it begins
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            on_bad(BadRow(str(path), line, "", f"not usable CSV ({error})"))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            on_bad(BadRow(str(path), line, "", f"{len(header)} columns are wanted, this line has {len(cells)}"))
            continue
        yield line, dict(zip(header, cells, strict=True))


def _delimiter(head: str) -> str:
    """What divides the header into the most cells."""
    first = head.partition("\n")[0]
    return max(_DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark))))


def _text(path: Path, sample: bytes, on_bad: OnBad) -> Iterator[str]:
    """The lines of a text file, each in the encoding that fits it."""
    wide = _wide(sample)
    with _opened(path) as stream:
        if wide:
            with io.TextIOWrapper(stream, encoding=wide, errors="replace", newline="") as lines:
                yield from lines
            return
        number = 0
        while True:
            try:
                raw = next(stream, None)
            except (EOFError, OSError, zlib.error) as error:
                on_bad(BadRow(str(path), 0, "", f"damaged after line {number}: what follows is lost ({error})"))
                return
            if raw is None:
                return
            line = raw.removeprefix(codecs.BOM_UTF8) if number == 0 else raw
            number += 1
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                text = _other(line)
            yield legible(text).replace("\0", "")


def _other(line: bytes) -> str:
    try:
        return decode(line)
    except NotTextError:
        return line.decode("utf-8", errors="replace")


def _wide(sample: bytes) -> str | None:
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return encoding
    return None


def _opened(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise unreadable(path, error) from error
