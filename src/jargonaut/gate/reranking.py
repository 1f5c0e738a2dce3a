"""A cross-encoder over the first hits of a search.

Knows hits and their texts; which cross-encoder is decided by the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from jargonaut.records import Query, Run

Reranker = Callable[[Sequence[tuple[str, str]]], list[float]]
"""(query, passage) texts → scores, higher is better."""


def reranked(
    run: Run,
    asked: Sequence[Query],
    texts: Mapping[str, str],
    score: Reranker,
    depth: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Run, float]:
    """The first `depth` hits of every query in another order, and the seconds that one query takes.

    Args:
        run: Hits, best first.
        asked: The queries.
        texts: Passage id → text.
        score: What the cross-encoder thinks.
        depth: Hits that are scored.
        clock: Seconds, never going back.
    """
    hits = [(query, hit.passage_id) for query in asked for hit in run.top(query.id, depth)]
    started = clock()
    scores = score([(query.text, texts[passage_id]) for query, passage_id in hits])
    seconds = clock() - started
    found: dict[str, dict[str, float]] = {}
    for (query, passage_id), value in zip(hits, scores, strict=True):
        found.setdefault(query.id, {})[passage_id] = value
    ordered = {id_: dict(sorted(some.items(), key=lambda hit: (-hit[1], hit[0]))) for id_, some in found.items()}
    return Run(f"{run.name}, reranked", ordered), seconds / max(1, len(asked))
