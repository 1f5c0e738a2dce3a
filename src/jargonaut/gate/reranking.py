"""A cross-encoder over the first hits of a search.

Knows hits and their texts; which cross-encoder is decided by the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from jargonaut.pairs.curation.evidence import Scorer
from jargonaut.records import Pair, Query, Run


def reranked(
    run: Run,
    asked: Sequence[Query],
    scorer: Scorer,
    depth: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Run, float]:
    """The first `depth` hits of every query in another order, and the seconds that one query takes.

    Args:
        run: Hits, best first.
        asked: The queries.
        scorer: What it thinks of pairs, from 0 to 1; loading it is not counted.
        depth: Hits that are scored.
        clock: Seconds, never going back.
    """
    pairs = [Pair(query.id, query.text, hit.passage_id) for query in asked for hit in run.top(query.id, depth)]
    scorer(pairs[:1])
    loaded = clock()
    scorer(pairs[:1])
    started = clock()
    scores = scorer(pairs)
    # A scorer loads its model at each call, which a service does once.
    seconds = max(0.0, clock() - started - (started - loaded))
    found: dict[str, dict[str, float]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        found.setdefault(pair.query_id, {})[pair.passage_id] = -1.0 if score is None else score
    return Run(f"{run.name}, reranked", {id_: _sorted(hits) for id_, hits in found.items()}), seconds / len(asked)


def _sorted(hits: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(hits.items(), key=lambda item: (-item[1], item[0])))
