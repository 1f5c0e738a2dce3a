"""How long queries and positives are, and how much of a query its positive repeats.

Measures samples where a source has many pairs, and says of how many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jargonaut.pairs.overlap import Overlap, overlap
from jargonaut.pairs.statistics.columns import UNKNOWN, Columns
from jargonaut.pairs.statistics.distributions import Distribution, count_edges, distribution, sampled
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.wording import words
from jargonaut.records import Context, Pair


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths in words; a character of a script without spaces is a word.

    Attributes:
        queries: Source → its distinct queries, all on the same edges.
        positives: The distinct passages that answer a query, without title and headings.
    """

    queries: Mapping[str, Distribution] = field(default_factory=dict)
    positives: Distribution = field(default_factory=Distribution)


@dataclass(frozen=True, slots=True)
class SourceOverlap:
    """Word overlap of one source's queries with their positives.

    Attributes:
        overlap: As `pairs.overlap` measures it.
        of: Positives of the source; more than `overlap.pairs` where a sample was drawn, or a query has no content word.
    """

    overlap: Overlap
    of: int


def lengths(table: Columns, options: StatisticsOptions) -> Lengths:
    """Measures queries by source, and positives."""
    asked: dict[str, tuple[list[int], int]] = {}
    for number, source in enumerate(table.source_names):
        rows = np.unique(table.query[table.positive & (table.source == number)])
        chosen = sampled(rows, options.sample, options.seed)
        asked[source] = [len(words(table.wordings[i])) for i in chosen], len(rows)
    edges = count_edges([np.asarray(values, dtype=np.float64) for values, _ in asked.values()])
    known = np.unique(table.passage[table.positive & (table.passage != UNKNOWN)])
    chosen = sampled(known, options.sample, options.seed)
    sizes = np.array([len(words(table.passages[i].text)) for i in chosen], dtype=np.float64)
    return Lengths(
        {source: distribution(values, edges, of) for source, (values, of) in asked.items() if of},
        distribution(sizes, count_edges([sizes]), len(known)),
    )


def overlaps(table: Columns, context: Context, options: StatisticsOptions) -> dict[str, SourceOverlap]:
    """Source → how much its queries copy, where it has a positive whose passage is known."""
    found: dict[str, SourceOverlap] = {}
    for number, source in enumerate(table.source_names):
        rows = np.flatnonzero(table.positive & (table.source == number) & (table.passage != UNKNOWN))
        if not len(rows):
            continue
        chosen = sampled(rows, options.sample, options.seed)
        held = {int(i): table.passages[i] for i in np.unique(table.passage[chosen])}
        texts = {str(i): passage.content(context) for i, passage in held.items()}
        pairs = (Pair("", table.wordings[table.query[i]], str(table.passage[i])) for i in chosen)
        found[source] = SourceOverlap(overlap(pairs, texts, table.language), len(rows))
    return found
