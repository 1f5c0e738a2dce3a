"""Training examples → batches of distinct texts with targets and a mask of passages that are no negatives.

Knows ids, groups and grades; which examples share a batch is decided by `sampling`. Knows no texts and no losses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jargonaut.records import Pair, Triplet
from jargonaut.training import sampling

Grades: TypeAlias = Mapping[str, Mapping[str, int]]
"""Query id → passage id → how relevant it was judged; 0 says that it was found not to answer."""
Taught: TypeAlias = Mapping[str, Mapping[str, float]]
"""Query id → passage id → how well a teacher says that it answers, as a logit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimiser step's worth of examples; every text stands in it once.

    Attributes:
        query_ids: The n queries.
        passage_ids: The m distinct passages, positives and hard negatives.
        targets: Row of each query's positive in `passage_ids`, shape (n,).
        ignored: True where a passage is no negative of a query, shape (n, m).
        hard: True where a passage is one of the query's own hard negatives, shape (n, m).
        grades: How relevant each passage is to each query, shape (n, m): what was judged, 0 for every other passage
            that is a negative, NaN for one that is not.
        taught: What a teacher says of each passage, shape (n, m), NaN where it was not asked; None without one.
    """

    query_ids: tuple[str, ...]
    passage_ids: tuple[str, ...]
    targets: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    hard: NDArray[np.bool_]
    grades: NDArray[np.float32]
    taught: NDArray[np.float32] | None = None


def batches(
    examples: Sequence[Triplet],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    *,
    size: int,
    seed: int,
    epoch: int,
    vectors: NDArray[np.float32] | None = None,
    neighbourhood: int = 0,
    grades: Grades | None = None,
    taught: Taught | None = None,
    per_query: int | None = None,
) -> Iterator[Batch]:
    """Draws an epoch's batches; the last one may be smaller, but never a single example.

    No two examples of a batch share their query, their positive or a near-duplicate of it, as far as other batches
    have room for one of them. Where they must share one, neither is the other's negative.

    Args:
        examples: What to train on.
        positives: Every query's known positives, so that none of them serves as its negative.
        groups: Near-duplicate group of each passage; a near-duplicate of a positive is no negative either.
        size: Examples per batch.
        seed: With `epoch`, decides the order.
        epoch: Epoch number from 0.
        vectors: Where each example lies, shape (examples, dimension). Handed in, examples that lie near one another
            share batches; without, batches are drawn at random.
        neighbourhood: Examples that lie near one another; 0 for the whole batch.
        grades: What was judged, where it was graded.
        taught: What a teacher says, where one teaches.
        per_query: Most examples of one query; each epoch takes others of them, in turn. 0 and None take all.
    """
    rng = np.random.default_rng((seed, epoch))
    asked = _numbered([e.query_id for e in examples])
    used = np.arange(len(examples))
    if per_query:
        used = sampling.taken_in_turn(asked, per_query, epoch, np.random.default_rng((seed, 0, 1)))
    if vectors is None:
        drawn = sampling.shuffled(len(used), size, rng)
    else:
        drawn = sampling.similar(vectors[used], size, rng, neighbourhood=neighbourhood)
    keys = (asked, _numbered([groups.get(e.positive_id, e.positive_id) for e in examples]))
    for rows in sampling.kept_apart([used[each] for each in drawn], keys, size, rng):
        if len(rows) > 1:
            yield assemble([examples[row] for row in rows], positives, groups, grades, taught)


def drawn_count(examples: Sequence[Triplet] | Sequence[Pair], per_query: int | None) -> int:
    """How many examples an epoch takes, where it takes at most so many of a query; 0 and None take all."""
    counts = Counter(example.query_id for example in examples).values()
    return sum(min(count, per_query or count) for count in counts)


def assemble(
    examples: Sequence[Triplet],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    grades: Grades | None = None,
    taught: Taught | None = None,
) -> Batch:
    """Lays out one batch."""
    columns: dict[str, int] = {}
    for example in examples:
        for passage_id in (example.positive_id, *example.negative_ids):
            columns.setdefault(passage_id, len(columns))
    rows = {key: row for row, key in enumerate(dict.fromkeys((e.query_id, e.positive_id) for e in examples))}
    targets = np.array([columns[positive] for _, positive in rows], dtype=np.int64)
    ignored = _no_negatives(rows, columns, targets, positives, groups)
    hard = np.zeros_like(ignored)
    for example in examples:
        hard[rows[example.query_id, example.positive_id], [columns[n] for n in example.negative_ids]] = True
    hard[np.arange(len(targets)), targets] = False
    judged = np.where(ignored, np.float32("nan"), np.float32(0))
    for (query_id, _), row in rows.items():
        for passage_id, grade in (grades or {}).get(query_id, {}).items():
            if passage_id in columns:
                judged[row, columns[passage_id]] = grade
        judged[row, targets[row]] = max(1, judged[row, targets[row]])
    told = None if taught is None else _told(rows, columns, taught)
    if told is not None:
        told[ignored] = np.float32("nan")
    return Batch(tuple(query for query, _ in rows), tuple(columns), targets, ignored, hard & ~ignored, judged, told)


def _told(rows: Mapping[tuple[str, str], int], columns: Mapping[str, int], taught: Taught) -> NDArray[np.float32]:
    """What a teacher says of the batch's passages; it was asked about each query's own."""
    found = np.full((len(rows), len(columns)), np.float32("nan"))
    for (query_id, _), row in rows.items():
        for passage_id, score in taught.get(query_id, {}).items():
            if passage_id in columns:
                found[row, columns[passage_id]] = score
    return found


def _no_negatives(
    rows: Mapping[tuple[str, str], int],
    columns: Mapping[str, int],
    targets: NDArray[np.int64],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
) -> NDArray[np.bool_]:
    """Which passages are known to answer which query, or nearly the same as one that does; the target is not told."""
    by_group: dict[str, list[int]] = {}
    for passage_id, column in columns.items():
        by_group.setdefault(groups.get(passage_id, passage_id), []).append(column)
    ignored = np.zeros((len(rows), len(columns)), dtype=np.bool_)
    for (query_id, positive), row in rows.items():
        for known in positives.get(query_id, frozenset()) | {positive}:
            ignored[row, by_group.get(groups.get(known, known), [])] = True
        ignored[row, targets[row]] = False
    return ignored


def _numbered(keys: Sequence[str]) -> NDArray[np.int64]:
    """Equal keys as equal numbers, in order of first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
