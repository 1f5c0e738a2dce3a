"""`jargonaut watch` and `jargonaut golden`: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jargonaut.cli.main import app
from jargonaut.cli.watch import seconds
from jargonaut.errors import InputError


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("0.5d", 43200)])
def test_times_are_read(text: str, value: float) -> None:
    """As people write them."""
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "0s", "1w", "1h30m", "0.1s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With an example of what is."""
    with pytest.raises(InputError, match="no time to wait"):
        seconds(text)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--once", "--every", "1h"], "different things"),
        (["--port", "9464"], "while jargonaut runs"),
        (["--accept", "--act"], "goes alone"),
        (["--accept", "--html", "x.html"], "goes alone"),
        (["--accept", "--explain"], "goes alone"),
    ],
)
def test_flags_that_contradict_are_refused(tmp_path: Path, flags: list[str], told: str) -> None:
    """Before anything is read."""
    done = CliRunner().invoke(app, ["watch", "-w", str(tmp_path), *flags])
    assert isinstance(done.exception, InputError)
    assert told in str(done.exception)


def test_a_workspace_without_a_run_says_what_to_do(tmp_path: Path) -> None:
    """No traceback, and nothing is written."""
    for command in (["watch"], ["golden", "freeze"], ["golden", "check"], ["golden", "list"]):
        done = CliRunner().invoke(app, [*command, "-w", str(tmp_path)])
        assert isinstance(done.exception, InputError)
        assert "no run has been finished" in str(done.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [[], ["g.jsonl", "--reviewed"]])
def test_golden_add_wants_one_source(tmp_path: Path, given: list[str]) -> None:
    """A file, or reviews."""
    done = CliRunner().invoke(app, ["golden", "add", "-w", str(tmp_path), *given])
    assert "what is to be added" in str(done.exception)


def test_a_golden_file_of_bad_rows_is_refused_with_the_form(tmp_path: Path) -> None:
    """The first fault and what a row should be."""
    from jargonaut.watching.goldens import _of_file

    path = tmp_path / "g.jsonl"
    rows = [{"query": ""}, {"query": "a"}, {"query": "a", "positives": []}, {"query": "a", "positives": {"p": 0}},
            {"query": "a", "positives": ["p"]}]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    bad: list[object] = []
    assert [dict(one.positives) for one in _of_file(path, bad)] == [{"p": 1}]  # type: ignore[arg-type]
    assert [row.line for row in bad] == [1, 2, 3, 4]  # type: ignore[attr-defined]
