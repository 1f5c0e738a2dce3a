"""From what the user points at to texts that are encoded one by one, each a row of the result.

A source is a file of texts, a BEIR folder or a folder of documents. Knows where texts stand, and refuses a file with a
line that is none, since rows could no longer be told by their number. Knows nothing of vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jargonaut import formats
from jargonaut.encoding.cache import Kind
from jargonaut.encoding.models import ModelFolder
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Context
from jargonaut.settings import Settings
from jargonaut.sources import open_source, prepare_corpus


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a file, read anew each time; never all in memory.

    Attributes:
        file: Where they stand, one a line.
        context: What is put before each.
        count: How many they are.
    """

    file: Path
    context: Context
    count: int

    def __iter__(self) -> Iterator[str]:
        return formats.read_texts(self.file, _refuse, self.context)


def open_texts(
    source: Path, kind: Kind, base: Callable[[], ModelFolder], settings: Settings, layout: Layout, reporter: Reporter
) -> Texts:
    """Finds a source's texts and reads each once, so that a bad line is told before the first is encoded.

    Args:
        source: A `.jsonl` (field `text`, after its `title` where it has one), a `.txt` of one text per line, plain or
            `.gz`, a BEIR folder, or a folder of documents, which becomes the passages that a run would make of it.
        kind: Whether queries or passages are wanted.
        base: Finds the model whose tokenizer cuts documents; asked only where there are some to cut.
        settings: How documents are read and cut.
        layout: Where their passages are kept.
        reporter: Shows the reading of documents.

    Raises:
        InputError: The source cannot be read, holds nothing of that kind, or a line of it is no text.
    """
    file, context = _file(source, kind, base, settings, layout, reporter)
    bad: list[BadRow] = []
    reasons = formats.Reasons(bad.append)
    count = sum(1 for _ in formats.read_texts(file, reasons, context))
    if bad:
        raise InputError(
            f"{len(bad):,} of its lines cannot be used{reasons}",
            where=str(file),
            remedy="mend or remove them: row i of the result is to be text i",
        )
    if not count:
        raise InputError("there is no text in it", where=str(file))
    return Texts(file, context, count)


def _file(
    source: Path, kind: Kind, base: Callable[[], ModelFolder], settings: Settings, layout: Layout, reporter: Reporter
) -> tuple[Path, Context]:
    """The file that holds a source's texts, and what is put before each."""
    if source.is_file():
        if formats.is_jsonl(source) or source.name.endswith((".txt", ".txt.gz")):
            return source, "title"
        raise InputError(
            "this is no file of texts",
            where=str(source),
            remedy="give a .jsonl with a field `text`, a .txt of one text per line, or a folder of documents",
        )
    if kind == "query" and source.is_dir():
        if formats.is_beir(source):
            return source / "queries.jsonl", "title"
        raise InputError(
            "a folder of documents holds passages, no queries",
            where=str(source),
            remedy="give a file of queries: a .jsonl with a field `text`, or a .txt of one query per line",
        )
    corpus = formats.beir_corpus(source) if formats.is_beir(source) else None
    if corpus is not None:
        return corpus, "title"
    prepared = prepare_corpus(open_source(source, settings), base(), settings, layout, reporter)
    return prepared.artifact.path / "passages.jsonl", prepared.context


def _refuse(bad: BadRow) -> None:
    raise InputError(bad.reason, where=f"{bad.source}:{bad.line}", remedy="the file was changed; start again")
