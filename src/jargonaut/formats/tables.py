"""Tables of any kind, row by row: CSV and TSV in any usual encoding, JSONL, JSON arrays, Parquet.

Knows cells and where a row stands. What a column means is its reader's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jargonaut.artifacts import unreadable
from jargonaut.decoding import NotTextError, decode
from jargonaut.errors import InputError
from jargonaut.formats.delimited import DAMAGE, damaged, open_delimited, opened
from jargonaut.formats.jsonl import OnBad, read_jsonl, without_surrogates
from jargonaut.records import BadRow

_AT_ONCE = 1024

Row = tuple[int, Mapping[str, Any]]
"""(where it stands, from 1: its line in a text file, its number in a JSON array or a Parquet file; column → value)."""

_ARRAY_REMEDY = "give an array of objects, or one object a line as .jsonl"


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
    stays flat, except with `.json`, which is read whole. An empty file is a table without columns.

    Args:
        path: The file; its name says its kind, in capitals too.
        on_bad: Told of every row that cannot be read.

    Raises:
        InputError: The file cannot be opened, or is not of the kind that its name says.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson", ".jsonlines")):
        return _peeked(read_jsonl(path, on_bad))
    if name.endswith(".json"):
        return _peeked(_json(path, on_bad))
    if name.endswith((".csv", ".tsv", ".tab", ".txt")):
        return Table(*open_delimited(path, on_bad))
    if name.endswith((".parquet", ".pq")) and name == path.name.lower():
        return _parquet(path, on_bad)
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


def _json(path: Path, on_bad: OnBad) -> Iterator[Row]:
    """The objects of a `.json`; many name a JSONL so, which is read as what it is."""
    with opened(path) as stream:
        try:
            data = stream.read()
        except DAMAGE as error:
            raise damaged(path, error) from error
    if not data.strip():
        return
    try:
        value = without_surrogates(json.loads(decode(data)), data)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            del data
            yield from read_jsonl(path, on_bad)
            return
        raise InputError(f"not usable JSON ({error})", where=str(path), remedy=_ARRAY_REMEDY) from error
    except NotTextError as error:
        raise InputError(str(error), where=str(path), remedy=_ARRAY_REMEDY) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"not usable JSON ({reason})", where=str(path), remedy=_ARRAY_REMEDY) from error
    for number, item in enumerate(_items(value, path), start=1):
        if isinstance(item, dict):
            yield number, item
        else:
            on_bad(BadRow(str(path), number, "", f"a JSON object is wanted, this is {type(item).__name__}"))


def _items(value: Any, path: Path) -> list[Any]:
    """The rows in a JSON value: an array, the one array of objects in an object, or one row."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        arrays = [one for one in value.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
        if any(isinstance(one, str) for one in value.values()):
            return [value]  # a JSONL of one line
        if len(arrays) == 1:
            return arrays[0]
    raise InputError("a JSON array of objects is wanted", where=str(path), remedy=_ARRAY_REMEDY)


def _parquet(path: Path, on_bad: OnBad) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise InputError(f"this is no Parquet file ({error})", where=str(path)) from error
    except OSError as error:
        raise unreadable(path, error) from error

    def rows() -> Iterator[Row]:
        number = 0
        with file:
            batches = file.iter_batches(batch_size=_AT_ONCE)
            while True:
                try:
                    batch = next(batches, None)
                    found = batch.to_pylist() if batch is not None else None
                except (pa.ArrowException, OSError, ValueError) as error:  # text that is not UTF-8 is a ValueError
                    on_bad(BadRow(str(path), 0, "", f"damaged after row {number}: what follows is lost ({error})"))
                    return
                if found is None:
                    return
                for row in found:
                    number += 1
                    yield number, row

    return Table(tuple(file.schema_arrow.names), rows())
