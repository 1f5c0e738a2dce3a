"""JSONL, plain or `.gz`: any objects, our own records, and texts that are encoded one by one.

Knows lines; knows nothing of what stands in them.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from jargonaut.artifacts import atomic_write, legible, plain, unreadable
from jargonaut.errors import InputError
from jargonaut.records import BadRow, Context, Passage

OnBad = Callable[[BadRow], None]
Record = TypeVar("Record")

_SHOWN_REASONS = 3


class Reasons:
    """An `OnBad` that passes bad rows on and keeps the first three, to be shown when nothing was usable.

    Args:
        on_bad: Where they go.
    """

    def __init__(self, on_bad: OnBad) -> None:
        self.first: list[BadRow] = []
        self._on_bad = on_bad

    def __call__(self, bad: BadRow) -> None:
        """Takes one."""
        if len(self.first) < _SHOWN_REASONS:
            self.first.append(bad)
        self._on_bad(bad)

    def __str__(self) -> str:
        return "; the first ones:\n" + "\n".join(f"    {bad}" for bad in self.first)


def read_jsonl(path: Path, on_bad: OnBad) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (line number from 1, object) of a JSONL file, plain or `.gz`; blank lines are skipped.

    Raises:
        InputError: The file cannot be opened.
    """
    for number, raw in lines_of(path, on_bad):
        try:
            row = without_surrogates(json.loads(raw.decode("utf-8-sig")), raw)
        except UnicodeDecodeError:
            on_bad(BadRow(str(path), number, "", "not UTF-8 text"))
            continue
        except ValueError as error:
            on_bad(BadRow(str(path), number, "", f"not JSON ({error})"))
            continue
        except RecursionError:
            on_bad(BadRow(str(path), number, "", "not usable JSON (it is nested too deeply)"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            on_bad(BadRow(str(path), number, "", f"a JSON object is wanted, this is {type(row).__name__}"))


def read_texts(path: Path, on_bad: OnBad, context: Context = "title") -> Iterator[str]:
    """The texts of a file, as they are embedded: a JSONL's `text`, with what `context` says before it, or plain lines.

    Ids play no part and may repeat; an empty `text` is one. A row without `text`, a blank line among plain ones and a
    line that is not UTF-8 go to `on_bad`.

    Raises:
        InputError: The file cannot be opened.
    """
    if is_jsonl(path):
        for number, row in read_jsonl(path, on_bad):
            found = text_and_title(path, number, row, on_bad)
            if found is not None:
                yield Passage("", *found).content(context)
        return
    for number, raw in lines_of(path, on_bad, blank=True):
        if not raw.strip():
            on_bad(BadRow(str(path), number, "", "blank line"))
            continue
        try:
            yield raw.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            on_bad(BadRow(str(path), number, "", "not UTF-8 text"))


def is_jsonl(path: Path) -> bool:
    """Whether a file's name says that it is a JSONL, plain or `.gz`."""
    return path.name.endswith((".jsonl", ".jsonl.gz"))


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Writes records (dataclasses or mappings), one JSON object a line; returns how many."""
    count = 0
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        for row in rows:  # a lone surrogate is written as JSON's escape for it
            stream.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_records(path: Path, kind: type[Record]) -> Iterator[Record]:
    """Reads back the records that `write_jsonl` wrote. The file is ours, so a bad line is an error."""
    names = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]  # kind is always a dataclass of records.py

    def refuse(bad: BadRow) -> None:
        raise InputError(str(bad), remedy="the file was changed by hand: remove its folder and run again")

    for _, row in read_jsonl(path, refuse):
        yield kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k in names})


def text_and_title(path: Path, number: int, row: Mapping[str, Any], on_bad: OnBad) -> tuple[str, str] | None:
    """A row's `text` and its `title`, empty where there is none; None when one of them is no text."""
    text, title = row.get("text"), row.get("title") or ""
    if isinstance(text, str) and isinstance(title, str):
        return text, title
    field = "title" if isinstance(text, str) else "text"
    on_bad(BadRow(str(path), number, field, "missing or not a string"))
    return None


def lines_of(path: Path, on_bad: OnBad, *, blank: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yields (line number from 1, line) of a file, plain or `.gz`; blank lines only if asked for."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        opened = opener(path, "rb")
    except OSError as error:
        raise unreadable(path, error) from error
    number = 0
    with opened as stream:
        lines = enumerate(stream, start=1)
        while True:
            try:
                number, raw = next(lines)
            except StopIteration:
                return
            except (EOFError, OSError, zlib.error) as error:
                lost = f"after line {number}: everything after it is lost" if number else "from its beginning"
                on_bad(BadRow(str(path), 0, "", f"damaged {lost} ({error})"))
                return
            if blank or raw.strip():
                yield number, raw


def without_surrogates(value: Any, raw: bytes) -> Any:
    r"""The JSON value of a line with U+FFFD for lone surrogates, which only an escape (`\ud83d`) can bring in."""
    if b"\\u" not in raw:
        return value
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, list):
        return [without_surrogates(item, raw) for item in value]
    if isinstance(value, dict):
        return {legible(key): without_surrogates(item, raw) for key, item in value.items()}
    return value
