"""How much of the corpus pairs lead to: passages, documents, topics.

A passage or a document is covered when a positive leads to it. Knows which passages are covered, not how well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.statistics.columns import UNKNOWN, Columns
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.statistics.topics import Topics, topics
from jargonaut.protocols import Vectors


@dataclass(frozen=True, slots=True)
class Covered:
    """How many passages and documents have a pair.

    Attributes:
        passages: Passages with a positive.
        documents: Documents with such a passage.
    """

    passages: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class DocumentShare:
    """One document and how much it supplies.

    Attributes:
        id: The document.
        positives: Positives that lead to one of its passages.
        share: Share of all positives whose passage is known.
    """

    id: str
    positives: int
    share: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the corpus pairs lead to.

    Attributes:
        passages: Passages of the corpus.
        documents: Documents of the corpus.
        overall: What all parts together cover.
        by_split: Part → what it covers.
        largest: The documents that supply most.
        topics: The corpus divided by subject.
    """

    passages: int = 0
    documents: int = 0
    overall: Covered = field(default_factory=Covered)
    by_split: Mapping[str, Covered] = field(default_factory=dict)
    largest: tuple[DocumentShare, ...] = ()
    topics: Topics = field(default_factory=Topics)

    @property
    def passage_share(self) -> float:
        """Share of the passages with a pair."""
        return self.overall.passages / self.passages if self.passages else 0.0

    @property
    def document_share(self) -> float:
        """Share of the documents with a pair."""
        return self.overall.documents / self.documents if self.documents else 0.0


def coverage(table: Columns, vectors: Vectors | None, options: StatisticsOptions) -> Coverage:
    """Measures coverage.

    Args:
        table: The pairs.
        vectors: A vector for every passage, in the corpus's order; None makes topics from words.
        options: Topics and examples.
    """
    known = table.positive & (table.passage != UNKNOWN)
    per_passage = np.bincount(table.passage[known], minlength=len(table.passages))
    return Coverage(
        len(table.passages),
        len(table.document_names),
        _covered(table, known),
        {name: _covered(table, known & (table.part == number)) for number, name in enumerate(table.parts)},
        _largest(table, per_passage, options.examples),
        topics(table.passages, per_passage, vectors, options, table.language),
    )


def _covered(table: Columns, rows: NDArray[np.bool_]) -> Covered:
    passages = np.unique(table.passage[rows])
    return Covered(len(passages), len(np.unique(table.document[passages])))


def _largest(table: Columns, per_passage: NDArray[np.int64], limit: int) -> tuple[DocumentShare, ...]:
    total = int(per_passage.sum())
    supplied = np.bincount(table.document, weights=per_passage, minlength=len(table.document_names)).astype(np.int64)
    order = np.argsort(-supplied, kind="stable")[: max(1, limit)]
    return tuple(
        DocumentShare(table.document_names[i], int(supplied[i]), float(supplied[i] / total))
        for i in order
        if supplied[i]
    )
