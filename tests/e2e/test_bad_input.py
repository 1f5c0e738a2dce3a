"""Bad input as a user meets it: a clear message and exit code 2, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jargonaut.cli.main import app
from jargonaut.errors import JargonautError


def refusal(*arguments: str) -> JargonautError:
    """Runs a command that must be refused; gives the error that the entry point would print."""
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, JargonautError), result.output
    assert result.exception.exit_code == 2
    return result.exception


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """A folder without documents is refused by name."""
    (tmp_path / "docs").mkdir()
    assert "docs" in str(refusal("run", str(tmp_path / "docs"), "-w", str(tmp_path)))


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """A source that does not exist is refused by name."""
    assert "nowhere" in str(refusal("run", str(tmp_path / "nowhere"), "-w", str(tmp_path)))


def test_an_unknown_model_without_network_says_what_else_there_is(tmp_path: Path) -> None:
    """An unknown model id offline is refused with the embedded model as the remedy."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\n" + "some words that make a passage. " * 10)
    error = refusal("run", str(tmp_path / "docs"), "-w", str(tmp_path), "--base", "no-such/model")
    assert "no-such/model" in str(error)
    assert "embedded" in str(error)


@pytest.mark.slow
def test_ten_documents_are_too_few_and_it_says_so(tmp_path: Path) -> None:
    """Ten documents give too few pairs to learn from; the message has the figure and a remedy."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(10):
        body = f"Valve number {number} is opened by hand before the pump {number} is started in the plant. " * 4
        (docs / f"{number}.md").write_text(f"# How to start pump {number}\n\n{body}")
    error = refusal("run", str(docs), "-w", str(tmp_path))
    assert error.remedy


def test_broken_lines_are_counted_and_the_good_ones_go_on(tmp_path: Path) -> None:
    """A JSONL with broken lines and repeated ids keeps its good rows and lists the bad ones with their lines."""
    from jargonaut.formats import read_passages
    from jargonaut.records import BadRow

    file = tmp_path / "passages.jsonl"
    good = {"_id": "a", "text": "good"}
    file.write_text("\n".join([json.dumps(good), "{broken", json.dumps(good), '{"_id": "b"}']))
    bad: list[BadRow] = []
    assert [p.id for p in read_passages(file, bad.append)] == ["a"]
    assert [row.line for row in bad] == [2, 3, 4]


def test_labels_that_name_nothing_known_are_refused(tmp_path: Path) -> None:
    """Qrels whose ids are all unknown are refused, naming the folder."""
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    (tmp_path / "set" / "corpus.jsonl").write_text('{"_id": "p1", "text": "a passage about something"}\n')
    (tmp_path / "set" / "queries.jsonl").write_text('{"_id": "q1", "text": "a question"}\n')
    (tmp_path / "set" / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq9\tp9\t1\n")
    assert "qrels" in str(refusal("run", str(tmp_path / "set"), "-w", str(tmp_path)))


def test_the_version_is_told() -> None:
    """`--version` prints it and ends well."""
    from importlib.metadata import version

    result = CliRunner().invoke(app, ["--version"])
    assert (result.output.strip(), result.exit_code) == (version("jargonaut"), 0)


def test_an_unknown_setting_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """`--set` with a name that means nothing is refused."""
    assert "epoch" in str(refusal("run", str(tmp_path), "-w", str(tmp_path), "--set", "train.epoch=2"))


@pytest.mark.parametrize(
    ("setting", "named"),
    [("compute.device=gpu", "gpu"), ("evaluate.dims=[999]", "384"), ("bm25.language=klingon", "english"),
     ("train.freeze_layers=6", "the model has 6"), ("train.dim_weights=[1.0]", "384, 256, 128, 64"),
     ("train.symmetric=1", "true or false")],
)  # fmt: skip
def test_a_setting_that_cannot_be_met_is_refused_before_anything_is_read(
    tmp_path: Path, setting: str, named: str
) -> None:
    """A device, a dimension, a layer or a language that there is not is named at once, with what there is."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\n" + "some words that make a passage. " * 10)
    assert named in str(refusal("run", str(tmp_path / "docs"), "-w", str(tmp_path), "--set", setting))
    assert not (tmp_path / ".jargonaut").exists()


def test_search_before_any_run_says_what_to_do(tmp_path: Path) -> None:
    """Searching an empty workspace points to `jargonaut run`."""
    assert "jargonaut run" in str(refusal("search", "anything", "-w", str(tmp_path)))


@pytest.mark.parametrize(
    "command",
    [["run"], ["assess"], ["search"], ["encode"], ["init"], ["doctor"], ["demo"], ["models", "list"],
     ["models", "show"], ["models", "promote"], ["models", "rollback"], ["pairs", "add"], ["pairs", "check"],
     ["pairs", "generate"], ["pairs", "list"], ["pairs", "remove"], ["pairs", "review"], ["pairs", "stats"]],
)  # fmt: skip
def test_every_command_has_help_with_an_example_and_json(command: list[str]) -> None:
    """`--help` of every command shows an example and the `--json` flag."""
    shown = CliRunner().invoke(app, [*command, "--help"]).output
    assert "Example:" in shown
    assert "--json" in shown
