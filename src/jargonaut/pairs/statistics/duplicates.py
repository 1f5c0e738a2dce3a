"""What is there twice: pairs, queries, queries in several parts, passages with a crowd of queries.

Queries nearly repeat each other where curation would make one of them (`jargonaut.pairs.curation.merging`). Counts, and
removes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jargonaut.pairs.curation.merging import Encode, merge_queries
from jargonaut.pairs.statistics.columns import UNKNOWN, Codes, Columns
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.records import Pair


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What is there twice.

    Attributes:
        repeated_pairs: Positives whose query text and passage another positive has already.
        same_words: Query ids beyond one for each text in normal form.
        near_queries: Queries beyond one for each group that asks the same in other words; exact repeats are not among
            them.
        near_examples: Two wordings of one group, for the largest groups.
        in_several_parts: Texts of queries that more than one part asks; 0 is the promise of a split.
        near_in_several_parts: Groups of near-duplicates that more than one part asks something of.
        part_examples: Wordings that more than one part asks.
        crowded_passages: Passages that more queries than `many_queries` lead to.
        most_queries: How many lead to the one that most lead to.
        most_queried: Id of that passage.
    """

    repeated_pairs: int = 0
    same_words: int = 0
    near_queries: int = 0
    near_examples: tuple[tuple[str, str], ...] = ()
    in_several_parts: int = 0
    near_in_several_parts: int = 0
    part_examples: tuple[str, ...] = ()
    crowded_passages: int = 0
    most_queries: int = 0
    most_queried: str = ""


def duplicates(
    table: Columns, options: StatisticsOptions, query_vectors: Encode | None = None, cosine: float = 0.9
) -> Duplicates:
    """Finds what is there twice.

    Args:
        table: The pairs.
        options: How many examples, and what is crowded.
        query_vectors: Texts → vectors; without, queries that differ in inflection are not found.
        cosine: Least cosine of such queries.
    """
    groups = _groups(table, table.language, query_vectors, cosine)
    rows = table.positive
    parts_of_query = _parts(table.query[rows], table.part[rows], len(table.queries))
    parts_of_group = _parts(groups[table.query[rows]], table.part[rows], len(table.queries))
    shared = np.flatnonzero(parts_of_query > 1)
    known = rows & (table.passage != UNKNOWN)
    width = max(1, len(table.passages))
    joined = table.query[known] * width + table.passage[known]
    distinct = np.unique(joined)
    crowd = np.bincount(distinct % width, minlength=width)
    most = int(crowd.argmax())
    return Duplicates(
        repeated_pairs=len(joined) - len(distinct),
        same_words=table.query_ids - len(table.queries),
        near_queries=len(groups) - len(np.unique(groups)),
        near_examples=_examples(table, groups, options.examples),
        in_several_parts=len(shared),
        near_in_several_parts=int((parts_of_group > 1).sum()),
        part_examples=tuple(table.wordings[i] for i in shared[: options.examples]),
        crowded_passages=int((crowd > options.many_queries).sum()),
        most_queries=int(crowd[most]),
        most_queried=table.passages[most].id if crowd[most] else "",
    )


def _groups(table: Columns, language: str, query_vectors: Encode | None, cosine: float) -> Codes:
    """For each query the number of the one that stands for it."""
    asked = [Pair(str(i), text, "") for i, text in enumerate(table.wordings)]
    stands = merge_queries(asked, query_vectors, cosine, language).queries
    return np.array([int(stands.get(str(i), i)) for i in range(len(asked))], dtype=np.int64)


def _parts(codes: Codes, part: Codes, size: int) -> Codes:
    """For each code in how many parts it occurs."""
    width = int(part.max(initial=0)) + 1
    return np.bincount(np.unique(codes * width + part) // width, minlength=size)


def _examples(table: Columns, groups: Codes, limit: int) -> tuple[tuple[str, str], ...]:
    """The first and the last wording of the largest groups."""
    sizes = np.bincount(groups, minlength=len(groups)) if len(groups) else groups
    largest = [int(i) for i in np.argsort(-sizes, kind="stable")[:limit] if sizes[i] > 1]
    found = []
    for leader in largest:
        members = np.flatnonzero(groups == leader)
        found.append((table.wordings[leader], table.wordings[members[-1]]))
    return tuple(found)
