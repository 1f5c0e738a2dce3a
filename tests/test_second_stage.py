"""A reranker from pairs to a version that searches are reranked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import CrossEncoder

from jargonaut.cli.main import _print_hits
from jargonaut.errors import InputError
from jargonaut.protocols import SilentReporter
from jargonaut.records import Pair
from jargonaut.rerankers import cross_scorer, named_reranker
from jargonaut.reranking import Calibration, LocalReranker
from jargonaut.second_stage import TunedReranker
from jargonaut.settings import Settings, override
from jargonaut.workspace import Workspace

from .rerankworld import write_world
from .tinysets import write_clinic

pytestmark = pytest.mark.slow
GIVEN: Mapping[str, Any] = {
    "compute.precision": "fp32", "reranker.epochs": 9, "reranker.patience": 9, "reranker.lr": 3e-3,
    "reranker.max_tokens": 32, "reranker.depth": 12, "reranker.negatives": 4, "reranker.random_negatives": 2,
}  # fmt: skip
QUERY = "horse dog cow"


@pytest.fixture(scope="module")
def settings(tiny_folder: Callable[[str], Path]) -> Settings:
    """A tiny base with random weights."""
    return override(Settings(), {**GIVEN, "base.model": str(tiny_folder("bert"))})


@pytest.fixture(scope="module")
def workspace(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The world, with a reranker `v1` and its base live."""
    root = tmp_path_factory.mktemp("stage")
    opened = Workspace(root / "w", settings=settings)
    source = write_world(root / "set")
    opened.train_reranker(source)
    opened.index(source).build("base")
    opened.index(source).switch("base")
    return opened


def trained(workspace: Workspace) -> TunedReranker:
    """What training says; it is done already."""
    return workspace.train_reranker()


def test_it_orders_better_than_dense_search_and_is_registered_once(workspace: Workspace) -> None:
    """Far better where words share nothing with their answers; done again it is found, not made."""
    made = trained(workspace)
    assert made.version == "v1"
    assert made.reused
    assert made.reranked > made.dense + 0.2
    assert made.low <= made.reranked - made.dense <= made.high
    version = workspace.registry().get("v1")
    assert (version.kind, version.dimension, version.base) == ("reranker", 1, "base")
    assert version.lineage["pairs"]
    assert version.lineage["train_seconds"] == made.train_seconds
    assert [one.version for one in workspace.models()] == ["base", "v1"]


def test_it_is_told_to_mlflow(workspace: Workspace, settings: Settings, tmp_path: Path) -> None:
    """Like every version that is registered, where that is wished."""
    mlflow = pytest.importorskip("mlflow")
    told = override(settings, {"registry.mlflow": (tmp_path / "runs").as_uri()})
    Workspace(workspace.layout.root, settings=told).train_reranker()
    client = mlflow.MlflowClient(tracking_uri=told.registry.mlflow)
    (experiment,) = [one for one in client.search_experiments() if one.name == "jargonaut"]
    assert [one.info.run_name for one in client.search_runs([experiment.experiment_id])] == ["v1"]


def test_its_folder_is_a_cross_encoder_of_sentence_transformers(workspace: Workspace, settings: Settings) -> None:
    """Loaded by others it gives the same calibrated scores, so the same order."""
    texts = [hit.passage.content("title") for hit in workspace.search(QUERY, k=12).hits]
    ours = named_reranker("v1", settings, workspace.layout).score(QUERY, texts)
    model = CrossEncoder(str(workspace.registry().get("v1").path), device="cpu")
    stock = model.predict([(QUERY, text) for text in texts], show_progress_bar=False)
    assert ours == pytest.approx(stock.tolist(), abs=1e-5)
    calibration = Calibration.read(workspace.registry().get("v1").path)
    assert (calibration.slope, calibration.shift) != (1.0, 0.0)
    assert calibration.error is not None
    assert calibration.error < 0.1


def test_a_search_is_reranked(workspace: Workspace) -> None:
    """The answer comes first, with both scores, the rank it had, and what each stage took; the rest stays below."""
    found = workspace.search(QUERY, k=3, reranker="v1", rerank_depth=12)
    assert (found.reranker, found.version, len(found.hits)) == ("v1", "base", 3)
    assert found.hits[0].passage.id == "p0"
    before = {hit.passage.id: hit for hit in workspace.search(QUERY, k=12).hits}
    for hit in found.hits:
        assert hit.reranked is not None
        assert 0 <= hit.reranked <= 1
        assert (hit.first_rank, hit.score) == (before[hit.passage.id].rank, pytest.approx(before[hit.passage.id].score))
    assert found.rerank_ms is not None
    assert found.rerank_ms > 0
    assert found.rerank_weight is not None
    assert 0 < found.rerank_weight <= 1
    partly = workspace.search(QUERY, k=12, reranker="v1", rerank_depth=2)
    assert [hit.reranked is None for hit in partly.hits] == [False] * 2 + [True] * 10
    assert [hit.rank for hit in partly.hits] == list(range(1, 13))


def test_a_printed_search_says_by_what_it_is_ordered(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """The shares where they are mixed, and which hits the reranker did not see."""
    found = replace(workspace.search(QUERY, k=2, reranker="v1", rerank_depth=1), rerank_weight=0.3)
    _print_hits(found, None)
    said = capsys.readouterr().out
    assert "; order: 30% v1, 70% the search's own score" in said
    assert said.count("(search: ") == said.count("(not reranked; search: ") == 1


def test_what_cannot_rerank_is_told(workspace: Workspace) -> None:
    """An encoder, a name that means nothing, no depth, a retired one; and a reranker serves and embeds nothing."""
    for name, words in (("base", "no reranker"), ("nothing", "cannot be loaded")):
        with pytest.raises(Exception, match=words):
            workspace.search(QUERY, reranker=name)
    with pytest.raises(InputError, match="cannot be reranked"):
        workspace.search(QUERY, reranker="v1", rerank_depth=0)
    for work in (workspace.promote, workspace.index().build, workspace.index().switch):
        with pytest.raises(InputError, match="is a reranker"):
            work("v1")
    workspace.registry().retire("v1")
    try:
        with pytest.raises(InputError, match="was retired"):
            workspace.search(QUERY, reranker="v1")
    finally:
        workspace.registry().reinstate("v1")


def test_a_version_judges_pairs_by_its_name(workspace: Workspace, settings: Settings) -> None:
    """What mining and curation ask: probabilities, high for the answer."""
    texts = {"p0": "p0\nthe farm keeps animals", "p1": "p1\nmetals are melted here"}
    pairs = [Pair("q", QUERY, "p0"), Pair("q", QUERY, "p1")]
    right, wrong = cross_scorer("v1", texts, settings, workspace.layout, SilentReporter())(pairs)
    assert right is not None
    assert wrong is not None
    assert 0 <= wrong < right <= 1


def test_a_version_is_asked_about_a_pair_once(
    workspace: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it said is kept, by another process too; the same words cut elsewhere are another pair."""
    texts = {"p0": "p0\nmetals are melted here", "p1": "p1\nthe farm keeps animals", "p2": "dog", "p3": "og"}
    first = cross_scorer("v1", texts, settings, workspace.layout, SilentReporter())
    said = first([Pair("q", "melted metal", "p0")])
    computed: list[tuple[str, str]] = []
    logits = LocalReranker.logits
    monkeypatch.setattr(LocalReranker, "logits", lambda self, both: computed.extend(both) or logits(self, both))
    again = cross_scorer("v1", texts, settings, workspace.layout, SilentReporter())
    assert again([Pair("q", "melted metal", "p0"), Pair("q", "melted metal", "p1")])[0] == said[0]
    assert computed == [("melted metal", texts["p1"])]
    again([Pair("q", "horse", "p2"), Pair("q", "horsed", "p3")])
    assert computed[1:] == [("horse", "dog"), ("horsed", "og")]


def test_candidates_are_relabelled_by_a_version(workspace: Workspace, settings: Settings) -> None:
    """`[mine] cross_encoder = "v1"`: every candidate that is chosen is judged."""
    mining = replace(settings.mine, cross_encoder="v1", per_pair=2)
    found = Workspace(workspace.layout.root, settings=replace(settings, mine=mining)).mine()
    assert found.artifact.counts["judged"] > 0


def test_a_student_learns_from_a_version(workspace: Workspace, settings: Settings) -> None:
    """The teacher is asked once, its scores are kept, and the student, a version, orders dev better than its base."""
    given = {"train.teacher": "v1", "train.loss": "kl", "mine.per_pair": 4, "train.epochs": 2, "train.lr": 1e-3,
             "train.few_pairs": 0, "train.batch_size": 16, "train.alphas": [1.0]}  # fmt: skip
    opened = Workspace(workspace.layout.root, settings=override(settings, given))
    made = opened.train()
    assert made.dev > made.dev_base + 0.05
    kept = list(workspace.layout.stage("taught").glob("*/scores.jsonl"))
    assert len(kept) == 1
    assert len(kept[0].read_text(encoding="utf-8").splitlines()) == 56 + made.negatives
    student = workspace.registry().get(made.version or "")
    assert (student.kind, student.base, student.lineage["options"]["train"]["teacher"]) == ("encoder", "base", "v1")
    again = opened.train()
    assert (again.reused, again.version) == (True, made.version)


def test_a_student_learns_from_a_larger_encoder(workspace: Workspace, settings: Settings) -> None:
    """Here MiniLM teaches two random layers; what it is called is told by the version."""
    given = {"train.teacher": "embedded", "train.loss": "margin_mse", "mine.per_pair": 4, "train.epochs": 2,
             "train.lr": 1e-3, "train.few_pairs": 0, "train.batch_size": 16, "train.alphas": [1.0]}  # fmt: skip
    made = Workspace(workspace.layout.root, settings=override(settings, given)).train()
    assert made.dev > made.dev_base + 0.05
    assert workspace.registry().get(made.version or "").lineage["options"]["train"]["teacher"] == "embedded"


def test_a_file_that_was_altered_is_refused(workspace: Workspace, settings: Settings) -> None:
    """The registered fingerprint is compared before anything is scored."""
    path = workspace.registry().get("v1").path / "reranker.json"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept.replace(b'"weight"', b'"weigth"'))
        with pytest.raises(Exception, match="was altered"):
            named_reranker("v1", settings, workspace.layout)
    finally:
        path.write_bytes(kept)


def test_one_that_is_no_better_is_not_registered(settings: Settings, tmp_path: Path) -> None:
    """48 questions about terms teach two random layers nothing: dense search is not beaten, and that is said."""
    opened = Workspace(tmp_path / "w", settings=override(settings, {"reranker.epochs": 1, "reranker.lr": 1e-3}))
    made = opened.train_reranker(write_clinic(tmp_path / "clinic", tmp_path / "icd"))
    assert (made.version, made.reranked) == (None, made.dense)
    assert any("nothing is registered" in notice for notice in made.notices)
    assert not opened.layout.registry.exists()
