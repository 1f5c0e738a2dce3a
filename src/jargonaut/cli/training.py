"""The `train` command: one training, or a sweep over many. It parses its flags, calls the library and prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.adapting import ADAPTER_FLAG, TrainCommand, adapt, adapter_settings
from jargonaut.cli.flags import BaseFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.errors import InputError
from jargonaut.training import World, launched

if TYPE_CHECKING:
    from jargonaut.schooling import Student
    from jargonaut.sweeping import SweepResult
    from jargonaut.tuning import TunedModel

EXIT_DONT = 3
SHOWN_TRIALS = 5

SourceArgument = Annotated[
    Path | None,
    typer.Argument(help="As for `run`; what the workspace was last used on if not said.", show_default=False),
]
EpochsFlag = Annotated[int | None, typer.Option("--epochs", help="Most passes over the pairs: train.epochs.")]
RateFlag = Annotated[float | None, typer.Option("--lr", help="Peak learning rate: train.lr.")]
BatchFlag = Annotated[int | None, typer.Option("--batch-size", help="Pairs per step: train.batch_size.")]
LossFlag = Annotated[
    str | None, typer.Option("--loss", help="What is learned: mnrl, gist, cosent or triplet; train.loss.")
]
SweepFlag = Annotated[
    int | None,
    typer.Option("--sweep", min=1, help="Try this many recipes on dev, those of earlier calls counted."),
]
AdapterFlag = Annotated[
    str | None,
    typer.Option(
        ADAPTER_FLAG,
        metavar="[linear|low_rank|mlp]",
        help="Fit a small map of query vectors instead, in seconds; the index stays as it is.",
    ),
]
OverFlag = Annotated[
    str | None,
    typer.Option(
        "--over", help="What the adapter stands on: a version, a model, openai:MODEL, cohere:MODEL or voyage:MODEL."
    ),
]
StaticFlag = Annotated[
    bool, typer.Option("--static", help="Make a student of word vectors: far faster, less exact; it becomes a version.")
]
TeacherFlag = Annotated[
    str | None,
    typer.Option("--teacher", help="The version that a student learns from; the live or newest tuned one if not said."),
]
MinutesFlag = Annotated[float | None, typer.Option("--minutes", help="Time of a sweep; the same command goes on.")]


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    example = "Example: jargonaut train docs/ --workspace my-domain --sweep 20 --minutes 90"
    app.command(epilog=example, cls=TrainCommand)(train)


def train(
    source: SourceArgument = None,
    workspace: WorkspaceFlag = Path(),
    base: BaseFlag = None,
    epochs: EpochsFlag = None,
    lr: RateFlag = None,
    batch_size: BatchFlag = None,
    loss: LossFlag = None,
    sweep: SweepFlag = None,
    minutes: MinutesFlag = None,
    adapter: AdapterFlag = None,
    over: OverFlag = None,
    static: StaticFlag = False,
    teacher: TeacherFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Pairs, negatives, and a tuned model; nothing is tested on test, and nothing is released.

    `jargonaut run` with the same settings takes the model up where this leaves it. Several GPUs share one training
    under `torchrun --nproc-per-node N -m jargonaut train …`.
    With `--adapter` the model stays as it is, and a map of its query vectors is fitted and registered as a version.
    Exit code 0: tuned. 3: done, but no epoch, or no trial of a sweep, was better on dev than the base.
    """
    shortcuts = {"train.epochs": epochs, "train.lr": lr, "train.batch_size": batch_size, "train.loss": loss}
    given = [*(setting or []), *adapter_settings(adapter, over)]
    given += [f"{name}={value}" for name, value in shortcuts.items() if value is not None]
    if minutes is not None and sweep is None:
        raise InputError("--minutes is the time of a sweep", remedy="say --sweep N too, or leave it out")
    if sweep is not None and launched():
        raise InputError("a sweep runs in one process", where="--sweep", remedy="start it without a launcher")
    if teacher is not None and not static:
        raise InputError("--teacher teaches a student", remedy="say --static too, or leave it out")
    if static and adapter is not None:
        raise InputError(
            "a student and an adapter are two versions", where="--static", remedy="make one, then the other"
        )
    if static:
        _refuse_beside_static(sweep, shortcuts)
        student = open_workspace(workspace, TerminalReporter(), given, base).train_static(source, teacher=teacher)
        _print_student(student, as_json=as_json)
        return
    opened = open_workspace(workspace, TerminalReporter(), given, base)
    if adapter is not None:
        _refuse_beside_an_adapter(shortcuts, sweep)
        adapt(opened, source, over, workspace, as_json=as_json)
    if sweep is not None:
        found = opened.sweep(source, trials=sweep, minutes=minutes)
        again = [*(() if base is None else ("--base", base)), *_flags(given, found)]
        _print_sweep(found, opened.documents(source), workspace, again, as_json=as_json)
        raise typer.Exit(0 if found.best and found.best.best_epoch else EXIT_DONT)
    world = World.joined() if launched() else World()
    if world.rank > 0:
        opened.assist(source)
        world.leave()
        return
    made = opened.train(source)
    world.leave()
    _print_tuned(made, as_json=as_json)
    raise typer.Exit(0 if made.best_epoch or world.size > 1 else EXIT_DONT)  # a launcher takes 3 for a crash


def _refuse_beside_an_adapter(shortcuts: dict[str, Any], sweep: int | None) -> None:
    """Flags of a fine-tuning say nothing to an adapter.

    Raises:
        InputError: One was given.
    """
    wrong = [name.partition(".")[2] for name, value in shortcuts.items() if value is not None]
    wrong += ["sweep"] if sweep is not None else []
    if wrong:
        flag = f"--{wrong[0].replace('_', '-')}"
        remedy = f"settings of an adapter are those of [adapter]: --set adapter.{wrong[0]}=…"
        raise InputError(f"{flag} is about fine-tuning, not about an adapter", where=flag,
                         remedy=remedy if wrong[0] in ("epochs", "lr", "batch_size") else "leave it out")  # fmt: skip


def _refuse_beside_static(sweep: int | None, shortcuts: Mapping[str, object]) -> None:
    """Flags that would change nothing of a student, or that it has its own settings for."""
    if sweep is not None or launched():
        raise InputError("a student is made in one process, without a sweep", where="--static")
    for name in ("train.epochs", "train.lr"):
        if shortcuts[name] is not None:
            own = name.replace("train.", "static.")
            flag = f"--{name.partition('.')[2]}"
            raise InputError(f"a student has its own {own}", where=flag, remedy=f"say --set {own}=…")


def _print_student(made: Student, *, as_json: bool) -> None:
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
    name = made.version.version
    say("\nNot tested yet: `jargonaut ladder` puts it beside the others, and")
    say(f"`jargonaut evaluate --version {name}` compares it with its teacher. `jargonaut index build {name}`")
    say("makes it findable.")


def _print_tuned(made: TunedModel, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False, indent=2))
        return
    kept = f"epoch {made.best_epoch}" if made.best_epoch else "the base, unchanged"
    kept += f", moved towards the base to α = {made.alpha:g}" if 0 < made.alpha < 1 else ""
    say(f"\n  kept     {kept}")
    say(f"  dev      nDCG@10 {made.dev_base:.4f} → {made.dev:.4f} at {made.dimension} dimensions")
    say(f"  general  nDCG@10 {made.general_base:.4f} → {made.general:.4f}")
    say(f"  model    {made.path}")
    say(f"  log      {made.log}")
    say("\nNot tested and not released: `jargonaut run` with the same settings does both.")


def _flags(given: list[str], found: SweepResult) -> list[str]:
    """The settings of the command line and then those of the best trial, which come in their place."""
    swept = {} if found.best is None else found.best.values
    kept = [one for one in given if one.partition("=")[0].strip() not in swept]
    return [flag for one in (*kept, *found.flags) for flag in ("--set", one)]


def _print_sweep(found: SweepResult, source: Path, workspace: Path, again: list[str], *, as_json: bool) -> None:
    import shlex

    best = found.best
    assert best is not None  # noqa: S101 - a sweep without a complete trial is an error
    command = shlex.join(["jargonaut", "run", str(source), "-w", str(workspace), *again])
    if as_json:
        told = {**plain(found), "best": plain(best), "page": str(found.page), "use": command}
        say(json.dumps(told, ensure_ascii=False, indent=2))
        return
    pruned = sum(trial.state == "pruned" for trial in found.trials)
    failed = sum(trial.state == "failed" for trial in found.trials)
    faults = f", {failed} failed" if failed else ""
    say(f"\n{len(found.trials)} of {found.wanted} trials, {pruned} given up early{faults}")
    say("  trial      dev  general      α  settings")
    complete = sorted((t for t in found.trials if t.state == "complete"), key=lambda t: (-(t.dev or 0), t.number))
    for trial in complete[:SHOWN_TRIALS]:
        shown = ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in trial.values.items())
        mark = "" if trial.within_limit else "  (forgets too much)"
        say(f"  {trial.number:>5}  {trial.dev:>7.4f}  {trial.general:>7.4f}  {trial.alpha:>5g}  {shown}{mark}")
    if not best.best_epoch:
        say("\nNo trial was better on dev than the base.")
    elif best.number == found.trials[0].number:
        say("\nNothing was better than today's settings.")
    say(f"\n  page      {found.page}")
    say(f"  settings  {found.folder / 'best.toml'}")
    if best.best_epoch:
        say(f"\nTo use trial {best.number}, copy these settings into jargonaut.toml, or type:\n  {command}")
