"""Which pairs are fit to learn from: sizes, the round trip, a fair share for every document.

A filter removes and says why; it never changes a pair. Rankings are handed in: nothing here searches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.artifacts import content_hash
from jargonaut.errors import require_limits
from jargonaut.pairs.wording import normalised, words
from jargonaut.records import Pair, Run

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
    and so is a positive of another query that asks the same words.

    Args:
        pairs: Pairs that are used.
        removed: Pairs that are not.
    """
    by_words: dict[str, set[str]] = defaultdict(set)
    asked: dict[str, str] = {}
    for pair in [*pairs, *(one.pair for one in removed)]:
        if pair.relevance > 0:
            asked[pair.query_id] = normalised(pair.query)
            by_words[asked[pair.query_id]].add(pair.passage_id)
    frozen = {wording: frozenset(passages) for wording, passages in by_words.items()}
    return {query_id: frozen[wording] for query_id, wording in asked.items()}


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


def round_trip(pairs: Iterable[Pair], rankings: Sequence[Run], k: int = ROUND_TRIP_K) -> Filtered:
    """Keeps a positive only if its passage is among the first `k` hits of its own query in any of the rankings.

    Consistency filtering as in Promptagator (Dai et al., 2022, arXiv:2209.11755), with the union of several searchers,
    so that neither the words alone nor the base model alone decide. Pairs of relevance 0 pass: they are not meant to
    be found.

    Args:
        pairs: Any pairs.
        rankings: One or more runs that hold every query, by id, to a depth of at least `k`.
        k: Depth, from 1.
    """
    tops: dict[str, set[str]] = {}
    kept: list[Pair] = []
    removed: list[RemovedPair] = []
    for pair in pairs:
        if pair.query_id not in tops:
            tops[pair.query_id] = {hit.passage_id for run in rankings for hit in run.top(pair.query_id, k)}
        if pair.relevance <= 0 or pair.passage_id in tops[pair.query_id]:
            kept.append(pair)
        else:
            detail = f"not in the top {k} of {', '.join(run.name for run in rankings)}"
            removed.append(RemovedPair(pair, "round_trip", detail))
    return Filtered(tuple(kept), tuple(removed))


def cap_per_document(
    pairs: Iterable[Pair], documents: Mapping[str, str], max_per_document: int = MAX_PER_DOCUMENT
) -> Filtered:
    """Keeps at most so many pairs of one document, spread over it, so that one long document does not rule.

    Which are kept depends on the pairs alone (by hash), not on their order.

    Args:
        pairs: Any pairs.
        documents: Passage id → document id; a passage that is missing is a document of its own.
        max_per_document: The cap.
    """
    listed = list(pairs)
    by_document: dict[str, list[int]] = defaultdict(list)
    for position, pair in enumerate(listed):
        by_document[documents.get(pair.passage_id, pair.passage_id)].append(position)
    over: dict[int, str] = {}
    for document, positions in by_document.items():
        if len(positions) > max_per_document:
            ranked = sorted(positions, key=lambda p: content_hash(listed[p].query_id, listed[p].passage_id))
            detail = f"{document} has {len(positions)} pairs, {max_per_document} are kept"
            over.update(dict.fromkeys(ranked[max_per_document:], detail))
    kept = tuple(pair for position, pair in enumerate(listed) if position not in over)
    removed = tuple(RemovedPair(listed[p], "document_cap", over[p]) for p in sorted(over))
    return Filtered(kept, removed)
