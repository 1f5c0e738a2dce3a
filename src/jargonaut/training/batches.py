"""Training examples → batches of distinct texts with targets and a mask of passages that are no negatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.records import Triplet


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimiser step's worth of examples; every text stands in it once.

    Attributes:
        query_ids: The n queries.
        passage_ids: The m distinct passages, positives and hard negatives.
        targets: Row of each query's positive in `passage_ids`, shape (n,).
        ignored: True where a passage is no negative of a query, shape (n, m).
    """

    query_ids: tuple[str, ...]
    passage_ids: tuple[str, ...]
    targets: NDArray[np.int64]
    ignored: NDArray[np.bool_]


def batches(
    examples: Sequence[Triplet],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    *,
    size: int,
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    """Shuffles the examples and cuts them into batches; the last one may be smaller, but never a single example.

    Args:
        examples: What to train on.
        positives: Every query's known positives, so that none of them serves as its negative.
        groups: Near-duplicate group of each passage; a near-duplicate of a positive is no negative either.
        size: Examples per batch.
        seed: With `epoch`, decides the order.
        epoch: Epoch number from 0.
    """
    order = np.random.default_rng((seed, epoch)).permutation(len(examples))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        if len(rows) > 1:
            yield assemble([examples[row] for row in rows], positives, groups)


def assemble(examples: Sequence[Triplet], positives: Mapping[str, frozenset[str]], groups: Mapping[str, str]) -> Batch:
    """Lays out one batch."""
    columns: dict[str, int] = {}
    for example in examples:
        for passage_id in (example.positive_id, *example.negative_ids):
            columns.setdefault(passage_id, len(columns))
    queries = list(dict.fromkeys((e.query_id, e.positive_id) for e in examples))
    targets = np.array([columns[positive] for _, positive in queries], dtype=np.int64)
    by_group: dict[str, list[int]] = {}
    for passage_id, column in columns.items():
        by_group.setdefault(groups.get(passage_id, passage_id), []).append(column)
    ignored = np.zeros((len(queries), len(columns)), dtype=np.bool_)
    for row, (query_id, positive) in enumerate(queries):
        for known in positives.get(query_id, frozenset()) | {positive}:
            ignored[row, by_group.get(groups.get(known, known), [])] = True
        ignored[row, targets[row]] = False
    return Batch(tuple(query for query, _ in queries), tuple(columns), targets, ignored)
