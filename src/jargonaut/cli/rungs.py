"""What `train --reranker` and `train --static` do and print. They call the library and print."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.terminal import EXIT_DONT, interval, say

if TYPE_CHECKING:
    from jargonaut.schooling import Student
    from jargonaut.second_stage import TunedReranker
    from jargonaut.workspace import Workspace


def teach_reranker(opened: Workspace, source: Path | None, workspace: Path, *, as_json: bool) -> None:
    """Teaches, registers and prints; ends the program.

    Raises:
        Exit: 0: registered. 3: done, but no epoch was better on dev than dense search.
    """
    made = opened.train_reranker(source)
    _print_reranker(made, workspace, as_json=as_json)
    raise typer.Exit(0 if made.version else EXIT_DONT)


def teach_student(
    opened: Workspace, source: Path | None, teacher: str | None, workspace: Path, *, as_json: bool
) -> None:
    """Makes a student, registers and prints it; ends the program.

    Raises:
        Exit: 0.
    """
    _print_student(opened.train_static(source, teacher=teacher), workspace, as_json=as_json)
    raise typer.Exit(0)


def _print_reranker(made: TunedReranker, workspace: Path, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False, indent=2))
        return
    gained = f"dense {made.dense:.4f} → reranked {made.reranked:.4f} ({interval(made.low, made.high)})"
    say(f"\n  dev      nDCG@10 of {made.queries:,} queries: {gained}")
    if made.version is None:
        say("\nNo epoch was better on dev than dense search, so nothing is registered.")
        return
    say(f"  order    {made.weight:.0%} reranker, {1 - made.weight:.0%} {made.searched_by}; by itself {made.alone:.4f}")
    say(f"  takes    {made.milliseconds:,.0f} ms per query at depth {made.depth}, here")
    say(f"  scores   from 0 to 1, off by {made.calibration_error:.4f} on average on dev")
    say(f"  model    {made.version}  {made.path}")
    where = shlex.join(["-w", str(workspace)])
    again = f"{where} --set evaluate.cross_encoder={made.version} --set evaluate.rerank_depth={made.depth}"
    say("\nDev chose epoch, weight and calibration, so its figures flatter. On test:")
    say(f"  jargonaut evaluate {again}")
    say(f"  jargonaut run {again}")
    say(f'  jargonaut search "…" {where} --rerank {made.version} --rerank-depth {made.depth}')


def _print_student(made: Student, workspace: Path, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False, indent=2))
        return
    kept = f"epoch {made.best_epoch} of the pairs" if made.best_epoch else "as it was distilled; the pairs did not help"
    share = f", {made.dev / made.dev_teacher:.0%} of the teacher's" if made.dev_teacher else ""
    say(f"\n  version  {made.version.version}: {made.entries:,} word vectors, {made.version.dimension} dimensions")
    say(f"  teacher  {made.teacher}, dev nDCG@10 {made.dev_teacher:.4f} at {made.dimension} dimensions")
    say(f"  dev      nDCG@10 {made.dev_distilled:.4f} distilled → {made.dev:.4f}{share}")
    say(f"  kept     {kept}")
    say(f"  model    {made.version.path}")
    name, where = made.version.version, shlex.join(["-w", str(workspace)])
    say("\nNot tested on test yet. What to type next:")
    say(f"  jargonaut evaluate --version {name} {where}   # against its teacher")
    say(f"  jargonaut ladder {where}   # beside every other way to search")
    say(f"  jargonaut index build {name} {where}   # it has an index of its own")
