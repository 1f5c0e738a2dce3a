"""The first hits of a search, ordered anew by something that reads query and passage together.

Knows hits and their texts; what scores them is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jargonaut.records import Query, Run

Rerank = Callable[[Sequence[tuple[str, str]]], list[float]]
"""(query, passage) texts → how well each passage answers, higher is better."""


def rescored(
    run: Run, asked: Sequence[Query], texts: Mapping[str, str], score: Rerank, depth: int
) -> dict[str, dict[str, float]]:
    """Query id → its first `depth` hits with their new scores, best first; of equal ones the lower id first.

    Args:
        run: Hits, best first; a query without any is left out.
        asked: The queries.
        texts: Passage id → text.
        score: Asked once, for the hits of all queries.
        depth: Hits that are scored.
    """
    hits = [(query, hit.passage_id) for query in asked for hit in run.top(query.id, depth)]
    scores = score([(query.text, texts[passage_id]) for query, passage_id in hits])
    found: dict[str, dict[str, float]] = {}
    for (query, passage_id), value in zip(hits, scores, strict=True):
        found.setdefault(query.id, {})[passage_id] = float(value)
    return {id_: dict(sorted(some.items(), key=lambda hit: (-hit[1], hit[0]))) for id_, some in found.items()}
