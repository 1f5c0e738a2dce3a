"""What one version answers to one query: hits with their passages. Knows a searcher; knows not which one is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jargonaut.records import Passage

if TYPE_CHECKING:
    from jargonaut.index import IndexSearcher


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that a search found: its rank from 1 and its cosine similarity."""

    rank: int
    score: float
    passage: Passage


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one version answers to one query."""

    query: str
    version: str
    hits: tuple[Hit, ...]


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
