"""`train --static` and `ladder` over one small workspace, from Python and from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jargonaut import Workspace
from jargonaut.artifacts import ensure
from jargonaut.cli.main import app
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, quiet_libraries
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError
from jargonaut.ladder import Ladder, _Climb
from jargonaut.protocols import SilentReporter
from jargonaut.registry import Registry
from jargonaut.reranking import LocalReranker
from jargonaut.schooling import Student
from jargonaut.settings import Settings, override
from tests.encoding.embedding_server import embedding_server
from tests.tinymodels import FAMILIES, built
from tests.tinysets import write_clinic

pytestmark = pytest.mark.slow

QUICK = {
    "evaluate.resamples": 200, "compute.precision": "fp32", "static.dim": 24, "static.epochs": 4, "static.lr": 0.05,
    "static.fewest": 2, "train.alphas": (), "train.batch_size": 16, "evaluate.precisions": (), "perturb.queries": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(base_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A tiny base with random weights, and hardly any work."""
    base = built(FAMILIES["bert"], base_model_path, tmp_path_factory.mktemp("base"))
    return override(Settings(), {**QUICK, "base.model": str(base)})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A workspace with settings of its own, in which a student was made and `v1` is it."""
    folder = tmp_path_factory.mktemp("climbed")
    source = write_clinic(folder / "clinic", folder / "icd")
    Workspace(folder / "w", settings=settings).train_static(source)
    return folder / "w"


@pytest.fixture(scope="module")
def student(root: Path, settings: Settings) -> Student:
    """The same student, asked for again."""
    return Workspace(root, settings=settings).train_static()


@pytest.fixture(scope="module")
def climbed(root: Path, settings: Settings, student: Student, base_model_path: Path) -> Ladder:
    """The ladder over base, student and a cross-encoder with random weights, `v2`."""
    _register_reranker(root, base_model_path)
    assert student.version.version == "v1"
    return Workspace(root, settings=settings).ladder()


def _register_reranker(root: Path, tokenizer: Path) -> None:
    from sentence_transformers import CrossEncoder

    folder = built(FAMILIES["bert"], tokenizer, root / "cross") / "plain"
    with quiet_libraries():
        CrossEncoder(str(folder), num_labels=1, device="cpu").save(str(root / "reranker"))
    _register(root, root / "reranker")


def _register(root: Path, reranker: Path) -> None:
    registry = Registry(root / ".jargonaut" / "registry.db", root / ".jargonaut" / "models")
    print_of = LocalReranker(find_model(str(reranker)), ComputeOptions()).fingerprint
    registry.register(reranker, name="cross", fingerprint=print_of, dimension=1, base="base", run_id="",
                      kind="reranker", lineage={"train_seconds": 90})  # fmt: skip


class Told(SilentReporter):
    """Keeps the lines that it is told."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def line(self, text: str) -> None:
        """Keeps one."""
        self.lines.append(text)


def typed(root: Path, *arguments: str) -> Result:
    """A command on the workspace."""
    return CliRunner().invoke(app, [*arguments, "-w", str(root)])


def test_a_student_is_a_version_of_its_own_and_is_made_once(root: Path, student: Student) -> None:
    """Kind, dimension, fingerprint and lineage; the second call found the first one's."""
    versions = Workspace(root).models()
    static = [one for one in versions if one.kind == "static"]
    assert [one.version for one in static] == ["v1"]
    assert static[0].dimension == student.dimension == 24
    assert static[0].fingerprint == static[0].searched != versions[0].fingerprint
    assert student.teacher.endswith(versions[0].name.split("/")[-1])
    assert any("base itself teaches" in notice for notice in student.notices)
    assert static[0].lineage["pairs"]
    assert static[0].lineage["train_seconds"] > 0
    assert student.entries > 30_522


def test_pairs_make_the_student_better_on_dev(student: Student) -> None:
    """The passes over the pairs are judged on dev and kept where they help; here they do."""
    assert student.best_epoch >= 1
    assert student.dev > student.dev_distilled


def test_its_index_is_built_and_searched(root: Path, settings: Settings, student: Student) -> None:
    """Own vectors, own length; the passage that repeats the query is found."""
    workspace = Workspace(root, settings=settings)
    made = workspace.index().build(student.version.version)
    assert made.info.dimension == 24
    passage = workspace.search("tuberculosis", model="v1").hits[0].passage
    assert workspace.search(passage.text, model="v1").hits[0].passage.id == passage.id


def test_it_is_evaluated_against_the_base(root: Path, settings: Settings, student: Student) -> None:
    """Vectors of 24 and of 32 components on the same queries."""
    found = Workspace(root, settings=settings).evaluate(version=student.version.version, against="base")
    assert found.deployed_dim == 24


def test_every_way_to_search_is_a_rung(climbed: Ladder) -> None:
    """BM25, base, student, their hybrids, and the reranker over the hits of both, with their costs."""
    rungs = {one.name: one for one in climbed.rungs}
    assert set(rungs) == {"BM25", "base", "base + BM25", "v1", "v1 + BM25", "v2 over base", "v2 over v1"}
    assert [rungs[name].reindex for name in ("base", "v1", "v2 over base", "v2 over v1")] == [False, True, False, True]
    assert rungs["base"].minutes == 0
    assert rungs["v2 over base"].minutes == pytest.approx(1.5)
    assert rungs["v2 over v1"].minutes == pytest.approx(1.5 + (rungs["v1"].minutes or 0))
    assert rungs["v1"].bytes_per_passage == 24 * 4
    assert rungs["base + BM25"].bytes_per_passage > rungs["base"].bytes_per_passage
    assert rungs["v2 over base"].milliseconds > rungs["base"].milliseconds > 0
    best = max(climbed.rungs, key=lambda one: one.score.difference)
    assert best.against_best.difference == 0
    assert climbed.advice.rung in rungs


def test_a_second_look_measures_nothing_again_and_thresholds_still_count(
    root: Path, settings: Settings, climbed: Ladder
) -> None:
    """Other thresholds give other advice from the same figures."""
    again = Workspace(root, settings=settings).ladder()
    assert again.reused
    assert again.rungs == climbed.rungs
    lax = override(settings, {"ladder.slack": 1.0, "ladder.most_loss": 1.0})
    other = Workspace(root, settings=lax).ladder()
    assert other.reused
    assert next(one for one in other.rungs if one.name == other.advice.rung).effort == 0


def test_what_cannot_be_measured_is_told_and_the_rest_goes_on(
    root: Path, settings: Settings, climbed: Ladder, tmp_path: Path
) -> None:
    """A retired version, and one whose files were altered."""
    copy = shutil.copytree(root, tmp_path / "w")
    registry = Workspace(copy).registry()
    registry.retire("v2")
    weights = registry.get("v1").path / "0_StaticEmbedding" / "model.safetensors"
    weights = weights if weights.exists() else next(registry.get("v1").path.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    found = Workspace(copy, settings=settings).ladder()
    assert {one.name for one in found.rungs} == {"BM25", "base", "base + BM25"}
    assert any("v2 is retired" in one for one in found.notices)
    assert any("v1 cannot be measured" in one and "altered" in one for one in found.notices)
    assert len(climbed.rungs) == 7


def test_a_reranker_that_does_not_load_is_left_out(
    root: Path, settings: Settings, climbed: Ladder, tmp_path: Path
) -> None:
    """Its files are those that were registered, and still no model: it is told, and the others are measured."""
    copy, broken = shutil.copytree(root, tmp_path / "w"), shutil.copytree(root / "reranker", tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    _register(copy, broken)
    found = Workspace(copy, settings=settings).ladder()
    assert {one.name for one in found.rungs} == {one.name for one in climbed.rungs}
    assert any("v3 cannot be measured" in one for one in found.notices)


def test_an_endpoint_that_is_down_leaves_its_versions_out(
    root: Path, settings: Settings, climbed: Ladder, tmp_path: Path
) -> None:
    """An adapter over it and the model itself are told; they are measured when it is there again, and what was sent."""
    copy = shutil.copytree(root, tmp_path / "w")
    settings = override(settings, {"remote.tries": 1, "remote.openai_price": 1.0, "adapter.epochs": 2})
    said: list[str] = []
    with embedding_server() as server:
        made = Workspace(copy, settings=settings).adapt(over=f"openai:{server.url}/v1#closed")
        assert made.version is not None
        server.behaviour = lambda _path, _body: (503, b"")
        down = Workspace(copy, settings=settings).ladder()
        assert {one.name for one in down.rungs} == {one.name for one in climbed.rungs}
        told = [one for one in down.notices if "cannot be measured" in one]
        assert [one.split()[0] for one in told] == [made.base, made.version.version]
        assert all("the endpoint fails" in one for one in told)
        server.behaviour = lambda _path, _body: None
        up = Workspace(copy, settings=settings, reporter=Told(said)).ladder()
        # The cache knows every vector now, but not how long one takes.
        server.behaviour = lambda _path, _body: (503, b"")
        other = override(settings, {"ladder.rerank_depth": 3})
        again = Workspace(copy, settings=other).ladder()
        assert {one.name for one in again.rungs} == {one.name for one in climbed.rungs}
        assert sum("cannot be measured" in one for one in again.notices) == 2
    adapter = next(one for one in up.rungs if one.name == made.version.version)
    assert (adapter.kind, adapter.reindex) == ("adapter", True)
    assert sum("tokens were sent now" in line for line in said) == 2


def test_training_counts_those_who_taught(root: Path, student: Student, climbed: Ladder, tmp_path: Path) -> None:
    """A version that learned from another one, or a reranker that began as one, took their time too, each once."""
    assert "v2 over base" in {one.name for one in climbed.rungs}
    copy = shutil.copytree(root, tmp_path / "w")
    registry = Workspace(copy).registry()
    first = registry.get("v1")
    kept = ensure(tmp_path, "train", version=1, inputs={}, options=None, build=lambda _folder: {})
    for number, (kind, options) in enumerate((
        ("static", {"train": {"teacher": "v9"}}), ("reranker", {"reranker": {"model": "v1"}}),
        ("encoder", {"train": {"teacher": "v4"}}), ("encoder", {"train": {"teacher": str(kept.path / "model")}}),
    ), start=3):  # fmt: skip
        other = shutil.copytree(first.path, tmp_path / f"{number}")
        (other / "note.json").write_text(f"{number}", encoding="utf-8")
        registry.register(other, name=kind, fingerprint=f"{number}", dimension=24, run_id="", kind=kind,  # type: ignore[arg-type]
                          base="v1" if kind == "encoder" else "base",
                          lineage={"options": options, "train_seconds": 60})  # fmt: skip
        assert registry.list()[-1].version == f"v{number}"
    climb = _Climb(Workspace(copy).layout, Settings(), registry, SilentReporter())
    own = student.version.lineage["train_seconds"] / 60
    found = [climb._minutes(registry.get(f"v{number}")) for number in (3, 4, 5, 6)]
    assert found == pytest.approx([1, 1 + own, 2 + own, 1 + own + kept.seconds / 60], abs=1e-6)


def test_a_version_that_was_taught_on_the_test_is_flagged(root: Path, settings: Settings, tmp_path: Path) -> None:
    """Pairs that hold this test's queries in train: the score is flattered, and that is said."""
    copy = shutil.copytree(root, tmp_path / "w")
    registry = Workspace(copy).registry()
    first = registry.get("v1")
    key = str(first.lineage["pairs"])
    stage = copy / ".jargonaut" / "pairs"
    leaky = shutil.copytree(stage / key, stage / "leaky")
    (leaky / "train.jsonl").write_bytes((leaky / "test.jsonl").read_bytes())
    told = json.loads((leaky / "manifest.json").read_text(encoding="utf-8"))
    told["files"]["train.jsonl"] = (leaky / "train.jsonl").stat().st_size
    (leaky / "manifest.json").write_text(json.dumps({**told, "key": "leaky"}), encoding="utf-8")
    other = shutil.copytree(first.path, tmp_path / "other")
    config = other / "config_sentence_transformers.json"
    config.write_text(config.read_text(encoding="utf-8") + "\n", encoding="utf-8")  # another fingerprint
    print_of = LocalEncoder(find_model(str(other), query_prompt="", passage_prompt="")).fingerprint
    registry.register(other, name="leaky", fingerprint=print_of, dimension=24, base="base", run_id="", kind="static",
                      query_prompt="", passage_prompt="", lineage={**first.lineage, "pairs": "leaky"})  # fmt: skip
    found = Workspace(copy, settings=settings).ladder()
    assert any("flattered" in one for one in found.notices)


def test_the_command_prints_a_table_and_writes_a_page(
    root: Path, settings: Settings, climbed: Ladder, tmp_path: Path
) -> None:
    """Text, JSON and the page say the same."""
    flags = ["--set", "evaluate.resamples=200", "--set", "compute.precision=fp32", "--html", str(tmp_path / "l.html")]
    flags += ["--set", f"base.model={settings.base.model}", "--set", "ladder.rerank_depth=50"]
    shown = typed(root, "ladder", *flags)
    assert shown.exit_code == 0, shown.output
    assert climbed.advice.sentence in shown.output
    assert "v2 over base" in (tmp_path / "l.html").read_text(encoding="utf-8")
    told = json.loads(typed(root, "ladder", *flags, "--json").stdout)
    assert told["reused"]
    assert {one["name"] for one in told["rungs"]} == {one.name for one in climbed.rungs}


def test_a_student_that_saw_no_pairs_is_told_in_json(root: Path, student: Student) -> None:
    """What was not measured is null: NaN is no JSON. And MLflow, which takes no file for a folder, is warned of."""
    (root / "file").write_text("", encoding="utf-8")
    base = Workspace(root).registry().get("base").path
    given = {**QUICK, "base.model": base, "static.epochs": 0, "registry.mlflow": (root / "file").as_uri()}
    flags = [flag for name, value in given.items() if value != () for flag in ("--set", f"{name}={value}")]
    shown = typed(root, "train", "--static", *flags, "--json")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout, parse_constant=pytest.fail)["general"] is None
    assert "MLflow did not take version" in shown.stderr
    assert student.general is not None


def test_flags_that_mean_nothing_are_refused(root: Path, student: Student) -> None:
    """A teacher without a student, one that is none, and rates that a student does not have."""
    for arguments, words in (
        (("train", "--teacher", "v1"), "--static"),
        (("train", "--static", "--teacher", "v9"), "no version 'v9'"),
        (("train", "--static", "--teacher", "v1"), "only an encoder can teach"),
        (("train", "--static", "--lr", "0.1"), "static.lr"),
        (("train", "--static", "--sweep", "2"), "--sweep is about fine-tuning"),
    ):
        failed = typed(root, *arguments)
        assert isinstance(failed.exception, InputError), arguments
        assert words in str(failed.exception)
    assert student.version.version == "v1"


def test_a_workspace_without_versions_has_no_ladder(tmp_path: Path) -> None:
    """It says what to do first."""
    with pytest.raises(InputError, match="jargonaut run"):
        Workspace(tmp_path).ladder()
