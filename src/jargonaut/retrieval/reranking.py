"""The first hits of a search, ordered anew by something that reads query and passage together.

Knows hits and their texts; what scores them is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from jargonaut.protocols import Reranker
from jargonaut.records import Query, Run
from jargonaut.retrieval.fusion import weighted_fusion

_SURE = 1e-15
"""No score is taken to be nearer to 0 or 1."""


def rescored(
    run: Run, asked: Sequence[Query], texts: Mapping[str, str], reranker: Reranker, depth: int
) -> dict[str, dict[str, float]]:
    """Query id → its first `depth` hits with their new scores, best first; of equal ones the lower id first.

    Args:
        run: Hits, best first; a query without any is left out.
        asked: The queries.
        texts: Passage id → text.
        reranker: Asked once, for the hits of all queries. Where its weight is below 1, the new score is that share of
            its own and the rest of the first search's, as `reordered` has it.
        depth: Hits that are scored.
    """
    hits = [(query, hit.passage_id) for query in asked for hit in run.top(query.id, depth)]
    scores = reranker.score_pairs([(query.text, texts[passage_id]) for query, passage_id in hits])
    found: dict[str, dict[str, float]] = {}
    for (query, passage_id), value in zip(hits, scores, strict=True):
        found.setdefault(query.id, {})[passage_id] = float(value)
    return reordered(run, found, reranker.weight)


def reordered(run: Run, scores: Mapping[str, Mapping[str, float]], weight: float = 1.0) -> dict[str, dict[str, float]]:
    """The hits that were scored, best first.

    Args:
        run: The first search.
        scores: Query id → passage id → what the reranker says, from 0 to 1.
        weight: Share of the reranker's score; with less than 1 its log-odds and the first search's scores are put
            between 0 and 1 for each query, and joined (`weighted_fusion`). Log-odds, so that no calibration moves them.
    """
    if weight >= 1:
        return {id_: dict(sorted(some.items(), key=lambda hit: (-hit[1], hit[0]))) for id_, some in scores.items()}
    first = {id_: {hit: run.rankings[id_][hit] for hit in some} for id_, some in scores.items()}
    depth = max(map(len, scores.values()), default=0)
    odds = {id_: {hit: _log_odds(value) for hit, value in some.items()} for id_, some in scores.items()}
    joined = weighted_fusion("", Run("", odds), Run("", first), weight, k=depth)
    return {id_: dict(hits) for id_, hits in joined.rankings.items()}


def _log_odds(value: float) -> float:
    kept = min(max(value, _SURE), 1 - _SURE)
    return math.log(kept / (1 - kept))
