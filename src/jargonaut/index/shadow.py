"""Two rankings of the same queries side by side: how much they share, and what moved.

Knows ids in order. Which answer is better it cannot know: nobody judged these queries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, quantiles


@dataclass(frozen=True, slots=True)
class ShadowedQuery:
    """One query, answered twice.

    Attributes:
        query: What was asked.
        live: Ids that were found by what is live, best first.
        candidate: Ids that the candidate finds, best first.
    """

    query: str
    live: tuple[str, ...]
    candidate: tuple[str, ...]

    @property
    def overlap(self) -> float:
        """Share of the longer ranking that both have; 1 where both are empty."""
        longest = max(len(self.live), len(self.candidate))
        return len(set(self.live) & set(self.candidate)) / longest if longest else 1.0

    @property
    def moves(self) -> tuple[int, ...]:
        """How many ranks each passage that both have rose with the candidate, in the live order."""
        rank = {id_: place for place, id_ in enumerate(self.candidate)}
        return tuple(place - rank[id_] for place, id_ in enumerate(self.live) if id_ in rank)

    @property
    def same_first(self) -> bool:
        """Whether both have the same first hit."""
        return self.live[:1] == self.candidate[:1]


@dataclass(frozen=True, slots=True)
class ShadowSummary:
    """What many queries say together.

    Attributes:
        queries: How many were answered twice.
        k: Hits of each.
        overlap: Mean overlap@k.
        low_overlap: A tenth of the queries overlaps less than this.
        same_first: Share of queries with the same first hit.
        mean_move: Mean number of ranks, up or down, that a passage of both moves.
        new: Mean number of passages per query that only the candidate finds.
        most_changed: The queries that overlap least, the least first.
    """

    queries: int
    k: int
    overlap: float
    low_overlap: float
    same_first: float
    mean_move: float
    new: float
    most_changed: tuple[ShadowedQuery, ...]


def summarise(shadowed: Sequence[ShadowedQuery], k: int, *, shown: int = 5) -> ShadowSummary:
    """Overlap and rank changes over many queries.

    Args:
        shadowed: At least one query.
        k: Hits that were asked for.
        shown: How many of the most changed queries are kept.
    """
    overlaps = [one.overlap for one in shadowed]
    moves = [abs(move) for one in shadowed for move in one.moves]
    low = quantiles(overlaps, n=10, method="inclusive")[0] if len(overlaps) > 1 else overlaps[0]
    changed = sorted((one for one in shadowed if one.live != one.candidate), key=lambda one: (one.overlap, one.query))
    return ShadowSummary(
        len(shadowed), k, mean(overlaps), low, mean(one.same_first for one in shadowed),
        mean(moves) if moves else 0.0, mean(len(set(one.candidate) - set(one.live)) for one in shadowed),
        tuple(changed[:shown]),
    )  # fmt: skip


def chosen(query: str, share: float, seed: int = 13) -> bool:
    """Whether a query belongs to a share of all queries; the same one always does or never does."""
    digest = hashlib.blake2b(f"{seed} {query}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def overlap_of(first: Iterable[Sequence[str]], second: Iterable[Sequence[str]]) -> float:
    """Mean overlap of rankings, pair by pair."""
    pairs = [ShadowedQuery("", tuple(one), tuple(other)) for one, other in zip(first, second, strict=True)]
    return mean(pair.overlap for pair in pairs) if pairs else 1.0
