"""Searching a collection with the encoder that built it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import MismatchError
from jargonaut.index import IndexSearcher, LanceStore, build_index
from jargonaut.protocols import Encoder, Searcher
from jargonaut.records import Passage, Query


@pytest.fixture
def searcher(store: LanceStore, passages: list[Passage], encoder: Encoder) -> IndexSearcher:
    """Searches the six passages."""
    info = build_index(store, "base", passages, [p.text for p in passages], encoder)
    return IndexSearcher(store, info.collection, encoder)


def test_the_right_passage_comes_first(searcher: IndexSearcher, passages: list[Passage]) -> None:
    """Questions in other words find their passage; what is found can be shown."""
    as_searcher: Searcher = searcher
    run = as_searcher.search([Query("q1", "broken arm"), Query("q2", "heart attack")], 3)
    assert [run.top(q, 1)[0].passage_id for q in ("q1", "q2")] == ["icd/1", "icd/2"]
    scores = list(run.rankings["q1"].values())
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3
    assert 0 < scores[0] <= 1
    shown = searcher.passages(["icd/1"])["icd/1"]
    assert shown == passages[0]
    assert searcher.count() == 6


def test_no_queries_no_hits(searcher: IndexSearcher) -> None:
    """An empty batch is not an error."""
    assert searcher.search([], 3).rankings == {}


def test_another_encoder_cannot_open_the_collection(
    store: LanceStore, searcher: IndexSearcher, base_model_path: Path
) -> None:
    """The same weights under another prompt are another encoder, of the same dimension: still refused."""
    other = LocalEncoder(find_model(str(base_model_path), query_prompt="query: "))
    name = store.collections()[0].name
    with pytest.raises(MismatchError, match=other.fingerprint):
        IndexSearcher(store, name, other)
    assert searcher.count() == 6


def test_an_encoder_that_is_exchanged_later_is_refused(searcher: IndexSearcher, base_model_path: Path) -> None:
    """The fingerprint is asked at every search, not only at the first."""
    searcher.search([Query("q", "broken arm")], 1)
    searcher.encoder = LocalEncoder(find_model(str(base_model_path), query_prompt="query: "))
    with pytest.raises(MismatchError, match="built with encoder"):
        searcher.search([Query("q", "broken arm")], 1)


def test_a_cached_encoder_is_the_same_encoder(
    store: LanceStore, searcher: IndexSearcher, encoder: Encoder, tmp_path: Path
) -> None:
    """Remembering vectors changes neither identity nor hits."""
    cached = IndexSearcher(store, store.collections()[0].name, CachedEncoder(encoder, tmp_path / "vectors"))
    queries = [Query("q", "yearly impairment test")]
    assert cached.search(queries, 6) == searcher.search(queries, 6)
