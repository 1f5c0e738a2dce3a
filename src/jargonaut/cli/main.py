"""Every command. Each parses its flags, calls one function of the library and prints what comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from jargonaut.answers import SearchResult
from jargonaut.artifacts import plain
from jargonaut.cli.assessing import assess
from jargonaut.cli.evaluation import register as register_evaluation
from jargonaut.cli.export import export_app
from jargonaut.cli.flags import BaseFlag, JsonFlag, SetFlag, SourceArgument, WorkspaceFlag, open_workspace
from jargonaut.cli.index import index_app
from jargonaut.cli.ladder import register as register_ladder
from jargonaut.cli.mining import mine
from jargonaut.cli.models import models_app
from jargonaut.cli.pairs import pairs_app
from jargonaut.cli.report import register as register_report
from jargonaut.cli.terminal import EXIT_DONT, TerminalReporter, say
from jargonaut.cli.training import register as register_training
from jargonaut.cli.watch import golden_app, watch
from jargonaut.errors import InputError, JargonautError
from jargonaut.layout import Layout
from jargonaut.monitoring import told
from jargonaut.registry import narrate
from jargonaut.settings import Settings, override, template
from jargonaut.training import World, launched

DEMO_EPOCHS = 2
"""The demo's own default, fewer than usual: people who try a demo are waiting."""

app = typer.Typer(
    name="jargonaut", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Teaches an embedding model the jargon of one domain, proves that it helps, and ships it safely.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _print_version(asked: bool) -> None:
    if asked:
        say(metadata.version("jargonaut"))
        raise typer.Exit


@app.callback()
def _program(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


app.add_typer(models_app, name="models")
app.add_typer(index_app, name="index")
app.add_typer(pairs_app, name="pairs")
app.add_typer(export_app, name="export")
app.add_typer(golden_app, name="golden")


@app.command(epilog="Example: jargonaut run docs/ --workspace my-domain")
def run(
    source: SourceArgument = None,
    workspace: WorkspaceFlag = Path(),
    base: BaseFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """The whole story: documents in; verdict, tuned model, index and report out.

    Exit code 0: ship it. 3: done, and the answer is "don't". 2: something in the input must be mended.
    Several GPUs share the training under `torchrun --nproc-per-node N -m jargonaut run …`, where a finished run is 0.
    """
    reporter = TerminalReporter()
    opened = open_workspace(workspace, reporter, setting, base)
    world = World.joined() if launched() else World()
    if world.rank > 0:
        opened.assist(source)
        world.leave()
        return
    documents = opened.documents(source)
    reporter.line(f"jargonaut run {documents}")
    result = opened.run(documents)
    world.leave()
    _print_run(result, as_json=as_json)
    # A launcher takes every other code for a crash.
    raise typer.Exit(0 if result.verdict == "ship" or "WORLD_SIZE" in os.environ else EXIT_DONT)


register_training(app)


register_report(app)
app.command(epilog="Example: jargonaut assess docs/ --workspace my-domain --candidates BAAI/bge-base-en-v1.5")(assess)
register_evaluation(app)
register_ladder(app)
app.command(epilog="Example: jargonaut mine docs/ --workspace my-domain")(mine)
app.command(epilog="Example: jargonaut watch --every 1h -w my-domain")(watch)


@app.command(epilog='Example: jargonaut search "what happens after a missed payment" --compare base')
def search(
    query: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    k: Annotated[int, typer.Option("--k", "-k", help="Hits.")] = 10,
    model: Annotated[str | None, typer.Option("--model", help="A version; the live one if not said.")] = None,
    compare: Annotated[str | None, typer.Option("--compare", help="Also search with this version.")] = None,
    bridge: Annotated[
        str | None, typer.Option("--bridge", help="Let this version search the live index over its bridge.")
    ] = None,
    shadow: Annotated[
        str | None, typer.Option("--shadow", help="Also ask this candidate, and record what both found.")
    ] = None,
    share: Annotated[float, typer.Option("--share", help="Of the queries that --shadow is asked.")] = 1.0,
    rerank: Annotated[
        str | None,
        typer.Option("--rerank", help="Let this reranker order the first hits anew: a version, a folder or a hub id."),
    ] = None,
    rerank_depth: Annotated[int, typer.Option("--rerank-depth", help="Hits that --rerank orders.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Searches the index with the live model, or with two versions side by side."""
    opened = open_workspace(workspace, TerminalReporter(quiet=True))
    second: dict[str, Any] = {"reranker": rerank, "rerank_depth": rerank_depth}
    results = [opened.search(query, k=k, model=model, bridge=bridge, shadow=shadow, share=share, **second)]
    if compare is not None:
        results.append(opened.search(query, k=k, model=compare, **second))
    if as_json:
        say(json.dumps(plain(results if compare is not None else results[0]), indent=2, ensure_ascii=False))
        return
    for result in results:
        others = {hit.passage.id: hit.rank for other in results if other is not result for hit in other.hits}
        _print_hits(result, others if compare is not None else None)


@app.command(epilog="Example: jargonaut encode passages.jsonl vectors.npy")
def encode(
    texts: Annotated[
        Path,
        typer.Argument(help="A .jsonl (text, title), a .txt of one text per line, or a folder.", show_default=False),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT.npy", help="The file to write.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    queries: Annotated[bool, typer.Option("--queries", help="The texts are queries: apply their prompt.")] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A version, `embedded`, a folder or a hub id; else the base model."),
    ] = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Texts in, a NumPy file of their vectors out: one row per text, in order, larger than memory if need be.

    It may be stopped at any time: the same command goes on where it was.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    made = opened.encode(texts, target, kind="query" if queries else "passage", model=model)
    if as_json:
        say(json.dumps({**plain(made), "rate": made.rate}, ensure_ascii=False))
        return
    before = f", {made.reused:,} of them before" if made.reused else ""
    speed = f", {made.rate:,.1f} {'queries' if queries else 'passages'}/s" if made.reused < made.rows else ""
    say(f"{made.path}: {made.rows:,} rows{before}, {made.dimension} dimensions{speed} with {made.model}")


@app.command(epilog="Example: jargonaut init my-domain")
def init(
    folder: Annotated[Path, typer.Argument(help="The project folder.")] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Writes jargonaut.toml with every setting, its default and its meaning, commented out."""
    path = Layout(folder).settings
    if path.exists():
        raise InputError("there is one already, and it is yours: it stays as it is", where=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template(), encoding="utf-8")
    say(json.dumps({"settings": str(path)}) if as_json else f"wrote {path}")


@app.command(epilog="Example: jargonaut doctor")
def doctor(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """What this machine has: Python, torch, threads, bf16, memory, disk, extras, and what will be slow."""
    from jargonaut.doctor import examine

    diagnosis = examine(workspace)
    if as_json:
        say(json.dumps(plain(diagnosis), indent=2, ensure_ascii=False))
    else:
        marks = {"ok": "✓", "slow": "~", "problem": "✗"}
        for check in diagnosis.checks:
            say(f"  {marks[check.status]} {check.name:<22} {check.value}")
            if check.advice:
                say(f"      {check.advice}")
        say(f"\n  {diagnosis.outlook}")
    raise typer.Exit(2 if diagnosis.problems else 0)


@app.command(epilog="Example: jargonaut demo")
def demo(
    workspace: WorkspaceFlag = Path("jargonaut-demo"),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """The main job on a real domain that ships with the package: clinical coding with ICD-10-CM."""
    from jargonaut.demo import write_demo

    reporter = TerminalReporter()
    source = workspace / "icd10cm"
    reporter.line("jargonaut demo: ICD-10-CM, the words clinicians use → the official descriptions of codes")
    if not (source / "README.md").exists():  # the last file that is written
        write_demo(source)
    defaults = override(Settings(), {"train.epochs": DEMO_EPOCHS})
    result = open_workspace(workspace, reporter, setting, defaults=defaults).run(source)
    _print_run(result, as_json=as_json)
    if not as_json:
        say("\nWhat to type next:")
        program = "jargonaut" if shutil.which("jargonaut") else sys.argv[0]  # as in a .venv that is not activated
        say(f'  {program} search "stenosis of bronchus" --compare base -w {workspace}')
        say(f"  {program} models list -w {workspace}")
        say(f"  {program} run YOUR-DOCUMENTS -w my-domain")
    raise typer.Exit(0 if result.verdict == "ship" else EXIT_DONT)


@app.command("log", epilog="Example: jargonaut log -w my-domain")
def log(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """The story of a workspace in plain sentences, oldest first."""
    opened = open_workspace(workspace, TerminalReporter())
    registry = opened.registry()
    events = registry.events()
    sentences = list(narrate(events, registry.list()))
    rows = [({**plain(event), "sentence": text}, event.at) for event, text in zip(events, sentences, strict=True)]
    rows += [({**plain(one), "sentence": f"watch: {told(one)}"}, one.at) for one in opened.happenings()]
    rows.sort(key=lambda row: row[1])  # stable: what happened in one second stays in its order
    if as_json:
        say(json.dumps([row for row, _ in rows], indent=2, ensure_ascii=False))
        return
    for row, at in rows:
        say(f"{at[:10]} {at[11:16]}  {row['sentence']}")


class _StoppedError(BaseException):
    """Ctrl-C. Not KeyboardInterrupt, which the command-line library would turn into a silent exit."""


def _stop(*_: object) -> None:
    raise _StoppedError


def main() -> None:
    """The entry point: an error of the user's is a sentence and exit code 2, never a traceback."""
    signal.signal(signal.SIGINT, _stop)
    warnings.showwarning = _show_warning
    try:
        app()
    except JargonautError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder that may not be written, a file that vanished
        click.echo(f"error: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        sys.exit(2)
    except _StoppedError:
        click.echo("stopped; the same command goes on from here", err=True)
        sys.exit(130)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """A warning of ours as one line; libraries' own are for developers, and are left out."""
    if issubclass(category, RuntimeWarning):
        click.echo(f"  ! {message}", err=True)


def _print_run(result: Any, *, as_json: bool) -> None:
    if as_json:
        made = {
            "run": result.run_id, "folder": str(result.folder), "version": result.version, "index": result.index,
            "live": result.live, "seconds": result.seconds,
        }  # fmt: skip
        say(json.dumps({**result.report, **plain(made)}, ensure_ascii=False))
        return
    say(f"\n{result.table()}\n")
    say(str(result.report["sentence"]))
    say(f"\n  model   {result.version.version}  {result.version.path}")
    say(f"  index   {result.index.collection}  ({result.index.count:,} passages); {result.live.version} is live")
    say(f"  report  {result.folder / 'report.html'}")
    say(f"  took    {result.seconds:.0f} s")


def _print_hits(result: SearchResult, others: dict[str, int] | None) -> None:
    by = f", reranked by {result.reranker}" if result.reranker else ""
    say(f"\n{result.version}{by}: {result.query}")
    if result.rerank_ms is not None and result.search_ms is not None and result.hits:
        own = result.rerank_weight or 0.0
        order = "" if own >= 1 else f"; order: {own:.0%} {result.reranker}, {1 - own:.0%} the search's own score"
        say(f"  search {result.search_ms:,.0f} ms, reranking {result.rerank_ms:,.0f} ms{order}")
    if not result.hits:
        say("  nothing was found")
    for hit in result.hits:
        moved = f"  (rank {others[hit.passage.id]} there)" if others and hit.passage.id in others else ""
        moved = moved or ("  (not found there)" if others is not None else "")
        path = " > ".join(part for part in (hit.passage.title, *hit.passage.headings) if part)
        shown = f"{hit.score:.3f}" if result.rerank_weight is None else f"(not reranked; search: {hit.score:.3f})"
        if hit.reranked is not None:
            shown = f"{hit.reranked:.3f} (search: {hit.score:.3f}, rank {hit.first_rank})"
        say(f"  {hit.rank:>2}. {shown}  {hit.passage.id}{moved}")
        if path:
            say(f"             {path}")
        say(f"             {' '.join(hit.passage.text.split())[:160]}")
