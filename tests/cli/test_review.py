"""`pairs review`, by lines from stdin and by keys on a real terminal."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from jargonaut.errors import InputError
from jargonaut.pairs.review import DecisionStore

from .reviewing import LONG, app

HERE = Path(__file__).parent


def run(folder: Path, typed: str = "", *flags: str) -> Result:
    """Runs the command with answers on stdin, at 80 columns."""
    environment = {"COLUMNS": "80", "NO_COLOR": None, "TERM": "dumb"}
    return CliRunner(env=environment).invoke(app, ["review", "-w", str(folder), "--reviewer", "anna", *flags], typed)


def verdicts(folder: Path) -> list[str]:
    """What is stored, in order."""
    return [row.decision.verdict for row in DecisionStore(folder / "reviews.db").stored()]


def test_a_whole_review_by_lines(tmp_path: Path) -> None:
    """Every command in one transcript; the summary is on stdout, the cards are on stderr."""
    done = run(tmp_path, "a\nr\n1\nu\nr 7 far too short\ne a better question\ns\n")
    assert done.exit_code in (0, 3), done.output
    assert verdicts(tmp_path) == ["accept", "reject", "edit", "skip"]
    assert "1 accepted, 1 edited, 1 rejected" in done.stdout
    assert "1 of 4" in done.stderr
    assert "1 of 4" not in done.stdout
    assert "far too short" in done.stderr
    assert "That was the last card." in done.stderr


@pytest.mark.parametrize(
    "typed",
    ["\n\n\n", "again\n", "a lot of this is wrong\n", "r\n\n", "r\n9\n", "r 12\n", "e\n\n", "r7", "m\n", "x\x1b[A\n",
     "\x00\n", "²\n", "r²\n"],
)  # fmt: skip
def test_what_means_nothing_decides_nothing(tmp_path: Path, typed: str) -> None:
    """Enter, a wrong word, a reject without its reason and an edit without its words store nothing."""
    assert run(tmp_path, typed).exit_code == 0
    assert verdicts(tmp_path) == []


def test_the_same_command_goes_on(tmp_path: Path) -> None:
    """After quitting, or when answers end, the next call begins with the next card."""
    run(tmp_path, "a\nq\nr1\n")
    assert "Saved" in run(tmp_path, "s\n").stderr
    assert "3 of 4 · 1 accepted · 1 skipped" in run(tmp_path, "").stderr
    assert "2 of 4" in run(tmp_path, "", "--skipped").stderr


def test_texts_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """Escape sequences and hidden characters are shown as signs; markup of ours means nothing in them."""
    shown = run(tmp_path, "s\n" * 4).stderr
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "␛[2J" in shown
    assert "[bold]x[/bold]" in shown
    assert "<U+202E>evil" in shown


def test_long_passages_are_folded_round_the_marks(tmp_path: Path) -> None:
    """The part with the marked words is shown with what is left out counted; m shows all of it, and folds it again."""
    shown = run(tmp_path, "m\nm\nq\n", "--source", "heading").stderr
    first, whole, last = shown.split("1 of 1")[1:]
    assert "[relief] [valve] opens at nine [bar]" in " ".join(first.split())
    assert "characters before" in first
    assert "characters before" not in whole
    assert " ".join(whole.split()).count("More of nothing.") == LONG.count("More of nothing.")
    assert len(last) < len(whole)


def test_80_columns_are_enough(tmp_path: Path) -> None:
    """No line of a review, of its help or of its questions is wider."""
    for typed in ("?\nr\n1\ne\nother words\ns\nm\n", "u\nu\nu\nu\nzzz\n"):
        assert max(map(len, run(tmp_path, typed).stderr.splitlines())) <= 80


def test_json_is_the_summary_alone(tmp_path: Path) -> None:
    """With --json stdout holds one object."""
    found = json.loads(run(tmp_path, "a\na\nr2\nq\n", "--json").stdout)
    assert (found["accepted"], found["rejected"], found["left"]) == (2, 1, 1)
    assert found["overall"]["low"] <= found["overall"]["rate"] <= found["overall"]["high"]
    assert found["reasons"] == {"ambiguous": 1}


def test_pairs_that_should_be_made_anew_end_with_3(tmp_path: Path) -> None:
    """When everything is rejected the exit code is 3: done, and the answer is "don't"."""
    done = run(tmp_path, "r1\n" * 4)
    assert done.exit_code == 3
    assert "regenerate them" in done.stdout


def test_nothing_to_review_is_an_error(tmp_path: Path) -> None:
    """A filter that leaves nothing says so, an unknown source is named."""
    assert isinstance(run(tmp_path, "", "--split", "test").exception, InputError)
    assert "'lmm'" in str(run(tmp_path, "", "--source", "lmm").exception)


def test_experts_elsewhere(tmp_path: Path) -> None:
    """Cards are exported, filled in and read back; bad rows are told; the second time nothing changes."""
    path = tmp_path / "cards.csv"
    run(tmp_path, "a\nq\n")
    run(tmp_path, "", "--export", str(path))
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["decision"] for row in rows] == ["accept", "", "", ""]
    rows[1]["decision"], rows[2]["decision"], rows[3]["decision"] = "reject", "dunno", "edit"
    rows[3]["edited_query"] = "what makes an empty tank dangerous"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    first, second = (run(tmp_path, "", "--import", str(path)).stderr for _ in range(2))
    assert "2 new decisions, 0 changed, 1 known" in " ".join(first.split())
    assert "0 new decisions, 0 changed, 3 known" in " ".join(second.split())
    assert "'dunno' is none of accept" in " ".join(first.split())
    assert "dunno" in (tmp_path / "review-left-out.jsonl").read_text()
    assert verdicts(tmp_path) == ["accept", "reject", "edit"]


def test_an_export_for_argilla_says_how_to_load_it(tmp_path: Path) -> None:
    """The Python that makes the data set is printed, whole lines, and compiles."""
    told = run(tmp_path, "", "--export", str(tmp_path / "cards.json")).stderr
    compile(told[told.index("import argilla") :], "told", "exec")
    assert len(json.loads((tmp_path / "cards.json").read_text(encoding="ascii"))) == 4


def test_an_export_never_overwrites_answers(tmp_path: Path) -> None:
    """A file that is there may be filled in: it stays, and the error says so."""
    (tmp_path / "cards.csv").write_text("answers")
    assert "--import" in str(run(tmp_path, "", "--export", str(tmp_path / "cards.csv")).exception)
    assert (tmp_path / "cards.csv").read_text() == "answers"


def test_bytes_that_are_no_text_decide_nothing(tmp_path: Path) -> None:
    """Answers in another encoding are read as far as they go, without a traceback."""
    done = CliRunner().invoke(app, ["review", "-w", str(tmp_path)], b"\xff\xfe\na\nr7 trop g\xe9n\xe9ral\nq\n")
    assert done.exit_code == 0, done.output
    assert verdicts(tmp_path) == ["accept", "reject"]


def on_a_terminal(folder: Path, typed: list[str], *, no_color: bool = False) -> tuple[str, int]:
    """Types keys into the command on a terminal of its own, each when the screen rests; gives what was shown."""
    pty = pytest.importorskip("pty")
    main, side = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40"} | (
        {"NO_COLOR": "1"} if no_color else {}
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.reviewing", "review", "-w", str(folder), "--reviewer", "anna"],
        stdin=side, stdout=side, stderr=side, env=environment, cwd=HERE.parents[1], start_new_session=True,
    )  # fmt: skip
    os.close(side)
    shown = _rested(main, b"? explains" if DecisionStore(folder / "reviews.db").stored() else b"? help")
    for keys in typed:
        os.write(main, keys.encode())
        shown += _rested(main)
    shown += _rested(main)
    os.close(main)
    return shown.decode(), process.wait(timeout=20)


def _rested(main: int, wanted: bytes = b"") -> bytes:
    """What the terminal shows until it says nothing for a while, and has said what is wanted."""
    import select

    shown, last = b"", time.monotonic() + (20 if wanted else 0)
    while True:
        ready, _, _ = select.select([main], [], [], 0.4)
        if ready:
            try:
                data = os.read(main, 65_536)
            except OSError:  # the other side is closed
                return shown
            if not data:
                return shown
            shown += data
        elif wanted in shown or time.monotonic() > last:
            return shown


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_single_keys_on_a_terminal(tmp_path: Path) -> None:
    """Keys act at once; Enter and arrows do nothing; an edit starts from the old query; Ctrl-C leaves all saved."""
    shown, code = on_a_terminal(
        tmp_path, ["\r", "\x1b[A", "a", "r", "\x1b", "r", "4", "e", " indeed\r", "u", "s", "\x03"]
    )
    assert verdicts(tmp_path) == ["accept", "reject", "skip"]
    assert re.search(r"edited: \S.* indeed", shown)
    assert "\x1b[1;30;43m" in shown  # marks are in colour
    assert "Traceback" not in shown
    assert code == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_no_color_means_brackets(tmp_path: Path) -> None:
    """With NO_COLOR a terminal shows brackets, and no text's escape sequence gets through."""
    shown, _ = on_a_terminal(tmp_path, ["s", "s", "s", "q"], no_color=True)
    assert "[relief] [valve]" in shown.replace("\r\n", " ")
    assert "\x1b]0;owned" not in shown
    assert "\x1b[2J" not in shown
