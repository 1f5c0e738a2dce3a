"""`evaluate`: two registered versions on judged queries, from Python and from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from jargonaut import Workspace
from jargonaut.cli.main import app
from jargonaut.encoders import base_model, cached_encoder
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError
from jargonaut.examination import Examination
from jargonaut.formats import write_beir
from jargonaut.general_knowledge import general_knowledge
from jargonaut.layout import Layout
from jargonaut.pairing import prepare_pairs
from jargonaut.protocols import SilentReporter
from jargonaut.records import Passage, Qrel, Query
from jargonaut.registry import Registry
from jargonaut.settings import Settings, override
from jargonaut.sources import open_source, prepare_corpus

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

QUICK = {"evaluate.resamples": 500, "evaluate.dims": (16, 32), "evaluate.precisions": ("binary",)}


def write_set(folder: Path, parts: dict[str, slice]) -> Path:
    """Some of the general knowledge that ships with the package, as a BEIR folder."""
    known = general_knowledge()
    kept = {name: [Qrel(p.query_id, p.passage_id, 1) for p in known.pairs[which]] for name, which in parts.items()}
    passages = [Passage(id_, text) for id_, text in known.texts.items()]
    write_beir(folder, passages, [Query(pair.query_id, pair.query) for pair in known.pairs], kept)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Few resamples and dimensions."""
    return override(Settings(), QUICK)


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory,
    base_model_path: Path,
    tiny_model: Callable[[str], SentenceTransformer],
    settings: Settings,
) -> Path:
    """A random model as `base`; `v1`, which is all-MiniLM-L6-v2, with the pairs that it was "tuned" on."""
    root = tmp_path_factory.mktemp("examined")
    layout, silent = Layout(root), SilentReporter()
    source = write_set(root / "set", {"train": slice(0, 200), "dev": slice(200, 260), "test": slice(260, None)})
    corpus = prepare_corpus(open_source(source, settings), base_model(settings), settings, layout, silent)
    encoder = cached_encoder(base_model(settings), settings, layout, silent)
    pairs = prepare_pairs(corpus, encoder, settings, layout, silent)
    tiny_model("bert").save(str(root / "tiny"))
    registry = Registry(layout.registry, layout.models)
    tiny = LocalEncoder(find_model(str(root / "tiny")))
    registry.register_base(root / "tiny", name="tiny", fingerprint=tiny.fingerprint, dimension=tiny.dimension)
    real = LocalEncoder(find_model(str(base_model_path)))
    lineage = {"pairs": pairs.artifact.key, "corpus": corpus.artifact.key, "dimension": 32, "source": str(source)}
    registry.register(
        base_model_path, name="real", fingerprint=real.fingerprint, dimension=real.dimension, base="base",
        run_id="by hand", lineage=lineage,
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def found(workspace: Path, settings: Settings) -> Examination:
    """The newest version against its base, on its own test split."""
    return Workspace(workspace, settings=settings).evaluate()


def test_the_newest_version_meets_its_base_on_its_own_test_split(found: Examination) -> None:
    """Every system of both is scored on test alone, and a real model beats a random one."""
    assert (found.version, found.against, found.queries, found.deployed_dim) == ("v1", "base", 161, 32)
    assert found.verdict.name == "ship"
    kinds = {(one.kind, one.dim, one.precision) for one in found.systems}
    for role in ("base", "tuned"):
        assert {(role, 16, "float32"), (role, 32, "float32"), (role, 16, "binary"), (role, 32, "binary")} <= kinds
        assert {(f"hybrid-{role}", 32, "float32"), (f"weighted-{role}", 32, "float32")} <= kinds
    assert set(found.weights) == {"weighted-base", "weighted-tuned"}
    assert all(one.storage and one.latency for one in found.systems)
    assert "v1" in found.table()
    assert found.front


def test_two_versions_are_looked_at_from_all_sides(found: Examination, workspace: Path, settings: Settings) -> None:
    """Slices, other wordings, forgetting and savings reach record, JSON, page and gate, as in a run."""
    told = found.to_json()["scrutiny"]
    assert {one["name"] for one in told["conditions"]} == {"typos", "shorter", "keywords", "paraphrase"}
    assert {one["by"] for one in told["slices"]} >= {"kind", "query length", "vocabulary"}
    assert told["forgetting"]["limit"] == settings.evaluate.forgetting_limit
    large = sum(one["eligible"] for one in told["slices"])
    assert any(reason.startswith(f"Worst of {large} slices: ") for reason in found.verdict.reasons)
    page = Workspace(workspace, settings=settings).report(str(found.folder)).report
    assert page.scrutiny is not None
    assert (found.folder / "label_errors.jsonl").exists() == bool(page.scrutiny.label_errors.all)


def test_what_was_found_lies_in_the_runs_folder(found: Examination) -> None:
    """Per-query scores, TREC runs and qrels, and the systems as they are read back."""
    names = {path.name for path in found.folder.iterdir()}
    assert {"per_query.parquet", "systems.json", "examination.json", "trec"} <= names
    assert (found.folder / "trec" / "test.qrels").read_text().count("\n") == 161
    assert (found.folder / "trec" / "weighted-tuned-32.run").exists()


def test_the_same_again_is_read_and_not_measured(found: Examination, workspace: Path, settings: Settings) -> None:
    """A second call gives the very record of the first, times included."""
    again = Workspace(workspace, settings=settings).evaluate()
    assert again.to_json() == found.to_json()


def test_the_live_pointer_and_the_registry_stay_as_they_are(found: Examination, workspace: Path) -> None:
    """Evaluating leaves no event and makes nothing live."""
    registry = Workspace(workspace).registry()
    assert found.version == "v1"
    assert registry.live() is None
    assert [event.kind for event in registry.events()] == ["registered", "registered"]


def test_the_command_prints_json_and_says_no_with_3(workspace: Path) -> None:
    """The worse version is not shipped: exit code 3, and the verdict with its rule in JSON."""
    values = {name: json.dumps(value) for name, value in QUICK.items()}
    flags = [flag for name, value in values.items() for flag in ("--set", f"{name}={value}")]
    arguments = ["evaluate", "-w", str(workspace), "--version", "base", "--against", "v1", "--json", *flags]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3, result.output
    told = json.loads(result.stdout)
    assert (told["verdict"], told["rule"], told["against"]) == ("dont_ship", "worse", "v1")
    assert {"name", "dim", "precision", "bytes_per_passage", "milliseconds_per_query", "metrics"} <= told["systems"][
        0
    ].keys()


def test_a_labelled_set_tests_by_all_its_test_judgements(
    found: Examination, workspace: Path, settings: Settings, tmp_path: Path
) -> None:
    """Without dev no weight is fitted, which is said, as is what a version was trained on."""
    told = list[str]()

    class Listener(SilentReporter):
        def warn(self, text: str) -> None:
            told.append(text)

    source = write_set(tmp_path / "other", {"test": slice(190, 260)})
    other = Workspace(workspace, settings=settings, reporter=Listener()).evaluate(source)
    assert (other.queries, other.weights) == (70, {})
    assert {one["by"] for one in other.scrutiny["slices"]}.isdisjoint({"vocabulary", "document"})  # train is not known
    assert not (other.folder / "label_errors.jsonl").exists()  # its passages are not this workspace's
    assert other.folder != found.folder
    assert any(text.startswith("v1 was trained on 10 of these queries") for text in told)
    assert any("no dev judgements" in text for text in told)


def test_judgements_of_unknown_passages_are_left_out_and_counted(
    workspace: Path, settings: Settings, tmp_path: Path
) -> None:
    """They lower no score, and the number is told."""
    source = write_set(tmp_path / "set", {"test": slice(0, 30)})
    with (source / "qrels" / "test.tsv").open("a") as stream:
        stream.write(f"{general_knowledge().pairs[0].query_id}\tnowhere\t1\n")
    result = Workspace(workspace, settings=settings).evaluate(source)
    assert result.queries == 30
    assert any("1 judgements name an unknown passage" in notice for notice in result.notices)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"version": "v9"}, "v9"),
        ({"version": "base"}, "--against"),
        ({"against": "v1"}, "itself"),
        ({"source": "nowhere"}, "no such file"),
        ({"source": "tiny"}, "this is none"),
    ],
)
def test_what_cannot_be_compared_is_named(
    workspace: Path, settings: Settings, arguments: dict[str, str], words: str
) -> None:
    """Unknown versions, one version twice, and sources that are no labelled set are answered in words."""
    if "source" in arguments:
        arguments = {**arguments, "source": str(workspace / arguments["source"])}
    with pytest.raises(InputError, match=words):
        Workspace(workspace, settings=settings).evaluate(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("grades", "words"), [({"train": 1}, "no test split"), ({"test": 0}, "score above 0"), ({"x": 1}, "none of")]
)
def test_a_set_without_a_usable_test_is_refused(
    workspace: Path, settings: Settings, tmp_path: Path, grades: dict[str, int], words: str
) -> None:
    """No test split, or grades of 0 alone, is said, with what to do; never a score of 0."""
    source = write_set(tmp_path / "set", {})
    (source / "qrels").mkdir(exist_ok=True)
    asked = general_knowledge().pairs[:20]
    for name, grade in grades.items():
        rows = "".join(f"{pair.query_id}\t{pair.passage_id}\t{grade}\n" for pair in asked)
        (source / "qrels" / f"{name}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    with pytest.raises(InputError, match=words) as caught:
        Workspace(workspace, settings=settings).evaluate(source)
    assert "test.tsv" in str(caught.value)


def test_pairs_that_are_gone_are_not_made_up(workspace: Path, settings: Settings, tmp_path: Path) -> None:
    """Where a version's pairs were removed, a labelled set is asked for."""
    copy = shutil.copytree(workspace, tmp_path / "copy")
    shutil.rmtree(copy / ".jargonaut" / "pairs")
    with pytest.raises(InputError, match="lost the pairs"):
        Workspace(copy, settings=settings).evaluate(version="v1")
