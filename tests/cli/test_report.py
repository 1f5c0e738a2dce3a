"""`jargonaut report` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jargonaut.cli.main import app
from jargonaut.errors import JargonautError
from tests.finishedruns import COUNT, finished, outside


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run."""
    folder = tmp_path_factory.mktemp("typed")
    finished(folder / ".jargonaut/runs/abc123")
    return folder


def typed(*arguments: str) -> str:
    """Standard output of the program; what it refuses is raised."""
    done = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_page_is_written_beside_the_runs(root: Path) -> None:
    """The page lies under `reports/`, so that the run's own folder stays as it was; its place is printed."""
    told = Path(typed("-w", str(root)).strip())
    assert told == root / ".jargonaut/reports/abc123.html"
    assert "</html>" in told.read_text(encoding="utf-8")


def test_other_forms_go_to_standard_output_or_a_file(root: Path, tmp_path: Path) -> None:
    """JSON is all there is on stdout; `--out` writes a file instead."""
    assert json.loads(typed("abc", "--format", "json", "-w", str(root)))["verdict"] == "ship"
    assert typed("--format", "md", "-w", str(root)).startswith("## ")
    target = tmp_path / "new" / "README.md"
    assert typed("--format", "card", "-o", str(target), "-w", str(root)).strip() == str(target)
    assert target.read_text(encoding="utf-8").startswith("---\n")


def test_runs_made_elsewhere_are_judged_in_every_form(root: Path, tmp_path: Path) -> None:
    """A table on stdout if nothing else is said; JSON for scripts; a page where it is wanted."""
    flags = ("--run", str(outside(tmp_path, "theirs.run", [4] * COUNT)), "-w", str(root))
    assert "theirs" in typed(*flags)
    assert json.loads(typed(*flags, "--format", "json"))["baseline"] == "tuned-64"
    assert "</html>" in Path(typed(*flags, "--format", "html").strip()).read_text(encoding="utf-8")
    assert json.loads(typed(*flags, "--against", "base-64", "--format", "json"))["baseline"] == "base-64"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--format", "pdf"), "no form 'pdf'"),
        (("--format", "md", "--open"), "md is no page"),
        (("--qrels", "x.tsv"), "--qrels says nothing without --run"),
        (("--against", "base-64"), "--against says nothing without --run"),
        (("abc123", "--run", "x.run"), "do not go together"),
        (("--run", "x.run", "--format", "card"), "no form 'card'"),
        (("--run", "nowhere.run"), "nowhere.run"),
        (("zzz",), "no run 'zzz'"),
        (("-o", "."), "this is a folder"),
    ],
)
def test_flags_that_mean_nothing_are_refused(root: Path, flags: tuple[str, ...], told: str) -> None:
    """Each is named in a sentence; none is passed over."""
    with pytest.raises(JargonautError) as refused:
        typed(*flags, "-w", str(root))
    assert told in str(refused.value)
