"""What one version answers to one query: hits with their passages, in its own order or a reranker's.

Knows a searcher; knows not which one is live.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jargonaut.protocols import Reranker
from jargonaut.records import Passage, Query, Run
from jargonaut.retrieval import reordered

if TYPE_CHECKING:
    from jargonaut.index import IndexSearcher


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that a search found.

    Attributes:
        rank: From 1.
        score: Its cosine similarity.
        passage: It itself.
        reranked: How well it answers, from 0 to 1, as a reranker says it; None where none was asked.
        first_rank: Its rank before it was reranked; None where it was not.
    """

    rank: int
    score: float
    passage: Passage
    reranked: float | None = None
    first_rank: int | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one version answers to one query.

    Attributes:
        query: What was asked.
        version: Who answers.
        hits: Best first.
        reranker: Whose order it is; empty for the version's own.
        search_ms: What the search took, where hits were reranked: its model loaded, the collection opened anew.
        rerank_ms: What reranking took, the loading of the reranker excluded.
        rerank_weight: The reranker's share of the order; the search's own scores have the rest.
    """

    query: str
    version: str
    hits: tuple[Hit, ...]
    reranker: str = ""
    search_ms: float | None = None
    rerank_ms: float | None = None
    rerank_weight: float | None = None


def answer(query: str, version: str, searcher: IndexSearcher, k: int) -> SearchResult:
    """Asks a searcher.

    Args:
        query: What to look for.
        version: What the result calls the searcher.
        searcher: Of one index.
        k: Hits; fewer where the index holds fewer.
    """
    found = searcher.search_texts([query], k)[0]
    passages = searcher.passages([hit.passage_id for hit in found])
    kept = [hit for hit in found if hit.passage_id in passages]  # a sync may have removed one meanwhile
    hits = (Hit(rank, hit.score, passages[hit.passage_id]) for rank, hit in enumerate(kept, start=1))
    return SearchResult(query, version, tuple(hits))


def rerank(
    search: Callable[[int], SearchResult], reranker: Reranker, name: str, content: Callable[[Passage], str], *, k: int,
    depth: int,
) -> SearchResult:  # fmt: skip
    """Searches, and orders the first hits anew; those below keep their order, below.

    Nothing that was found is nothing to rerank.

    Args:
        search: Hits wanted → what was found.
        reranker: Reads query and passage together.
        name: What the result calls it.
        content: The words of a passage that were embedded.
        k: Hits.
        depth: Hits that are reranked.
    """
    wanted = max(k, depth)
    started = time.perf_counter()
    found = search(wanted)
    searched = 1000 * (time.perf_counter() - started)
    first, rest = found.hits[:depth], found.hits[depth:]
    texts = [content(hit.passage) for hit in first]
    reranker.score(found.query, texts[:1])  # which loads it
    started = time.perf_counter()
    scores = {hit.passage.id: value for hit, value in zip(first, reranker.score(found.query, texts), strict=True)}
    took = 1000 * (time.perf_counter() - started)
    asked = Query("", found.query)
    run = Run(found.version, {asked.id: {hit.passage.id: hit.score for hit in first}})
    order = reordered(run, {asked.id: scores}, reranker.weight).get(asked.id, {})
    by_id = {hit.passage.id: hit for hit in first}
    ordered = [replace(by_id[id_], reranked=scores[id_], first_rank=by_id[id_].rank) for id_ in order]
    hits = (replace(hit, rank=rank) for rank, hit in enumerate([*ordered, *rest][:k], start=1))
    return replace(
        found, hits=tuple(hits), reranker=name, search_ms=searched, rerank_ms=took, rerank_weight=reranker.weight
    )
