"""From pairs to an adapter that is a version: over a model here, over an endpoint, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jargonaut import Workspace
from jargonaut.adapting import AdaptedModel
from jargonaut.cli.main import app
from jargonaut.errors import InputError, JargonautError
from jargonaut.layout import Layout
from jargonaut.settings import Settings, override
from tests.encoding.embedding_server import DIMENSION, EmbeddingServer, embedding_server
from tests.tinymodels import FAMILIES, built, loaded
from tests.tinysets import write_clinic

FAST = {"adapter.epochs": 6, "adapter.lr": 5e-3, "adapter.batch_size": 16, "adapter.patience": 6,
        "evaluate.resamples": 200, "perturb.queries": 0, "evaluate.latency": False,
        "split.min_train_positives": 5}  # fmt: skip


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny labelled set."""
    root = tmp_path_factory.mktemp("clinic")
    return write_clinic(root / "clinic", root / "icd")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, base_model_path: Path) -> tuple[Path, Settings]:
    """A workspace whose base is tiny."""
    root = tmp_path_factory.mktemp("home")
    base = built(FAMILIES["bert"], base_model_path, root / "base")
    return root / "w", override(Settings(), {"base.model": str(base), **FAST})


@pytest.fixture(scope="module")
def made(home: tuple[Path, Settings], clinic: Path) -> AdaptedModel:
    """An adapter on it."""
    return Workspace(home[0], settings=home[1]).adapt(clinic)


def test_an_adapter_is_a_version_on_its_base(made: AdaptedModel, home: tuple[Path, Settings], clinic: Path) -> None:
    """It is better on dev, names its base and the space that it searches, and the second call finds it done."""
    assert made.version is not None
    assert made.dev > made.dev_base
    assert made.low is not None
    assert made.high is not None
    assert made.low <= made.dev - made.dev_base <= made.high
    one = made.version
    base = Workspace(home[0]).registry().get("base")
    assert (one.version, one.kind, one.base, one.space) == ("v1", "adapter", "base", base.fingerprint)
    assert {"pairs", "corpus", "options", "train_seconds"} <= set(one.lineage)
    assert one.lineage["base"]["fingerprint"] == base.fingerprint != one.fingerprint
    assert sum(path.stat().st_size for path in one.path.iterdir()) < 100_000  # the base's weights are not copied
    again = Workspace(home[0], settings=home[1]).adapt(clinic)
    assert again.reused
    assert again.version is not None
    assert (again.version.version, again.embedded) == ("v1", 0)


def test_it_is_examined_like_any_version(made: AdaptedModel, home: tuple[Path, Settings]) -> None:
    """`evaluate` puts it beside its base on test, at every dimension, and draws a verdict."""
    del made
    found = Workspace(home[0], settings=home[1]).evaluate(version="v1")
    assert (found.version, found.against) == ("v1", "base")
    assert {one.kind for one in found.systems} >= {"base", "tuned", "hybrid-tuned"}
    assert found.verdict.name in {"ship", "dont_ship", "no_measurable_difference"}
    base, tuned = (next(s for s in found.systems if s.kind == kind and s.dim == 32 and s.precision == "float32")
                   for kind in ("base", "tuned"))  # fmt: skip
    assert not np.array_equal(base.scores.values["nDCG@10"], tuned.scores.values["nDCG@10"])


def test_it_leaves_as_a_whole_model(made: AdaptedModel, home: tuple[Path, Settings], tmp_path: Path) -> None:
    """The exported folder gives the version's vectors without jargonaut; a folder in use is refused."""
    del made
    opened = Workspace(home[0], settings=override(home[1], {"compute.precision": "fp32"}))
    assert opened.export_model("v1", tmp_path / "st").whole
    texts = tmp_path / "texts.txt"
    texts.write_text("stenosis of bronchus\nbroken arm\n", encoding="utf-8")
    opened.encode(texts, tmp_path / "q.npy", kind="query", model="v1")
    stock = loaded(tmp_path / "st").encode_query(["stenosis of bronchus", "broken arm"])
    np.testing.assert_allclose(np.load(tmp_path / "q.npy"), stock, atol=1e-5)
    with pytest.raises(InputError, match="not an empty folder"):
        opened.export_model("v1", tmp_path / "st")


def test_what_settings_gave_a_base_leaves_with_it(home: tuple[Path, Settings], clinic: Path, tmp_path: Path) -> None:
    """Prompts and token limit that no file names: the exported base and the adapter on it still give their vectors."""
    given = {"base.query_prompt": "ask: ", "base.max_tokens": 16, "compute.precision": "fp32"}
    opened = Workspace(tmp_path / "w", settings=override(home[1], given))
    opened.adapt(clinic)
    asked = "a fracture of the left femur, closed, at the first visit, and all that comes after it"
    texts = tmp_path / "texts.txt"
    texts.write_text(asked + "\n", encoding="utf-8")
    for version in ("base", "v1"):
        stock = loaded(opened.export_model(version, tmp_path / version).folder)
        for kind, found in (("query", stock.encode_query(asked)), ("passage", stock.encode_document(asked))):
            opened.encode(texts, tmp_path / f"{version}-{kind}.npy", kind=kind, model=version)
            np.testing.assert_allclose(np.load(tmp_path / f"{version}-{kind}.npy")[0], found, atol=1e-5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    """An embedding endpoint."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with embedding_server() as running:
        yield running


def test_a_closed_model_is_adapted_indexed_and_searched(
    home: tuple[Path, Settings], clinic: Path, server: EmbeddingServer, tmp_path: Path
) -> None:
    """Over an endpoint: its vectors are paid for once, the account is told, and the adapter serves from its index."""
    settings = override(home[1], {"remote.openai_price": 0.02, "remote.batch": 32})
    opened = Workspace(tmp_path / "w", settings=settings)
    over = f"openai:{server.url}/v1#closed"
    made = opened.adapt(clinic, over=over)
    assert made.version is not None
    assert "tokens were sent now (0.0" in made.account
    assert made.version.dimension == DIMENSION
    sent = len(server.texts)
    assert len(set(server.texts)) == sent  # nothing twice
    assert opened.adapt(clinic, over=over).version == made.version
    assert len(server.texts) == sent
    index = opened.index(clinic)
    index.build(made.version.version)
    assert len(set(server.texts)) == len(server.texts)  # the index takes what was paid for already
    index.switch(made.version.version)
    assert opened.search("stenosis of bronchus", k=3).version == made.version.version
    told = opened.export_model(made.version.version, tmp_path / "alone")
    assert not told.whole
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {"adapter.json", "adapter.safetensors"}
    remote = json.loads((opened.registry().get("base").path / "remote.json").read_text(encoding="utf-8"))
    assert remote == {"provider": "openai", "model": "closed", "url": f"{server.url}/v1", "dimension": None}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ({"index": 0, "embedding": [float("nan")] * DIMENSION}, "not finite"),
        ({"index": 0, "embedding": [1.0] * (DIMENSION + 1)}, f"{DIMENSION} are expected|are expected"),
        (None, "vectors for"),
    ],
)
def test_an_endpoint_that_goes_wrong_midway_leaves_no_version(
    harm: dict[str, object] | None, words: str, home: tuple[Path, Settings], clinic: Path, server: EmbeddingServer,
    tmp_path: Path,
) -> None:  # fmt: skip
    """NaN, another dimension or fewer vectors after some good answers: a sentence, and nothing is registered."""

    def broken(_path: str, body: dict[str, object]) -> tuple[int, object] | None:
        texts = body["input"]
        if len(server.requests) < 4 or not isinstance(texts, list):
            return None
        rows = [{**harm, "index": n} for n in range(len(texts))] if harm is not None else []
        return 200, json.dumps({"data": rows}).encode()

    server.behaviour = broken
    opened = Workspace(tmp_path / "w", settings=override(home[1], {"remote.batch": 16, "remote.tries": 1}))
    with pytest.raises(JargonautError, match=words):
        opened.adapt(clinic, over=f"openai:{server.url}/v1#closed")
    assert not opened.layout.registry.exists()


def test_what_makes_no_sense_is_refused(made: AdaptedModel, home: tuple[Path, Settings], clinic: Path) -> None:
    """An adapter on an adapter, dimensions in a name, an unknown base."""
    del made
    opened = Workspace(home[0], settings=home[1])
    wrong = {"v1": "is an adapter itself", "base@16": "names dimensions", "nope/x/y": "no such folder"}
    for over, words in wrong.items():
        with pytest.raises(JargonautError, match=words):
            opened.adapt(clinic, over=over)


def test_typed_at_the_command_line(
    made: AdaptedModel, home: tuple[Path, Settings], clinic: Path, tmp_path: Path
) -> None:
    """The flag stands with or without a kind; flags of fine-tuning are refused; no gain is exit code 3."""
    del made
    where = ["-w", str(home[0]), "--base", home[1].base.model]
    where += [part for name, value in FAST.items() for part in ("--set", f"{name}={str(value).lower()}")]

    def typed(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["train", *arguments, *where])
        return done.exit_code, done.output + repr(done.exception or "")

    code, said = typed(str(clinic), "--adapter")
    assert (code, "version  v1" in said, "index build v1" in said) == (0, True, True), said
    code, said = typed("--adapter", "low_rank", "--json")
    assert '"kind": "low_rank"' in said
    code, said = typed("--adapter", "mlp", "--set", "adapter.lr=1e-12", "--set", "adapter.epochs=1")
    assert (code, "Nothing was registered" in said) == (3, True)
    new = Layout(tmp_path / "new")
    where[1] = str(new.root)
    code, said = typed(str(clinic), "--adapter", "mlp", "--set", "adapter.lr=1e-12", "--set", "adapter.epochs=1")
    assert code == 3, said
    assert not new.registry.exists()  # what was tried and not kept leaves no base behind
    assert "there is no adapter 'lowrank'" in typed(str(clinic), "--adapter", "lowrank")[1]
    assert "about fine-tuning" in typed("--adapter", "--loss", "gist")[1]
    assert "--over names" in typed("--over", "base")[1]
