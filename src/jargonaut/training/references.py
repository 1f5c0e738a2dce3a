"""Vectors of the training texts by a model that is not in training: the base, or a bigger one that guides.

Computed once, before training. Knows ids and rows; knows no model and no loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jargonaut.protocols import Vectors
from jargonaut.records import Triplet


@dataclass(frozen=True, slots=True)
class ReferenceVectors:
    """One model's vectors of training's queries and passages.

    Attributes:
        query_rows: Query id → its row in `queries`.
        queries: Shape (queries, dimension), L2-normalised.
        passage_rows: Passage id → its row in `passages`.
        passages: Shape (passages, dimension), L2-normalised.
    """

    query_rows: Mapping[str, int]
    queries: Vectors
    passage_rows: Mapping[str, int]
    passages: Vectors

    @classmethod
    def of(
        cls, query_ids: Sequence[str], queries: Vectors, passage_ids: Sequence[str], passages: Vectors
    ) -> ReferenceVectors:
        """From ids and their vectors, in the same order."""
        return cls(
            {query_id: row for row, query_id in enumerate(query_ids)}, queries,
            {passage_id: row for row, passage_id in enumerate(passage_ids)}, passages,
        )  # fmt: skip

    def of_queries(self, query_ids: Sequence[str]) -> Vectors:
        """One row per id."""
        return self.queries[[self.query_rows[query_id] for query_id in query_ids]]

    def of_passages(self, passage_ids: Sequence[str]) -> Vectors:
        """One row per id."""
        return self.passages[[self.passage_rows[passage_id] for passage_id in passage_ids]]

    def of_examples(self, examples: Sequence[Triplet]) -> Vectors:
        """Where each example lies: the sum of its query's and its positive's vector, shape (examples, dimension)."""
        summed = self.of_queries([e.query_id for e in examples])
        summed += self.of_passages([e.positive_id for e in examples])
        return np.asarray(summed, dtype=np.float32)
