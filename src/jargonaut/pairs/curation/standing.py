"""How a positive stands among all passages in a ranking: its rank, and what comes close to it or before it.

Takes rankings block by block, so that those of a million queries are never in memory at once, and keeps 68 bytes for a
pair and ranking. Knows rows and scores; searches nothing, and what follows from a standing is the rules' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.curation.options import RIVALS
from jargonaut.records import Pair, Run, queries

NOT_FOUND = 0
NOT_ASKED = -1
_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What a searcher found for a block of queries.

    Attributes:
        query_ids: The queries, n of them.
        rows: Rows of the passages, (n, k), best first; -1 where there is no further hit.
        scores: Their scores, (n, k), higher is better.
    """

    query_ids: Sequence[str]
    rows: NDArray[np.integer]
    scores: NDArray[np.floating]


class Places:
    """Passages by row, and which of them belong together.

    Args:
        passage_ids: Id of each row.
        documents: Passage id → document id; a passage that is missing is a document of its own.
        near_duplicates: Passage id → id of its near-duplicate group; one that is missing stands alone.
    """

    def __init__(
        self, passage_ids: Sequence[str], documents: Mapping[str, str], near_duplicates: Mapping[str, str]
    ) -> None:
        self.ids = passage_ids
        self.row = {passage_id: row for row, passage_id in enumerate(passage_ids)}
        self.document = _codes(documents.get(passage_id, passage_id) for passage_id in passage_ids)
        self.group = _codes(near_duplicates.get(passage_id, passage_id) for passage_id in passage_ids)


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How positives stand in one ranking, row by row.

    Attributes:
        name: Of the ranking.
        depth: How many hits of a query were looked at.
        rank: From 1, (n); `NOT_FOUND` where it is not among them, `NOT_ASKED` where the query was not asked. A
            near-duplicate of the passage counts as the passage.
        rivals: Rows of the best passages that are unrelated to every positive of the query, (n, 8), best first; -1
            where there is none. Unrelated is what is in another document and another near-duplicate group.
        closeness: Score of each rival divided by that of the query's best answer, (n, 8); 0 where there is no rival. An
            answer that was not found is taken to score as much as the last hit, so its rivals have 1 or more.
        passage_ids: Passage id of each row.
    """

    name: str
    depth: int
    rank: NDArray[np.int32]
    rivals: NDArray[np.int32]
    closeness: NDArray[np.float32]
    passage_ids: Sequence[str]

    def take(self, rows: NDArray[np.int64]) -> Standing:
        """The standing of some of the pairs."""
        return Standing(
            self.name, self.depth, self.rank[rows], self.rivals[rows], self.closeness[rows], self.passage_ids
        )

    def place(self, row: int) -> str:
        """A pair's rank in words."""
        rank = int(self.rank[row])
        if rank == NOT_ASKED:
            return f"not asked of {self.name}"
        return f"rank {rank} in {self.name}" if rank else f"not in the first {self.depth} of {self.name}"


Ranker = Callable[[Sequence[Pair]], Sequence[Standing]]
"""Positives → their standing in one or more rankings, each with a row for each positive, in order."""


def standing(
    name: str,
    pairs: Sequence[Pair],
    blocks: Iterable[Hits],
    places: Places,
    known: Mapping[str, Iterable[str]] | None = None,
) -> Standing:
    """Looks up where positives stand.

    Args:
        name: Of the ranking.
        pairs: Positives; all of a query must be among them, or its other answers count as rivals.
        blocks: The hits of the queries, in any order and any blocks, each query once. A block is forgotten before the
            next is taken; beside it, work takes about 100 bytes a hit.
        places: The passages that rows name.
        known: Query id → ids of passages that answer it too, without being among the pairs.
    """
    of_query = _ByQuery(pairs, places)
    found = Standing(
        name,
        0,
        np.full(len(pairs), NOT_ASKED, np.int32),
        np.full((len(pairs), RIVALS), -1, np.int32),
        np.zeros((len(pairs), RIVALS), np.float32),
        places.ids,
    )
    depth = 0
    for block in blocks:
        depth = max(depth, block.rows.shape[1])
        asked, rows = of_query.rows(block.query_ids)
        if len(rows):
            others = _known_rows(block.query_ids, known or {}, places)
            _fill(found, _Block(block, asked, rows, of_query.places[rows], others), places)
    return Standing(name, depth, found.rank, found.rivals, found.closeness, places.ids)


def ranker(runs: Sequence[Run], places: Places, known: Mapping[str, Iterable[str]] | None = None) -> Ranker:
    """Standings from runs that are in memory: for tests and small sets.

    Args:
        runs: Hold the queries by id; one that a run lacks counts as not asked.
        places: All passages that the runs name.
        known: As in `standing`.
    """

    def ranked(pairs: Sequence[Pair]) -> list[Standing]:
        ids = [query.id for query in queries(tuple(pairs))]
        return [standing(run.name, pairs, _hits(run, ids, places), places, known) for run in runs]

    return ranked


def _hits(run: Run, query_ids: Sequence[str], places: Places) -> Iterator[Hits]:
    asked = [query_id for query_id in query_ids if query_id in run.rankings]
    depth = max((len(run.rankings[query_id]) for query_id in asked), default=0)
    for start in range(0, len(asked), _BLOCK):
        ids = asked[start : start + _BLOCK]
        rows = np.full((len(ids), depth), -1, np.int32)
        scores = np.zeros((len(ids), depth), np.float32)
        for i, query_id in enumerate(ids):
            hits = run.rankings[query_id]
            rows[i, : len(hits)] = [places.row[passage_id] for passage_id in hits]
            scores[i, : len(hits)] = list(hits.values())
        yield Hits(ids, rows, scores)


class _ByQuery:
    """Pairs in the order of their queries."""

    def __init__(self, pairs: Sequence[Pair], places: Places) -> None:
        self._code: dict[str, int] = {}
        codes = np.fromiter((self._code.setdefault(p.query_id, len(self._code)) for p in pairs), np.int64, len(pairs))
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(codes[self._order], np.arange(len(self._code) + 1))
        self.places = np.fromiter((places.row.get(p.passage_id, -1) for p in pairs), np.int64, len(pairs))

    def rows(self, query_ids: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each pair of these queries which of them it asks, ascending, and its row."""
        codes = np.array([self._code.get(query_id, -1) for query_id in query_ids], np.int64)
        held = np.flatnonzero(codes >= 0)
        first, last = self._starts[codes[held]], self._starts[codes[held] + 1]
        sizes = last - first
        asked = np.repeat(held, sizes)
        within = np.arange(len(asked)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return asked, self._order[np.repeat(first, sizes) + within]


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A block's hits, and the pairs that ask them: which query of the block, which pair, which passage."""

    hits: Hits
    asked: NDArray[np.int64]
    pairs: NDArray[np.int64]
    passages: NDArray[np.int64]
    others: tuple[NDArray[np.int64], NDArray[np.int64]]


def _fill(found: Standing, block: _Block, places: Places) -> None:
    """Writes what a block says of its pairs."""
    hits = block.hits
    if not hits.rows.shape[1]:
        found.rank[block.pairs] = NOT_FOUND
        return
    there = hits.rows >= 0
    groups, documents = places.group[hits.rows], places.document[hits.rows]
    last = np.maximum(there.sum(axis=1) - 1, 0)
    related = np.zeros(there.shape, bool)
    best = np.full(len(there), -np.inf)
    for own, (asked, passages) in ((True, (block.asked, block.passages)), (False, block.others)):
        same = _among(groups, places.group, asked, passages) & there[asked]
        _gather(np.logical_or, related, asked, same)
        _gather(np.logical_or, related, asked, _among(documents, places.document, asked, passages))
        rank = np.where(same.any(axis=1), same.argmax(axis=1) + 1, NOT_FOUND)
        _gather(np.maximum, best, asked, hits.scores[asked, np.where(rank, rank - 1, last[asked])])
        if own:
            found.rank[block.pairs] = rank
    rivals, closeness = _rivals(hits, there & ~related, best)
    width = rivals.shape[1]
    found.rivals[block.pairs, :width] = rivals[block.asked]
    found.closeness[block.pairs, :width] = closeness[block.asked]


def _gather(join: np.ufunc, into: NDArray[Any], asked: NDArray[np.int64], values: NDArray[Any]) -> None:
    """Joins the values of each query; `asked` is ascending."""
    if len(asked):
        starts = np.flatnonzero(np.diff(asked, prepend=-1))
        into[asked[starts]] = join(into[asked[starts]], join.reduceat(values, starts, axis=0))


def _among(
    codes: NDArray[np.int64], table: NDArray[np.int64], asked: NDArray[np.int64], passages: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each hit has its pair's code, (pairs, k); never for a passage that is no row."""
    same: NDArray[np.bool_] = (codes[asked] == table[passages][:, None]) & (passages >= 0)[:, None]
    return same


def _rivals(
    hits: Hits, eligible: NDArray[np.bool_], best: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The first eligible hits of each query, and their scores over that of its best positive."""
    order = np.argsort(~eligible, axis=1, kind="stable")[:, :RIVALS]
    valid = np.take_along_axis(eligible, order, 1)
    scores = np.take_along_axis(hits.scores, order, 1).astype(np.float64)
    level = best[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        # A ratio means nothing for a positive that scores 0 or less: then a rival is as good or it is not.
        ratio = np.where(level > 0, scores / level, np.where(scores >= level, np.inf, 0.0))
    closeness = np.where(valid, np.maximum(ratio, 0.0), 0.0)
    rivals = np.where(valid, np.take_along_axis(hits.rows, order, 1), -1)
    return rivals.astype(np.int32), closeness.astype(np.float32)


def _known_rows(
    query_ids: Sequence[str], known: Mapping[str, Iterable[str]], places: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    listed = [
        (asked, places.row[passage_id])
        for asked, query_id in enumerate(query_ids)
        for passage_id in known.get(query_id, ())
        if passage_id in places.row
    ]
    both = np.array(listed, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _codes(names: Iterable[str]) -> NDArray[np.int64]:
    """A number for each name, equal for equal names."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in names], np.int64)
