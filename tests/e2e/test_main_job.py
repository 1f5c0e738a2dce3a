"""The main job as a user runs it: the real command line, the real model, small real data."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from jargonaut.demo import write_demo
from jargonaut.formats import read_passages, read_qrels, read_queries, write_beir
from jargonaut.records import SPLITS

COMMAND = [sys.executable, "-m", "jargonaut"]
# One epoch and two steps from base to tuned: to judge each of five takes longer than to train on this little.
QUICK = ["--set", "train.epochs=1", "--set", "train.alphas=[0.5, 1.0]", "--set", "evaluate.resamples=500"]
OFTEN = ["--set", "compute.checkpoint_minutes=0.0001"]
KILLS = 20


def jargonaut(*arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=environment, check=False)
    assert code is None or done.returncode == code, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set cut from ICD-10-CM: 240 train, 40 dev and 60 test queries over their passages."""
    full = tmp_path_factory.mktemp("icd")
    small = tmp_path_factory.mktemp("clinic")
    write_demo(full)
    ignore = list[object]().append
    judged = {name: list(read_qrels(full / "qrels" / f"{name}.tsv", ignore)) for name in SPLITS}
    kept = {}
    for name, count in (("train", 240), ("dev", 40), ("test", 60)):
        wanted = list(dict.fromkeys(j.query_id for j in judged[name] if j.relevance > 0))[:count]
        kept[name] = [j for j in judged[name] if j.query_id in set(wanted)]
    named = {j.passage_id for rows in kept.values() for j in rows}
    asked = {j.query_id for rows in kept.values() for j in rows}
    passages = [p for p in read_passages(full / "corpus.jsonl", ignore) if p.id in named]
    queries = [q for q in read_queries(full / "queries.jsonl", ignore) if q.id in asked]
    write_beir(small, passages, queries, kept)
    return small


@pytest.fixture(scope="module")
def timed(clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A workspace with one finished run, and the seconds that it took."""
    workspace = tmp_path_factory.mktemp("workspace")
    started = time.monotonic()
    jargonaut("run", str(clinic), "-w", str(workspace), *QUICK, code=None)
    return workspace, time.monotonic() - started


@pytest.fixture(scope="module")
def finished(timed: tuple[Path, float]) -> Path:
    """A workspace with one finished run."""
    return timed[0]


def report_of(workspace: Path) -> dict[str, object]:
    """The only run's report; what `evaluate` wrote lies beside it."""
    found = (workspace / ".jargonaut" / "runs").glob("*/report.json")
    (path,) = (path for path in found if not (path.parent / "examination.json").exists())
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


@pytest.mark.slow
def test_a_run_leaves_report_scores_and_trec_files(finished: Path) -> None:
    """A run writes report.html, report.json with the keys scripts use, per-query scores, TREC runs and qrels."""
    report = report_of(finished)
    assert report["verdict"] in {"ship", "dont_ship", "no_measurable_difference"}
    assert {"systems", "comparisons", "counts", "leakage", "timings", "scrutiny"} <= report.keys()
    scrutiny = report["scrutiny"]
    assert isinstance(scrutiny, dict)
    assert {one["name"] for one in scrutiny["conditions"]} >= {"typos", "paraphrase"}
    assert scrutiny["sentences"]["forgetting"]
    (folder,) = (finished / ".jargonaut" / "runs").glob("[!.]*")
    assert {"report.html", "report.json", "per_query.parquet", "trec"} <= {p.name for p in folder.iterdir()}
    assert (folder / "trec" / "test.qrels").exists()


@pytest.mark.slow
def test_json_tells_a_script_what_to_deploy(finished: Path, clinic: Path) -> None:
    """`run --json` is the report with the version, its index, what is live, and nothing else on stdout."""
    told = json.loads(jargonaut("run", str(clinic), "-w", str(finished), *QUICK, "--json", code=None).stdout)
    assert (told["version"]["version"], told["index"]["count"]) == ("v1", told["counts"]["passages"])
    assert Path(told["version"]["path"]).is_dir()
    assert told["live"]["version"] == ("v1" if told["verdict"] == "ship" else "base")
    assert (told["version"]["status"] == "live") == (told["verdict"] == "ship")


@pytest.mark.slow
def test_a_run_measures_every_number_format_and_says_which_rule_decided(finished: Path) -> None:
    """report.json has int8, binary and weighted systems with their bytes, the Pareto front and the gate's rule."""
    report = report_of(finished)
    systems = report["systems"]
    assert isinstance(systems, list)
    kinds = {(one["kind"], one["precision"]) for one in systems}
    assert {("tuned", "int8"), ("tuned", "binary+rescore"), ("weighted-tuned", "float32")} <= kinds
    assert all(one["bytes_per_passage"] for one in systems)
    assert report["pareto"]
    assert isinstance(report["rule"], str)


@pytest.mark.slow
def test_a_version_is_evaluated_on_its_own_test_split(finished: Path) -> None:
    """`evaluate` finds what the run found, and leaves the live pointer alone."""
    before = jargonaut("models", "list", "-w", str(finished)).stdout
    told = json.loads(jargonaut("evaluate", "-w", str(finished), *QUICK, "--json", code=None).stdout)
    report = report_of(finished)
    assert (told["version"], told["against"], told["verdict"]) == ("v1", "base", report["verdict"])
    assert isinstance(report["systems"], list)
    tuned = {one["dim"]: one["metrics"]["nDCG@10"] for one in report["systems"]
             if (one["kind"], one["precision"]) == ("tuned", "float32")}  # fmt: skip
    again = {one["dim"]: one["metrics"]["nDCG@10"] for one in told["systems"]
             if (one["kind"], one["precision"]) == ("tuned", "float32")}  # fmt: skip
    assert again == tuned  # the same vectors, from the cache
    assert jargonaut("models", "list", "-w", str(finished)).stdout == before


@pytest.mark.slow
def test_a_given_split_without_overlap_counts_no_leak(finished: Path) -> None:
    """Every leakage count in the report is a computed zero."""
    leakage = report_of(finished)["leakage"]
    assert isinstance(leakage, dict)
    assert leakage
    assert not any(leakage.values())


@pytest.mark.slow
def test_the_registered_model_gives_the_same_vectors_in_plain_sentence_transformers(finished: Path) -> None:
    """The model folder loads with SentenceTransformer and agrees with our encoder (cosine > 0.9999)."""
    from sentence_transformers import SentenceTransformer

    from jargonaut.encoding.local import LocalEncoder
    from jargonaut.encoding.models import find_model

    folder = finished / ".jargonaut" / "models" / "v1"
    texts = ["heart attack", "Typhoid fever with complications", "broken leg"]
    ours = LocalEncoder(find_model(str(folder))).encode_passages(texts)
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True)
    assert ((ours * theirs).sum(axis=1) > 0.9999).all()


@pytest.mark.slow
def test_a_second_run_does_nothing_again(finished: Path, clinic: Path) -> None:
    """The same command again reuses every stage and registers no second version."""
    again = jargonaut("run", str(clinic), "-w", str(finished), *QUICK, code=None)
    assert again.stderr.count("(done before)") >= 5
    versions = json.loads(jargonaut("models", "list", "-w", str(finished), "--json").stdout)
    assert [v["version"] for v in versions] == ["base", "v1"]


@pytest.mark.slow
def test_search_answers_with_both_versions(finished: Path) -> None:
    """`search --compare` gives hits of the named version and of the base."""
    out = jargonaut(
        "search", "heart attack", "-w", str(finished), "--model", "v1", "--compare", "base", "-k", "3", "--json"
    )
    tuned, base = json.loads(out.stdout)
    assert (tuned["version"], base["version"]) == ("v1", "base")
    assert len(tuned["hits"]) == len(base["hits"]) == 3


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety Markdown files in nested folders: categories of ICD-10-CM, their codes as headings over their terms."""
    with warnings.catch_warnings():  # it asks for its own files in a deprecated way
        warnings.simplefilter("ignore")
        import simple_icd_10_cm as icd

    folder = tmp_path_factory.mktemp("hand book")
    for chapter in ("9", "10", "11"):
        categories = [code for code in icd.get_descendants(chapter) if icd.is_category(code)][:30]
        for category in categories:
            lines = [f"# {icd.get_description(category)}"]
            for code in icd.get_children(category):
                terms = [*icd.get_inclusion_term(code), *map(icd.get_description, icd.get_children(code))]
                body = "; ".join([*terms, *icd.get_excludes1(code), *icd.get_excludes2(code)])
                lines += [f"## {icd.get_description(code)}", f"This code is used for {body}."]
            path = folder / f"chapter {chapter}" / f"{category}.md"
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def read(handbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run over documents without labels."""
    workspace = tmp_path_factory.mktemp("work space")
    settings = [*QUICK, "--set", "evaluate.deployed_dim=128"]
    jargonaut("run", str(handbook), "-w", str(workspace), *settings, code=None)
    return workspace


@pytest.mark.slow
def test_documents_without_labels_make_their_own_pairs(read: Path) -> None:
    """Headings become queries, our split leaks nothing, overlap is told, and so is where the pairs came from."""
    report = report_of(read)
    counts, leakage, overlap = report["counts"], report["leakage"], report["overlap"]
    assert isinstance(counts, dict)
    assert isinstance(leakage, dict)
    assert isinstance(overlap, dict)
    assert counts["documents"] == 90
    assert min(counts["train"], counts["dev"], counts["test"]) >= 5
    assert not any(leakage.values())
    assert 0 < overlap["mean"] < 1
    assert any("own structure" in notice for notice in report["notices"])  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_deployed_dimension_is_trained_judged_and_indexed(read: Path) -> None:
    """With 128 dimensions deployed, the verdict, the hybrids and the index are 128-d, and a search works."""
    report = report_of(read)
    systems = report["systems"]
    assert isinstance(systems, list)
    assert report["deployed_dim"] == 128
    assert {s["dim"] for s in systems if s["kind"].startswith("hybrid")} == {128}
    found = json.loads(jargonaut("search", "gastric ulcer", "-w", str(read), "--model", "v1", "--json").stdout)
    assert len(found["hits"]) == 10


@pytest.mark.slow
def test_promotion_and_rollback_by_hand(read: Path) -> None:
    """A version is promoted and rolled back from the command line, and searches follow."""
    where = ("-w", str(read))

    def searched() -> str:
        return str(json.loads(jargonaut("search", "asthma", *where, "--json").stdout)["version"])

    first = searched()
    other = "base" if first == "v1" else "v1"
    jargonaut("models", "promote", other, *where)
    assert searched() == other
    jargonaut("models", "rollback", *where)
    assert searched() == first


@pytest.mark.slow
def test_a_jsonl_of_passages_is_a_source_too(handbook: Path, tmp_path: Path) -> None:
    """Titles become queries; from Python the same result has a table."""
    from jargonaut import Workspace
    from jargonaut.settings import Settings, override

    rows = []
    for path in sorted(handbook.rglob("*.md")):
        title, _, text = path.read_text(encoding="utf-8").partition("\n")
        rows.append(json.dumps({"_id": path.stem, "title": title.removeprefix("# "), "text": text.strip()}))
    source = tmp_path / "passages.jsonl"
    source.write_text("\n".join(rows), encoding="utf-8")
    settings = override(Settings(), {"train.epochs": 1, "train.alphas": (0.5, 1.0), "evaluate.resamples": 500})
    result = Workspace(tmp_path / "w", settings=settings).run(source)
    assert "tuned" in result.table()
    assert result.version.version == "v1"
    assessed = Workspace(tmp_path / "w", settings=settings).assess(source)
    assert assessed.verdict == result.report["assessment"]["verdict"]


@pytest.mark.slow
def test_control_c_says_that_it_goes_on_from_here(clinic: Path, tmp_path: Path) -> None:
    """An interrupted run ends with a sentence and code 130."""
    with subprocess.Popen(
        [*COMMAND, "run", str(clinic), "-w", str(tmp_path / "w"), *QUICK],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "pairs" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "goes on from here" in rest
    assert "Traceback" not in rest


def outcome(workspace: Path) -> dict[str, object]:
    """What must not depend on kills: pairs, splits, negatives and metrics, rounded to float noise."""
    home = workspace / ".jargonaut"
    (pairs,) = (home / "pairs").glob("[!.]*")
    files = {name: (pairs / f"{name}.jsonl").read_text() for name in SPLITS}
    (triplets,) = (home / "negatives").glob("[!.]*/triplets.jsonl")
    systems = report_of(workspace)["systems"]
    assert isinstance(systems, list)
    metrics = {(s["name"], s["dim"]): {k: round(v, 2) for k, v in s["metrics"].items()} for s in systems}
    return {"pairs": files, "negatives": triplets.read_text(), "metrics": metrics}


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(timed: tuple[Path, float], clinic: Path, tmp_path: Path) -> None:
    """Kill -9 at 20 random moments, then the same command: the same pairs, splits, negatives and metrics.

    A run that ends before it is killed is not counted: its outcome is compared and the next one starts from nothing.
    """
    draw = random.Random(13)
    finished, whole = timed
    wanted = outcome(finished)
    assert '"negative_ids": ["' in str(wanted["negatives"])
    workspace, kills, round_ = tmp_path / "killed-0", 0, 0
    while kills < KILLS:
        process = subprocess.Popen(
            [*COMMAND, "run", str(clinic), "-w", str(workspace), *QUICK, *OFTEN],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        try:
            code = process.wait(timeout=draw.uniform(0.2, whole))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code == -signal.SIGKILL:
            kills += 1
        else:  # it ended by itself, perhaps between the time-out and the kill
            assert code in {0, 3}
            assert outcome(workspace) == wanted
            whole *= 0.7  # the machine was busier when the first run was timed; soon most runs are killed again
            round_ += 1
            workspace = tmp_path / f"killed-{round_}"
    jargonaut("run", str(clinic), "-w", str(workspace), *QUICK, code=None)
    assert outcome(workspace) == wanted


def losses(workspace: Path) -> dict[str, list[tuple[int, float]]]:
    """Everything that the only training of a workspace counted."""
    (path,) = (workspace / ".jargonaut" / "training").glob("[!.]*/training.json")
    counted: dict[str, list[tuple[int, float]]] = json.loads(path.read_text())
    return counted


@pytest.mark.slow
def test_a_training_killed_within_an_epoch_goes_on_in_it(clinic: Path, tmp_path: Path) -> None:
    """Kill -9 after some steps, then the same command: no step again, and losses as if nothing had happened."""
    options = [*QUICK, "--set", "train.batch_size=12", "--set", "train.dropout=true"]
    jargonaut("run", str(clinic), "-w", str(tmp_path / "whole"), *options, code=None)
    workspace = tmp_path / "killed"
    process = subprocess.Popen(
        [*COMMAND, "run", str(clinic), "-w", str(workspace), *options, *OFTEN],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    written = workspace / ".jargonaut" / "checkpoints"
    deadline = time.monotonic() + 300
    while not list(written.glob("*/step-[5-9]")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    again = jargonaut("run", str(clinic), "-w", str(workspace), *options, code=None)
    assert re.search(r"goes on after step \d+ of at most 20", again.stderr)
    assert losses(workspace) == losses(tmp_path / "whole")
    assert not list(written.glob("*"))


@pytest.mark.slow
def test_two_processes_run_the_whole_story(clinic: Path, finished: Path, tmp_path: Path) -> None:
    """Under torchrun the first process does everything, the others share its training; a second run finds it done."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "jargonaut"]
    for _ in range(2):
        done = subprocess.run(
            [*launch, "run", str(clinic), "-w", str(tmp_path), *QUICK, "--json"],
            capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        assert "verdict" in json.loads(done.stdout)
    together, alone = losses(tmp_path), losses(finished)
    assert [loss for _, loss in together["losses"]] == pytest.approx([loss for _, loss in alone["losses"]], rel=1e-3)
