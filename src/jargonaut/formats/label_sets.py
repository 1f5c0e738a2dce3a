"""Judgements that lie apart from their queries: BEIR folders, and qrels (BEIR's or TREC's) with queries beside them.

Knows which files belong together. What a passage is in somebody's corpus is not known here; where a set brings its own
corpus, a judgement carries both the id and the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jargonaut.artifacts import legible
from jargonaut.errors import InputError
from jargonaut.formats.beir import beir_corpus, numbered_qrels, read_passages, read_queries
from jargonaut.formats.jsonl import OnBad, is_jsonl, lines_of
from jargonaut.formats.label_rows import MAX_GRADE, split_named
from jargonaut.formats.tables import open_table
from jargonaut.records import BadRow, Judgement, Qrel, SplitName

_QUERY_FILES = tuple(
    f"{stem}{ending}"
    for stem in ("queries", "topics")
    for ending in (".jsonl", ".jsonl.gz", ".tsv", ".txt", ".csv")
)  # fmt: skip
_TREC_LINE = re.compile(rb"\S+[\t ]+\S+[\t ]+\S+[\t ]+-?\d+\s*")
_ID_HEADERS = {"id", "_id", "qid", "query_id", "query-id", "queryid", "topic", "number"}
_FIRST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Files that belong together.

    Attributes:
        queries: Where the queries stand.
        qrels: The judgements' files.
        unused: Files beside them that are not read.
        corpus: The set's own passages, if it brings any.
        source: What messages name: the only file of judgements, else the folder.
    """

    queries: Path
    qrels: tuple[Path, ...]
    corpus: Path | None
    source: Path
    unused: tuple[str, ...] = ()


def in_folder(folder: Path) -> JudgedSet:
    """The judged set in a BEIR folder, whose corpus may be missing.

    Where files of judgements are called after parts (`train`, `dev` or `validation`, `test`), others beside them, such
    as another split of the same, are not read.

    Raises:
        InputError: There are no queries or no judgements in it.
    """
    queries = _queries_in(folder)
    qrels = tuple(sorted((folder / "qrels").glob("*.tsv")))
    if queries is None or not qrels:
        missing = "queries.jsonl" if queries is None else "qrels/*.tsv"
        raise InputError(
            f"this folder is no labelled set: there is no {missing} in it",
            where=str(folder),
            remedy="give one file of labels, or a BEIR folder: queries.jsonl, qrels/*.tsv and mostly corpus.jsonl",
        )
    read = tuple(path for path in qrels if split_named(path.stem)) or qrels
    unused = tuple(f"qrels/{path.name}" for path in qrels if path not in read)
    return JudgedSet(queries, read, beir_corpus(folder), read[0] if len(read) == 1 else folder, unused)


def files_of(source: Path) -> list[Path]:
    """All files that may be read for a labelled file or folder: itself, and queries and a corpus beside it."""
    if source.is_dir():
        own = [*source.glob("queries.*"), *source.glob("corpus.jsonl*"), *source.glob("qrels/*.tsv")]
        return sorted(path for path in own if path.is_file())
    beside = [path for folder in (source.parent, source.parent.parent) for path in folder.glob("queries.*")]
    beside += [path for folder in (source.parent, source.parent.parent) for path in folder.glob("corpus.jsonl*")]
    return [source, *sorted(path for path in beside if path.is_file() and path != source)]


def of_qrels(path: Path) -> JudgedSet:
    """A file of judgements with the queries beside it, or one folder up.

    Raises:
        InputError: There are no queries there.
    """
    for folder in (path.parent, path.parent.parent):
        queries = _queries_in(folder)
        if queries is not None and queries != path:
            return JudgedSet(queries, (path,), beir_corpus(folder), path)
    raise InputError(
        "these judgements name queries by id, and there are no queries beside them",
        where=str(path),
        remedy='put a queries.jsonl ({"_id", "text"} a line) or queries.tsv (id, text) into the same folder',
    )


def looks_like_trec(path: Path) -> bool:
    """Whether a file's first line has TREC's four columns: query, iteration, document, grade."""
    if path.suffix.lower() in {".jsonl", ".json", ".parquet", ".csv", ".gz"}:
        return False
    try:
        with path.open("rb") as stream:
            lines = stream.read(_FIRST_BYTES).removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError:
        return False  # who reads it will say why
    return next((_TREC_LINE.fullmatch(line) is not None for line in lines if line.strip()), False)


def read_set(
    found: JudgedSet, on_bad: OnBad, *, split: SplitName | None, provenance: str, relevant_from: int
) -> Iterator[Judgement]:
    """The judgements of a set, with their words where it brings its corpus.

    A judgement's line is known where all stand in one file. Memory holds the queries, the judgements and the judged
    passages.

    Args:
        found: Its files.
        on_bad: Told of each line that cannot be used, and of queries that are judged but not there.
        split: The part that all of it goes to; None for what the files' names say.
        provenance: Of every judgement.
        relevant_from: Grades below this count as 0.
    """
    asked = dict(read_asked(found.queries, on_bad))
    judged = [(path, line, qrel) for path in found.qrels for line, qrel in numbered_qrels(path, on_bad)]
    texts = _judged_texts(found.corpus, judged, on_bad) if found.corpus else {}
    parts = {path: split or split_named(path.stem) for path in found.qrels}
    for path, line, qrel in judged:
        reason = ("", "")
        if qrel.query_id not in asked:
            reason = ("query-id", f"'{qrel.query_id}' is not in {found.queries.name}")
        elif qrel.relevance > MAX_GRADE:
            reason = ("score", f"'{qrel.relevance}': a grade up to {MAX_GRADE} is wanted")
        if reason[0]:
            on_bad(BadRow(str(path), line, *reason))
            continue
        relevance = qrel.relevance if qrel.relevance >= max(relevant_from, 0) else 0
        yield Judgement(
            asked[qrel.query_id], qrel.passage_id, texts.get(qrel.passage_id, ""), relevance, provenance,
            qrel.query_id, None, parts[path], line if len(found.qrels) == 1 else 0,
        )  # fmt: skip


def _queries_in(folder: Path) -> Path | None:
    return next((folder / name for name in _QUERY_FILES if (folder / name).is_file()), None)


def read_asked(path: Path, on_bad: OnBad) -> Iterator[tuple[str, str]]:
    """(id, text) of every query in a JSONL, in a CSV's first two columns, or in lines of an id, a tab and a text."""
    if is_jsonl(path):
        yield from ((query.id, query.text.strip()) for query in read_queries(path, on_bad))
        return
    if path.suffix == ".csv":
        for number, row in open_table(path, on_bad).rows:
            cells = [cell.strip() for cell in row.values()]
            if len(cells) < 2 or not all(cells[:2]):
                on_bad(BadRow(str(path), number, "", "an id and the query's text are wanted"))
            else:
                yield cells[0], cells[1]
        return
    for number, raw in lines_of(path, on_bad):
        id_, tab, text = legible(raw.decode("utf-8-sig", errors="replace")).strip().partition("\t")
        if number == 1 and id_.strip().casefold() in _ID_HEADERS:
            continue
        if not tab or not text.strip():
            on_bad(BadRow(str(path), number, "", "an id, a tab and the query's text are wanted"))
        else:
            yield id_.strip(), text.strip()


def _judged_texts(corpus: Path, judged: Sequence[tuple[Path, int, Qrel]], on_bad: OnBad) -> dict[str, str]:
    """Id → words of the passages that are judged."""
    wanted = {qrel.passage_id for _, _, qrel in judged}
    return {
        passage.id: passage.text if passage.text.strip() else passage.title
        for passage in read_passages(corpus, on_bad)
        if passage.id in wanted
    }
