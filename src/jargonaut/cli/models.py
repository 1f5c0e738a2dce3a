"""`jargonaut models …`: each command parses its flags, calls one function of the library and prints what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.flags import JsonFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.registry import Live, compare

_WIDTH = 100
"""Characters of a row of `models list`."""
_BASE = 8
"""Characters of its column for what a version stands on."""

models_app = typer.Typer(
    no_args_is_help=True,
    help="Registered model versions: list, show, compare, promote, roll back, retire, verify.",
)


@models_app.command("list", epilog="Example: jargonaut models list -w my-domain")
def models_list(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Every registered version: what it is, what it stands on or came from, its test score; the live one is marked.

    What does not fit is cut; `models show` and `--json` have all of it.
    """
    registry = open_workspace(workspace, TerminalReporter()).registry()
    versions, live = registry.list(), registry.live()
    if as_json:
        say(json.dumps(plain(versions), indent=2, ensure_ascii=False))
        return
    say(_row("version", "kind", "base", "status", "dim", "nDCG@10", "created", "name"))
    for one in versions:
        score = one.metrics.get("nDCG@10")
        shown = f"{score:.3f}" if score is not None else "–"
        dimension = str(one.dimension) if one.has_vectors else "–"
        base = _cut(one.base or "–", _BASE)
        say(_row(one.version, one.kind, base, one.status, dimension, shown, one.created[:10], one.name))
        if one.query_prompt:
            say(_cut(f"  {'':<9}queries begin with {one.query_prompt!r}", _WIDTH))
    if live:
        say(f"\n  live: {live.version} on {live.index}, {live.dimension} dimensions, since {live.since[:16]}")


@models_app.command("show", epilog="Example: jargonaut models show v1")
def models_show(
    version: Annotated[str, typer.Argument(help="Such as v1 or base.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """One version: where it lies, what it came from, how it scored."""
    one = open_workspace(workspace, TerminalReporter()).registry().get(version)
    fields: dict[str, Any] = plain(one)
    if as_json:
        say(json.dumps(fields, indent=2, ensure_ascii=False))
        return
    for name, value in fields.items():
        if isinstance(value, dict):
            say(f"  {name}")
            for key, item in value.items():
                say(f"    {key:<14} {f'{item:.4f}' if isinstance(item, float) else item}")
        else:
            say(f"  {name:<16} {value}")


@models_app.command("promote", epilog="Example: jargonaut models promote v2")
def models_promote(
    version: Annotated[str, typer.Argument(help="Such as v2.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Makes a version and its index live, in one step."""
    _print_live(open_workspace(workspace, TerminalReporter()).promote(version), as_json=as_json)


@models_app.command("rollback", epilog="Example: jargonaut models rollback")
def models_rollback(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Goes back to what was live before."""
    _print_live(open_workspace(workspace, TerminalReporter()).rollback(), as_json=as_json)


@models_app.command("compare", epilog="Example: jargonaut models compare base v1")
def models_compare(
    first: Annotated[str, typer.Argument(metavar="A", help="Such as v1.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Such as v2.", show_default=False)],
    everything: Annotated[bool, typer.Option("--all", help="Show what is the same too.")] = False,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Two versions side by side: scores, options, data, code. What is the same is left out."""
    registry = open_workspace(workspace, TerminalReporter()).registry()
    rows = compare(registry.get(first), registry.get(second))
    if as_json:
        told = [{**plain(row), "same": row.same, "change": row.change} for row in rows]
        say(json.dumps(told, indent=2, ensure_ascii=False))
        return
    say(f"  {'':<40}{first:<34}{second}")
    for row in rows:
        if everything or not row.same:
            change = f"  ({row.change:+.4f})" if row.change is not None else ""
            say(f"  {row.name:<40}{_shown(row.first):<34}{_shown(row.second)}{change}")
    say(f"  {sum(row.same for row in rows)} properties are the same" + ("" if everything else "; --all shows them"))


@models_app.command("retire", epilog='Example: jargonaut models retire v1 --reason "trained on withdrawn documents"')
def models_retire(
    version: Annotated[str, typer.Argument(help="Such as v1.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the history.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Says that a version shall not be served any more; its files stay."""
    registry = open_workspace(workspace, TerminalReporter()).registry()
    one = registry.reinstate(version) if undo else registry.retire(version, reason)
    say(json.dumps(plain(one), ensure_ascii=False) if as_json else f"{one.version}: {one.status}")


@models_app.command("verify", epilog="Example: jargonaut models verify")
def models_verify(
    version: Annotated[str | None, typer.Argument(help="Such as v1; all if not said.", show_default=False)] = None,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Reads every file of every version again and compares its hash.

    Exit code 0: all are what was registered. 2: one is not.
    """
    registry = open_workspace(workspace, TerminalReporter()).registry()
    found = registry.verify_all(None if version is None else [version])
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for name, problem in found.items():
            say(f"  {'✗' if problem else '✓'} {name:<10} {problem or 'every file is what was registered'}")
    raise typer.Exit(2 if any(found.values()) else 0)


def _print_live(live: Live, *, as_json: bool) -> None:
    say(json.dumps(plain(live)) if as_json else f"live: {live.version} on {live.index}")


def _row(version: str, kind: str, base: str, status: str, dimension: str, score: str, created: str, name: str) -> str:
    left = f"  {version:<9}{kind:<10}{base:<{_BASE}} {status:<10}{dimension:>5}  {score:>7}  {created:<11}"
    return left + _cut(name, _WIDTH - len(left))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return _cut(f"{value:.4f}" if isinstance(value, float) else str(value), 32)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
