"""Where things are: which passage covers an offset, and what a link inside the corpus leads to.

Knows offsets, paths and anchors. Holds one small entry per passage, heading and link, and no document.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from jargonaut.markdown import Link, Section, anchors, links, slug
from jargonaut.pairs.phrases import GENERIC_LINKS
from jargonaut.records import Document, Passage

_NUMBERED = re.compile(
    r"(?:chapter|section|part|appendix|listing|figure|fig\.?|table|step|issue|rfc|pep)\s+[#\d][\w.-]*"
)
"""`Chapter 21` says where, not what."""
_LIST_ITEM = re.compile(r"[ \t]*(?:[-+*]|\d{1,9}[.)])[ \t]")
_BREAK = re.compile(r"[ \t]*(?:$|#|\||[-+*][ \t]|\d{1,9}[.)][ \t])")
_MARKED_LINK = re.compile(r"!?\[[^\[\]\n]*\](?:\[[^\[\]\n]*\]|\([^()\n]*\))?")
_INDEX_PAGES = ("index", "README", "readme", "_index")
_MIN_WORDS_AROUND = 3
_MAX_LINKS = 300


class PassageFinder:
    """Document id and character offset → passage id.

    Args:
        passages: Of any number of documents, in any order.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        listed: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for passage in passages:
            listed[passage.document_id].append((passage.start, passage.end, passage.id))
        self._passages = {document: sorted(found) for document, found in listed.items()}

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._passages

    def first(self, document_id: str) -> str:
        """A document's first passage."""
        return self._passages[document_id][0][2]

    def at_or_after(self, document_id: str, start: int, end: int) -> str | None:
        """The passage that covers `start`, else the first that begins before `end`; None if there is neither."""
        found = self._passages.get(document_id, [])
        following = bisect_right(found, (start, float("inf"), ""))
        if following and found[following - 1][1] > start:
            return found[following - 1][2]
        if following < len(found) and found[following][0] < end:
            return found[following][2]
        return None


class LinkTable:
    """Anchors and links of the documents read so far; resolves when all are known.

    Attributes:
        unresolved: Links into the corpus whose target was not found; counted by `resolved`.
    """

    def __init__(self) -> None:
        self.unresolved = 0
        self._documents: dict[str, str] = {}  # path, with and without extension → document id
        self._firsts: dict[str, str] = {}  # document id → first passage
        self._anchors: dict[tuple[str, str], str] = {}  # (document id, anchor) → passage
        self._links: list[tuple[str, str, str]] = []  # (document id, words, target)

    def read(self, document: Document, cut: Sequence[Section], finder: PassageFinder) -> None:
        """Notes a document's anchors and the links in its sentences."""
        self._firsts[document.id] = finder.first(document.id)
        self._documents[document.id] = document.id
        self._documents.setdefault(posixpath.splitext(document.id)[0], document.id)
        repeated: Counter[str] = Counter()
        for section in cut:
            passage = finder.at_or_after(document.id, section.body_start, section.end)
            if section.level and passage is not None:
                for anchor in _section_anchors(section.title, repeated):
                    self._anchors.setdefault((document.id, anchor), passage)
        if document.markdown:
            kept = [
                link for link in links(document.text) if _leads_inside(link) and not _is_navigation(document.text, link)
            ]
            self._links += [(document.id, link.text, link.target) for link in kept[:_MAX_LINKS]]

    def resolved(self) -> Iterator[tuple[str, str]]:
        """Yields (words of the link, passage it leads to)."""
        self.unresolved = 0
        for document_id, words, target in self._links:
            passage = self._resolve(document_id, target)
            if passage is None:
                self.unresolved += 1
            else:
                yield words, passage

    def _resolve(self, document_id: str, target: str) -> str | None:
        parts = urlsplit(target)
        path, anchor = unquote(parts.path), unquote(parts.fragment)
        found = self._document(posixpath.dirname(document_id), path) if path else document_id
        if found is None:
            return None
        if not anchor:
            return self._firsts[found] if path else None
        return self._anchors.get((found, anchor.lower())) or self._anchors.get((found, slug(anchor)))

    def _document(self, folder: str, path: str) -> str | None:
        joined = path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path)
        place = posixpath.normpath(joined).strip("/")
        stems = [place, posixpath.splitext(place)[0], *(posixpath.join(place, page) for page in _INDEX_PAGES)]
        return next((self._documents[stem] for stem in stems if stem in self._documents), None)


def _section_anchors(title: str, repeated: Counter[str]) -> list[str]:
    """Every anchor of a heading; a repeated heading gets `-1`, `-2` as GitHub gives them."""
    found = []
    for anchor in sorted(anchors(title)):
        found.append(f"{anchor}-{repeated[anchor]}" if repeated[anchor] else anchor)
        repeated[anchor] += 1
    return found


def _leads_inside(link: Link) -> bool:
    """Whether a link leads to a place in the corpus, with words that say what is there."""
    try:
        parts = urlsplit(link.target)
    except ValueError:
        return False
    if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
        return False
    text = " ".join(link.text.casefold().split()).strip(" .:»→>")
    generic = text in GENERIC_LINKS or _NUMBERED.fullmatch(text)
    return not generic and "://" not in text and "/" not in text


def _is_navigation(text: str, link: Link) -> bool:
    """Whether a link stands in a menu or a list of links, not in a sentence."""
    lines_start, lines_end = _block(text, link.start)
    around = _MARKED_LINK.sub(" ", text[lines_start:lines_end])
    return len(re.findall(r"[^\W\d_]{2,}", around)) < _MIN_WORDS_AROUND


def _block(text: str, offset: int) -> tuple[int, int]:
    """The paragraph, list item or table row in which an offset lies."""
    start = text.rfind("\n", 0, offset) + 1
    while start > 0 and not _LIST_ITEM.match(text, start) and not text.startswith("|", start):
        previous = text.rfind("\n", 0, start - 1) + 1
        if _BREAK.match(text[previous : start - 1]) and not _LIST_ITEM.match(text, previous):
            break
        start = previous
    end = text.find("\n", offset)
    while 0 <= end < len(text) - 1:
        following = text.find("\n", end + 1)
        line = text[end + 1 : following if following >= 0 else len(text)]
        if _BREAK.match(line):
            break
        end = following
    return start, end if end >= 0 else len(text)
