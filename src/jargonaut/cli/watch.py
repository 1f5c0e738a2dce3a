"""`jargonaut watch` and `jargonaut golden …`: parse, call the library, print what comes back."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jargonaut.artifacts import atomic_write, plain
from jargonaut.cli.flags import DocsFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import EXIT_DONT, TerminalReporter, say
from jargonaut.errors import InputError, JargonautError

if TYPE_CHECKING:
    from jargonaut.watching import WatchResult
    from jargonaut.workspace import Workspace

golden_app = typer.Typer(
    no_args_is_help=True, help="The golden set: queries whose answers are known, frozen by version."
)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def watch(
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    once: Annotated[bool, typer.Option("--once", help="One look, the default.")] = False,
    every: Annotated[str | None, typer.Option("--every", help="Look again after so long, such as 1h or 30m.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say how far every rule is from firing.")] = False,
    act: Annotated[bool, typer.Option("--act", help="Train anew where a rule asks for it, through the gate.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="What is now is the new normal: end all alarms.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the picture of it here.")] = None,
    prometheus: Annotated[Path | None, typer.Option("--prometheus", help="Write metrics here, as a textfile.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Answer Prometheus at this port; with --every.")] = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Looks at what is live: recall on golden queries, drift, what speaks for training anew.

    Exit code 0: healthy. 3: an alarm is open.
    """
    if once and every is not None:
        raise InputError("--once and --every say different things", where="--every")
    if port is not None and every is None:
        raise InputError("a port is answered while jargonaut runs", where="--port", remedy="say --every too")
    if accept and (act or once or explain or every is not None or html is not None or prometheus is not None):
        raise InputError("--accept looks at nothing and goes alone", where="--accept")
    pause = None if every is None else seconds(every)
    opened = open_workspace(workspace, TerminalReporter(), setting)
    if accept:
        ended = opened.accept(docs)
        say(json.dumps(plain(ended), ensure_ascii=False) if as_json else f"accepted; {len(ended)} alarms ended")
        return
    watcher = opened.watcher(docs)
    if port is not None:
        from jargonaut.monitoring.prometheus import serve

        serve(port, watcher.series.latest, workspace.resolve().name)
    while True:
        try:
            found = opened.look(watcher, act=act)
            _told(found, opened, explain=explain, as_json=as_json)  # before any file: that disk may be full
            _written(found, workspace, html=html, prometheus=prometheus)
        except (JargonautError, OSError) as error:
            if pause is None:
                raise
            opened.reporter.warn(str(error))  # the next look may find it mended
        if pause is None:
            raise typer.Exit(0 if found.record.healthy else EXIT_DONT)
        time.sleep(pause)


def seconds(text: str) -> float:
    """`90s`, `30m`, `1h` or `1d` as seconds.

    Raises:
        InputError: It is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    value = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if value < 1:
        raise InputError(f"{text!r} is no time to wait", where="--every", remedy="such as 30m, 1h or 1d")
    return value


def _written(found: WatchResult, workspace: Path, *, html: Path | None, prometheus: Path | None) -> None:
    name = workspace.resolve().name
    if html is not None:
        with atomic_write(html) as temporary:
            temporary.write_text(found.to_html(name), encoding="utf-8", errors="replace")
    if prometheus is not None:
        from jargonaut.monitoring.prometheus import write_textfile

        write_textfile(prometheus, found.record, name)


def _told(found: WatchResult, opened: Workspace, *, explain: bool, as_json: bool) -> None:
    if as_json:
        say(json.dumps(found.to_json(), ensure_ascii=False))
        return
    for notice in found.record.notices:
        opened.reporter.warn(notice)
    for line in found.lines():
        say(line)
    if explain:
        for line in found.explained():
            say(line)
    if found.acted is not None:
        say(f"  acted on {', '.join(found.acted.reasons) or 'what was left over'}")
        for one in found.acted.candidates:
            held = f" Held back {one.held_back}" if one.held_back else ""
            say(f"    from {one.start}: {one.version or 'no candidate'}. {one.sentence}{held}")
        say(f"    {found.acted.told}")


@golden_app.command("add", epilog="Example: jargonaut golden add labelled.jsonl -w my-domain")
def golden_add(
    file: Annotated[
        Path | None, typer.Argument(help='A JSONL of {"query", "positives"}, or a BEIR folder (its test).')
    ] = None,
    workspace: WorkspaceFlag = Path(),
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="What `pairs review` accepted of test pairs and of doubted labels.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Adds queries with their answers; they count from the next `golden freeze` on."""
    if (file is None) != reviewed:
        raise InputError("what is to be added?", where="golden add", remedy="name a file or folder, or say --reviewed")
    reporter = TerminalReporter()
    goldens = open_workspace(workspace, reporter).golden()
    added, bad = goldens.add_reviewed() if file is None else goldens.add(file)
    for row in bad[:5]:
        reporter.warn(str(row))
    if as_json:
        say(json.dumps({**plain(added), "left_out": len(bad)}))
        return
    left = f"; {len(bad):,} left out" if bad else ""
    say(f"{added.new:,} new, {added.extended:,} with more answers, {added.known:,} known{left}")
    say("  next: jargonaut golden freeze" if added.new or added.extended else "  nothing waits that was not known")


@golden_app.command("freeze", epilog="Example: jargonaut golden freeze -w my-domain")
def golden_freeze(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Makes the next version of the golden set: what is in force and what was added, without what expired.

    From then on no run trains on its queries.
    """
    found = open_workspace(workspace, TerminalReporter()).golden().freeze()
    say(json.dumps(plain(found), ensure_ascii=False) if as_json else f"{found.version}: {len(found.queries):,} queries")


@golden_app.command("list", epilog="Example: jargonaut golden list -w my-domain")
def golden_list(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Every frozen version."""
    found = open_workspace(workspace, TerminalReporter()).golden().versions()
    if as_json:
        say(json.dumps([{**plain(one), "queries": len(one.queries)} for one in found], ensure_ascii=False))
        return
    for one in found:
        say(f"  {one.version:<6}{len(one.queries):>8,} queries  {one.frozen[:16]}  {one.digest[:12]}")
    if not found:
        say("  none was frozen; the test split of the live version is asked")


@golden_app.command("check", epilog="Example: jargonaut golden check -w my-domain")
def golden_check(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """Whether the live version was trained on a golden query, and which have lost their passages.

    Exit code 0: neither. 3: one of both.
    """
    found = open_workspace(workspace, TerminalReporter()).golden().check()
    if as_json:
        say(json.dumps({**plain(found), "golden": found.golden.version}, ensure_ascii=False))
    else:
        told = "cannot be told: its pairs are gone" if found.leaked is None else f"{len(found.leaked):,}"
        say(f"  golden set   {found.golden.version}: {len(found.golden.queries):,} queries, {found.pending:,} wait")
        say(f"  leaked       {told}")
        say(f"  expired      {len(found.expired):,}")
        for one in (*(found.leaked or ()), *found.expired)[:10]:
            say(f"      {one.query[:100]}")
    raise typer.Exit(EXIT_DONT if found.leaked or found.expired else 0)
