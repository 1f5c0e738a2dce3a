"""What a name or a text means in a corpus: one passage, or all those that it may be.

Knows ids, documents and words of passages. Queries and grades play no part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from jargonaut.pairs.document_names import named_documents
from jargonaut.pairs.text_matching import Hashes, Match, Shingler, alike, digest, equal_texts, share_of
from jargonaut.records import Passage

Way = Literal["passage id", "document id", "document name", "text", "contained text", "similar text"]

_CLEAR = 0.8
"""A text of which a passage has so much is that passage's, and no other's."""
_HALF = 0.5
_REMEMBERED = 4096
_COMPARED = 16
"""Passages of a document that are compared with a text one by one, where a search has not found any of them."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What something means.

    Attributes:
        places: Places of passages in the corpus, the likeliest first.
        way: How they were found.
        clear: Whether no other passage can be meant.
    """

    places: tuple[int, ...]
    way: Way
    clear: bool = True


@dataclass(frozen=True, slots=True)
class TargetMeanings:
    """What targets mean.

    Attributes:
        found: Target → its meaning.
        ambiguous: Target → how many documents it may mean, where that is several.
    """

    found: Mapping[str, Meaning]
    ambiguous: Mapping[str, int]


class Corpus:
    """Passages by id, by document and by their words; what is not asked for is not indexed.

    Args:
        passages: All of them; an id that was used before is passed over.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.by_id: dict[str, int] = {}
        documents: dict[str, list[int]] = {}
        for place, passage in enumerate(passages):
            self.by_id.setdefault(passage.id, place)
            documents.setdefault(passage.document_id or passage.id, []).append(place)
        self.by_document = {document: tuple(places) for document, places in documents.items()}
        self._shingler = Shingler()
        self._members: dict[tuple[int, ...], frozenset[int]] = {}
        self._shingles = lru_cache(maxsize=_REMEMBERED)(self._shingles_at)

    @cached_property
    def by_words(self) -> Mapping[bytes, tuple[int, ...]]:
        """Digest → places of the passages with these words."""
        return equal_texts(self.texts())

    def texts(self) -> Iterable[str]:
        """The words of every passage; its title where it has no others."""
        return (words_of(passage) for passage in self.passages)

    def document_of(self, place: int) -> str:
        """The document that a passage belongs to."""
        passage = self.passages[place]
        return passage.document_id or passage.id

    def members(self, meaning: Meaning) -> frozenset[int]:
        """The places of a meaning as a set."""
        return self._members.setdefault(meaning.places, frozenset(meaning.places))

    def among(self, meaning: Meaning, places: Collection[int]) -> tuple[int, ...]:
        """What a text may mean when it must be among these places; the first one where it is equal to several."""
        found = tuple(place for place in meaning.places if place in places)
        return found[:1] if meaning.way == "text" else found

    def alone(self, meaning: Meaning) -> tuple[int, ...]:
        """What a text may mean when nothing else is said: passages of one document; the first of several equal ones."""
        document = self.document_of(meaning.places[0])
        return self.among(meaning, [place for place in meaning.places if self.document_of(place) == document])

    def holding(self, places: Sequence[int], text: str, least: float) -> tuple[int, ...]:
        """The first of some passages that has enough in common with a text; none if there is no such."""
        asked, key = self._shingler.of(text), digest(text)
        for place in places[:_COMPARED]:
            if digest(words_of(self.passages[place])) == key or share_of(asked, self._shingles(place)) >= least:
                return (place,)
        return ()

    def _shingles_at(self, place: int) -> Hashes:
        return self._shingler.of(words_of(self.passages[place]))

    def holds(self, places: Sequence[int], text: str, least: float) -> bool:
        """Whether one of some passages has enough in common with a text, or the text is too short to say."""
        return not len(self._shingler.of(text)) or bool(self.holding(places, text, least))


def words_of(passage: Passage) -> str:
    """A passage's own words; its title where it has no others."""
    return passage.text if passage.text.strip() else passage.title


def meanings_of_targets(targets: Collection[str], corpus: Corpus) -> TargetMeanings:
    """What ids, paths and addresses mean. Those that mean nothing are missing.

    Args:
        targets: Distinct ones, in any order.
        corpus: Where they are looked for.
    """
    found: dict[str, Meaning] = {}
    left: list[str] = []
    for target in sorted(targets):
        meaning = _named(target, corpus) or _named(target.replace("\\", "/").removeprefix("./"), corpus)
        if meaning is None:
            left.append(target)
        else:
            found[target] = meaning
    named = named_documents(left, corpus.by_document) if left else None
    for target in left:
        document = named.found.get(target) if named else None
        if document is not None:
            found[target] = Meaning(corpus.by_document[document], "document name")
        elif places := corpus.by_words.get(digest(target)):
            found[target] = Meaning(places[:1], "text")
    return TargetMeanings(found, named.ambiguous if named else {})


def _named(target: str, corpus: Corpus) -> Meaning | None:
    if target in corpus.by_id:
        return Meaning((corpus.by_id[target],), "passage id")
    if target in corpus.by_document:
        return Meaning(corpus.by_document[target], "document id")
    return None


def meanings_of_texts(texts: Mapping[bytes, str], corpus: Corpus, least: float) -> dict[bytes, Meaning]:
    """What texts mean, by their digests. Those that no passage has enough of are missing.

    Args:
        texts: Digest → text.
        corpus: Where they are looked for.
        least: Least share of the shorter one's word sequences that must be shared.
    """
    if not texts:
        return {}
    found = {key: Meaning(places, "text") for key in texts if (places := corpus.by_words.get(key))}
    left = [key for key in texts if key not in found]
    matches = alike([texts[key] for key in left], corpus.texts(), least) if left else []
    found |= {key: _of_matches(some) for key, some in zip(left, matches, strict=True) if some}
    return found


def _of_matches(matches: Sequence[Match]) -> Meaning:
    """One passage where it has most of the text; a text that spans several may mean any of them."""
    first = matches[0]
    way: Way = "contained text" if first.share == 1 else "similar text"
    if first.of_text >= _HALF:
        return Meaning((first.place,), way, clear=first.of_text >= _CLEAR)
    return Meaning(tuple(match.place for match in matches), way, clear=first.share >= _CLEAR)
