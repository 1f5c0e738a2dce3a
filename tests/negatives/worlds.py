"""Small made-up worlds to mine in: vectors, pairs, repeated texts, near-duplicates, held-out passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jargonaut.negatives import Candidates, Neighbours, Ranking
from jargonaut.protocols import Vectors
from jargonaut.records import Pair
from jargonaut.retrieval import pair_scores, top_k


@dataclass(frozen=True)
class World:
    """Everything that mining is handed, and what a test asks about it."""

    pairs: tuple[Pair, ...]
    candidates: Candidates
    texts: dict[str, str]
    groups: dict[str, str]
    held: frozenset[str]
    queries: Vectors
    passages: Vectors

    def similarity(self, query_id: str, passage_id: str) -> float:
        """Of a query and a passage."""
        return float(self.queries[int(query_id[1:])] @ self.passages[int(passage_id[1:])])

    def with_pairs(self, more: Sequence[Pair]) -> World:
        """The same with other pairs beside."""
        return replace(self, pairs=(*self.pairs, *more))


def world(seed: int, queries: int = 12, passages: int = 60, depth: int = 30) -> World:
    """A world of one seed: some queries have several positives, a tenth of the passages is held out."""
    rng = np.random.default_rng(seed)
    asked, found = (_unit(rng.standard_normal((n, 6))) for n in (queries, passages))
    ids = [f"p{n}" for n in range(passages)]
    texts = {id_: f"text {rng.integers(0, passages * 2 // 3)}" for id_ in ids}
    groups = {id_: f"g{rng.integers(0, passages // 4)}" for id_ in ids if rng.random() < 0.3}
    held = frozenset(id_ for id_ in ids if rng.random() < 0.1)
    pairs = []
    for number in range(queries):
        best = np.argsort(-(found @ asked[number]))
        chosen = best[rng.integers(0, 4, rng.integers(1, 3))]
        pairs += [Pair(f"q{number}", f"query {number}", ids[row]) for row in chosen]
        if rng.random() < 0.4:
            pairs.append(Pair(f"q{number}", f"query {number}", ids[rng.integers(0, passages)], 0))
    known: dict[str, frozenset[str]] = {}
    for pair in pairs:
        if pair.relevance > 0:
            known[pair.query_id] = known.get(pair.query_id, frozenset()) | {pair.passage_id}
    allowed = np.array([id_ not in held for id_ in ids])
    words = np.array([rng.permutation(np.flatnonzero(allowed))[:depth] for _ in range(queries)])
    candidates = Candidates(
        [f"q{n}" for n in range(queries)],
        ids,
        Ranking(*top_k(asked, found, depth, rows=np.flatnonzero(allowed))),
        lambda one, other: pair_scores(asked, one, found, other),
        known,
        lambda id_: texts[id_],
        groups,
        allowed,
        Ranking(words, np.sort(rng.random(words.shape).astype(np.float32), axis=1)[:, ::-1]),
        Neighbours([f"d{n // 9} s{n // 3}" for n in range(passages)]),
        Neighbours([f"d{n // 9}" for n in range(passages)]),
    )
    return World(tuple(pairs), candidates, texts, groups, held, asked, found)


def _unit(vectors: np.ndarray) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
