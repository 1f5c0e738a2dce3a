"""A document → passages that follow its headings and fit the embedding model's window.

Knows sections and tokens. Reads no files and compares no passages with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from jargonaut.errors import require_limits
from jargonaut.markdown import sections
from jargonaut.records import Document, Passage

_MAX_CHARS_PER_TOKEN = 20
"""A tokenizer may count a thousand letters without a space as one unknown word; such text is cut by characters."""
_MAX_TERM_CHARS = 120
_LETTER = re.compile(r"[^\W\d_]")
_ADDRESS = re.compile(r"\]\([^()\s]*(?:\s+\"[^\"]*\")?\)|<?https?://\S+")
_LINK = re.compile(r"\[[^\[\]]*\](?:\[[^\[\]]*\]|\([^()]*\))?")


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """How documents are cut.

    Attributes:
        max_tokens: Most tokens of a passage's own text, by the embedding model's tokenizer; only the term that a
            definition explains may come on top.
        min_chars: A passage with fewer letters is left out.
        max_link_share: A passage with a larger share of its letters in links is left out as a list of links, unless
            it has `min_chars` letters of its own beside them.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    max_tokens: int = 200
    min_chars: int = 40
    max_link_share: float = 0.8

    def __post_init__(self) -> None:
        require_limits(
            "chunk",
            self,
            (
                ("max_tokens", self.max_tokens >= 8, "8 or more, such as 200"),
                ("min_chars", self.min_chars >= 0, "0 or more"),
                ("max_link_share", 0 <= self.max_link_share <= 1, "a share of the letters, from 0 to 1"),
            ),
        )


class Chunker:
    """Cuts documents with one tokenizer.

    Args:
        tokenizer: The embedding model's tokenizer; a copy is used, without truncation and padding.
        options: Sizes.

    Attributes:
        too_short: How many fragments and lists of links were left out so far.
    """

    def __init__(self, tokenizer: Tokenizer, options: ChunkOptions | None = None) -> None:
        self.options = options or ChunkOptions()
        self.too_short = 0
        counter = Tokenizer.from_str(tokenizer.to_str())
        counter.no_truncation()
        counter.no_padding()
        limit = self.options.max_tokens
        self._markdown = MarkdownSplitter.from_huggingface_tokenizer(counter, limit)
        self._plain = TextSplitter.from_huggingface_tokenizer(counter, limit)
        self._by_chars = TextSplitter(limit * _MAX_CHARS_PER_TOKEN)

    def chunk(self, document: Document) -> Iterator[Passage]:
        """The passages of a document in order; heading lines belong to none.

        `document.text[p.start : p.end] == p.text` for every passage `p`, and its id is `<document id>#<ordinal>`.
        """
        parts = _parts(document)
        splitter: Any = self._markdown if document.markdown else self._plain
        cut = splitter.chunk_all_indices([document.text[start:end] for start, end, _ in parts])
        ordinal = 0
        for (offset, _, headings), chunks in zip(parts, cut, strict=True):
            spans = [(offset + start, offset + start + len(text)) for start, text in chunks]
            for start, end in self._within_limit(_with_terms(spans, document.text), document.text):
                text = document.text[start:end]
                if self._is_fragment(text, markdown=document.markdown):
                    self.too_short += 1
                    continue
                id_ = f"{document.id}#{ordinal}"
                yield Passage(id_, text, document.title, headings, document.id, start, end)
                ordinal += 1

    def _within_limit(self, spans: Iterable[tuple[int, int]], text: str) -> Iterator[tuple[int, int]]:
        for start, end in spans:
            if end - start <= self.options.max_tokens * _MAX_CHARS_PER_TOKEN:
                yield start, end
            else:
                for inner, piece in self._by_chars.chunk_indices(text[start:end]):
                    yield start + inner, start + inner + len(piece)

    def _is_fragment(self, text: str, *, markdown: bool) -> bool:
        words = _ADDRESS.sub("]", text)
        letters = len(_LETTER.findall(words))
        if letters < self.options.min_chars:
            return True
        own = len(_LETTER.findall(_LINK.sub("", words))) if markdown else letters
        return own < self.options.min_chars and own < (1 - self.options.max_link_share) * letters


def chunk(document: Document, tokenizer: Tokenizer, options: ChunkOptions | None = None) -> Iterator[Passage]:
    """The passages of one document; for many documents make one `Chunker`."""
    return Chunker(tokenizer, options).chunk(document)


def _parts(document: Document) -> list[tuple[int, int, tuple[str, ...]]]:
    """Start and end of each stretch of text that no passage may cross, with its heading path."""
    if not document.markdown:
        return [(0, len(document.text), ())]
    title = _folded(document.title)
    return [
        (s.body_start, s.end, s.path[1:] if s.path and _folded(s.path[0]) == title else s.path)
        for s in sections(document.text)
        if s.end > s.body_start
    ]


def _with_terms(spans: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Moves a term that ends one span to its definition (`: …`), with which the next begins."""
    out: list[tuple[int, int]] = []
    for start, end in spans:
        begin = start
        if out and text.startswith(": ", start):
            above_start, above_end = out[-1]
            line = max(above_start, text.rfind("\n", above_start, above_end) + 1)
            if above_end + 1 == start and above_end - line <= _MAX_TERM_CHARS:
                out.pop()
                if (rest := text[above_start:line].rstrip()).strip():
                    out.append((above_start, above_start + len(rest)))
                begin = line
        out.append((begin, end))
    return out


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())
