"""How much of a query is copied from its positive.

Queries that repeat their passage's words make retrieval look solved; the share is measured so that it can be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from jargonaut.pairs.wording import content_stems
from jargonaut.records import Pair

HIGH = 0.8


@dataclass(frozen=True, slots=True)
class Overlap:
    """Word overlap of queries with their positives; all shares are between 0 and 1.

    Attributes:
        pairs: How many pairs were measured.
        mean: Mean share of a query's content words that its positive holds.
        median: The median of the same.
        high_share: Share of the pairs in which it is at least 0.8.
        histogram: Ten counts, for shares from 0 to 1 in steps of 0.1; exactly 1 is in the last.
    """

    pairs: int
    mean: float
    median: float
    high_share: float
    histogram: tuple[int, ...]


def word_overlap(query: str, text: str, language: str = "english") -> float | None:
    """Share of the query's distinct content words (stems, no stop words) in the text; None if it has none."""
    asked = content_stems(query, language)
    return len(asked & content_stems(text, language)) / len(asked) if asked else None


def overlap(pairs: Iterable[Pair], texts: Mapping[str, str], language: str = "english") -> Overlap:
    """Measures every positive pair whose passage is known and whose query has content words.

    Args:
        pairs: Any pairs; those of relevance 0 are passed over.
        texts: Passage id → text, as it is embedded.
        language: Snowball's name of the stemmer's language.
    """
    stems: dict[str, frozenset[str]] = {}
    shares: list[float] = []
    for pair in pairs:
        asked = content_stems(pair.query, language)
        if pair.relevance <= 0 or not asked or pair.passage_id not in texts:
            continue
        if pair.passage_id not in stems:
            stems[pair.passage_id] = content_stems(texts[pair.passage_id], language)
        shares.append(len(asked & stems[pair.passage_id]) / len(asked))
    if not shares:
        return Overlap(0, 0.0, 0.0, 0.0, (0,) * 10)
    values = np.asarray(shares)
    bins = np.minimum((values * 10 + 1e-9).astype(int), 9)
    histogram = tuple(int(n) for n in np.bincount(bins, minlength=10))
    return Overlap(
        len(shares), float(values.mean()), float(np.median(values)), float((values >= HIGH).mean()), histogram
    )
