"""The `pairs` commands: each parses its flags, calls one function of the library and prints what comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jargonaut.artifacts import atomic_write, plain
from jargonaut.cli.flags import DocsFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.review import register
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.collection import Added, CheckedLog
from jargonaut.errors import InputError
from jargonaut.pool import Entry
from jargonaut.records import SPLITS, BadRow

if TYPE_CHECKING:
    from jargonaut.pairs.check import Checked

SHOWN = 4
"""Unusable rows that are shown."""
SHOWN_RANKS = 10

pairs_app = typer.Typer(no_args_is_help=True, help="Training pairs: add, generate, check, look at, review.")

FileArgument = Annotated[
    Path,
    typer.Argument(help="CSV, TSV, JSONL, JSON, Parquet, TREC qrels, or a BEIR folder.", show_default=False),
]
NameFlag = Annotated[str | None, typer.Option("--name", help="What to call it; the file's name if not said.")]
ColumnFlag = Annotated[
    list[str] | None,
    typer.Option("--column", help="role=COLUMN where names say nothing, such as query=Frage. May be repeated."),
]
FormatFlag = Annotated[str | None, typer.Option("--format", help="Format of a labelled file, if it is mistaken.")]
RelevantFlag = Annotated[
    int | None,
    typer.Option("--relevant-from", help="Lowest grade that answers, such as 4 of 1 to 5; lower ones are 0."),
]
AsFlag = Annotated[str | None, typer.Option("--as", help="The part it goes to: train, dev or test.")]


@pairs_app.command(epilog="Example: jargonaut pairs add gold.csv -w my-domain --docs docs/")
def add(
    file: FileArgument,
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    clicks: Annotated[bool, typer.Option("--clicks", help="It is a click log.")] = False,
    name: NameFlag = None,
    column: ColumnFlag = None,
    form: FormatFlag = None,
    part: AsFlag = None,
    relevant_from: RelevantFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Adds a labelled file or a click log to the workspace's pairs.

    Labels are kept for dev and test first; the newest clicks validate, the older ones train. A source that is added
    again under the same name takes the place of the first.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting).pairs(docs)
    if clicks:
        if form or part or relevant_from is not None:
            raise InputError("a click log has neither --format nor --as nor --relevant-from", remedy="leave them out")
        made = opened.add_clicks(file, name=name, columns=_mapped(column))
    else:
        made = opened.add(file, name=name, options=_label_options(column, form, part, relevant_from))
    counts = made.entry.artifact.counts
    if as_json:
        _say_as_json(made)
        return
    what = "click log" if clicks else f"{counts['format']} file"
    say(f"{made.entry.name}: {made.entry.judgements:,} judgements from a {what}")
    _show_replaced(made.entry)
    if clicks:
        _show_log(counts)
    _show_left_out(made.entry.bad_rows())
    for notice in made.notices:
        say(f"  ! {notice}")
    if made.attributed is None:
        say("  no documents are known yet; which passages are meant is looked up at the first `jargonaut run DOCS`")
    else:
        _show_attributed(made.attributed.counts, str(made.attributed.path / "left_out.jsonl"))


@pairs_app.command(epilog="Example: jargonaut pairs generate --per-passage 3 --limit 500 -w my-domain")
def generate(
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    per_passage: Annotated[int | None, typer.Option("--per-passage", help="Questions for each passage.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Most passages that are asked about.")] = None,
    local: Annotated[bool, typer.Option("--local", help="The embedded model, although there is an endpoint.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it will cost, and stop.")] = False,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Has a language model write questions about the passages, and adds them to the workspace's pairs.

    The endpoint is `llm.base_url` and `llm.model` in jargonaut.toml, or OPENAI_BASE_URL and OPENAI_MODEL; the key is in
    OPENAI_API_KEY. Without an endpoint the embedded model writes, weakly. No call is paid twice: after a kill the same
    command goes on.
    """
    reporter = TerminalReporter()
    opened = open_workspace(workspace, reporter, setting).pairs(docs)
    job = opened.plan_questions(per_passage=per_passage, limit=limit, local=local)
    reporter.line(f"{job.writer.name}: {job.estimate.sentence}")
    if job.held_out:
        reporter.line(f"  {job.held_out:,} passages are not asked about: people's judgements of them test or validate")
    if job.is_weak:
        reporter.warn(
            "the embedded model is weak: its questions are far worse than those of an endpoint ([llm] base_url)"
        )
    for notice in job.notices:
        reporter.warn(notice)
    if dry_run:
        if as_json:
            say(json.dumps(plain(job.estimate)))
        return
    made = opened.generate(job)
    counts = made.entry.artifact.counts
    if as_json:
        _say_as_json(made)
        return
    again = " (done before)" if made.entry.artifact.reused else ""
    say(f"{made.entry.name}: {made.entry.judgements:,} judgements about {counts['passages']:,} passages{again}")
    _show_replaced(made.entry)
    say(f"  {'nothing was asked now; then: ' if made.entry.artifact.reused else ''}{counts['cost']}")
    if made.entry.unanswered:
        say(f"  ! {made.entry.unanswered:,} requests were given up without an answer: the same command asks them again")
    _show_left_out(made.entry.bad_rows())


@pairs_app.command(epilog="Example: jargonaut pairs check gold.csv -w my-domain")
def check(
    file: FileArgument,
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    column: ColumnFlag = None,
    form: FormatFlag = None,
    clicks: Annotated[bool, typer.Option("--clicks", help="It is a click log.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A single bad row is a failure.")] = False,
    relevant_from: RelevantFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Says what adding a labelled file or a click log would give, against the documents. Adds nothing.

    Exit code 0: usable. 2: nothing in it can be used; with --strict also if any row is bad or unknown.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting).pairs(docs)
    if clicks and (form or relevant_from is not None):
        raise InputError("a click log has neither --format nor --relevant-from", remedy="leave them out")
    found: Checked | CheckedLog
    if clicks:
        found = opened.check_clicks(file, columns=_mapped(column))
    else:
        found = opened.check(file, options=_label_options(column, form, None, relevant_from))
    if as_json:
        told = {**plain(found), "usable": found.usable, "ok": found.ok}
        say(json.dumps(told, ensure_ascii=False, indent=2))
    elif isinstance(found, CheckedLog):
        _show_checked_log(file.name, found)
    else:
        for line in found.sentences():
            say(line)
    raise typer.Exit(0 if (found.ok if strict else found.usable) else 2)


@pairs_app.command("list", epilog="Example: jargonaut pairs list -w my-domain")
def list_(workspace: WorkspaceFlag = Path(), as_json: JsonFlag = False) -> None:
    """What was added to the workspace."""
    entries = open_workspace(workspace, TerminalReporter()).pairs().entries()
    if as_json:
        rows = [{**plain(entry.artifact.counts), "key": entry.artifact.key} for entry in entries]
        say(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not entries:
        say("nothing was added yet: jargonaut pairs add FILE")
    for entry in entries:
        left_out = f", {entry.left_out:,} rows left out" if entry.left_out else ""
        missing = f", {entry.unanswered:,} requests without an answer" if entry.unanswered else ""
        say(f"  {entry.name:<32} {entry.kind:<10} {entry.judgements:>9,} judgements{left_out}{missing}")


@pairs_app.command(epilog="Example: jargonaut pairs remove gold.csv -w my-domain")
def remove(
    name: Annotated[str, typer.Argument(help="As `pairs list` shows it.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Takes a source out of the workspace's pairs; the file that it was read from stays."""
    entry = open_workspace(workspace, TerminalReporter()).pairs().remove(name)
    said = f"removed {entry.name} ({entry.judgements:,} judgements)"
    say(json.dumps({"removed": entry.name, "judgements": entry.judgements}) if as_json else said)


@pairs_app.command(epilog="Example: jargonaut pairs stats -w my-domain --html pairs.html")
def stats(
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write it as a page with pictures.")] = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """What the pairs are like: sources and parts, copied words, repeats, coverage, generated against real queries."""
    from jargonaut.pairs.statistics import to_html

    if html is not None and html.is_dir():
        raise InputError(f"{html} is a folder", where="--html", remedy="give the name of a file, such as pairs.html")
    found = open_workspace(workspace, TerminalReporter(), setting).pairs(docs).statistics()
    if html is not None:
        with atomic_write(html) as temporary:
            temporary.write_text(to_html(found, f"Pairs of {workspace.resolve().name}"), encoding="utf-8")
    if as_json:
        say(json.dumps(plain(found), ensure_ascii=False, indent=2))
        return
    for line in found.sentences():
        say(line)
    if html is not None:
        say(f"\nwrote {html}")


register(pairs_app, lambda workspace: open_workspace(workspace, TerminalReporter()).pairs().reviewed())


def _say_as_json(made: Added) -> None:
    found = None if made.attributed is None else plain(made.attributed.counts)
    say(json.dumps({**plain(made.entry.artifact.counts), "attributed": found}, ensure_ascii=False, indent=2))


def _show_checked_log(name: str, found: CheckedLog) -> None:
    say(f"{name}: {found.counts['judgements']:,} judgements from a click log")
    _show_log(found.counts)
    _show_left_out(found.bad_rows)
    for notice in found.counts["notices"]:
        say(f"  ! {notice}")
    _show_attributed(found.attributed, "")
    for row in found.unknown[:SHOWN]:
        say(f"      {row}")


def _mapped(column: list[str] | None) -> dict[str, str]:
    """`role=COLUMN` flags.

    Raises:
        InputError: One of them has no `=`.
    """
    found: dict[str, str] = {}
    for one in column or []:
        role, equals, name = one.partition("=")
        if not equals or not role.strip() or not name.strip():
            raise InputError(
                f"{one!r} maps no column", where="--column", remedy="write role=COLUMN, such as query=Frage"
            )
        found[role.strip()] = name.strip()
    return found


def _label_options(column: list[str] | None, form: str | None, part: str | None, relevant_from: int | None) -> Any:
    from jargonaut.formats.label_columns import ROLES, role_named
    from jargonaut.formats.label_rows import MAX_GRADE
    from jargonaut.formats.labels import LABEL_FORMATS, LabelOptions

    split = next((name for name in SPLITS if name == part), None)
    if part is not None and split is None:
        raise InputError(f"{part!r} is no part", where="--as", remedy=f"one of {', '.join(SPLITS)}")
    mapped = _mapped(column)
    if form is not None and form not in LABEL_FORMATS:
        raise InputError(f"{form!r} is no format", where="--format", remedy=f"one of {', '.join(LABEL_FORMATS)}")
    strange = [role for role in mapped if role_named(role) is None]
    if strange:
        raise InputError(f"{strange[0]!r} is no role", where="--column", remedy=f"one of {', '.join(ROLES)}")
    least = 1 if relevant_from is None else relevant_from
    if not 1 <= least <= MAX_GRADE:
        raise InputError(f"{least} is no grade", where="--relevant-from", remedy=f"from 1 to {MAX_GRADE}")
    return LabelOptions(format=form, columns=tuple(mapped.items()), split=split, relevant_from=least)


def _show_log(counts: Any) -> None:
    """What a click log came to."""
    said = f"  {counts['impressions']:,} shown results"
    for name in ("pages", "sessions"):
        said += f", {counts[name]:,} {name}" if counts[name] else ""
    say(f"{said}; an answer is clicked at a corrected rate of {counts['threshold']:.2f} or more")
    if counts["dropped"]:
        say(f"  no evidence: {', '.join(f'{n:,} {rule}' for rule, n in counts['dropped'].items())}")
    curve = counts["curve"]
    if curve is None:
        return
    looked = ", ".join(f"{value:.2f}" for value in curve["values"][:SHOWN_RANKS])
    if looked:
        how = "by the power law" if curve["method"] == "power" else f"estimated from {curve['clicks']:,} clicks"
        say(f"  how likely ranks 1, 2, 3 … are looked at, {how}: {looked}")


def _show_replaced(entry: Entry) -> None:
    if entry.replaced is not None:
        say(f"  it takes the place of {entry.replaced:,} judgements that were called {entry.name} before")


def _show_left_out(rows: Sequence[BadRow]) -> None:
    if rows:
        say(f"  {len(rows):,} rows left out, among them:")
        for row in rows[:SHOWN]:
            say(f"      {row}")


def _show_attributed(counts: Any, listed: str) -> None:
    ways = ", ".join(f"{n:,} by {way}" for way, n in counts["ways"].items() if n)
    say(f"  {counts['pairs']:,} pairs of {counts['queries']:,} queries with passages of the corpus ({ways or 'none'})")
    told = {
        "unknown": f"name nothing in the corpus{f', listed in {listed}' if listed else ', among them:'}",
        "narrowed": "were narrowed to a passage of a document",
        "duplicates": "repeat another", "contradictions": "pairs are judged both ways; the higher grade counts",
        "conflicting": "have an id and a text of different passages",
        "unlike": "have a text that is not that of their passage",
    }  # fmt: skip
    for key, words in told.items():
        if counts.get(key):
            say(f"  {counts[key]:,} {words}")
