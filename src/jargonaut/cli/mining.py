"""`jargonaut mine`: hard negatives, and what was taken out of the candidates and why."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.flags import BaseFlag, JsonFlag, SetFlag, SourceArgument, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say

if TYPE_CHECKING:
    from jargonaut.hardness import PreparedNegatives, RemovedCandidate

SHOWN = 3
"""Removed candidates of each rule that are shown unless another number is asked for."""
_CHARS = 110


def mine(
    source: SourceArgument = None,
    workspace: WorkspaceFlag = Path(),
    base: BaseFlag = None,
    show: Annotated[
        int, typer.Option("--show", min=0, help="Removed candidates of each rule that are shown; 20 at most are kept.")
    ] = SHOWN,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Mines hard negatives for the training pairs and says what was taken out, and why. Trains nothing.

    Candidates come from train passages only. Everything about them is in the section `mine` of
    jargonaut.toml: where they come from (`--set 'mine.sources=["dense", "bm25"]'`), how many, the rules against false
    negatives, who judges them.
    A run that is stopped goes on where it was; a later `jargonaut run` with the same settings uses what was mined.
    """
    found = open_workspace(workspace, TerminalReporter(), setting, base).mine(source)
    if as_json:
        say(json.dumps(_told(found, show), indent=2, ensure_ascii=False))
        return
    counts = found.artifact.counts
    say(f"\n{counts['pairs']:,} pairs, {found.sentence}")
    say(f"  candidates by {counts['model']}, {_searched(counts['search'])}; {counts['seen']:,} looked at")
    for rule, count in counts["removed"].items():
        say(f"  {count:>12,}  {rule}")
        for one in _of(found, rule, show):
            _show(one)
    if counts["judged"]:
        unsaid = f", {counts['unjudged']:,} without a verdict" if counts["unjudged"] else ""
        say(f"  {counts['judged']:,} judged{unsaid}; {counts['relabelled']:,} became second positives")
    say(f"\n  {found.artifact.path}")


def _told(found: PreparedNegatives, show: int) -> dict[str, Any]:
    shown = {rule: plain(_of(found, rule, show)) for rule in found.artifact.counts["removed"]}
    folder = str(found.artifact.path)
    return {**found.artifact.counts, "sentence": found.sentence, "folder": folder, "sample": shown}


def _of(found: PreparedNegatives, rule: str, show: int) -> list[RemovedCandidate]:
    return [one for one in found.removed if one.rule == rule][:show]


def _searched(how: dict[str, Any]) -> str:
    if how["how"] == "exact":
        return "searched exactly"
    return f"searched by {how['components']} components (recall {how['recall']:.3f})"


def _show(one: RemovedCandidate) -> None:
    say(f"                  {_short(one.query)}")
    say(f"                    + {one.positive_score:.3f} {_short(one.positive)}")
    say(f"                    - {one.score:.3f} {_short(one.candidate)}")


def _short(text: str) -> str:
    return textwrap.shorten(text, _CHARS, placeholder=" …")
