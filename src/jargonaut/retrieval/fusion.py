"""Joining rankings of several systems."""

from __future__ import annotations

from collections.abc import Sequence

from jargonaut.records import Run


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
        {
            query_id: dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k])
            for query_id, scores in fused.items()
        },
    )
