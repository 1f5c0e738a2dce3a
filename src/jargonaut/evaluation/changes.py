"""Which queries changed most, which were nearly found, which passages came and went: what a person should read.

Knows two runs and their scores; knows nothing of words, nor of how anything is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jargonaut.evaluation.measures import Scores
from jargonaut.records import Passage, Qrel, Query, Run

_NEAR = range(11, 21)
"""Ranks just behind the first ten."""


@dataclass(frozen=True, slots=True)
class Change:
    """One query before and after.

    Attributes:
        query: What was asked.
        positive: The relevant passage that moved: the best ranked one after (a gain) or before (a loss).
        base_rank: Rank of `positive` with the base, from 1; None when it was not found.
        tuned_rank: The same with the tuned model.
        base_ndcg: nDCG@10 of the query with the base.
        tuned_ndcg: The same with the tuned model.
        base_top: The base's first hit; None when it found nothing.
        tuned_top: The tuned model's first hit.
        base_top_relevant: Whether `base_top` is judged relevant.
        tuned_top_relevant: Whether `tuned_top` is.
    """

    query: Query
    positive: Passage
    base_rank: int | None
    tuned_rank: int | None
    base_ndcg: float
    tuned_ndcg: float
    base_top: Passage | None
    tuned_top: Passage | None
    base_top_relevant: bool = False
    tuned_top_relevant: bool = False

    @property
    def difference(self) -> float:
        """nDCG@10 after − before."""
        return self.tuned_ndcg - self.base_ndcg


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A query whose best answer the tuned model puts just behind the first ten.

    Attributes:
        query: What was asked.
        positive: Its best ranked relevant passage.
        rank: Of `positive` with the tuned model, from 11 to 20.
        base_rank: Its rank with the base, from 1; None when it was not found.
    """

    query: Query
    positive: Passage
    rank: int
    base_rank: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The queries that changed most, the biggest change first.

    Attributes:
        better: Those that got better.
        worse: Those that got worse.
        better_total: How many got better, those that are not shown counted.
        worse_total: How many got worse.
        unchanged_total: How many did neither.
        near_misses: Queries whose answer is just behind the first ten of the tuned model, the nearest first.
        near_miss_total: How many there are, those that are not shown counted.
        base_near_miss_total: How many the base has.
    """

    better: tuple[Change, ...] = ()
    worse: tuple[Change, ...] = ()
    better_total: int = 0
    worse_total: int = 0
    unchanged_total: int = 0
    near_misses: tuple[NearMiss, ...] = ()
    near_miss_total: int = 0
    base_near_miss_total: int = 0


@dataclass(frozen=True, slots=True)
class MovedTerm:
    """A word that passages which came into the first ten have more of, or those which left them.

    Attributes:
        word: Its usual spelling.
        weight: Log-odds ratio over its standard error; above 0 passages that came have more of it.
        gained: Occurrences in passages that came.
        lost: Occurrences in passages that left.
    """

    word: str
    weight: float
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class MovedPassages:
    """What came into the first ten of all queries, and what left them; a passage counts once for each query.

    Attributes:
        gained: Ids of those that only the tuned model has there.
        lost: Ids of those that only the base has there.
        kept: How many both have.
    """

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    kept: int = 0


def find_changes(
    queries: Sequence[Query],
    passages: Mapping[str, Passage],
    qrels: Sequence[Qrel],
    base: tuple[Run, Scores],
    tuned: tuple[Run, Scores],
    *,
    limit: int = 10,
) -> Changes:
    """The queries that got better and worse, by nDCG@10 and then by how far the positive moved.

    Args:
        queries: All test queries.
        passages: Passage id → passage; one that is missing is shown by its id.
        qrels: Judgements.
        base: The base's run and its scores.
        tuned: The tuned model's run and its scores.
        limit: How many of each.
    """
    relevant: dict[str, list[str]] = {}
    for judgement in sorted(qrels, key=lambda j: -j.relevance):
        if judgement.relevance > 0:
            relevant.setdefault(judgement.query_id, []).append(judgement.passage_id)
    before, after = base[1].of("nDCG@10"), tuned[1].of("nDCG@10")
    found = [
        _change(query, passages, relevant[query.id], (base[0], before[query.id]), (tuned[0], after[query.id]))
        for query in queries
        if query.id in relevant and query.id in before and query.id in after
    ]
    found.sort(key=lambda change: change.query.id)  # equal changes always come in the same order
    better = sorted((c for c in found if _movement(c) > (0.0, 0)), key=_movement, reverse=True)
    worse = sorted((c for c in found if _movement(c) < (0.0, 0)), key=_movement)
    near = _near_misses(queries, passages, relevant, tuned[0], base[0])
    return Changes(
        tuple(better[:limit]), tuple(worse[:limit]), len(better), len(worse), len(found) - len(better) - len(worse),
        tuple(near[:limit]), len(near), len(_near_misses(queries, passages, relevant, base[0], tuned[0])),
    )  # fmt: skip


def moved_passages(queries: Sequence[Query], base: Run, tuned: Run, k: int = 10) -> MovedPassages:
    """Which passages came into the first `k` hits, and which left them, query by query.

    Args:
        queries: In whose order they are listed.
        base: What the base answered.
        tuned: What the tuned model answered.
        k: Hits that are looked at.
    """
    gained: list[str] = []
    lost: list[str] = []
    kept = 0
    for query in queries:
        before = [hit.passage_id for hit in base.top(query.id, k)]
        after = [hit.passage_id for hit in tuned.top(query.id, k)]
        there, now = set(before), set(after)
        gained += [passage_id for passage_id in after if passage_id not in there]
        lost += [passage_id for passage_id in before if passage_id not in now]
        kept += len(there & now)
    return MovedPassages(tuple(gained), tuple(lost), kept)


def _near_misses(
    queries: Sequence[Query],
    passages: Mapping[str, Passage],
    relevant: Mapping[str, list[str]],
    run: Run,
    other: Run,
) -> list[NearMiss]:
    """Queries of which the first relevant passage has rank 11 to 20 in `run`, the nearest first."""
    found = []
    for query in queries:
        if query.id not in relevant:
            continue
        ranks = _ranks(run, query.id)
        best = min(relevant[query.id], key=lambda id_: ranks.get(id_, len(ranks) + 1))
        if ranks.get(best, 0) in _NEAR:
            rank = ranks[best]
            found.append(NearMiss(query, _passage(passages, best), rank, _ranks(other, query.id).get(best)))
    return sorted(found, key=lambda near: (near.rank, near.query.id))


def _change(
    query: Query,
    passages: Mapping[str, Passage],
    relevant: list[str],
    base: tuple[Run, float],
    tuned: tuple[Run, float],
) -> Change:
    before, after = _ranks(base[0], query.id), _ranks(tuned[0], query.id)
    deciding = after if tuned[1] >= base[1] else before
    positive = min(relevant, key=lambda id_: deciding.get(id_, len(deciding) + 1))
    base_top, tuned_top = next(iter(before), None), next(iter(after), None)
    return Change(
        query=query,
        positive=_passage(passages, positive),
        base_rank=before.get(positive),
        tuned_rank=after.get(positive),
        base_ndcg=base[1],
        tuned_ndcg=tuned[1],
        base_top=None if base_top is None else _passage(passages, base_top),
        tuned_top=None if tuned_top is None else _passage(passages, tuned_top),
        base_top_relevant=base_top in relevant,
        tuned_top_relevant=tuned_top in relevant,
    )


def _ranks(run: Run, query_id: str) -> dict[str, int]:
    return {id_: rank for rank, id_ in enumerate(run.rankings.get(query_id, {}), start=1)}


def _passage(passages: Mapping[str, Passage], id_: str) -> Passage:
    return passages.get(id_) or Passage(id_, "")


def _movement(change: Change) -> tuple[float, int]:
    """nDCG@10 difference, then how many ranks the positive rose; not found counts as rank 1,000,000."""
    unfound = 1_000_000
    return round(change.difference, 9), (change.base_rank or unfound) - (change.tuned_rank or unfound)
