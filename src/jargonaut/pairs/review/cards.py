"""What a reviewer sees: one pair with its passage, and its identity.

Knows records and texts. How a card is drawn, and which ones are shown, is not its business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.pairs.overlap import HIGH, word_overlap
from jargonaut.pairs.wording import shared_words
from jargonaut.records import Pair, Passage

LOW = 0.4


@dataclass(frozen=True, slots=True, order=True)
class Stratum:
    """Pairs that are alike in where they come from, in their split and in how much of the query the passage repeats.

    Attributes:
        provenance: As in `Pair`.
        split: As in `Pair`; "" where it is not said.
        band: Share of the query's content words that the passage holds: `low` (below 0.4), `middle`, `high` (0.8 and
            more), `none` where the query has no such words.
    """

    provenance: str
    split: str
    band: str


@dataclass(frozen=True, slots=True)
class Card:
    """One pair to be judged.

    Attributes:
        key: Its identity: query text and passage text, whatever their ids.
        pair: The pair.
        passage: The passage that is to answer it.
        stratum: What it stands for in the sample.
    """

    key: str
    pair: Pair
    passage: Passage
    stratum: Stratum

    @property
    def title(self) -> str:
        """Title and headings of the passage, outermost first."""
        shown: list[str] = []
        for part in (self.passage.title, *self.passage.headings):
            if part and (not shown or shown[-1] != part):
                shown.append(part)
        return " > ".join(shown)

    def marks(self, language: str = "english") -> tuple[tuple[int, int], ...]:
        """Where the passage's text repeats the query's content words: (start, end) in characters."""
        return shared_words(self.pair.query, self.passage.text, language)


def key_of(query: str, passage_text: str) -> str:
    """The identity of a card. It begins with a letter and a dash, so that no spreadsheet takes it for a number."""
    return _key(query, _digest(passage_text))


def keys_of(pairs: Iterable[Pair], passages: Mapping[str, Passage]) -> list[str]:
    """The card of every pair; "" for one that is not reviewed: of relevance 0, or of an unknown passage."""
    hashes: dict[str, str] = {}
    keys: list[str] = []
    for pair in pairs:
        passage = passages.get(pair.passage_id)
        if pair.relevance <= 0 or passage is None:
            keys.append("")
            continue
        if passage.id not in hashes:
            hashes[passage.id] = _digest(passage.text)
        keys.append(_key(pair.query, hashes[passage.id]))
    return keys


def keyed(pairs: Sequence[Pair], passages: Mapping[str, Passage]) -> dict[str, Pair]:
    """Card → the first pair of it."""
    found: dict[str, Pair] = {}
    for pair, key in zip(pairs, keys_of(pairs, passages), strict=True):
        if key:
            found.setdefault(key, pair)
    return found


def stratum_of(pair: Pair, passage: Passage, language: str) -> Stratum:
    """What a pair stands for."""
    share = word_overlap(pair.query, passage.text, language)
    band = "none" if share is None else "low" if share < LOW else "high" if share >= HIGH else "middle"
    return Stratum(pair.provenance, pair.split or "", band)


def _key(query: str, passage_hash: str) -> str:
    # Not `content_hash`, which would take most of the time with a million pairs.
    return f"c-{_digest(f'{passage_hash}{query}')}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
