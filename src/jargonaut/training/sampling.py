"""Which examples share a batch: drawn at random, or near one another, so that in-batch negatives are hard.

Knows rows, vectors and keys that must not meet; knows no texts, no ids and no losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.int64]
_SAMPLE = 2048
"""Rows from which the direction of a cut is taken."""
_BLOCK = 65_536
"""Rows whose vectors are copied at a time."""
_TRIES = 16
"""Batches in which a place is looked for."""


def shuffled(count: int, size: int, rng: np.random.Generator) -> list[Rows]:
    """Cuts `count` rows in random order into batches of `size`; the last may be smaller."""
    return _cut(rng.permutation(count), size)


def similar(vectors: NDArray[np.float32], size: int, rng: np.random.Generator, *, neighbourhood: int = 0) -> list[Rows]:
    """Cuts rows into batches of rows that lie near one another (topic-aware sampling; Hofstätter et al. 2021, TAS-B).

    Instead of k-means, whose clusters have any size, neighbourhoods come of halving: a set is cut across the line
    between the means of two random halves of it, at the place that leaves whole neighbourhoods on both sides. That
    takes n log n time, gives neighbourhoods of one size, and others with every state of `rng`.

    Args:
        vectors: One row per example, shape (n, dimension).
        size: Rows of a batch; the last batch may be smaller.
        rng: Decides where cuts lie and in which order the batches come.
        neighbourhood: Rows that lie near one another; a batch consists of several such neighbourhoods, which have
            nothing to do with one another. 0, or more than `size`, takes `size`.
    """
    each = min(neighbourhood or size, size)
    parts = _neighbourhoods(vectors, each, rng)
    whole = [part for part in parts if len(part) == each]
    order = rng.permutation(len(whole))
    # The smaller one stands last, or every batch after it would consist of the ends of two.
    return _cut(np.concatenate([*(whole[i] for i in order), *(p for p in parts if len(p) < each)]), size)


def taken_in_turn(key: Rows, most: int, turn: int, rng: np.random.Generator) -> Rows:
    """Takes at most `most` rows of each key; the next turn takes the next ones, and after the last the first again.

    Args:
        key: Every row's, shape (rows,).
        most: Rows of one key in one turn.
        turn: Number of the turn, from 0.
        rng: Decides who comes when; in the same state for every turn, or some come twice before others.

    Returns:
        The rows, ascending.
    """
    order = rng.permutation(len(key))
    order = order[np.argsort(key[order], kind="stable")]
    _, first, counts = np.unique(key[order], return_index=True, return_counts=True)
    place = np.arange(len(key)) - np.repeat(first, counts)
    waits = (place - turn * most) % np.repeat(counts, counts)
    return np.sort(order[waits < most])


def kept_apart(batches: Sequence[Rows], keys: Sequence[Rows], size: int, rng: np.random.Generator) -> list[list[int]]:
    """Moves rows so that no batch holds two with the same key, as far as that is possible.

    A row that meets another changes to a batch that has room for it; where none of a few has, it changes places with a
    row of a full batch; where that fails too, it goes where there is room at all. There are as many batches as before,
    and none has more than `size` rows.

    Args:
        batches: Row numbers of each batch; all of them together hold each row once.
        keys: For each kind of key, every row's, shape (rows,).
        size: Most rows of a batch.
        rng: Decides which batches are tried.
    """
    seats = _Seats(keys, len(batches))
    left = [row for number, rows in enumerate(batches) for row in rows.tolist() if not seats.take(row, number)]
    room = [number for number, rows in enumerate(seats.rows) if len(rows) < size]
    for row in left:
        tried = rng.choice(len(room), min(_TRIES, len(room)), replace=False).tolist()
        at = next((each for each in tried if seats.take(row, room[each])), None)
        if at is None:
            at = tried[0]
            others = rng.choice(len(batches), min(_TRIES, len(batches)), replace=False).tolist()
            if not any(seats.swap(row, other, room[at]) for other in others):
                seats.squeeze(row, room[at])
        if len(seats.rows[room[at]]) == size:
            room[at] = room[-1]
            room.pop()
    return seats.rows


class _Seats:
    """Who sits in which batch, and with which keys."""

    def __init__(self, keys: Sequence[Rows], count: int) -> None:
        self._keys = keys
        self._taken: list[set[tuple[int, int]]] = [set() for _ in range(count)]
        self.rows: list[list[int]] = [[] for _ in range(count)]

    def take(self, row: int, number: int) -> bool:
        """Puts a row into a batch, if nobody there has one of its keys; says whether."""
        if self._taken[number] & self._own(row):
            return False
        self.squeeze(row, number)
        return True

    def squeeze(self, row: int, number: int) -> None:
        """Puts a row into a batch, whoever is there."""
        self._taken[number] |= self._own(row)
        self.rows[number].append(row)

    def swap(self, row: int, number: int, free: int) -> bool:
        """Puts a row into a batch and one of those there into another that has room; says whether."""
        if number == free or self._taken[number] & self._own(row):
            return False
        for place, other in enumerate(self.rows[number]):
            if self.take(other, free):
                self._taken[number] -= self._own(other)
                del self.rows[number][place]
                return self.take(row, number)
        return False

    def _own(self, row: int) -> set[tuple[int, int]]:
        return {(kind, int(held[row])) for kind, held in enumerate(self._keys)}


def _cut(order: Rows, size: int) -> list[Rows]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _neighbourhoods(vectors: NDArray[np.float32], size: int, rng: np.random.Generator) -> list[Rows]:
    """All rows in neighbourhoods of `size`, one of which may be smaller."""
    found: list[Rows] = []
    open_sets = [rng.permutation(len(vectors))]  # rows that cannot be told apart fall at random
    while open_sets:
        rows = open_sets.pop()
        parts = math.ceil(len(rows) / size)
        if parts <= 1:
            found.append(rows)
            continue
        order = np.argsort(_along(vectors, rows, _direction(vectors, rows, rng)), kind="stable")
        middle = parts // 2 * size
        open_sets += [rows[order[middle:]], rows[order[:middle]]]
    return found


def _direction(vectors: NDArray[np.float32], rows: Rows, rng: np.random.Generator) -> NDArray[np.float32]:
    """From the mean of the rows nearer to one random row to that of the rows nearer to another."""
    sample = vectors[rng.choice(rows, min(_SAMPLE, len(rows)), replace=False)]
    ends = sample[:2]
    along = sample @ (ends[1] - ends[0])
    far = along > np.median(along)
    if not far.any():
        return np.asarray(ends[1] - ends[0], dtype=np.float32)
    return np.asarray(sample[far].mean(axis=0) - sample[~far].mean(axis=0), dtype=np.float32)


def _along(vectors: NDArray[np.float32], rows: Rows, direction: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row's place along a direction, shape (rows,)."""
    return np.concatenate([vectors[part] @ direction for part in _cut(rows, _BLOCK)])
