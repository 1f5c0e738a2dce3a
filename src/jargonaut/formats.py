"""Every file format, in one place: JSONL, BEIR folders, TREC runs and qrels.

Readers stream. A row that cannot be used goes to `on_bad` as a `BadRow` with its file and line, and reading goes on; a
file that cannot be opened is an `InputError`. Text that is read can be written: lone surrogates become U+FFFD. Writers
are atomic. Knows files; knows nothing of what the records mean to a stage.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from jargonaut.artifacts import atomic_write, legible, plain, unreadable
from jargonaut.errors import InputError
from jargonaut.records import SPLITS, BadRow, Context, Passage, Qrel, Query, Run, SplitName

OnBad = Callable[[BadRow], None]
Record = TypeVar("Record")

_SHOWN_REASONS = 3
QRELS_HEADER = "query-id\tcorpus-id\tscore"
_QRELS_COLUMNS = (
    {"query-id", "queryid", "query", "qid"},
    {"corpus-id", "corpusid", "doc-id", "docid", "document-id", "passage-id", "passageid", "pid"},
    {"score", "relevance", "label", "rel", "grade"},
)  # how headers name query, passage and grade; in lower case, with hyphens


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
    for number, raw in _lines(path, on_bad):
        try:
            row = _without_surrogates(json.loads(raw.decode("utf-8-sig")), raw)
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
            found = _text_and_title(path, number, row, on_bad)
            if found is not None:
                yield Passage("", *found).content(context)
        return
    for number, raw in _lines(path, on_bad, blank=True):
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


def is_beir(folder: Path) -> bool:
    """Whether a folder looks like a BEIR data set."""
    try:
        return folder.is_dir() and beir_corpus(folder) is not None and (folder / "queries.jsonl").exists()
    except OSError:  # a folder that may not be searched; reading it will say why
        return False


def beir_corpus(folder: Path) -> Path | None:
    """The folder's `corpus.jsonl` or `corpus.jsonl.gz`."""
    for name in ("corpus.jsonl", "corpus.jsonl.gz"):
        if (folder / name).exists():
            return folder / name
    return None


def read_passages(path: Path, on_bad: OnBad) -> Iterator[Passage]:
    """Passages from JSONL in BEIR form: `_id` (or `id`; the line number if neither), `text`, optional `title`.

    A row without text, or with an id seen before, goes to `on_bad`.
    """
    seen: set[str] = set()
    for number, row in read_jsonl(path, on_bad):
        found = _text_and_title(path, number, row, on_bad)
        if found is None:
            continue
        text, title = found
        if not text.strip() and not title.strip():
            on_bad(BadRow(str(path), number, "text", "empty"))
            continue
        id_ = _identity(row, number)
        if id_ in seen:
            on_bad(BadRow(str(path), number, "_id", f"{id_!r} was used before; this row is left out"))
            continue
        seen.add(id_)
        document = row.get("document_id")
        yield Passage(id_, text, title, document_id=str(document) if document else id_, end=len(text))


def read_queries(path: Path, on_bad: OnBad) -> Iterator[Query]:
    """Queries from BEIR JSONL: `_id` (or `id`) and `text`."""
    seen: set[str] = set()
    for number, row in read_jsonl(path, on_bad):
        text = row.get("text")
        id_ = _identity(row, number)
        if not isinstance(text, str) or not text.strip():
            on_bad(BadRow(str(path), number, "text", "missing or empty"))
        elif id_ in seen:
            on_bad(BadRow(str(path), number, "_id", f"{id_!r} was used before; this row is left out"))
        else:
            seen.add(id_)
            yield Query(id_, text)


def read_qrels(path: Path, on_bad: OnBad) -> Iterator[Qrel]:
    """Judgements from a BEIR `.tsv` (header optional) or a four-column TREC qrels file.

    A header that names query, passage and grade may name them in any order, and further columns beside them; under one
    with other names the columns stand in the usual order.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        opened = path.open(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise unreadable(path, error) from error
    named: tuple[list[int], int] | None = None
    with opened as stream:
        for number, line in enumerate(stream, start=1):
            cells = re.split(r"\t|\s+", line.strip()) if "\t" not in line else line.rstrip("\r\n").split("\t")
            if not line.strip():
                continue
            if number == 1 and ((named := _named_columns(cells)) or not _is_integer(cells[-1])):
                continue
            places, width = named or (([0, 2, 3], 4) if len(cells) == 4 else ([0, 1, 2], 3))
            if len(cells) != width:
                on_bad(BadRow(str(path), number, "", f"{width} columns are wanted, this line has {len(cells)}"))
                continue
            query_id, passage_id, grade = (cells[place].strip() for place in places)
            if _is_integer(grade):
                yield Qrel(query_id, passage_id, int(float(grade)))
            else:
                on_bad(BadRow(str(path), number, "score", f"a whole number is wanted, not {grade!r}"))


def write_passages(path: Path, passages: Iterable[Passage]) -> int:
    """Writes `corpus.jsonl` in BEIR form; returns how many. A passage that is part of a document names it."""

    def row(p: Passage) -> dict[str, str]:
        part = {"document_id": p.document_id} if p.document_id not in {"", p.id} else {}
        return {"_id": p.id, "title": p.title, "text": p.text, **part}

    return write_jsonl(path, (row(p) for p in passages))


def write_queries(path: Path, queries: Iterable[Query]) -> int:
    """Writes `queries.jsonl` in BEIR form; returns how many."""
    return write_jsonl(path, ({"_id": q.id, "text": q.text} for q in queries))


def write_qrels(path: Path, judgements: Iterable[Qrel]) -> int:
    """Writes a BEIR qrels `.tsv` with its header; returns how many."""
    count = 0
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write(QRELS_HEADER + "\n")
        for j in judgements:
            stream.write(f"{j.query_id}\t{j.passage_id}\t{j.relevance}\n")
            count += 1
    return count


def write_beir(
    folder: Path,
    passages: Iterable[Passage],
    queries: Iterable[Query],
    qrels: Mapping[SplitName, Sequence[Qrel]],
) -> None:
    """Writes a BEIR folder. Grade-0 judgements are curated hard negatives."""
    write_passages(folder / "corpus.jsonl", passages)
    write_queries(folder / "queries.jsonl", queries)
    for split in SPLITS:
        if split in qrels:
            write_qrels(folder / "qrels" / f"{split}.tsv", qrels[split])


def write_trec_run(path: Path, run: Run) -> None:
    """Writes a run in TREC's six columns. White space in ids, which the format cannot hold, becomes `_`."""
    tag = _column(run.name)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for query_id, hits in run.rankings.items():
            for rank, (passage_id, score) in enumerate(hits.items(), start=1):
                stream.write(f"{_column(query_id)} Q0 {_column(passage_id)} {rank} {float(score)!r} {tag}\n")


def write_trec_qrels(path: Path, judgements: Iterable[Qrel]) -> None:
    """Writes judgements in TREC's four columns."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for j in judgements:
            stream.write(f"{_column(j.query_id)} 0 {_column(j.passage_id)} {j.relevance}\n")


def _lines(path: Path, on_bad: OnBad, *, blank: bool = False) -> Iterator[tuple[int, bytes]]:
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


def _text_and_title(path: Path, number: int, row: Mapping[str, Any], on_bad: OnBad) -> tuple[str, str] | None:
    """A row's `text` and its `title`, empty where there is none; None when one of them is no text."""
    text, title = row.get("text"), row.get("title") or ""
    if isinstance(text, str) and isinstance(title, str):
        return text, title
    field = "title" if isinstance(text, str) else "text"
    on_bad(BadRow(str(path), number, field, "missing or not a string"))
    return None


def _without_surrogates(value: Any, raw: bytes) -> Any:
    r"""The JSON value of a line with U+FFFD for lone surrogates, which only an escape (`\ud83d`) can bring in."""
    if b"\\u" not in raw:
        return value
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, list):
        return [_without_surrogates(item, raw) for item in value]
    if isinstance(value, dict):
        return {legible(key): _without_surrogates(item, raw) for key, item in value.items()}
    return value


def _identity(row: Mapping[str, Any], number: int) -> str:
    for name in ("_id", "id"):
        if row.get(name) not in (None, ""):
            return str(row[name])
    return f"line-{number}"


def _is_integer(cell: str) -> bool:
    try:
        return float(cell).is_integer()
    except ValueError:
        return False


def _named_columns(header: Sequence[str]) -> tuple[list[int], int] | None:
    """Where query, passage and grade stand among how many, when these cells name each of them once; else None."""
    named = [re.sub(r"[_\s]+", "-", cell.strip().lower()) for cell in header]
    places = [[number for number, name in enumerate(named) if name in known] for known in _QRELS_COLUMNS]
    return ([place[0] for place in places], len(header)) if all(len(place) == 1 for place in places) else None


def _column(text: str) -> str:
    return re.sub(r"\s+", "_", text) or "_"
