"""The `report` command: a run's report in any form, and TREC runs of other systems beside ours."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from jargonaut.artifacts import atomic_write
from jargonaut.cli.flags import SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.errors import InputError
from jargonaut.workspace import REPORT_FORMS, Workspace

RUN_FORMS = ("text", "html", "md", "json")

RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help="A run: its name or how that begins, or its folder; the newest one if not said.",
        show_default=False,
    ),
]  # fmt: skip
FormatFlag = Annotated[
    str | None,
    typer.Option(
        "--format", help="html (a page), md (for a pull request), json (for scripts), card (the model's README.md), or "
        "text; html if not said, text with --run.",
    ),
]  # fmt: skip
OutFlag = Annotated[
    Path | None, typer.Option("--out", "-o", help="The file to write; text forms go to stdout if not said.")
]
OpenFlag = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]
RunsFlag = Annotated[
    list[Path] | None, typer.Option("--run", help="A TREC run made anywhere. May be repeated: judged side by side.")
]
QrelsFlag = Annotated[
    Path | None,
    typer.Option("--qrels", help="Judgements (TREC, or a BEIR .tsv); those of the newest run here if not said."),
]
AgainstFlag = Annotated[
    str | None,
    typer.Option("--against", help="What runs are compared with: a TREC run, or one of ours such as tuned-384."),
]


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: jargonaut report --format md -w my-domain > comment.md")(report)


def report(
    run: RunArgument = None,
    workspace: WorkspaceFlag = Path(),
    form: FormatFlag = None,
    out: OutFlag = None,
    open_page: OpenFlag = False,
    runs: RunsFlag = None,
    qrels: QrelsFlag = None,
    against: AgainstFlag = None,
    setting: SetFlag = None,
) -> None:
    """Shows a finished run again, in another form, from what it left: nothing is measured twice.

    With --run it judges TREC runs of any other system on the same queries, paired, against ours or one another.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    known = RUN_FORMS if runs else (*REPORT_FORMS, "text")
    chosen = form or ("text" if runs else "html")
    if chosen not in known:
        raise InputError(f"there is no form {chosen!r}", where="--format", remedy=f"choose from {', '.join(known)}")
    if open_page and chosen != "html":
        raise InputError(f"{chosen} is no page", where="--open", remedy="leave --format out, or say --format html")
    if runs:
        if run is not None:
            raise InputError("a run of this workspace and --run do not go together", where=run,
                             remedy="name what runs are compared with by --against")  # fmt: skip
        text, default = _outside(opened, runs, qrels, against, chosen), "runs.html"
    else:
        unused = {"--qrels": qrels, "--against": against}
        if name := next((flag for flag, value in unused.items() if value is not None), None):
            raise InputError(f"{name} says nothing without --run", where=name, remedy="name a TREC run with --run FILE")
        found = opened.report(run)
        text, default = opened.rendered(found, chosen), f"{found.id}.html"
    target = out or (opened.layout.reports / default if chosen == "html" else None)
    if target is None:
        say(text.rstrip("\n"))
        return
    _write(target, text)
    say(str(target))
    if open_page and not webbrowser.open(target.resolve().as_uri()):
        raise InputError("no browser could be opened", where=str(target), remedy="open the file by hand")


def _outside(opened: Workspace, runs: list[Path], qrels: Path | None, against: str | None, form: str) -> str:
    from jargonaut import evaluation

    found = opened.judge_runs(runs, qrels, against=against)
    title = f"{found.runs[0].name} and {', '.join(one.name for one in found.runs[1:]) or 'nothing else'}"
    forms: dict[str, Any] = {
        "text": lambda: evaluation.runs_text(found),
        "json": lambda: json.dumps(evaluation.runs_json(found), indent=2, ensure_ascii=False),
        "md": lambda: evaluation.runs_markdown(found, title),
        "html": lambda: evaluation.runs_html(found, title),
    }
    return str(forms[form]())


def _write(target: Path, text: str) -> None:
    if target.is_dir():
        raise InputError("this is a folder; the name of a file is wanted", where=str(target))
    with atomic_write(target) as temporary:
        temporary.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8", errors="replace")
