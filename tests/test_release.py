"""What a run may do to what is live, and that what it registered can be searched later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jargonaut import Workspace
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import MismatchError
from jargonaut.index import open_store
from jargonaut.layout import Layout
from jargonaut.lifecycle import IndexedPassages, IndexLifecycle
from jargonaut.protocols import SilentReporter
from jargonaut.records import Passage
from jargonaut.registry import Registry
from jargonaut.release import Model, Outcome, Released, release
from jargonaut.settings import Settings, override

HEART = [Passage("mi", "Acute myocardial infarction"), Passage("arm", "Fracture of the radius")]
MONEY = [Passage("tax", "Income tax expense of the year"), Passage("debt", "Long-term debt, current portion")]


class Shop:
    """A workspace in which candidates are released without being trained."""

    def __init__(self, root: Path, base: Path) -> None:
        self.root, self.base = root, base
        self.layout = Layout(root)
        self.registry = Registry(self.layout.registry, self.layout.models)
        self.settings = Settings()
        self.warnings: list[str] = []

    def tuned(self, name: str) -> Path:
        """A model of its own identity that encodes as the base does."""
        folder = self.root / name
        if not folder.exists():
            shutil.copytree(self.base, folder)
            (folder / "notes.txt").write_text(name)
        return folder

    def run(
        self, name: str, verdict: str, passages: list[Passage], *, dim: int = 384, prompt: str | None = None
    ) -> Released:
        """Releases the candidate of this name over these passages; `prompt` is what queries begin with."""
        shop = self

        class Listener(SilentReporter):
            def warn(self, text: str) -> None:
                shop.warnings.append(text)

        def model(folder: Path) -> Model:
            found = find_model(str(folder), query_prompt=prompt)
            return Model(folder.name, found, LocalEncoder(found, max_tokens=64), 64)

        base, tuned = model(self.base), model(self.tuned(name))
        encoders = {one.encoder.fingerprint: one.encoder for one in (base, tuned)}
        indexed = IndexedPassages(passages, [p.text for p in passages], "none", "by hand")
        lifecycle = IndexLifecycle(
            self.layout, self.settings, self.registry, open_store(self.settings.index, self.layout.index),
            lambda version: encoders[version.fingerprint], lambda: indexed, Listener(),
        )  # fmt: skip
        return release(lifecycle, base, tuned, Outcome(name, verdict, {}, {}, dim), Listener())

    @property
    def live(self) -> str:
        """The live version."""
        live = self.registry.live()
        assert live is not None
        return live.version


@pytest.fixture
def shop(tmp_path: Path, base_model_path: Path) -> Shop:
    """An empty workspace."""
    return Shop(tmp_path, base_model_path)


def test_a_winner_replaces_the_base_and_a_loser_does_not(shop: Shop) -> None:
    """First the base goes live, then the first version that ships; a later one waits for a person."""
    shop.run("a", "no_measurable_difference", HEART)
    assert shop.live == "base"
    winner = shop.run("b", "ship", HEART)
    assert shop.live == "v2"
    assert winner.version.status == "live"
    shop.run("c", "ship", HEART)
    assert shop.live == "v2"
    assert any("index switch v3" in warning for warning in shop.warnings)


def test_a_winner_waits_where_people_decide(shop: Shop) -> None:
    """With `promote_by_hand` the base goes live, the winner lies beside it with its index, and one command switches."""
    shop.settings = override(Settings(), {"registry.promote_by_hand": True})
    first = shop.run("a", "ship", HEART)
    assert (shop.live, first.version.status) == ("base", "available")
    assert shop.run("a", "ship", HEART).live == first.live
    assert any("v1 waits for you" in warning and "index switch v1" in warning for warning in shop.warnings)
    assert Workspace(shop.root).index().switch("v1").version == "v1"
    assert shop.run("a", "ship", HEART).live.version == "v1"


def test_what_was_rolled_back_stays_back(shop: Shop) -> None:
    """The same run again does not overrule the person who rolled its version back."""
    shop.run("a", "dont_ship", HEART)
    shop.run("b", "ship", HEART)
    shop.registry.rollback()
    shop.run("b", "ship", HEART)
    assert shop.live == "base"
    assert any("rolled back" in warning for warning in shop.warnings)


def test_a_live_base_follows_its_corpus(shop: Shop) -> None:
    """When the documents change and the base stays live, searches see the new ones; one step goes back."""
    before = shop.run("a", "dont_ship", HEART).live
    shop.run("b", "dont_ship", MONEY)
    hits = Workspace(shop.root).search("what we owe", k=1).hits
    assert [hit.passage.id for hit in hits] == ["debt"]
    assert shop.registry.rollback() == before


def test_promoting_takes_the_newest_index(shop: Shop) -> None:
    """After the documents changed, promoting what is live already moves it to them, as the run advised."""
    shop.run("a", "ship", HEART)
    shop.run("a", "dont_ship", MONEY)
    assert any("do not see what changed" in warning for warning in shop.warnings)
    Workspace(shop.root).promote("v1")
    assert Workspace(shop.root).search("what we owe", k=1).hits[0].passage.id == "debt"


def test_a_losing_candidate_on_new_documents_says_that_searches_are_old(shop: Shop) -> None:
    """A tuned version that stays live on old passages is not left so in silence."""
    shop.run("a", "ship", HEART)
    shop.run("b", "dont_ship", MONEY)
    assert shop.live == "v1"
    assert any("do not see what changed" in warning for warning in shop.warnings)


def test_another_dimension_alone_moves_nothing(shop: Shop) -> None:
    """Trying 64 dimensions on the same documents leaves a live base as it is."""
    before = shop.run("a", "dont_ship", HEART).live
    assert shop.run("b", "dont_ship", HEART, dim=64).live == before


def test_a_lost_registry_is_told(shop: Shop) -> None:
    """Versions come back from their folders; that none of them is live any more is said."""
    shop.run("a", "ship", HEART)
    for path in shop.root.glob(".jargonaut/registry.db*"):
        path.unlink()
    shop.run("b", "dont_ship", HEART)
    assert any("registry was lost" in warning for warning in shop.warnings)


def test_a_release_is_told_to_mlflow(shop: Shop, tmp_path: Path) -> None:
    """Where a folder is set the version is a run there; one that cannot be written is a warning, and no more."""
    mlflow = pytest.importorskip("mlflow")
    shop.settings = override(Settings(), {"registry.mlflow": (tmp_path / "runs").as_uri()})
    shop.run("a", "ship", HEART)
    client = mlflow.MlflowClient(tracking_uri=shop.settings.registry.mlflow)
    (experiment,) = [one for one in client.search_experiments() if one.name == "jargonaut"]
    assert [one.info.run_name for one in client.search_runs([experiment.experiment_id])] == ["v1"]
    (tmp_path / "file").write_text("")
    shop.settings = override(Settings(), {"registry.mlflow": (tmp_path / "file").as_uri()})
    shop.run("b", "dont_ship", HEART)
    assert any("MLflow did not take version 'v2'" in warning for warning in shop.warnings)
    assert shop.live == "v1"


def test_a_damaged_version_is_named_by_a_search(shop: Shop) -> None:
    """A search with altered or missing weights says which version is damaged and what to do."""
    shop.run("a", "ship", HEART)
    weights = shop.layout.models / "v1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(MismatchError, match="'v1' was altered"):
        Workspace(shop.root).search("heart")
    weights.unlink()
    with pytest.raises(MismatchError, match="'v1' was altered"):
        Workspace(shop.root).search("heart")


def test_a_query_that_is_no_text_is_searched_as_what_can_be_read(shop: Shop) -> None:
    """Bytes of a terminal that are not UTF-8 are no crash."""
    shop.run("a", "ship", HEART)
    assert Workspace(shop.root).search("heart \udcff attack", k=1).hits[0].passage.id == "mi"


def test_a_version_is_searched_on_the_passages_that_are_live(shop: Shop) -> None:
    """Comparing two versions compares answers from one corpus, whatever else was indexed."""
    shop.run("a", "ship", HEART)
    shop.run("a", "ship", MONEY)
    found = Workspace(shop.root).search("heart attack", k=2, model="base")
    assert {hit.passage.id for hit in found.hits} == {"mi", "arm"}


def test_prompts_belong_to_the_version_not_to_todays_settings(shop: Shop) -> None:
    """A version made with a prompt and a token limit is searched with them, though the settings name neither."""
    shop.run("a", "ship", HEART, prompt="search_query: ")
    for version in ("v1", "base"):
        assert Workspace(shop.root).search("heart attack", k=1, model=version).hits[0].passage.id == "mi"


def test_the_deployed_dimension_is_what_is_indexed_and_searched(shop: Shop) -> None:
    """With 64 dimensions deployed, the index holds 64-d vectors and the pointer says so."""
    released = shop.run("a", "ship", HEART, dim=64)
    assert released.index.dimension == 64
    assert released.live.dimension == 64
    assert Workspace(shop.root).search("heart attack", k=1).hits[0].passage.id == "mi"
