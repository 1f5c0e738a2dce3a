"""Pairs from documents' own structure: headings, questions, definitions, titles and links.

Knows what authors write that reads like a question and which passage answers it. Judges no pair's quality: that is the
filters' work. Documents are streamed; what is kept of them is one table of headings and the candidates.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from jargonaut.artifacts import content_hash
from jargonaut.errors import require_limits
from jargonaut.markdown import Section, sections
from jargonaut.pairs.phrases import GENERIC_HEADINGS, LIST_HEADINGS
from jargonaut.pairs.places import LinkTable, PassageFinder
from jargonaut.pairs.statements import definitions, faq_entries
from jargonaut.pairs.wording import normalised, query_id, tidy, words
from jargonaut.records import Document, Pair, Passage

_QUESTION = re.compile(
    r"how (?:do|does|can|could|should|to|is|are|much|many)\b|what (?:is|are|does|do|happens|if|should)\b"
    r"|why (?:is|are|do|does|did|can|should|am|isn|aren|don|doesn|can)\b|where (?:is|are|do|does|can|to)\b"
    r"|when (?:is|are|do|does|should|to)\b|which \w+ (?:is|are|do|does|should)\b|(?:can|should|do|does) (?:i|we|you)\b",
    re.IGNORECASE,
)

_Found = tuple[str, str, str]
"""(query, passage id, provenance)"""


@dataclass(frozen=True, slots=True)
class StructureOptions:
    """What counts as a question in a document.

    Attributes:
        enabled: Whether pairs are read off documents at all; false leaves those that were added.
        min_query_chars: Fewest characters of a query.
        min_query_words: Fewest words; a shorter heading gets the name of what it stands under, and a shorter link text
            is passed over. Terms of definitions may be single words.
        max_query_words: Most words of a query.
        max_per_document: Most pairs found in one document; which, is decided by hash.
        max_passages_per_query: A query that leads to more passages is ambiguous and dropped: as positives of one query
            they would be learnt to be alike.
        generic_headings: Lower-case headings that get the name of what they stand under.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    enabled: bool = True
    min_query_chars: int = 4
    min_query_words: int = 2
    max_query_words: int = 30
    max_per_document: int = 100
    max_passages_per_query: int = 1
    generic_headings: frozenset[str] = GENERIC_HEADINGS

    def __post_init__(self) -> None:
        fewest_words = max(1, self.min_query_words)
        require_limits(
            "structure",
            self,
            (
                ("min_query_chars", self.min_query_chars >= 0, "0 or more"),
                ("min_query_words", self.min_query_words >= 0, "0 or more"),
                ("max_query_words", self.max_query_words >= fewest_words, "1 or more, no less than min_query_words"),
                ("max_per_document", self.max_per_document >= 1, "1 or more"),
                ("max_passages_per_query", self.max_passages_per_query >= 1, "1 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class StructuralPairs:
    """Pairs from structure, and what was left out; iterates over the pairs.

    Attributes:
        pairs: Sorted by query id and passage id; one query may have several positives.
        ambiguous: Queries dropped because they lead to too many passages.
        over_cap: Pairs dropped because their document has too many.
        unresolved_links: Links into the corpus whose target was not found.
    """

    pairs: tuple[Pair, ...]
    ambiguous: int = 0
    over_cap: int = 0
    unresolved_links: int = 0

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def by_source(self) -> dict[str, int]:
        """Provenance → number of pairs."""
        return dict(sorted(Counter(pair.provenance for pair in self.pairs).items()))


@dataclass(slots=True)
class _Candidates:
    """Query → the passages that answer it, with the first source that said so."""

    options: StructureOptions
    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, query: str, passage_id: str, provenance: str) -> None:
        identity = query_id(query)
        known = self.texts.setdefault(identity, query)
        self.texts[identity] = min(known, query)
        self.answers[identity].setdefault(passage_id, provenance)

    def pairs(self) -> tuple[tuple[Pair, ...], int]:
        limit = self.options.max_passages_per_query
        found = [
            Pair(identity, self.texts[identity], passage, 1, provenance)
            for identity, passages in sorted(self.answers.items())
            if len(passages) <= limit
            for passage, provenance in sorted(passages.items())
        ]
        return tuple(found), sum(len(passages) > limit for passages in self.answers.values())


def structural_pairs(
    documents: Iterable[Document], passages: Sequence[Passage], options: StructureOptions | None = None
) -> StructuralPairs:
    """Reads pairs off the documents' structure.

    The sources, named in each pair's provenance: `title` (a document's title → its first passage), `question` (a
    heading or FAQ entry that asks → its answer), `heading` (heading → first passage under it), `definition` (term →
    the passage that defines it), `link` (words of a link inside a sentence → what it leads to in the corpus).

    Args:
        documents: Streamed once, in any order.
        passages: Their passages, with offsets into the documents' texts. Documents without passages are passed over.
        options: Limits.
    """
    options = options or StructureOptions()
    finder = PassageFinder(passages)
    links = LinkTable()
    candidates = _Candidates(options)
    over_cap = 0
    for document in documents:
        if document.id not in finder:
            continue
        cut = list(sections(document.text)) if document.markdown else []
        links.read(document, cut, finder)
        found: dict[tuple[str, str], _Found] = {}
        for entry in _in_document(document, cut, finder, options):
            found.setdefault((normalised(entry[0]), entry[1]), entry)
        chosen = _spread(document.id, found.values(), options.max_per_document)
        over_cap += len(found) - len(chosen)
        for query, passage_id, provenance in chosen:
            candidates.add(query, passage_id, provenance)
    for words_of_link, passage_id in links.resolved():
        query = tidy(words_of_link)
        if _fits(query, options) and normalised(query) not in options.generic_headings:
            candidates.add(query, passage_id, "link")
    pairs, ambiguous = candidates.pairs()
    return StructuralPairs(pairs, ambiguous, over_cap, links.unresolved)


def _in_document(
    document: Document, cut: Sequence[Section], finder: PassageFinder, options: StructureOptions
) -> Iterator[_Found]:
    """The pairs that stand in one document, the surest sources first."""
    name = document_name(document)
    if _fits(name, options):
        yield name, finder.first(document.id), "title"
    text = document.text
    for section in cut:
        first = finder.at_or_after(document.id, section.body_start, section.end)
        if section.level and first is not None:
            query = _heading_query(section, name, options)
            if _fits(query, options):
                yield query, first, "question" if _asks(query) else "heading"
    if not document.markdown:
        return
    for written, start, end in faq_entries(text):
        query, passage = tidy(written), finder.at_or_after(document.id, start, end)
        if passage is not None and _fits(query, options):
            yield query, passage, "question"
    for written, start, end in definitions(text):
        query, passage = tidy(written), finder.at_or_after(document.id, start, end)
        generic = normalised(query) in options.generic_headings
        if passage is not None and not generic and _fits(query, options, 1):
            yield query, passage, "definition"


def _spread(document_id: str, found: Collection[_Found], limit: int) -> list[_Found]:
    """At most `limit` entries, in order, picked all over the document."""
    if len(found) <= limit:
        return list(found)
    chosen = set(sorted(found, key=lambda entry: content_hash(document_id, entry))[:limit])
    return [entry for entry in found if entry in chosen]


def document_name(document: Document) -> str:
    """A document's title as a query, or "" where it is only the file's name."""
    title = tidy(document.title)
    path = PurePosixPath(document.id)
    return "" if normalised(title) in {normalised(path.name), normalised(path.stem)} else title


def _heading_query(section: Section, name: str, options: StructureOptions) -> str:
    """A heading's words; a generic or very short one with what it stands under, or "" if it stays meaningless."""
    own = tidy(section.title)
    plain = normalised(own)
    if plain in LIST_HEADINGS and plain in options.generic_headings:
        return ""
    if plain not in options.generic_headings and len(words(own)) >= options.min_query_words:
        return own
    above = [*(tidy(title) for title in reversed(section.path[:-1])), name]
    for parent in above:
        if parent and normalised(parent) not in options.generic_headings | {plain}:
            return f"{parent}: {own}"
    return "" if plain in options.generic_headings else own


def _asks(query: str) -> bool:
    return query.rstrip("\"'”’) ").endswith(("?", "？")) or bool(_QUESTION.match(query))


def _fits(query: str, options: StructureOptions, min_words: int | None = None) -> bool:
    """Whether a text has the size of a query and holds a letter."""
    count = len(words(query))
    least = options.min_query_words if min_words is None else min_words
    sized = len(query) >= options.min_query_chars and least <= count <= options.max_query_words
    return sized and any(letter.isalpha() for letter in query)
