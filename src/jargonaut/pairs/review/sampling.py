"""Which pairs are reviewed: a stratified sample that depends on their texts, the options and the seed alone.

Knows pairs and passages. Never looks at decisions, so what was decided cannot change what is asked.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.errors import InputError, require_limits
from jargonaut.pairs.review.cards import Card, Stratum, keyed, stratum_of
from jargonaut.records import SPLITS, Pair, Passage, source_of

_POOL = 1000
"""Pairs of one provenance and split whose overlap is measured, so that a million pairs are not all stemmed."""


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """How many pairs are looked at, and what is asked of them.

    Attributes:
        sample: How many cards are drawn. A larger sample, up to 1,000, holds the smaller one of the same seed.
        min_per_stratum: At least so many cards of every kind of pair (source, split, overlap with the passage), as far
            as the sample reaches; the rest is shared out in proportion.
        seed: Decides which pairs are drawn.
        wanted: Share of the pairs that must be accepted; with fewer they should be made anew.
        confidence: Probability mass of the interval around the share.
        as_gold: Whether accepted and edited pairs count as labels from then on: people judged them, so they judge dev
            and test.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    sample: int = 100
    min_per_stratum: int = 2
    seed: int = 13
    wanted: float = 0.8
    confidence: float = 0.95
    as_gold: bool = False

    def __post_init__(self) -> None:
        require_limits(
            "review",
            self,
            (
                ("sample", self.sample >= 1, "1 or more"),
                ("min_per_stratum", self.min_per_stratum >= 0, "0 or more"),
                ("wanted", 0 < self.wanted < 1, "between 0 and 1, both left out"),
                ("confidence", 0.5 <= self.confidence < 1, "from 0.5 to below 1"),
            ),
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """Cards to be reviewed.

    Attributes:
        cards: In the order in which they are shown; every beginning of it is itself a stratified sample.
        sizes: Stratum → how many distinct cards of all the pairs belong to it.
        unknown: Pairs that cannot be shown because their passage is not in the corpus.
        available: Pairs that can be shown, over all strata; equal texts count once.
    """

    cards: tuple[Card, ...]
    sizes: Mapping[Stratum, int]
    unknown: int = 0
    available: int = 0


def chosen(pairs: Iterable[Pair], sources: Sequence[str] = (), splits: Sequence[str] = ()) -> tuple[Pair, ...]:
    """The pairs of some sources and splits.

    Args:
        pairs: Any pairs.
        sources: Provenances (`llm:keyword`, `heading`), their part before the colon (`llm`), or kinds of sources as
            `source_of` names them (`structure`); none for all.
        splits: `train`, `dev`, `test`; none for all.

    Raises:
        InputError: A name fits no pair.
    """
    listed = tuple(pairs)
    names = {name: _names(name) for name in sorted({pair.provenance for pair in listed})}
    for source in sources:
        if not any(source in known for known in names.values()):
            raise InputError(
                f"no pair comes from {source!r}", where="--source", remedy=f"there are: {', '.join(names) or 'none'}"
            )
    for split in splits:
        if split not in SPLITS:
            raise InputError(f"there is no split {split!r}", where="--split", remedy=f"choose from {', '.join(SPLITS)}")
    return tuple(
        pair
        for pair in listed
        if (not sources or not names[pair.provenance].isdisjoint(sources)) and (not splits or pair.split in splits)
    )


def sample(
    pairs: Sequence[Pair], passages: Mapping[str, Passage], options: ReviewOptions, language: str = "english"
) -> Sample:
    """Draws cards by stratum, in proportion to its size, with a few of each.

    Seats go to strata by Sainte-Laguë's method (Webster's), after a minimum for each: a method without the Alabama
    paradox, so that a larger sample only adds cards. Where one source and split has more than 1,000 pairs, the sizes of
    its overlap bands are estimated from that many (double sampling for stratification; Neyman 1938).

    Args:
        pairs: Any pairs; those of relevance 0 are not asked about.
        passages: Passage id → passage.
        options: Size, seed and minimum.
        language: Snowball's name of the language.
    """
    known = keyed(pairs, passages)
    by_source: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, pair in known.items():
        by_source[pair.provenance, pair.split or ""].append(key)
    queues: dict[Stratum, deque[str]] = defaultdict(deque)
    sizes: dict[Stratum, int] = {}
    for _, keys in sorted(by_source.items()):
        keys.sort(key=lambda key: _rank(key, options.seed))
        pool = keys[: max(_POOL, options.sample)]
        bands = [stratum_of(known[key], passages[known[key].passage_id], language) for key in pool]
        for key, stratum in zip(pool, bands, strict=True):
            queues[stratum].append(key)
        for stratum, count in Counter(bands).items():
            sizes[stratum] = round(len(keys) * count / len(pool))
    cards: list[Card] = []
    for stratum in _seats(sizes, {stratum: len(queue) for stratum, queue in queues.items()}, options.min_per_stratum):
        if len(cards) == options.sample:
            break
        key = queues[stratum].popleft()
        cards.append(Card(key, known[key], passages[known[key].passage_id], stratum))
    unknown = sum(pair.relevance > 0 and pair.passage_id not in passages for pair in pairs)
    return Sample(tuple(cards), dict(sorted(sizes.items())), unknown, len(known))


def _seats(sizes: Mapping[Stratum, int], rooms: Mapping[Stratum, int], fewest: int) -> Iterator[Stratum]:
    """Whose turn it is: `fewest` rounds over all strata, the largest first, then the highest Sainte-Laguë quotient."""
    order = sorted(sizes, key=lambda stratum: (-sizes[stratum], stratum))
    given = dict.fromkeys(order, 0)
    for _ in range(fewest):
        for stratum in order:
            if given[stratum] < rooms[stratum]:
                given[stratum] += 1
                yield stratum
    waiting = [(-sizes[stratum] / (2 * given[stratum] + 1), stratum) for stratum in order]
    heapq.heapify(waiting)
    while waiting:
        _, stratum = heapq.heappop(waiting)
        if given[stratum] < rooms[stratum]:
            given[stratum] += 1
            yield stratum
            heapq.heappush(waiting, (-sizes[stratum] / (2 * given[stratum] + 1), stratum))


def _names(provenance: str) -> frozenset[str]:
    return frozenset((provenance, provenance.partition(":")[0], source_of(provenance)))


def _rank(key: str, seed: int) -> bytes:
    """A place in a random order that depends on the card and the seed alone."""
    return hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=16).digest()
