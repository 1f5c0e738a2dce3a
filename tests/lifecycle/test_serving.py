"""Searching with what is live while that changes, beside a candidate, and over a bridge."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from jargonaut.errors import InputError, MismatchError
from jargonaut.index import BridgedEncoder, load_bridge
from jargonaut.lifecycle import ShadowedSearcher, candidate_searcher, shadow_log
from tests.lifecycle.shop import Shop, documents, text_of


def test_a_service_follows_the_pointer(live: Shop) -> None:
    """One searcher, opened once, answers with what others promote, roll back to and sync."""
    searcher = live.open().serving()
    assert searcher.warm() == live.open().registry().live()
    (first,) = searcher.search(["the ledger"], 3)
    other = live.open().index()
    other.build("v1", dimension=16)
    other.switch("v1")
    (second,) = searcher.search(["the ledger"], 3)
    assert (first.version, second.version) == ("base", "v1")
    assert first.collection != second.collection
    other.rollback()
    assert searcher.search(["the ledger"], 3)[0] == first
    live.write(documents(range(60)))
    live.open().index().sync()
    (synced,) = searcher.search([text_of(55)], 1)
    assert (synced.hits[0].passage.id, synced.generation) == ("p55", 1)


def test_a_search_during_a_sync_finds_whole_passages(live: Shop) -> None:
    """Hammered while a sync works block by block: no error, and every text is of one edition or the other."""
    live.write(documents(range(60), dict.fromkeys(range(0, 40, 2), "second")))
    searcher, index = live.open().serving(), live.open().index()
    worker = threading.Thread(target=index.sync)
    worker.start()
    found = []
    while worker.is_alive() or len(found) < 20:
        found += searcher.search(["the ledger of the valve"], 5)
    worker.join()
    known = {*documents(range(60)).items(), *documents(range(60), dict.fromkeys(range(60), "second")).items()}
    assert all((hit.passage.id, hit.passage.text) in known for answer in found for hit in answer.hits)
    assert all(len(answer.hits) == 5 for answer in found)


def test_nothing_live_is_told(shop: Shop) -> None:
    """A service without a pointer says what to do."""
    with pytest.raises(InputError, match="nothing is live"):
        shop.open().serving().search(["x"], 1)


def test_a_shadow_compares_and_changes_no_answer(live: Shop, tmp_path: Path) -> None:
    """Overlap and rank changes over a file of queries; the same pair compared with itself would be refused."""
    live.open().index().build("v1")
    queries = tmp_path / "queries.txt"
    queries.write_text("\n".join(text_of(n) for n in range(0, 40, 4)))
    found = live.open().shadow("v1", queries, k=5)
    assert found.queries == 10
    assert 0 < found.overlap < 1
    assert found.new == pytest.approx(5 * (1 - found.overlap))
    assert found.most_changed[0].overlap <= found.low_overlap + 1e-9
    assert live.open().shadow("v1").overlap == pytest.approx(found.overlap)  # as it was recorded
    with pytest.raises(InputError, match="is what is live"):
        live.open().shadow("base", queries)


def test_a_share_of_live_queries_is_shadowed(live: Shop) -> None:
    """Of many queries about the share is asked twice, always the same ones; answers are those of what is live."""
    opened = live.open()
    opened.index().build("v1")
    plain = opened.serving()
    asked = [text_of(n, "any") for n in range(60)]
    for _ in range(2):
        searcher = opened.shadowed("v1", 0.3)
        assert searcher.search(asked, 4) == plain.search(asked, 4)
        searcher.close()
        assert (searcher.failures, searcher.left_out) == (0, 0)
    lines = shadow_log(opened.index(), "v1").read_text().splitlines()
    seen = [json.loads(line)["query"] for line in lines]
    assert 8 <= len(set(seen)) <= 30
    assert all(seen.count(query) == 2 for query in seen)
    opened.search(seen[0], shadow="v1")
    assert opened.shadow("v1").queries == len(seen) + 1


def test_a_candidate_that_fails_disturbs_nobody(live: Shop, tmp_path: Path) -> None:
    """Its collection vanishes: answers go on, failures are counted."""
    opened = live.open()
    index = opened.index()
    name = index.build("v1").info.collection
    searcher = ShadowedSearcher(opened.serving(), candidate_searcher(index, "v1"), 1.0, tmp_path / "log.jsonl")
    index.store.drop(name)
    assert searcher.search(["the ledger"], 3)[0].version == "base"
    searcher.close()
    assert searcher.failures == 1


def test_a_bridge_lets_a_new_model_search_the_old_index(live: Shop) -> None:
    """What it retains is measured over the test queries; it is for searching what was live when it was fitted."""
    live.write(documents(range(100)))
    opened = live.open()
    opened.index().sync()
    found = opened.bridge("v1")
    assert (found.passages, found.live, found.version) == (100, "base", "v1")
    assert [row.name for row in found.rows] == ["live", "over the bridge", "its own index"]
    assert found.rows[-1].overlap == 1
    assert found.retention == pytest.approx(found.rows[1].recall / found.rows[2].recall)
    assert found.bridge.cosine > 0.5
    hits = live.open().search("the ledger of the valve", bridge="v1", k=5)
    assert len(hits.hits) == 5
    with pytest.raises(InputError, match="no such bridge"):
        live.open().search("x", bridge="base")
    with pytest.raises(MismatchError, match="for queries only"):
        BridgedEncoder(opened._encoder(opened.registry().get("v1")), load_bridge(found.path)).encode_passages(["x"])
    index = opened.index()
    index.build("v1")
    index.switch("v1")
    with pytest.raises(InputError, match="no such bridge"):  # it led into what was live
        live.open().search("x", bridge="v1")


def test_a_damaged_bridge_is_not_crossed(live: Shop) -> None:
    """A file that was cut is an error with a remedy."""
    opened = live.open()
    path = opened.bridge("v1").path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        opened.search("x", bridge="v1")


def test_an_encoder_that_changed_is_refused_with_both_values(live: Shop) -> None:
    """A prompt that the index was not built with: the message shows the old and the new one."""
    from jargonaut.encoding.local import LocalEncoder
    from jargonaut.encoding.matryoshka import TruncatedEncoder
    from jargonaut.encoding.models import find_model
    from jargonaut.lifecycle.identity import open_collection

    index = live.open().index()
    name = index.catalogue.find(None).name
    other = LocalEncoder(find_model(str(live.base), query_prompt="query: "), max_tokens=64)
    with pytest.raises(MismatchError, match=r"query prompt: '' in the index, 'query: ' in use; token limit: "):
        open_collection(index.store, name, other)
    cut = TruncatedEncoder(LocalEncoder(find_model(str(live.base))), 8)
    with pytest.raises(MismatchError, match="dimension: 32 in the index, 8 in use"):
        open_collection(index.store, name, cut)
    assert np.isfinite(live.open().search("ledger").hits[0].score)
