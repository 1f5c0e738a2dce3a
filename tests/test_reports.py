"""What reading a run back, and judging runs made elsewhere beside it, promises."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from jargonaut import Workspace, formats
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.layout import Layout
from jargonaut.protocols import Item
from jargonaut.records import Qrel
from jargonaut.reports import find_run, finished_runs
from tests.finishedruns import COUNT, finished, outside

NEWER = "2026-05-01T10:00:00+00:00"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two finished runs, `a1…` older than `b2…`, and a folder that is still being built."""
    root = tmp_path_factory.mktemp("reported")
    runs = Layout(root).runs
    finished(runs / "b2222", created=NEWER)
    finished(runs / "a1111")
    shutil.copytree(runs / "b2222", runs / ".building-b2222-1")
    groups = Layout(root).stage("pairs") / "abc" / "groups.json"
    groups.parent.mkdir(parents=True)
    groups.write_text(json.dumps({f"p{i}": f"d{i // 6}" for i in range(COUNT)}), encoding="utf-8")
    return root


def test_the_newest_run_is_meant(made: Path) -> None:
    """Newest by what its report says, whatever the files' times and names are; a half-built one is none."""
    os.utime(made / ".jargonaut/runs/a1111/report.json")
    assert [run.id for run in finished_runs(Layout(made))] == ["a1111", "b2222"]
    assert find_run(Layout(made)).id == "b2222"


@pytest.mark.parametrize("wanted", ["a1111", "a", "{}/.jargonaut/runs/a1111", "{}/.jargonaut/runs/a1111/report.html"])
def test_a_run_is_found_by_name_beginning_or_place(made: Path, wanted: str) -> None:
    """Its id, how that begins, its folder, or a file in it."""
    (made / ".jargonaut/runs/a1111/report.html").touch()
    assert find_run(Layout(made), wanted.format(made)).id == "a1111"


@pytest.mark.parametrize("wanted", ["zz", "", "/nowhere"])
def test_a_run_that_is_not_there_is_told_with_those_that_are(made: Path, wanted: str) -> None:
    """The remedy names the runs that there are."""
    with pytest.raises(InputError) as refused:
        find_run(Layout(made), wanted)
    assert "b2222" in str(refused.value)


def test_without_a_run_the_way_to_one_is_told(tmp_path: Path) -> None:
    """A workspace that ran nothing says how to run."""
    with pytest.raises(InputError, match="no run has been finished"):
        find_run(Layout(tmp_path))


@pytest.mark.parametrize("form", ["html", "md", "json", "card", "text"])
def test_every_form_is_made_of_what_the_run_left(made: Path, form: str) -> None:
    """Nothing is measured: report.json and the scores beside it are enough, and the run's folder stays as it is."""
    workspace = Workspace(made)
    run = workspace.report()
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    text = workspace.rendered(run, form)
    assert "manuals" in text if form == "card" else run.report.verdict.sentence.split("(")[0] in text
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("file", "text"), [("report.json", "{"), ("report.json", "[]"), ("report.json", "{}"), ("per_query.parquet", None)]
)
def test_a_damaged_run_is_told(tmp_path: Path, file: str, text: str | None) -> None:
    """A report that is cut, or whose scores are gone, is named with its file; no traceback, no half a page."""
    folder = finished(tmp_path / ".jargonaut/runs/c3")
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text, encoding="utf-8")
    workspace = Workspace(tmp_path)
    with pytest.raises(MismatchError) as refused:
        workspace.rendered(workspace.report(), "html")
    assert file in str(refused.value)


def test_a_run_made_elsewhere_is_judged_against_ours(made: Path, tmp_path: Path) -> None:
    """Against our tuned model, on our judgements, drawn by our document groups."""
    found = Workspace(made).judge_runs([outside(tmp_path, "theirs.run", [4] * COUNT)])
    assert [one.name for one in found.runs] == ["tuned-64", "theirs"]
    assert (found.queries, found.groups) == (COUNT, COUNT // 6)
    difference = found.of("theirs", "MRR@10")
    assert difference is not None
    assert difference.difference == pytest.approx(1 / 4 - 1)


def test_another_of_our_systems_or_any_run_may_be_the_baseline(made: Path, tmp_path: Path) -> None:
    """`against` names one of ours or a file; what is neither is refused with the names that there are."""
    theirs = outside(tmp_path, "theirs.run", [4] * COUNT)
    assert Workspace(made).judge_runs([theirs], against="base-64").runs[0].name == "base-64"
    other = outside(tmp_path, "other.run", [1] * COUNT)
    assert Workspace(made).judge_runs([theirs], against=str(other)).runs[0].name == "other"
    with pytest.raises(InputError, match="base-64, tuned-64"):
        Workspace(made).judge_runs([theirs], against="tuned-63")


def test_judgements_of_others_need_no_workspace(tmp_path: Path) -> None:
    """With judgements given, runs are compared with the first of them, wherever one is; equal names keep apart."""
    one, two = (outside(tmp_path / place, "bm25.run", [rank] * COUNT) for place, rank in (("a", 1), ("b", 3)))
    qrels = tmp_path / "test.tsv"
    formats.write_qrels(qrels, [Qrel(f"q{i}", f"p{i}", 1) for i in range(COUNT)])
    found = Workspace(tmp_path).judge_runs([one, two], qrels)
    assert [run.name for run in found.runs] == [str(one), str(two)]


@pytest.mark.parametrize("row", ["q1 Q0 p9 99 nan x", "q1 Q0 p1 99 0.1 x", "q1 p9 0.1"])
def test_a_run_with_a_row_that_cannot_be_used_is_not_scored(made: Path, tmp_path: Path, row: str) -> None:
    """NaN, a passage twice, a missing column: the run is refused with file and line, for the rest is another run."""
    path = outside(tmp_path, "theirs.run", [1] * COUNT)
    path.write_text(path.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        Workspace(made).judge_runs([path])
    assert f"{path}:{COUNT * 20 + 1}: " in str(refused.value)


def test_empty_files_are_told(made: Path, tmp_path: Path) -> None:
    """A run or judgements without a row are no zeros."""
    empty = tmp_path / "empty.run"
    empty.touch()
    with pytest.raises(InputError, match="no answer in this run"):
        Workspace(made).judge_runs([empty])
    with pytest.raises(InputError, match="no judgement in this file"):
        Workspace(made).judge_runs([outside(tmp_path, "theirs.run", [1] * COUNT)], empty)


def test_scores_that_fall_where_ranks_rise_are_warned_of(made: Path, tmp_path: Path) -> None:
    """Distances in place of similarities turn a run around: it is scored as trec_eval does, and said."""
    told: list[str] = []

    class Listening:
        """A reporter that keeps warnings."""

        def line(self, text: str) -> None:
            """Says nothing."""

        def warn(self, text: str) -> None:
            """Keeps it."""
            told.append(text)

        def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
            """Passes `items` through."""
            del description, total
            yield from items

    path = tmp_path / "distances.run"
    rows = (f"q{q} Q0 p{(q + r) % COUNT} {r + 1} {r / 10} x" for q in range(COUNT) for r in range(5))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = Workspace(made, reporter=Listening()).judge_runs([path])
    assert found.runs[1].scores.mean("success@1") == 0
    assert any("ranks tell another order than the scores" in line for line in told)


def test_unknown_forms_are_refused(made: Path) -> None:
    """A form that there is none of is told with those that there are."""
    workspace = Workspace(made)
    with pytest.raises(JargonautError, match="no form 'pdf'"):
        workspace.rendered(workspace.report(), "pdf")
