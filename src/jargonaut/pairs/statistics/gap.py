"""How far generated queries are from real ones, where a set of pairs holds both.

Generated are those of a language model and of documents' structure, real are labels and clicks. Where enough of both
lead to the same documents, only those are compared, so that a difference of subject does not pass for one of style.
One query a passage and kind is drawn, since several about one passage are not independent. Measures; knows no remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.overlap import word_overlap
from jargonaut.pairs.provenance import GENERATED, REAL
from jargonaut.pairs.statistics.columns import UNKNOWN, Codes, Columns
from jargonaut.pairs.statistics.distributions import Distribution, count_edges, distribution
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.statistics.two_samples import (
    Kinds,
    Told,
    WordShift,
    character_features,
    tell_apart,
    vocabulary_distance,
    word_shifts,
)
from jargonaut.pairs.statistics.vocabulary import word_counts
from jargonaut.pairs.wording import words
from jargonaut.protocols import Vectors
from jargonaut.records import Context

_QUESTION_WORDS = frozenset({"who", "whom", "whose", "what", "when", "where", "which", "why", "how"})
_OVERLAP_EDGES = [number / 10 for number in range(11)]
_SHOWN_WORDS = 10

QueryVectors = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Side:
    """The queries of one kind.

    Attributes:
        queries: Distinct ones, with a positive whose passage is known.
        compared: How many were drawn.
        length: Their words.
        overlap: Share of their content words that the positive holds.
        question_marks: Share that ends in a question mark.
        question_words: Share that begins with an English question word.
    """

    queries: int = 0
    compared: int = 0
    length: Distribution = field(default_factory=Distribution)
    overlap: Distribution = field(default_factory=Distribution)
    question_marks: float = 0.0
    question_words: float = 0.0


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two distributions lie apart.

    Attributes:
        wasserstein: Mean way that values have to go from one to the other, in their own unit.
        ks: Largest difference of the two cumulative shares (Kolmogorov-Smirnov), from 0 to 1.
        p_value: Of the Kolmogorov-Smirnov test.
    """

    wasserstein: float = 0.0
    ks: float = 0.0
    p_value: float = 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """How far generated queries are from real ones.

    Attributes:
        generated: The generated ones.
        real: The real ones.
        too_few: Why they were not compared; "" where they were. The figures below are then empty.
        same_documents: Whether only queries about documents that have both kinds were compared.
        based_on: What the classifier sees of a query.
        classifier: How well it tells them apart; None where they were not compared.
        length: Distance of their lengths in words.
        overlap: Distance of their overlaps with the positive.
        vocabulary: Jensen-Shannon divergence of their content words, from 0 to 1.
        vocabulary_by_chance: What that would be if there were no difference.
        more_generated: Words that generated queries have more of.
        more_real: Words that real queries have more of.
    """

    generated: Side = field(default_factory=Side)
    real: Side = field(default_factory=Side)
    too_few: str = ""
    same_documents: bool = False
    based_on: Literal["vectors", "characters"] = "characters"
    classifier: Told | None = None
    length: Distance = field(default_factory=Distance)
    overlap: Distance = field(default_factory=Distance)
    vocabulary: float = 0.0
    vocabulary_by_chance: float = 0.0
    more_generated: tuple[WordShift, ...] = ()
    more_real: tuple[WordShift, ...] = ()

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        told = self.classifier
        if told is None:
            return f"Generated and real queries were not compared: {self.too_few}."
        seen = "" if told.p_value <= 0.05 else "; no measurable difference"
        return (
            f"A classifier tells generated from real queries in {told.accuracy:.0%} of the cases (50% = cannot; 95% "
            f"interval {told.low:.0%} to {told.high:.0%}, p = {told.p_value:.2g}{seen})."
        )


def gap(table: Columns, query_vectors: QueryVectors | None, context: Context, options: StatisticsOptions) -> Gap:
    """Compares generated with real queries.

    Args:
        table: The pairs.
        query_vectors: Asked once, for the queries that are compared; None lets the classifier see characters.
        context: What stands before a passage's text when it is searched.
        options: Sample, least number, shuffles.

    Raises:
        ValueError: There is not one finite vector for each query.
    """
    units = [_units(table, kinds) for kinds in (GENERATED, REAL)]
    sizes = [len(np.unique(rows[:, 0])) for rows in units]
    units, matched = _about_the_same(table, units, options.min_gap_queries)
    drawn = [_drawn(rows, options.seed) for rows in units]
    least = min(map(len, drawn))
    if least < options.min_gap_queries:
        told = " and ".join(f"{len(rows):,} {name}" for name, rows in zip(("generated", "real"), drawn, strict=True))
        reason = f"too few, {told} queries about different passages; {options.min_gap_queries} of each are needed"
        return Gap(Side(sizes[0]), Side(sizes[1]), reason)
    each = min(least, options.gap_queries)
    rows = np.concatenate([part[:each] for part in drawn])
    kinds = np.arange(len(rows)) < each
    texts = [table.wordings[query] for query in rows[:, 0]]
    features: Any = character_features(texts) if query_vectors is None else _embedded(texts, query_vectors)
    told_apart = None if features is None else tell_apart(
        features, kinds, _groups(rows), permutations=options.permutations, seed=options.seed
    )  # fmt: skip
    sides, length, overlap = _figures(table, rows, kinds, sizes, context)
    counted = word_counts(texts, table.language)
    vocabulary, by_chance = vocabulary_distance(counted, kinds, options.seed)
    more = word_shifts(counted, kinds, _SHOWN_WORDS)
    return Gap(
        *sides,
        "" if told_apart else "their texts share too much, or too little, to be divided for a fair test",
        matched, "characters" if query_vectors is None else "vectors", told_apart, length, overlap, vocabulary,
        by_chance, *more,
    )  # fmt: skip


def _embedded(texts: Sequence[str], query_vectors: QueryVectors) -> Vectors:
    found = np.asarray(query_vectors(texts))
    if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
        raise ValueError(f"vectors of shape {found.shape} for {len(texts)} queries: one finite row for each is wanted")
    return found


def _units(table: Columns, sources: tuple[str, ...]) -> Codes:
    """Distinct (query, passage) of some sources' positives, shape (pairs, 2)."""
    rows = table.positive & table.of_sources(*sources) & (table.passage != UNKNOWN)
    width = max(1, len(table.passages))
    distinct = np.unique(table.query[rows] * width + table.passage[rows])
    return np.column_stack([distinct // width, distinct % width])


def _about_the_same(table: Columns, units: list[Codes], least: int) -> tuple[list[Codes], bool]:
    """Only what is about documents that have both kinds, if enough passages are; else everything."""
    documents = [set(table.document[rows[:, 1]].tolist()) for rows in units]
    both = np.array(sorted(documents[0] & documents[1]), dtype=np.int64)
    matched = [rows[np.isin(table.document[rows[:, 1]], both)] for rows in units]
    enough = all(len(np.unique(rows[:, 1])) >= least and len(np.unique(rows[:, 0])) >= least for rows in matched)
    return (matched, True) if enough else (units, False)


def _drawn(rows: Codes, seed: int) -> Codes:
    """At most one (query, passage) for every query and every passage, in an order that the seed decides."""
    shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
    for column in (1, 0):
        shuffled = shuffled[np.sort(np.unique(shuffled[:, column], return_index=True)[1])]
    return shuffled


def _groups(rows: Codes) -> Sequence[int]:
    """The group of each (query, passage): one with every other that shares its query or its passage."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    queries, passages = (np.unique(column, return_inverse=True)[1] for column in rows.T)
    size = int(queries.max()) + int(passages.max()) + 2
    edges = (np.ones(len(rows), dtype=np.int8), (queries, passages + int(queries.max()) + 1))
    _, labels = connected_components(coo_array(edges, shape=(size, size)), directed=False)
    found: list[int] = labels[queries].tolist()
    return found


def _figures(
    table: Columns, rows: Codes, kinds: Kinds, sizes: Sequence[int], context: Context
) -> tuple[tuple[Side, Side], Distance, Distance]:
    """Lengths, overlaps and forms of both kinds, and how far they lie apart."""
    texts = [table.wordings[query] for query in rows[:, 0]]
    split = [words(text) for text in texts]
    length = np.array([len(each) for each in split], dtype=np.float64)
    overlap = np.array(
        [
            np.nan if share is None else share
            for text, passage in zip(texts, rows[:, 1], strict=True)
            for share in [word_overlap(text, table.passages[passage].content(context), table.language)]
        ]
    )
    marks = np.array([text.rstrip().endswith(("?", "？", "؟")) for text in texts])
    begins = np.array([bool(each) and each[0] in _QUESTION_WORDS for each in split])
    edges = count_edges([length[kinds], length[~kinds]])
    held = ~np.isnan(overlap)

    def side(mask: Kinds, size: int) -> Side:
        return Side(
            size, int(mask.sum()), distribution(length[mask], edges, size),
            distribution(overlap[mask & held], _OVERLAP_EDGES, size), float(marks[mask].mean()),
            float(begins[mask].mean()),
        )  # fmt: skip

    sides = side(kinds, sizes[0]), side(~kinds, sizes[1])
    apart = _distance(length[kinds], length[~kinds])
    return sides, apart, _distance(overlap[kinds & held], overlap[~kinds & held])


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> Distance:
    from scipy.stats import ks_2samp, wasserstein_distance

    if not len(one) or not len(other):
        return Distance()
    test = ks_2samp(one, other, method="asymp")
    return Distance(float(wasserstein_distance(one, other)), float(test.statistic), float(test.pvalue))
