"""Hard negatives from a dense ranking of train passages, false negatives taken out.

It is handed rankings over passages that may be mined; which those are (never test or dev passages) is the caller's
promise, and a passage outside `allowed` is refused again here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.errors import require_limits
from jargonaut.records import Pair, Run, Triplet

VERSION = 2
KNOWN = "a known positive"
TOO_CLOSE = "scores like the positive"
_FALSE = {TOO_CLOSE, "same text as a positive", "near-duplicate of a positive"}


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How to choose hard negatives.

    Attributes:
        per_pair: Hard negatives per pair; 0 trains on in-batch negatives alone.
        depth: Ranks that are looked at.
        skip: First ranks that are left out.
        max_percent: A candidate whose score is at least this share of the positive's own is taken for a false negative
            (TopK-PercPos of NV-Retriever, Moreira et al. 2024).

    Raises:
        SettingsError: A value lies outside its limits.
    """

    per_pair: int = 1
    depth: int = 50
    skip: int = 0
    max_percent: float = 0.95

    def __post_init__(self) -> None:
        require_limits(
            "mine",
            self,
            (
                ("per_pair", self.per_pair >= 0, "0 or more"),
                ("depth", self.depth >= 1, "1 or more"),
                ("skip", 0 <= self.skip < self.depth, "0 or more, and below depth, or no rank is left"),
                ("max_percent", 0 < self.max_percent < math.inf, "above 0, such as 0.95"),
            ),
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be mined, and what is known of it.

    Attributes:
        ranking: Train queries → passages with similarity scores, at least `MiningOptions.depth` deep.
        positive_score: (query id, passage id) → similarity on the ranking's own scale.
        known: Query id → every passage that is known to answer it.
        text_key: Passage id → key under which equal texts are equal.
        groups: Passage id → near-duplicate group.
        allowed: Passages that may serve as negatives.
    """

    ranking: Run
    positive_score: Callable[[str, str], float]
    known: Mapping[str, frozenset[str]]
    text_key: Callable[[str], str]
    groups: Mapping[str, str]
    allowed: Collection[str]


@dataclass(frozen=True, slots=True)
class MinedNegatives:
    """What mining found.

    Attributes:
        triplets: One per pair, in the pairs' order; a pair may have fewer negatives than asked.
        removed: Candidates taken out, by rule. A known positive, a held-out passage and a curated
            negative that is there already are counted too.
        fell_back: Pairs whose candidates the threshold rejected almost all, so that ranks decided instead.
    """

    triplets: tuple[Triplet, ...]
    removed: Mapping[str, int]
    fell_back: int

    @property
    def negatives(self) -> int:
        """Hard negatives in all."""
        return sum(len(triplet.negative_ids) for triplet in self.triplets)

    @property
    def false_negatives(self) -> int:
        """Candidates taken out that may well answer the query."""
        return sum(count for rule, count in self.removed.items() if rule in _FALSE)


def mine(pairs: Sequence[Pair], candidates: Candidates, options: MiningOptions) -> MinedNegatives:
    """Chooses hard negatives for every positive pair.

    Args:
        pairs: Training pairs. Those of relevance 0 are curated hard negatives and are taken before mined ones.
        candidates: What may be chosen, and what is known of it.
        options: How many and which.
    """
    curated: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.relevance <= 0 and pair.passage_id in candidates.allowed:
            curated.setdefault(pair.query_id, []).append(pair.passage_id)
    removed: Counter[str] = Counter()
    fell_back = 0
    triplets: list[Triplet] = []
    for pair in pairs:
        if pair.relevance > 0:
            chosen, by_rank = _choose(pair, curated.get(pair.query_id, []), candidates, options, removed)
            fell_back += by_rank
            triplets.append(Triplet(pair.query_id, pair.passage_id, chosen))
    return MinedNegatives(tuple(triplets), dict(removed), fell_back)


def _choose(
    pair: Pair, curated: Sequence[str], candidates: Candidates, options: MiningOptions, removed: Counter[str]
) -> tuple[tuple[str, ...], bool]:
    """One pair's negatives, and whether ranks had to decide; adds what was taken out to `removed`."""
    rules = _Rules.of(pair, candidates)
    chosen = [passage for passage in curated if passage not in rules.known][: options.per_pair]
    ceiling = candidates.positive_score(pair.query_id, pair.passage_id) * options.max_percent
    rejected: list[str] = []
    for hit in candidates.ranking.top(pair.query_id, options.depth)[options.skip :]:
        if len(chosen) >= options.per_pair:
            break
        rule = rules.broken_by(hit.passage_id)
        if rule is None and hit.passage_id in chosen:
            rule = "curated already"
        if rule is None and hit.score >= ceiling:
            rule = TOO_CLOSE
            rejected.append(hit.passage_id)
        if rule is None:
            chosen.append(hit.passage_id)
        else:
            removed[rule] += 1
    if chosen or not rejected or not options.per_pair:
        return tuple(chosen), False
    # The threshold took everything, as it does in small or uniform corpora: the lowest ranks are the safest.
    lowest = rejected[-options.per_pair :]
    removed[TOO_CLOSE] -= len(lowest)
    return tuple(lowest), True


@dataclass(frozen=True, slots=True)
class _Rules:
    """What cannot be a negative of one query."""

    candidates: Candidates
    known: frozenset[str]
    texts: frozenset[str]
    near: frozenset[str]

    @classmethod
    def of(cls, pair: Pair, candidates: Candidates) -> _Rules:
        """The rules for a pair's query."""
        known = candidates.known.get(pair.query_id, frozenset()) | {pair.passage_id}
        texts = frozenset(candidates.text_key(passage) for passage in known)
        return cls(candidates, known, texts, frozenset(candidates.groups.get(p, p) for p in known))

    def broken_by(self, passage_id: str) -> str | None:
        """The rule by which a candidate cannot be a negative, if there is one."""
        if passage_id not in self.candidates.allowed:
            return "held out"
        if passage_id in self.known:
            return KNOWN
        if self.candidates.text_key(passage_id) in self.texts:
            return "same text as a positive"
        if self.candidates.groups.get(passage_id, passage_id) in self.near:
            return "near-duplicate of a positive"
        return None
