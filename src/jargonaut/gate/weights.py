"""A hybrid whose weight is fitted on dev and scored without flattery.

No query is scored by a weight that it helped to choose. Knows runs and how they are scored.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jargonaut.evaluation import Scores
from jargonaut.records import Query, Run
from jargonaut.retrieval import DENSE_WEIGHTS, weighted_fusion

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Weighted:
    """A fitted hybrid.

    Attributes:
        weight: Of dense search, fitted on all queries: what would be deployed.
        scores: Of each query, by the weight that the other folds chose.
    """

    weight: float
    scores: Scores


def fitted(
    dense: Run,
    words: Run,
    asked: Sequence[Query],
    clusters: Mapping[str, str],
    score: Callable[[Run], Scores],
    *,
    k: int,
) -> Weighted:
    """Fits the weight by nDCG@10, with cross-fitting over document groups (five folds).

    Args:
        dense: Hits by vectors.
        words: Hits by words.
        asked: The queries.
        clusters: Query id → document group; a group lies in one fold.
        score: Scores a run on these queries.
        k: Hits that are kept.
    """
    tried = [score(weighted_fusion("weighted hybrid", dense, words, weight, k=k)) for weight in DENSE_WEIGHTS]
    found, best = crossfitted(tried, asked, clusters)
    return Weighted(DENSE_WEIGHTS[best], found)


def crossfitted(tried: Sequence[Scores], asked: Sequence[Query], clusters: Mapping[str, str]) -> tuple[Scores, int]:
    """Scores of each query by the system that does best by nDCG@10 on the other folds; of equal ones the first.

    Args:
        tried: Scores of each system on the same queries.
        asked: The queries.
        clusters: As for `fitted`.

    Returns:
        The scores, and which system is best on all queries.
    """
    values = np.stack([scores.values["nDCG@10"] for scores in tried])
    groups = [clusters.get(query.id, query.id) for query in asked]
    folds = np.array([zlib.crc32(group.encode("utf-8", "surrogatepass")) % FOLDS for group in groups])
    chosen = np.full(len(groups), int(values.mean(axis=1).argmax()))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any() and not inside.all():
            chosen[inside] = int(values[:, ~inside].mean(axis=1).argmax())
    rows = np.arange(len(groups))
    found = {name: np.stack([s.values[name] for s in tried])[chosen, rows] for name in tried[0].values}
    return Scores(tried[0].query_ids, found), int(values.mean(axis=1).argmax())
