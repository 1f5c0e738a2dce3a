"""How many pairs there are: by source, by part, by query, by grade.

Counts what it is given; judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jargonaut.pairs.statistics.columns import UNKNOWN, Codes, Columns
from jargonaut.records import source_of

_PER_QUERY = (("1", 1, 1), ("2", 2, 2), ("3 to 5", 3, 5), ("6 to 10", 6, 10), ("more", 11, np.iinfo(np.int64).max))


@dataclass(frozen=True, slots=True)
class Count:
    """Sizes of a set of pairs.

    Attributes:
        queries: Distinct texts of queries, in normal form, with a positive.
        positives: Pairs of relevance 1 or more.
        negatives: Pairs of relevance 0.
    """

    queries: int = 0
    positives: int = 0
    negatives: int = 0

    @property
    def pairs(self) -> int:
        """All pairs."""
        return self.positives + self.negatives


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of what.

    Attributes:
        total: All parts together.
        by_split: Part → its sizes.
        by_source: Source → its sizes.
        by_provenance: Provenance in full → its sizes.
        positives_by_source_and_split: Source → part → positives.
        positives_per_query: How many positives a query has, in words → how many queries have so many.
        grades: Grade → pairs.
        unknown_passages: Pairs that name a passage which the corpus does not hold.
    """

    total: Count = field(default_factory=Count)
    by_split: Mapping[str, Count] = field(default_factory=dict)
    by_source: Mapping[str, Count] = field(default_factory=dict)
    by_provenance: Mapping[str, Count] = field(default_factory=dict)
    positives_by_source_and_split: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    positives_per_query: Mapping[str, int] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    unknown_passages: int = 0

    @property
    def rows(self) -> tuple[tuple[str, bool, Count], ...]:
        """(name, whether it is a part of the row above, sizes): every source, and what it consists of."""
        return tuple(
            row
            for source, count in self.by_source.items()
            for row in (
                (source, False, count),
                *(
                    (name.partition(":")[2] or name, True, its)
                    for name, its in self.by_provenance.items()
                    if name != source and source_of(name) == source
                ),
            )
        )


def counts(table: Columns) -> Counts:
    """Counts pairs in every way."""
    everything = np.zeros(len(table.part), dtype=np.int64)
    cells = np.zeros((len(table.parts), len(table.source_names)), dtype=np.int64)
    np.add.at(cells, (table.part[table.positive], table.source[table.positive]), 1)
    grades, often = np.unique(table.relevance, return_counts=True)
    return Counts(
        total=_by(table, everything, ("",))[""],
        by_split=_by(table, table.part, table.parts),
        by_source=_by(table, table.source, table.source_names),
        by_provenance=_by(table, table.provenance, table.provenances),
        positives_by_source_and_split={
            source: {part: int(cells[p, s]) for p, part in enumerate(table.parts)}
            for s, source in enumerate(table.source_names)
        },
        positives_per_query=_per_query(table),
        grades={str(int(grade)): int(n) for grade, n in zip(grades, often, strict=True)},
        unknown_passages=int((table.passage == UNKNOWN).sum()),
    )


def _by(table: Columns, codes: Codes, names: tuple[str, ...]) -> dict[str, Count]:
    """The sizes of each of `names`, whose numbers `codes` holds."""
    size = len(names)
    positive = np.bincount(codes[table.positive], minlength=size)
    negative = np.bincount(codes[~table.positive], minlength=size)
    width = max(1, len(table.queries))
    asked = np.unique(codes[table.positive] * width + table.query[table.positive]) // width
    queries = np.bincount(asked, minlength=size)
    return {name: Count(int(queries[i]), int(positive[i]), int(negative[i])) for i, name in enumerate(names)}


def _per_query(table: Columns) -> dict[str, int]:
    """Distinct answers per query; a passage that is unknown counts as one of its own."""
    known = table.positive & (table.passage != UNKNOWN)
    width = max(1, len(table.passages))
    distinct = np.unique(table.query[known] * width + table.passage[known]) // width
    per_query = np.bincount(distinct, minlength=len(table.queries))
    per_query += np.bincount(table.query[table.positive & ~known], minlength=len(table.queries))
    return {name: int(((per_query >= low) & (per_query <= high)).sum()) for name, low, high in _PER_QUERY}
