"""Joining rankings of several systems: by rank, or by score with a weight.

Knows runs. Which weight is best is for whoever holds judgements to find out, on queries that do not test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jargonaut.records import Run

DENSE_WEIGHTS = (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.1, 1.0, 0.0)
"""Weights of dense search that a weighted hybrid may have; of equally good ones the first is taken."""


def reciprocal_rank_fusion(name: str, runs: Sequence[Run], *, k: int, constant: int = 60) -> Run:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): score = Σ 1 / (constant + rank).

    Args:
        name: Name of the fused run.
        runs: Rankings to join; a query that one of them misses takes the others' hits.
        k: Hits per query to keep.
        constant: Dampens the first ranks.
    """
    fused: dict[str, dict[str, float]] = {}
    for run in runs:
        for query_id, hits in run.rankings.items():
            scores = fused.setdefault(query_id, {})
            for rank, passage_id in enumerate(hits, start=1):
                scores[passage_id] = scores.get(passage_id, 0.0) + 1 / (constant + rank)
    return Run(
        name,
        {query_id: _first(scores, k) for query_id, scores in fused.items()},
    )


def weighted_fusion(name: str, dense: Run, lexical: Run, weight: float, *, k: int) -> Run:
    """Convex combination of min-max normalised scores (Bruch, Gai & Ingber 2023, "An Analysis of Fusion Functions").

    Each run's scores of a query are put between 0, its last hit, and 1, its first; what a run did not find has 0 there.

    Args:
        name: Name of the fused run.
        dense: One ranking.
        lexical: The other.
        weight: Of `dense`, from 0 to 1; `lexical` has the rest.
        k: Hits per query to keep.
    """
    fused: dict[str, dict[str, float]] = {}
    for run, share in ((dense, weight), (lexical, 1 - weight)):
        for query_id, hits in run.rankings.items():
            scores = fused.setdefault(query_id, {})
            for passage_id, score in _unit(hits).items():
                scores[passage_id] = scores.get(passage_id, 0.0) + share * score
    return Run(name, {query_id: _first(scores, k) for query_id, scores in fused.items()})


def _unit(hits: Mapping[str, float]) -> dict[str, float]:
    """Scores of one query between 0 and 1; all 1 where they do not differ."""
    if not hits:
        return {}
    low, high = min(hits.values()), max(hits.values())
    return {passage_id: (score - low) / (high - low) if high > low else 1.0 for passage_id, score in hits.items()}


def _first(scores: Mapping[str, float], k: int) -> dict[str, float]:
    """The best hits; equal scores by id."""
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k])
