"""Which pairs have the size of a pair, and what is known to answer a query beside the pairs that are kept.

A filter removes and says why; it never changes a pair. The rules that look further are `curation`'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jargonaut.errors import require_limits
from jargonaut.pairs.provenance import is_gold
from jargonaut.pairs.wording import normalised, words
from jargonaut.records import Pair

ROUND_TRIP_K = 20
MAX_PER_DOCUMENT = 100


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What a pair must be like.

    Attributes:
        min_query_chars: Fewest characters of a query.
        max_query_chars: Most characters of a query.
        min_query_words: Fewest words of a query; a character of a script without spaces is a word.
        max_query_words: Most words of a query.
        min_passage_words: Fewest words of a positive.
        round_trip_k: A positive must be among this many first hits of its own query, in one of the rankings. It lies
            above the 10 of the headline metrics on purpose: with 10, the generated test queries would have a
            recall@10 near 1 by construction.
        max_per_document: Most pairs of one document.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    min_query_chars: int = 3
    max_query_chars: int = 300
    min_query_words: int = 1
    max_query_words: int = 60
    min_passage_words: int = 5
    round_trip_k: int = ROUND_TRIP_K
    max_per_document: int = MAX_PER_DOCUMENT

    def __post_init__(self) -> None:
        fewest_chars, fewest_words = max(1, self.min_query_chars), max(1, self.min_query_words)
        require_limits(
            "filter",
            self,
            (
                ("min_query_chars", self.min_query_chars >= 0, "0 or more"),
                ("max_query_chars", self.max_query_chars >= fewest_chars, "1 or more, no less than min_query_chars"),
                ("min_query_words", self.min_query_words >= 0, "0 or more"),
                ("max_query_words", self.max_query_words >= fewest_words, "1 or more, no less than min_query_words"),
                ("min_passage_words", self.min_passage_words >= 0, "0 or more"),
                ("round_trip_k", self.round_trip_k >= 1, "1 or more"),
                ("max_per_document", self.max_per_document >= 1, "1 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class RemovedPair:
    """A pair that was left out.

    Attributes:
        pair: The pair.
        rule: Short name of the rule that it broke.
        detail: The figures.
    """

    pair: Pair
    rule: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter kept and what it removed, both in the order of the input."""

    kept: tuple[Pair, ...]
    removed: tuple[RemovedPair, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rule → how many pairs it removed."""
        return dict(sorted(Counter(removed.rule for removed in self.removed).items()))


def known_positives(pairs: Iterable[Pair], removed: Iterable[RemovedPair]) -> dict[str, frozenset[str]]:
    """Query id → every passage that is known to answer it, so that none of them serves as its negative.

    A positive that was removed (it joined groups that had to stay apart, its document had too many) is an answer still,
    and so is a positive of another query that asks the same words. What people judged to be no answer is none, whatever
    another source says.

    Args:
        pairs: Pairs that are used.
        removed: Pairs that are not.
    """
    listed = [*pairs, *(one.pair for one in removed)]
    refused = {(normalised(pair.query), pair.passage_id) for pair in listed if is_gold(pair) and pair.relevance <= 0}
    by_words: dict[str, set[str]] = defaultdict(set)
    asked: dict[str, str] = {}
    for pair in listed:
        if pair.relevance > 0:
            words_asked = asked[pair.query_id] = normalised(pair.query)
            if is_gold(pair) or (words_asked, pair.passage_id) not in refused:
                by_words[words_asked].add(pair.passage_id)
    frozen = {wording: frozenset(passages) for wording, passages in by_words.items()}
    return {query_id: frozen.get(wording, frozenset()) for query_id, wording in asked.items()}


def length_filter(pairs: Iterable[Pair], texts: Mapping[str, str], options: FilterOptions | None = None) -> Filtered:
    """Removes pairs whose query or passage is too short or too long, or whose passage is unknown.

    Args:
        pairs: Any pairs.
        texts: Passage id → text.
        options: The limits.
    """
    options = options or FilterOptions()
    kept: list[Pair] = []
    removed: list[RemovedPair] = []
    lengths: dict[str, int] = {}  # passage id → words, since a passage may answer many queries
    for pair in pairs:
        broken = _length_rule(pair, texts, options, lengths)
        if broken is None:
            kept.append(pair)
        else:
            removed.append(RemovedPair(pair, *broken))
    return Filtered(tuple(kept), tuple(removed))


def _length_rule(
    pair: Pair, texts: Mapping[str, str], options: FilterOptions, lengths: dict[str, int]
) -> tuple[str, str] | None:
    chars, count = len(pair.query.strip()), len(words(pair.query))
    if chars < options.min_query_chars or count < options.min_query_words:
        return "query_too_short", f"{chars} characters, {count} words"
    if chars > options.max_query_chars or count > options.max_query_words:
        return "query_too_long", f"{chars} characters, {count} words"
    text = texts.get(pair.passage_id)
    if text is None:
        return "passage_unknown", pair.passage_id
    if pair.passage_id not in lengths:
        lengths[pair.passage_id] = len(words(text))
    if pair.relevance > 0 and lengths[pair.passage_id] < options.min_passage_words:
        return "passage_too_short", f"{lengths[pair.passage_id]} words"
    return None
