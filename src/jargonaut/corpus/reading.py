"""A folder of documents → a deduplicated corpus of passages: the stage's one call.

Composes loading, chunking and deduplication. Writes nothing; documents are handed on one at a time and not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from jargonaut.corpus.chunking import Chunker, ChunkOptions
from jargonaut.corpus.loading import LoadOptions, load_documents
from jargonaut.deduplication import DedupOptions, deduplicate
from jargonaut.errors import InputError
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Document, Passage


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is searched.

    Attributes:
        passages: Without repeats, in the order of the documents.
        duplicate_of: Id of a dropped passage → id of the one that was kept for it.
        counts: `documents`, `passages` (kept), `exact_duplicates`, `near_duplicates`, `too_short`, `files_left_out`.
    """

    passages: tuple[Passage, ...]
    duplicate_of: Mapping[str, str]
    counts: Mapping[str, int]


def read_folder(
    folder: Path,
    tokenizer: Tokenizer,
    load: LoadOptions | None = None,
    chunk: ChunkOptions | None = None,
    dedup: DedupOptions | None = None,
    *,
    on_bad: Callable[[BadRow], None],
    on_document: Callable[[Document], None] | None = None,
    reporter: Reporter | None = None,
) -> Corpus:
    """Reads, cuts and deduplicates every document below a folder.

    Args:
        folder: Where the documents are.
        tokenizer: The embedding model's tokenizer.
        load: Limits and encodings.
        chunk: Sizes of passages.
        dedup: What counts as nearly the same.
        on_bad: Called for each file that is left out.
        on_document: Called with each document as it is read, in order.
        reporter: Shows the progress.

    Raises:
        InputError: There is no such folder, it is empty, nothing in it can be read, or no passage comes out.
    """
    left_out: list[BadRow] = []

    def leave_out(bad: BadRow) -> None:
        left_out.append(bad)
        on_bad(bad)

    chunker = Chunker(tokenizer, chunk)
    passages: list[Passage] = []
    documents = 0
    for document in load_documents(folder, load, on_bad=leave_out, reporter=reporter):
        documents += 1
        if on_document is not None:
            on_document(document)
        passages.extend(chunker.chunk(document))
    if not passages:
        raise _nothing(folder, documents, left_out)
    result = deduplicate(passages, dedup)
    counts = {
        "documents": documents,
        "passages": len(result.kept),
        "exact_duplicates": result.exact,
        "near_duplicates": result.near,
        "too_short": chunker.too_short,
        "files_left_out": len(left_out),
    }
    return Corpus(result.kept, result.duplicate_of, counts)


def _nothing(folder: Path, documents: int, left_out: list[BadRow]) -> InputError:
    """Why no passage came out of a folder."""
    where = str(folder)
    if documents:
        return InputError(
            f"the {documents:,} documents here hold no passage that is long enough",
            where=where,
            remedy="give documents with running text, or lower [chunk] min_chars",
        )
    if left_out:
        shown = "\n".join(f"    {bad}" for bad in left_out[:3])
        return InputError(
            f"none of the {len(left_out):,} files here can be read as a document; the first ones:\n{shown}",
            where=where,
            remedy="give .txt, .md, .rst, .html, .pdf, .docx, .pptx or .epub files",
        )
    return InputError(
        "the folder is empty", where=where, remedy="give a folder that holds documents (.md, .html, .pdf, …)"
    )
