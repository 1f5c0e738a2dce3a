"""BEIR folders: `corpus.jsonl[.gz]`, `queries.jsonl`, `qrels/*.tsv`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jargonaut.artifacts import atomic_write, unreadable
from jargonaut.formats.jsonl import OnBad, read_jsonl, text_and_title, write_jsonl
from jargonaut.records import SPLITS, BadRow, Passage, Qrel, Query, SplitName

QRELS_HEADER = "query-id\tcorpus-id\tscore"
_QRELS_COLUMNS = (
    {"query-id", "queryid", "query", "qid"},
    {"corpus-id", "corpusid", "doc-id", "docid", "document-id", "passage-id", "passageid", "pid"},
    {"score", "relevance", "label", "rel", "grade"},
)  # how headers name query, passage and grade; in lower case, with hyphens


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
        found = text_and_title(path, number, row, on_bad)
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
    return (qrel for _, qrel in numbered_qrels(path, on_bad))


def numbered_qrels(path: Path, on_bad: OnBad) -> Iterator[tuple[int, Qrel]]:
    """The judgements that `read_qrels` reads, each with its line."""
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
                yield number, Qrel(query_id, passage_id, int(float(grade)))
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
