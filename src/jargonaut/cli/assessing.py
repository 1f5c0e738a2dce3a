"""`assess`: is fine-tuning worth it here, and what would do instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.flags import BaseFlag, JsonFlag, SetFlag, SourceArgument, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import EXIT_DONT, TerminalReporter, say
from jargonaut.errors import InputError
from jargonaut.evaluation import Alternative, Assessment


def assess(
    source: SourceArgument = None,
    workspace: WorkspaceFlag = Path(),
    base: BaseFlag = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates",
            help="Other base models to try, with commas between: hub ids, folders, versions such as v1, openai:MODEL, "
            "cohere:MODEL, voyage:MODEL; each may end in dimensions, as in voyage:voyage-3.5@1024/256.",
        ),
    ] = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Is fine-tuning worth it here, and what would do instead? Trains nothing, and does not open test.

    Exit code 0: fine-tune. 3: don't (yet). The language model's endpoint is asked to rewrite some queries, and
    candidates at endpoints are sent passages and queries of yours.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting, base)
    documents = opened.documents(source)
    names = None if candidates is None else [name.strip() for name in candidates.split(",") if name.strip()]
    if names == []:
        raise InputError("no candidate is named", where="--candidates", remedy="as in --candidates v1,openai:MODEL")
    found = opened.assess(documents, candidates=names)
    if as_json:
        told = {**plain(found), "sentence": found.sentence, "source": str(documents)}
        say(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(0 if found.verdict == "fine_tune" else EXIT_DONT)


def _print(found: Assessment) -> None:
    say(f"\n{found.sentence}")
    for reason in (*found.reasons[:1], *found.evidence):  # the systems' own figures stand in the table
        say(f"  · {reason}")
    width = max(len(one.name) for one in found.alternatives)
    say(f"\n  {'measured on dev':<{width}}  recall@10  nDCG@10  against the base          gain an hour  cost")
    for one in found.alternatives:
        say(f"  {one.name:<{width}}  {one.recall_at_10:>9.3f}{one.ndcg_at_10:>9.3f}  {_gain(one):<24}  {one.cost}")
    say(f"  took {found.seconds:.0f} s")


def _gain(one: Alternative) -> str:
    gain = f"{one.gain:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
    each = "" if one.gain_per_hour is None else f"{one.gain_per_hour:.3f}"
    return f"{gain:<24}  {each:>12}"
