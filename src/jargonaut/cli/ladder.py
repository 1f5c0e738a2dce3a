"""The `ladder` command: it parses its flags, calls the library and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from jargonaut.artifacts import atomic_write, plain
from jargonaut.cli.flags import JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say

HtmlFlag = Annotated[
    Path | None, typer.Option("--html", help="Write the page to this file too; else it lies in the workspace.")
]


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: jargonaut ladder -w my-domain --html ladder.html")(ladder)


def ladder(
    workspace: WorkspaceFlag = Path(),
    html: HtmlFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Every way to search that this workspace has, quality against cost, and the cheapest that is good enough.

    BM25, the base, their hybrid and every registered version answer the test queries of the newest pairs. Trains
    nothing and moves no pointer; a second call with the same versions measures nothing again.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    found = opened.ladder()
    page = opened.layout.reports / "ladder.html" if html is None else html
    text = found.html(f"{opened.layout.root.resolve().name}: every way to search")
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    if as_json:
        say(json.dumps({**plain(found), "page": str(page)}, ensure_ascii=False, indent=2))
        return
    say(f"\n{found.table()}\n")
    say(found.advice.sentence)
    for name, fault in found.advice.faults.items():
        say(f"  · {name} {fault}")
    say(f"\n  tested on  {found.queries:,} queries of {found.source} over {found.passages:,} passages")
    say(f"  page       {page}")
