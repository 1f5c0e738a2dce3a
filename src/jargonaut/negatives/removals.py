"""What mining took out: counts by rule, and a sample of likely answers that does not depend on how the work was cut."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.negatives.rules import FALSE, RULES, Block, Codes

SAMPLE = 20
"""Likely answers of each rule that are kept to be shown."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A candidate that was taken out.

    Attributes:
        query_id: Its query.
        positive_id: The positive of the pair that it was a candidate for.
        passage_id: The candidate.
        score: Its similarity to the query.
        positive_score: The positive's.
        rule: The first rule that it broke.
    """

    query_id: str
    positive_id: str
    passage_id: str
    score: float
    positive_score: float
    rule: str


class RemovalLog:
    """Counts removals and draws a sample of those that may well answer.

    Args:
        query_ids: Query ids by row.
        passage_ids: Passage ids by row.
        seed: Of the sample.
    """

    def __init__(self, query_ids: Sequence[str], passage_ids: Sequence[str], seed: int) -> None:
        self._queries, self._passages, self._seed = query_ids, passage_ids, seed
        self.counts: Counter[str] = Counter()
        self.seen = 0
        self._drawn: dict[int, list[tuple[int, int, int, int, float, float]]] = {}

    def add(self, block: Block, codes: Codes, seen: NDArray[np.bool_], taken: NDArray[np.bool_]) -> None:
        """Notes what was taken out of a block: candidates that were looked at, broke a rule and were not chosen."""
        self.seen += int(seen.sum())
        removed = np.where(seen & ~taken & (codes > 0), codes, 0)
        for code, count in enumerate(np.bincount(removed.ravel(), minlength=len(RULES))):
            if code and count:
                self.counts[RULES[code]] += int(count)
                if RULES[code] in FALSE:
                    self._draw(code, block, *np.nonzero(removed == code))

    @property
    def sample(self) -> tuple[Removal, ...]:
        """Some removals of each rule, in the rules' order."""
        return tuple(
            Removal(
                self._queries[query], self._passages[positive], self._passages[row], round(score, 6), round(own, 6),
                RULES[code],
            )
            for code in sorted(self._drawn)
            for _, query, positive, row, score, own in sorted(self._drawn[code])
        )  # fmt: skip

    def _draw(self, code: int, block: Block, pairs: NDArray[np.int64], places: NDArray[np.int64]) -> None:
        rows = block.rows[pairs, places]
        lots = _lots(block.queries[pairs], block.positives[pairs], rows, self._seed)
        first = np.argsort(lots, kind="stable")[:SAMPLE]
        found = [
            (
                int(lots[n]), int(block.queries[pairs[n]]), int(block.positives[pairs[n]]), int(rows[n]),
                float(block.scores[pairs[n], places[n]]), float(block.positive_scores[pairs[n]]),
            )
            for n in first
        ]  # fmt: skip
        self._drawn[code] = heapq.nsmallest(SAMPLE, [*self._drawn.get(code, ()), *found])


def _lots(
    queries: NDArray[np.int64], positives: NDArray[np.int64], rows: NDArray[np.int64], seed: int
) -> NDArray[np.uint64]:
    """A number that looks drawn by chance, the same for the same three rows (the mixer of SplitMix64, Steele 2014)."""
    mixed = np.full(len(rows), np.uint64(seed))
    for part in (queries, positives, rows):
        mixed = (mixed ^ part.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return mixed
