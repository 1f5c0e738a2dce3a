"""Everything that is measured of a set of pairs, in one record.

Calls what measures; neighbours say it: `terminal` in plain text, `page` as HTML, `notices` what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jargonaut.pairs.filters import RemovedPair
from jargonaut.pairs.provenance import GENERATED, REAL
from jargonaut.pairs.statistics.columns import PairsByPart, columns
from jargonaut.pairs.statistics.counts import Counts, counts
from jargonaut.pairs.statistics.coverage import Coverage, coverage
from jargonaut.pairs.statistics.duplicates import Duplicates, duplicates
from jargonaut.pairs.statistics.gap import Gap, QueryVectors, gap
from jargonaut.pairs.statistics.lengths import Lengths, SourceOverlap, lengths, overlaps
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.statistics.removals import Removal, removals
from jargonaut.protocols import Vectors
from jargonaut.records import Context, Passage


@dataclass(frozen=True, slots=True)
class PairStatistics:
    """What a set of pairs is like; `artifacts.plain` makes JSON values of it.

    Attributes:
        counts: How many of what.
        lengths: Words of queries and positives.
        overlap: Source → how much its queries copy from their positives.
        duplicates: What is there twice.
        coverage: How much of the corpus the pairs lead to.
        removed: What was left out, by rule; empty where nothing was handed in.
        gap: Generated against real queries; None where one of the two is missing.
        notices: What a reader should look at, each with a remedy.
    """

    counts: Counts = field(default_factory=Counts)
    lengths: Lengths = field(default_factory=Lengths)
    overlap: Mapping[str, SourceOverlap] = field(default_factory=dict)
    duplicates: Duplicates = field(default_factory=Duplicates)
    coverage: Coverage = field(default_factory=Coverage)
    removed: tuple[Removal, ...] = ()
    gap: Gap | None = None
    notices: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """The figures for a terminal, at most 100 columns wide, in lines without colour codes or markup."""
        from jargonaut.pairs.statistics.terminal import terminal_lines

        return terminal_lines(self)


def statistics(
    pairs: PairsByPart,
    passages: Sequence[Passage],
    *,
    vectors: Vectors | None = None,
    query_vectors: QueryVectors | None = None,
    removed: Iterable[RemovedPair] = (),
    context: Context = "none",
    options: StatisticsOptions | None = None,
    merge_cosine: float = 0.9,
    language: str = "english",
) -> PairStatistics:
    """Measures a set of pairs.

    Time and memory grow with the number of pairs and passages. Figures about words are taken from samples where there
    are many, and say so.

    Args:
        pairs: Splits, or part → pairs under any names.
        passages: The corpus that the pairs lead into.
        vectors: A vector for every passage, in the same order, for the topics; None makes them from words.
        query_vectors: Asked for the few queries that a classifier is to tell apart, and for those that differ in
            inflection alone; None lets the classifier see characters, and finds no such repeats.
        removed: Pairs that were left out; streamed.
        context: What stands before a passage's text when it is searched.
        options: Samples, topics and when to warn.
        merge_cosine: Least cosine of queries that differ in inflection and count as one, as in curation.
        language: Snowball's name of the corpus' language.

    Raises:
        SettingsError: There is no stemmer for the language.
        ValueError: There is not one vector for each passage, or not one finite vector for each query.
    """
    from jargonaut.pairs.statistics.notices import notices

    options = options or StatisticsOptions()
    if vectors is not None and len(vectors) != len(passages):
        raise ValueError(f"{len(vectors)} vectors for {len(passages)} passages: one for each is wanted")
    table = columns(pairs, passages, language)
    both = all(set(kind) & set(table.source_names) for kind in (GENERATED, REAL))
    found = PairStatistics(
        counts(table), lengths(table, options), overlaps(table, context, options),
        duplicates(table, options, query_vectors, merge_cosine),
        coverage(table, vectors, options), removals(removed, options.examples),
        gap(table, query_vectors, context, options) if both else None,
    )  # fmt: skip
    return replace(found, notices=notices(found, options))
