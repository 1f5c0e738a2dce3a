"""What is indexed: passages with the words that are embedded for each, and how they were cut.

A corpus may be larger than memory, so its passages are read from their file each time that they are gone through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jargonaut import formats
from jargonaut.artifacts import content_hash
from jargonaut.index import Many
from jargonaut.records import Context, Passage
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus


@dataclass(frozen=True, slots=True)
class IndexedPassages:
    """What is to be found.

    Attributes:
        passages: All passages.
        contents: The words that are embedded for each, in the same order.
        context: What of a passage is put before its text there.
        chunker: How documents were cut, in words that differ where the cutting does.
    """

    passages: Many[Passage]
    contents: Many[str]
    context: Context
    chunker: str

    @property
    def mean_bytes(self) -> float:
        """Bytes of a passage's words, title, headings and id, on average."""
        total = sum(
            sum(len(part.encode("utf-8", "surrogatepass")) for part in (p.text, p.title, p.id, *p.headings))
            for p in self.passages
        )
        return total / max(1, len(self.passages))


def passages_of(corpus: PreparedCorpus, settings: Settings) -> IndexedPassages:
    """The passages of a prepared corpus, read from its file as they are needed."""
    read = _StoredPassages(corpus.artifact.path / "passages.jsonl", int(corpus.artifact.counts["passages"]))
    return IndexedPassages(read, _Contents(read, corpus.context), corpus.context, chunker_of(corpus, settings))


def chunker_of(corpus: PreparedCorpus, settings: Settings) -> str:
    """How a corpus was cut: by us with these options, or by whoever made it."""
    if corpus.source.kind != "documents":
        return f"as given, {corpus.context} before the text"
    chunk = settings.chunk
    return f"{chunk.max_tokens} tokens at most, options {content_hash(chunk)[:12]}, {corpus.context} before the text"


class _StoredPassages:
    """The passages of a file that `prepare_corpus` wrote."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Passage]:
        return formats.read_records(self._path, Passage)


class _Contents:
    """The words that are embedded for each of some passages."""

    def __init__(self, passages: Many[Passage], context: Context) -> None:
        self._passages = passages
        self._context: Context = context

    def __len__(self) -> int:
        return len(self._passages)

    def __iter__(self) -> Iterator[str]:
        return (passage.content(self._context) for passage in self._passages)
