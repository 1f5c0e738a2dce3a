"""What untrained systems score, what they cost, and that one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.gate.assessing import prepare_assessment
from jargonaut.gate.headroom import Headroom, Tried
from jargonaut.gate.sample import Sample
from jargonaut.layout import Layout
from jargonaut.protocols import SilentReporter
from jargonaut.records import PairSplits
from jargonaut.settings import Settings, override
from tests.encoding.embedding_server import EmbeddingServer, embedding_server
from tests.llm.endpoint import endpoint, said

from .worlds import Words, corpus, splits


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    """An embedding endpoint."""
    with embedding_server() as running:
        yield running


@pytest.fixture
def measure(tmp_path: Path, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tried]:
    """Measures one small corpus; all calls share a workspace."""
    for name in ("OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    prepared = corpus(tmp_path / "corpus")

    def run(changes: dict[str, Any] | None = None, given: PairSplits | None = None) -> Tried:
        urls = {"remote.openai_url": f"{server.url}/v1", "remote.cohere_url": f"{server.url}/v2",
                "remote.voyage_url": f"{server.url}/v1", "remote.tries": 1}  # fmt: skip
        settings = override(Settings(), {"assess.resamples": 200, **urls, **(changes or {})})
        base = CachedEncoder(Words(), tmp_path / "w" / ".jargonaut" / "vectors")
        sample = Sample.of(prepared, given or splits(), settings.assess)
        return Headroom(sample, base, base.dimension, settings, Layout(tmp_path / "w"), SilentReporter()).measure()

    return run


def names(tried: Tried) -> list[str]:
    """What was measured."""
    return [rival.name for rival in tried.rivals]


def test_the_usual_systems_are_measured(measure: Callable[..., Tried]) -> None:
    """Base, words, both hybrids, and what titles and headings before the passages give: here nearly everything."""
    tried = measure()
    assert names(tried) == ["base dense", "BM25", "hybrid", "weighted hybrid", "contextual chunks"]
    assert [rival.kind for rival in tried.rivals] == ["base", "other", "hybrid", "hybrid", "other"]
    dense, contextual = tried.rivals[0], tried.rivals[-1]
    assert contextual.scores.mean("nDCG@10") > dense.scores.mean("nDCG@10") + 0.2
    assert contextual.cost.reindex
    assert not dense.cost.reindex
    assert not tried.failed


def test_titles_are_not_put_before_passages_that_they_ask_for(measure: Callable[..., Tried]) -> None:
    """Where dev's queries are the documents' own titles and headings, context would hold the question itself."""
    tried = measure(given=splits("heading"))
    assert "contextual chunks" not in names(tried)
    assert "the documents' own titles and headings" in tried.notes[0]


def test_candidates_stand_side_by_side_at_their_dimensions(
    measure: Callable[..., Tried], server: EmbeddingServer
) -> None:
    """Three endpoints, one of them at two dimensions; each costs a re-index, and prices count where they are known."""
    given = ("openai:m@32/16", "cohere:c", "voyage:v@24")
    tried = measure({"assess.candidates": given, "remote.cohere_price": 0.1})
    assert names(tried)[-4:] == ["openai:m @32", "openai:m @16", "cohere:c @48", "voyage:v @24"]
    costs = {rival.name: rival.cost for rival in tried.rivals}
    assert costs["openai:m @32"].money is None
    assert (costs["cohere:c @48"].money or 0) > 0
    assert all(costs[name].reindex for name in names(tried)[-4:])
    assert len([text for text in server.texts if text == "pump noise"]) == 3


def test_nothing_is_paid_twice(measure: Callable[..., Tried], server: EmbeddingServer) -> None:
    """A second assessment sends no text that the first one sent, and finds the same."""
    given = {"assess.candidates": ("openai:m@32/16", "cohere:c")}
    first = measure(given)
    sent = len(server.texts)
    second = measure(given)
    assert len(server.texts) == sent
    assert [r.scores.mean("nDCG@10") for r in first.rivals] == [r.scores.mean("nDCG@10") for r in second.rivals]
    assert second.rivals[-1].cost.minutes > 0  # remembered, since nothing was there to time


def test_what_was_paid_before_a_fault_is_kept(measure: Callable[..., Tried], server: EmbeddingServer) -> None:
    """An endpoint that breaks off in the middle is taken up where it stopped."""
    given = {"assess.candidates": ("openai:m@32",), "remote.batch": 10}
    server.behaviour = lambda _path, _body: (503, b"") if len(server.requests) == 3 else None
    assert "the endpoint fails" in measure(given).failed["openai:m@32"]
    server.behaviour = lambda _path, _body: None
    assert not measure(given).failed
    refused = server.requests[2][1]["input"]
    again = [text for text in server.texts if server.texts.count(text) > 1]
    assert set(again) == set(refused)


def test_a_broken_candidate_does_not_stop_the_others(measure: Callable[..., Tried], server: EmbeddingServer) -> None:
    """One that is no name, one that is nowhere and two that are down are told; the good one is measured."""
    server.behaviour = lambda path, _body: (500, b"") if path.startswith("/v2") else None
    given = ("openai:", "no/where", "cohere:down", "openai:http://127.0.0.1:9/v1#gone@8", "openai:m@8")
    tried = measure({"assess.candidates": given})
    assert names(tried)[-1] == "openai:m @8"
    assert list(tried.failed) == list(given[:-1])
    assert "names no candidate" in tried.failed["openai:"]
    assert "no folder here" in tried.failed["no/where"]
    assert "the endpoint fails" in tried.failed["cohere:down"]
    assert "cannot be reached" in tried.failed[given[3]]


def test_an_endpoint_rewrites_some_queries_once(measure: Callable[..., Tried]) -> None:
    """As many as the budget says, each asked for a passage and for wordings, and nothing by the second call."""

    def answer(body: dict[str, Any], number: int) -> Any:
        from tests.llm.endpoint import Response

        del number
        asked = body["messages"][-1]["content"].rpartition("Question: ")[2].partition("\n")[0]
        return Response(body=said(f"here the {asked} is explained"))

    with endpoint(answer) as language_model:
        given = {"llm.base_url": language_model.base_url, "llm.model": "m", "assess.rewrites": 12,
                 "prices.input_per_million": 1.0, "prices.output_per_million": 2.0}  # fmt: skip
        first = measure(given)
        assert names(first)[-2:] == ["HyDE", "several wordings"]
        assert [len(rival.scores.query_ids) for rival in first.rivals[-2:]] == [12, 12]
        assert (first.rivals[-1].cost.query_money or 0) > 0
        assert len(language_model.requests) == 24
        second = measure(given)
        assert len(language_model.requests) == 24
        assert second.rivals[-1].scores.mean("nDCG@10") == first.rivals[-1].scores.mean("nDCG@10")


def test_no_endpoint_is_asked_where_the_budget_is_none(measure: Callable[..., Tried]) -> None:
    """`rewrites = 0` sends nothing."""
    given = {"llm.base_url": "http://127.0.0.1:9/v1", "llm.model": "m", "assess.rewrites": 0}
    assert not measure(given).failed


@pytest.mark.slow
def test_a_cross_encoder_reranks_some_queries(
    measure: Callable[..., Tried], base_model_path: Path, tmp_path: Path
) -> None:
    """As many as are wanted, at a cost for each query; one that is not there is told, and the rest is measured."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=1)
    folder = str(tmp_path / "cross")
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(base_model_path)).save_pretrained(folder)
    tried = measure({"evaluate.cross_encoder": folder, "assess.rerank_queries": 7, "evaluate.rerank_depth": 10})
    assert names(tried)[-1] == "hybrid, reranked"
    assert len(tried.rivals[-1].scores.query_ids) == 7
    assert tried.rivals[-1].cost.query_ms > 0
    assert "cannot be loaded" in measure({"evaluate.cross_encoder": str(tmp_path / "none")}).failed["reranking"]


def test_a_failure_is_tried_again_and_a_success_is_not(tmp_path: Path, server: EmbeddingServer) -> None:
    """What could not be measured is not kept as the answer; what could costs nothing any more."""
    settings = override(Settings(), {"assess.resamples": 200, "remote.tries": 1})
    settings = replace(
        settings, remote=replace(settings.remote, openai_url=f"{server.url}/v1"),
        assess=replace(settings.assess, candidates=("openai:m@8",)),
    )  # fmt: skip
    from jargonaut.artifacts import Artifact
    from jargonaut.encoding.models import find_model
    from jargonaut.pairing import PreparedPairs

    prepared = corpus(tmp_path / "corpus" / "c")
    given = PreparedPairs(Artifact(tmp_path / "pairs", "pairs"))
    given.__dict__["splits"] = splits()
    layout, folder = Layout(tmp_path / "w"), find_model("embedded")

    def assessed() -> tuple[Any, Any]:
        base = CachedEncoder(Words(), layout.vectors)
        return prepare_assessment(prepared, given, base, folder, 48, settings, layout, SilentReporter())

    server.behaviour = lambda _path, _body: (500, b"")
    found, _ = assessed()
    assert list(found.failed) == ["openai:m@8"]
    assert any("could not be measured" in reason.text for reason in found.reasons)
    server.behaviour = lambda _path, _body: None
    found, artifact = assessed()
    assert (dict(found.failed), artifact.reused) == ({}, False)
    again, artifact = assessed()
    assert (again, artifact.reused) == (found, True)
    assert found.reasons[0].rule == "something else is enough"  # titles before the passages
