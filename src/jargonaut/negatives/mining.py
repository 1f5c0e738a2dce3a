"""Hard negatives from rankings of train passages, false negatives taken out.

It is handed rankings over passages that may be mined; which those are (never test or dev passages) is the caller's
promise, and a passage outside `allowed` is refused again here. Everything is done in blocks of pairs, as whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jargonaut.negatives.options import MiningOptions
from jargonaut.negatives.pooling import NOTHING, Neighbours, Ranking, Rows, joined
from jargonaut.negatives.removals import Removal, RemovalLog
from jargonaut.negatives.rules import CODE, FALSE, RULES, Block, Facts, TextHashes, broken, columns, group_codes
from jargonaut.negatives.sampling import Choice, choose
from jargonaut.records import Pair, Triplet

VERSION = 3
RELABELLED = "relabelled"
"""Provenance of a positive that a judge found among the candidates."""
_BLOCK = 1024
"""Pairs that are looked at together. It decides draws, so it is no setting."""
_POOLED = 16 * _BLOCK
"""Pairs whose sources are joined together, which takes several times the memory of what is kept."""
_ROUNDS = 5
"""How often a judge is asked about what took the place of what it refused."""
Judge: TypeAlias = Callable[[Sequence[Pair]], Sequence[float | None]]
"""Pairs → how sure it is that each passage answers its query, from 0 to 1; None where it does not say."""
_Found: TypeAlias = tuple[int, int]
"""Rows of a query and of a passage."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be mined, and what is known of it.

    Attributes:
        query_ids: Ids of the train queries; the rankings' lines.
        passage_ids: Ids of all passages; what the rankings' rows count.
        dense: The model's answers, at least `MiningOptions.depth` deep.
        similarity: (query rows, passage rows) → similarities on `dense`'s own scale.
        known: Query id → every passage that is known to answer it.
        text_key: Passage id → key under which equal texts are equal.
        groups: Passage id → near-duplicate group.
        allowed: By passage row, whether it may serve as a negative.
        words: BM25's answers; wanted where it is a source or has to agree.
        sections: Neighbours under the same headings; wanted where they are a source.
        documents: Neighbours in the same document; the same.
    """

    query_ids: Sequence[str]
    passage_ids: Sequence[str]
    dense: Ranking
    similarity: Callable[[Rows, Rows], NDArray[np.float32]]
    known: Mapping[str, frozenset[str]]
    text_key: Callable[[str], str]
    groups: Mapping[str, str]
    allowed: NDArray[np.bool_]
    words: Ranking | None = None
    sections: Neighbours | None = None
    documents: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class MinedNegatives:
    """What mining found.

    Attributes:
        triplets: One per pair, in the pairs' order, then one for each positive that a judge found; one may have fewer
            negatives than asked.
        removed: Candidates taken out, by rule. A known positive, a held-out passage and a curated negative that is
            there already are counted too. Of `top` sampling only candidates before the last one chosen are looked at.
        fell_back: Pairs whose candidates the thresholds rejected nearly all, so that the least similar were taken.
        seen: Candidates that were looked at.
        sample: Some of what was removed, the same for the same input.
        relabelled: Positives that a judge found among the candidates.
        judged: Candidates that a judge was asked about.
        unjudged: Those of them of which it said nothing; they count as negatives.
    """

    triplets: tuple[Triplet, ...]
    removed: Mapping[str, int]
    fell_back: int
    seen: int = 0
    sample: tuple[Removal, ...] = ()
    relabelled: tuple[Pair, ...] = ()
    judged: int = 0
    unjudged: int = 0

    @property
    def negatives(self) -> int:
        """Hard negatives in all."""
        return sum(len(triplet.negative_ids) for triplet in self.triplets)

    @property
    def false_negatives(self) -> int:
        """Candidates taken out that may well answer the query."""
        return sum(count for rule, count in self.removed.items() if rule in FALSE)


def mine(
    pairs: Sequence[Pair], candidates: Candidates, options: MiningOptions, judge: Judge | None = None
) -> MinedNegatives:
    """Chooses hard negatives for every positive pair.

    Args:
        pairs: Training pairs. Those of relevance 0 are curated hard negatives and are taken before mined ones.
        candidates: What may be chosen, and what is known of it.
        options: How many and which.
        judge: Asked about every candidate that is chosen, and about what takes the place of those that it refuses. What
            it takes for an answer becomes a second positive (relabelling, as in RLHN, Thakur et al. 2025).
    """
    mining = _Mining(pairs, candidates, options)
    if judge is not None:
        for _ in range(_ROUNDS):
            if not mining.ask(judge):
                break
    return mining.finish(judged=judge is not None)


@dataclass
class _Mining:
    """Pairs on the way to triplets.

    Attributes:
        pairs: Training pairs as they came.
        candidates: What may be chosen.
        options: How.
    """

    pairs: Sequence[Pair]
    candidates: Candidates
    options: MiningOptions
    verdicts: dict[_Found, float | None] = field(default_factory=dict)
    relabelled: list[Pair] = field(default_factory=list)

    def __post_init__(self) -> None:
        c = self.candidates
        self._query = {id_: row for row, id_ in enumerate(c.query_ids)}
        self._passage = {id_: row for row, id_ in enumerate(c.passage_ids)}
        self._texts = {pair.query_id: pair.query for pair in self.pairs}
        self._hashes = TextHashes(c.passage_ids, c.text_key)
        self._groups = group_codes(c.passage_ids, self._passage, c.groups)
        relevant = [pair for pair in self.pairs if pair.relevance > 0]
        self._positive = [(self._query[p.query_id], self._passage[p.passage_id]) for p in relevant]
        self._known = {
            (row, self._passage[p])
            for id_, row in self._query.items() for p in c.known.get(id_, ()) if p in self._passage
        } | set(self._positive)  # fmt: skip
        named = [pair for pair in self.pairs if pair.relevance <= 0 and pair.query_id in self._query]
        self._curated = [(self._query[p.query_id], self._passage[p.passage_id]) for p in named
                         if p.passage_id in self._passage]  # fmt: skip
        self._pool, self._scores, self._own = self._pooled(self._positive)

    def ask(self, judge: Judge) -> bool:
        """Has what would be chosen now judged where it was not; says whether there was anything to ask."""
        wanted: dict[_Found, None] = {}
        for block, _, choice, _ in self._chosen():
            for query, rows in zip(block.queries.tolist(), choice.rows.tolist(), strict=True):
                wanted |= {(query, row): None for row in rows if row != NOTHING and (query, row) not in self.verdicts}
        asked = [self._as_pair(*found) for found in wanted]
        answers: dict[_Found, float] = {}
        for found, score in zip(wanted, judge(asked) if asked else (), strict=True):
            self.verdicts[found] = score
            if score is not None and score >= self.options.answers_from:
                answers[found] = score
        if answers:
            self._promote(answers)
        return bool(asked)

    def finish(self, *, judged: bool) -> MinedNegatives:
        """The triplets of what is chosen now.

        Args:
            judged: Whether only what a judge was asked about may be a negative.
        """
        c, log = self.candidates, RemovalLog(self.candidates.query_ids, self.candidates.passage_ids, self.options.seed)
        triplets: list[Triplet] = []
        fell_back = 0
        for block, codes, choice, curated in self._chosen():
            log.add(block, codes, choice.seen, choice.taken)
            fell_back += int(choice.in_need.sum())
            for query, positive, first, rows in zip(
                block.queries.tolist(), block.positives.tolist(), curated.tolist(), choice.rows.tolist(), strict=True
            ):
                fit = [row for row in rows if not judged or (query, row) in self.verdicts]
                negatives = tuple(c.passage_ids[row] for row in (*first, *fit) if row != NOTHING)
                triplets.append(Triplet(c.query_ids[query], c.passage_ids[positive], negatives))
        refused = self._refused_curated()
        unsaid = sum(score is None for score in self.verdicts.values())
        counts = {rule: log.counts[rule] + refused.get(rule, 0) for rule in RULES if rule}
        return MinedNegatives(
            tuple(triplets), {rule: count for rule, count in counts.items() if count}, fell_back, log.seen, log.sample,
            tuple(self.relabelled), len(self.verdicts), unsaid,
        )  # fmt: skip

    def _chosen(self) -> Iterator[tuple[Block, NDArray[np.int8], Choice, Rows]]:
        """Every block of pairs: the rules that candidates break, what is chosen, curated negatives before that."""
        options, c = self.options, self.candidates
        facts = self._facts()
        first = self._curated_of(facts)
        queries, positives = columns(self._positive)
        for number, start in enumerate(range(0, len(queries), _BLOCK)):
            part = slice(start, start + _BLOCK)
            block = Block(queries[part], positives[part], self._own[part], self._pool[part], self._scores[part])
            codes, spare = broken(block, facts, options, c.words)
            curated = first[block.queries]
            wanted = options.per_pair - (curated != NOTHING).sum(axis=1)
            yield block, codes, choose(block.rows, block.scores, codes == 0, spare, wanted, options, number), curated

    def _facts(self) -> Facts:
        doubtful = [found for found, score in self.verdicts.items()
                    if score is not None and score >= self.options.doubtful_from]  # fmt: skip
        return Facts.of(self._known, self._curated, doubtful, self._hashes, self._groups, self.candidates.allowed)

    def _pooled(self, found: Sequence[_Found]) -> tuple[Rows, NDArray[np.float32], NDArray[np.float32]]:
        """Candidates of some pairs within the window of ranks, their similarities, and those of the positives."""
        queries, positives = columns(found)
        starts = range(0, max(1, len(queries)), _POOLED)
        parts = [self._pool_of(queries[at : at + _POOLED], positives[at : at + _POOLED]) for at in starts]
        width = max(pool.shape[1] for pool, _ in parts)
        pools = np.vstack([_widened(pool, width, NOTHING) for pool, _ in parts])
        scores = np.vstack([_widened(scored, width, 0) for _, scored in parts])
        return pools, scores, self.candidates.similarity(queries, positives)

    def _pool_of(self, queries: Rows, positives: Rows) -> tuple[Rows, NDArray[np.float32]]:
        """Candidates of a block of pairs, and their similarities."""
        c, options = self.candidates, self.options
        pool = joined([self._answers(source, queries, positives) for source in options.sources], options.depth)
        pool = pool[:, options.skip :]
        if options.sources == ("dense",):
            scores = c.dense.scores[queries, options.skip : options.depth]
        else:
            scores = np.zeros(pool.shape, np.float32)
            there = pool != NOTHING
            scores[there] = c.similarity(np.repeat(queries, there.sum(axis=1)), pool[there])
        return pool, scores

    def _answers(self, source: str, queries: Rows, positives: Rows) -> Rows:
        """What one source says, best first."""
        c, depth = self.candidates, self.options.depth
        if source in {"dense", "bm25"}:
            ranking = c.dense if source == "dense" else c.words
            assert ranking is not None  # noqa: S101 - the caller hands in what the options name
            return ranking.rows[queries, :depth]
        neighbours = c.sections if source == "section" else c.documents
        assert neighbours is not None  # noqa: S101 - as above
        return neighbours.of(positives, depth)

    def _promote(self, answers: Mapping[_Found, float]) -> None:
        """Makes candidates positives of their queries, with negatives of their own."""
        pool, scores, own = self._pooled(list(answers))
        width = max(pool.shape[1], self._pool.shape[1])
        self._pool = np.vstack([_widened(self._pool, width, NOTHING), _widened(pool, width, NOTHING)])
        self._scores = np.vstack([_widened(self._scores, width, 0), _widened(scores, width, 0)])
        self._own = np.concatenate([self._own, own])
        self._positive += answers
        self._known |= answers.keys()
        for found, score in answers.items():
            pair = self._as_pair(*found)
            self.relabelled.append(Pair(pair.query_id, pair.query, pair.passage_id, 1, RELABELLED, score))

    def _curated_of(self, facts: Facts) -> Rows:
        """Curated negatives of each query that no certain rule speaks against, shape (queries, per pair or fewer)."""
        fit: dict[int, list[int]] = {}
        for query, row in self._fit_curated(facts)[0]:
            fit.setdefault(query, []).append(row)
        width = min(self.options.per_pair, max(map(len, fit.values()), default=0))
        found = np.full((len(self._query), width), NOTHING)
        for query, rows in fit.items():
            found[query, : len(rows[:width])] = rows[:width]
        return found

    def _fit_curated(self, facts: Facts) -> tuple[list[_Found], NDArray[np.int8]]:
        queries, rows = columns(self._curated)
        codes = facts.certain(queries, rows[:, None])[:, 0]
        return [found for found, code in zip(self._curated, codes, strict=True) if code == 0], codes

    def _refused_curated(self) -> dict[str, int]:
        """Rule → curated negatives that it speaks against."""
        counts = np.bincount(self._fit_curated(self._facts())[1], minlength=len(RULES))
        return {rule: int(counts[code]) for rule, code in CODE.items() if rule}

    def _as_pair(self, query: int, row: int) -> Pair:
        id_ = self.candidates.query_ids[query]
        return Pair(id_, self._texts[id_], self.candidates.passage_ids[row])


def _widened(values: NDArray[Any], width: int, filling: int) -> NDArray[Any]:
    """The same with more columns at the end."""
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=filling)
