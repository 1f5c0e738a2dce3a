"""`jargonaut index …`: each command parses its flags, calls one function of the library and prints what comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.flags import DocsFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.errors import InputError

index_app = typer.Typer(
    no_args_is_help=True,
    help="Indexes: build beside the live one, verify, switch, roll back, bring up to date, remove.",
)

TargetArgument = Annotated[
    str | None, typer.Argument(help="A collection, or a version, whose newest one is meant.", show_default=False)
]
DocsArgument = Annotated[
    Path | None, typer.Argument(help="The documents; those that the workspace was last used on if not said.")
]


@index_app.command("build", epilog="Example: jargonaut index build v2 -w my-domain")
def build(
    version: Annotated[str | None, typer.Argument(help="Such as v2; the live one if not said.")] = None,
    docs: DocsFlag = None,
    dim: Annotated[int | None, typer.Option("--dim", help="Cut vectors to this length.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Passages a second at most.")] = None,
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Embeds the documents into a new collection beside the live one, which stays live.

    After a kill the same command goes on. Vectors of unchanged passages come from the cache.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    options = opened.settings.build if rate is None else replace(opened.settings.build, most_per_second=rate)
    lifecycle = opened.index(docs)
    made = lifecycle.build(version, dimension=dim, options=options)
    if as_json:
        _print(made)
        return
    how = f"built in {made.info.seconds:.1f} s, {made.encoded:,} encoded anew"
    how = "was there already" if made.info.reused else how
    asked = version if version is not None and lifecycle.registry.get(version).space else None
    if asked is not None:
        say(f"{asked} maps queries alone and searches the vectors of {made.record.version}: nothing is built for it")
    say(f"{made.info.collection}: {made.info.count:,} passages, {made.info.dimension} dimensions; {how}")
    then = asked or made.info.collection
    say(f"  next: jargonaut index verify {made.info.collection}; jargonaut index switch {then}")


@index_app.command("status", epilog="Example: jargonaut index status -w my-domain")
def status(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Every collection: whose vectors it holds, what it is to the workspace, and whether it was verified."""
    found = open_workspace(workspace, TerminalReporter()).index().status()
    if as_json:
        _print(found)
        return
    say(f"  {'collection':<26}{'version':<9}{'is':<12}{'dim':>5}{'passages':>12}  {'verified':<9} built")
    for one in found:
        count = f"{one.count:,}" if one.count is not None else "?"
        syncing = "  (a sync was begun and not ended: run it again)" if one.syncing else ""
        say(
            f"  {one.name:<26}{one.version or '?':<9}{one.role:<12}{one.dimension:>5}{count:>12}  {one.verified:<9} "
            f"{one.built[:16]}{syncing}"
        )


@index_app.command("verify", epilog="Example: jargonaut index verify v2")
def verify(
    target: TargetArgument = None,
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Counts, hashes, a sample embedded again, approximate against exact search, golden queries.

    Exit code 0: passed. 2: failed.
    """
    found = open_workspace(workspace, TerminalReporter(), setting).index().verify(target)
    if as_json:
        _print(found)
    else:
        say(f"{found.collection}: {'passed' if found.passed else 'FAILED'}")
        for check in found.checks:
            say(
                f"  {'✓' if check['passed'] else '✗'} {check['name']:<19} {check['found']}  (wanted: {check['wanted']})"
            )
    raise typer.Exit(0 if found.passed else 2)


@index_app.command("switch", epilog="Example: jargonaut index switch v2")
def switch(
    target: TargetArgument = None,
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Makes a verified collection and its version live, in one step; the newest other if not said. The old stays."""
    live = open_workspace(workspace, TerminalReporter(), setting).index().switch(target)
    _say(live, f"live: {live.version} on {live.index}; `jargonaut index rollback` goes back", as_json=as_json)


@index_app.command("rollback", epilog="Example: jargonaut index rollback")
def rollback(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Goes back to the version and the collection that were live before."""
    live = open_workspace(workspace, TerminalReporter()).index().rollback()
    _say(live, f"live: {live.version} on {live.index}", as_json=as_json)


@index_app.command("sync", epilog="Example: jargonaut index sync docs/ -w my-domain")
def sync(
    docs: DocsArgument = None,
    collection: Annotated[str | None, typer.Option("--collection", help="Another than the live one.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Passages a second at most.")] = None,
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Brings the live collection up to date: added, changed and removed passages, found by hash.

    After a kill the same command goes on.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    options = opened.settings.build if rate is None else replace(opened.settings.build, most_per_second=rate)
    done = opened.index(docs).sync(collection, options=options)
    changes = f"{done.added:,} added, {done.changed:,} changed, {done.removed:,} removed"
    _say(done, f"{done.collection}: {changes}; {done.count:,} passages now", as_json=as_json)


@index_app.command("gc", epilog="Example: jargonaut index gc --dry-run")
def gc(
    keep: Annotated[int, typer.Option("--keep", help="Others that stay, the newest.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say only what would be removed.")] = False,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Removes what nothing points at; what is live and what a roll back goes to stay."""
    gone = open_workspace(workspace, TerminalReporter()).index().gc(keep=keep, dry_run=dry_run)
    verb = "removed" if gone.done else "would be removed"
    shown = "".join(f"\n  {name}" for name in gone.collections)
    _say(gone, f"{len(gone.collections)} collections {verb}, {len(gone.kept)} stay{shown}", as_json=as_json)


@index_app.command("plan", epilog="Example: jargonaut index plan --passages 50e6")
def plan(
    passages: Annotated[str, typer.Option("--passages", help="How many, such as 50e6.")],
    dim: Annotated[list[int] | None, typer.Option("--dim", help="A length of vectors. May be repeated.")] = None,
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """What an index of so many passages would take: hours, bytes, dollars, by dimension and number format."""
    try:
        count = int(float(passages.replace(",", "").replace("_", "")))
    except (ValueError, OverflowError) as error:
        raise InputError(f"{passages!r} is no number", where="--passages", remedy="such as 50e6") from error
    found = open_workspace(workspace, TerminalReporter(quiet=True), setting).plan(count, dim or ())
    if as_json:
        _print(found)
        return
    say(f"  {found.passages:,} passages")
    say(f"  {'dim':>5} {'format':<9}{'hours':>9}{'memory':>11}{'disk':>11}{'to build':>12}{'a month':>12}")
    for row in found.rows:
        say(
            f"  {row.dimension:>5} {row.quantisation:<9}{row.hours:>9,.1f}{row.memory_bytes / 1e9:>8,.1f} GB"
            f"{row.disk_bytes / 1e9:>8,.1f} GB{row.build_dollars:>11,.2f}${row.month_dollars:>11,.2f}$"
        )
    for sentence in found.assumptions:
        say(f"  · {sentence}")


@index_app.command("shadow", epilog="Example: jargonaut index shadow --candidate v2 --queries queries.txt")
def shadow(
    candidate: Annotated[str, typer.Option("--candidate", help="A version or a collection.")],
    queries: Annotated[
        Path | None,
        typer.Option("--queries", help="A .txt or .jsonl of queries; what `search --shadow` recorded if not said."),
    ] = None,
    share: Annotated[float, typer.Option("--share", help="Of the queries, from 0 to 1.")] = 1.0,
    k: Annotated[int, typer.Option("--k", "-k", help="Hits that are compared.")] = 10,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """What would change for searchers: overlap and rank changes of what is live and a candidate."""
    found = open_workspace(workspace, TerminalReporter()).shadow(candidate, queries, share=share, k=k)
    if as_json:
        _print(found)
        return
    say(f"  {found.queries:,} queries, {found.k} hits each")
    say(f"  overlap@{found.k:<12} {found.overlap:.3f} mean; a tenth of the queries is below {found.low_overlap:.3f}")
    say(f"  same first hit      {found.same_first:.1%}")
    say(f"  ranks moved         {found.mean_move:.2f} on average, of passages that both find")
    say(f"  new passages        {found.new:.2f} per query, which only the candidate finds")
    if found.most_changed:
        say(f"  overlap@{found.k} of the queries that change most:")
    for one in found.most_changed:
        say(f"    {one.overlap:.1f}  {one.query}")


@index_app.command("bridge", epilog="Example: jargonaut index bridge v2")
def bridge(
    version: Annotated[str, typer.Argument(help="The new model, such as v2.", show_default=False)],
    passages: Annotated[int, typer.Option("--passages", help="That the map is fitted on at most.")] = 20_000,
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Lets a new model search the live index until its own is built, and says how much that retains."""
    found = open_workspace(workspace, TerminalReporter()).bridge(version, passages=passages)
    if as_json:
        told = {**plain(found), "retention": found.retention}
        told["bridge"] = {key: value for key, value in told["bridge"].items() if key != "matrix"}
        say(json.dumps(told, indent=2, ensure_ascii=False))
        return
    made = found.bridge
    say(f"  {made.method} map of {version} into {found.live}, fitted on {made.fitted_on:,} passages; "
        f"cosine {made.cosine:.3f} on those held out")  # fmt: skip
    if found.rows:
        asked = f"{found.queries:,} test queries over {found.passages:,} passages"
        say(f"    {asked:<38} recall@10  overlap@10 with its own index")
        for row in found.rows:
            say(f"    {row.name:<38}{row.recall:>10.3f}{row.overlap:>12.3f}")
    else:
        say("  there are no test queries in this workspace, so what it retains is not known")
    if found.retention is not None:
        say(f"  retention: {found.retention:.1%} of the recall that its own index will have")
    say(f'  jargonaut search "…" --bridge {version}')


def _print(value: Any) -> None:
    say(json.dumps(plain(value), indent=2, ensure_ascii=False))


def _say(value: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        _print(value)
    else:
        say(text)
