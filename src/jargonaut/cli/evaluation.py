"""The `evaluate` command: it parses its flags, calls the library and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jargonaut.cli.flags import JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import EXIT_DONT, TerminalReporter, say

if TYPE_CHECKING:
    from jargonaut.examination import Examination


LabelledArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A BEIR folder, of which qrels/test.tsv counts; the test split of the version's own pairs if not said.",
        show_default=False,
    ),
]
VersionFlag = Annotated[str | None, typer.Option("--version", help="Such as v2; the newest if not said.")]
AgainstFlag = Annotated[
    str | None, typer.Option("--against", help="Such as base or v1; what the version was tuned from if not said.")
]


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog="Example: jargonaut evaluate -w my-domain --version v2 --against v1")(evaluate)


def evaluate(
    source: LabelledArgument = None,
    workspace: WorkspaceFlag = Path(),
    version: VersionFlag = None,
    against: AgainstFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Two registered versions on the same judged queries, every dimension, number format and pipeline.

    Trains nothing and moves no pointer. Exit code 0: ship the version. 3: don't.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    found = opened.evaluate(source, version=version, against=against)
    if as_json:
        say(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        _print(found)
    raise typer.Exit(0 if found.verdict.name == "ship" else EXIT_DONT)


def _print(found: Examination) -> None:
    say(f"\n{found.table()}\n")
    say(found.verdict.sentence)
    for reason in found.verdict.reasons:
        say(f"  · {reason}")
    for kind, weight in found.weights.items():
        name = found.against if kind.endswith("base") else found.version
        say(f"  · weight of {name}'s vectors in the weighted hybrid, fitted on dev: {weight:g}")
    say(f"\n  report  {found.folder / 'report.html'}")
