"""Flags that many commands take, and how a workspace is opened from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jargonaut.cli.terminal import TerminalReporter
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.settings import Settings, load_settings, override
from jargonaut.workspace import Workspace

SourceArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A folder of documents, a BEIR folder, or a JSONL of passages; what the workspace was last used on if not "
        "said.",
        show_default=False,
    ),
]
WorkspaceFlag = Annotated[Path, typer.Option("--workspace", "-w", help="The project folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]
SetFlag = Annotated[
    list[str] | None, typer.Option("--set", help="A setting for this call, such as train.epochs=2. May be repeated.")
]
BaseFlag = Annotated[
    str | None, typer.Option("--base", help="Base model: a hub id, a folder, or `embedded` (all-MiniLM-L6-v2).")
]
DocsFlag = Annotated[
    Path | None,
    typer.Option("--docs", help="The documents; those that the workspace was last used on if not said."),
]


def open_workspace(
    workspace: Path,
    reporter: TerminalReporter,
    setting: list[str] | None = None,
    base: str | None = None,
    defaults: Settings | None = None,
) -> Workspace:
    """The workspace of a folder, with the settings of its file and of the command line.

    Raises:
        InputError: A `--set` is no setting.
        SettingsError: A setting is unknown or has the wrong type.
    """
    changes: dict[str, Any] = {}
    for one in setting or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise InputError(f"{one!r} is no setting", where="--set", remedy="write section.key=value")
        changes[name.strip()] = value.strip()
    settings: Settings = override(load_settings(Layout(workspace).settings, defaults), changes)
    if base is not None:
        settings = override(settings, {"base.model": base})
    return Workspace(workspace, settings=settings, reporter=reporter)
