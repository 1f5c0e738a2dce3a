"""The `train` command: one training, or a sweep over many. It parses its flags, calls the library and prints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.adapting import ADAPTER_FLAG, TrainCommand, adapt, adapter_settings
from jargonaut.cli.flags import BaseFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.rungs import teach_reranker, teach_student
from jargonaut.cli.terminal import EXIT_DONT, TerminalReporter, say
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.settings import Settings, load_settings
from jargonaut.training import DISTILLING, World, launched

if TYPE_CHECKING:
    from jargonaut.sweeping import SweepResult
    from jargonaut.tuning import TunedModel

SHOWN_TRIALS = 5
Way = Literal["--adapter", "--reranker", "--static"]
_WAYS: Mapping[Way, str] = {"--adapter": "adapter", "--reranker": "reranker", "--static": "static"}
"""Flag of what is trained instead of the model → its section of the settings."""
_OF_THE_PAIRS = ("batch_size", "loss")
"""Settings of [train] that a student takes as they are."""

SourceArgument = Annotated[
    Path | None,
    typer.Argument(help="As for `run`; what the workspace was last used on if not said.", show_default=False),
]
EpochsFlag = Annotated[int | None, typer.Option("--epochs", help="Most passes over the pairs: train.epochs.")]
RateFlag = Annotated[float | None, typer.Option("--lr", help="Peak learning rate: train.lr.")]
BatchFlag = Annotated[int | None, typer.Option("--batch-size", help="Pairs per step: train.batch_size.")]
LossFlag = Annotated[
    str | None,
    typer.Option("--loss", help="What is learned: mnrl, gist, cosent, triplet, kl or margin_mse; train.loss."),
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
RerankerFlag = Annotated[
    bool, typer.Option("--reranker", help="Teach a cross-encoder that orders the first hits anew, and register it.")
]
DistilFlag = Annotated[
    str | None,
    typer.Option(
        "--distil",
        help="Let this model teach: a reranker such as v3, or a larger encoder; train.teacher, with the loss kl and 4 "
        "negatives per pair where nothing else is said.",
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
    reranker: RerankerFlag = False,
    distil: DistilFlag = None,
    static: StaticFlag = False,
    teacher: TeacherFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Pairs, negatives, and a tuned model; nothing is tested on test, and nothing is released.

    `jargonaut run` with the same settings takes the model up where this leaves it. Several GPUs share one training
    under `torchrun --nproc-per-node N -m jargonaut train …`.
    With `--distil` a teacher's knowledge is taught too, and the student is registered as a version.
    With `--adapter` the model stays as it is, and a map of its query vectors is fitted and registered as a version.
    With `--reranker` a cross-encoder is taught on the same pairs instead (section `reranker`), and registered.
    With `--static` a student of word vectors is made of a version (section `static`), and registered.
    Exit code 0: tuned. 3: done, but all that was tried is clearly worse on dev than the base.
    """
    shortcuts = {"train.epochs": epochs, "train.lr": lr, "train.batch_size": batch_size, "train.loss": loss}
    way = _way(adapter is not None, reranker, static)
    if way is not None:
        _refuse_beside(way, {**shortcuts, "sweep": sweep, "minutes": minutes, "distil": distil})
    if teacher is not None and not static:
        raise InputError("--teacher teaches a student", remedy="say --static too, or leave it out")
    given = [*(setting or []), *adapter_settings(adapter, over)]
    given += [f"{name}={value}" for name, value in shortcuts.items() if value is not None]
    given += _distilling(distil, given, workspace)
    if minutes is not None and sweep is None:
        raise InputError("--minutes is the time of a sweep", remedy="say --sweep N too, or leave it out")
    if sweep is not None and launched():
        raise InputError("a sweep runs in one process", where="--sweep", remedy="start it without a launcher")
    opened = open_workspace(workspace, TerminalReporter(), given, base)
    match way:
        case "--adapter":
            adapt(opened, source, over, workspace, as_json=as_json)
        case "--reranker":
            teach_reranker(opened, source, workspace, as_json=as_json)
        case "--static":
            teach_student(opened, source, teacher, workspace, as_json=as_json)
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
    _print_tuned(made, workspace, as_json=as_json)
    raise typer.Exit(0 if made.best_epoch or world.size > 1 else EXIT_DONT)  # a launcher takes 3 for a crash


def _way(adapter: bool, reranker: bool, static: bool) -> Way | None:
    """The way that is asked for instead of a fine-tuning.

    Raises:
        InputError: There are two.
    """
    asked: list[Way] = [way for way, said in zip(_WAYS, (adapter, reranker, static), strict=True) if said]
    if len(asked) > 1:
        raise InputError(f"{' and '.join(asked)} are two trainings", remedy="say one after the other")
    return asked[0] if asked else None


def _refuse_beside(way: Way, flags: Mapping[str, object]) -> None:
    """Flags of a fine-tuning say nothing to another way.

    Raises:
        InputError: One was given, or several processes take part.
    """
    own = _WAYS[way]
    settings = {field.name for field in fields(getattr(Settings(), own))}
    for name, value in flags.items():
        key = name.partition(".")[2] or name
        if value is None or (way == "--static" and key in _OF_THE_PAIRS):
            continue
        flag = f"--{key.replace('_', '-')}"
        remedy = f"its own settings are in [{own}]: --set {own}.{key}=…" if key in settings else "leave it out"
        raise InputError(f"{flag} is about fine-tuning, not about {way}", where=flag, remedy=remedy)
    if launched():
        raise InputError(f"{way} trains in one process", where=way, remedy="start it without a launcher")


def _distilling(teacher: str | None, given: list[str], workspace: Path) -> list[str]:
    """The settings that `--distil` stands for, but for those that are given, here or in the workspace's file."""
    if teacher is None:
        return []
    said, file = {one.partition("=")[0].strip() for one in given}, load_settings(Layout(workspace).settings)
    wanted = {"train.teacher": teacher}
    if file.train.loss not in DISTILLING:
        wanted["train.loss"] = "kl"
    if file.mine.per_pair == Settings().mine.per_pair:
        wanted["mine.per_pair"] = "4"
    if "train.teacher" in said:
        raise InputError("the teacher is named twice", where="--distil", remedy="leave train.teacher out")
    return [f"{name}={value}" for name, value in wanted.items() if name not in said]


def _print_tuned(made: TunedModel, workspace: Path, *, as_json: bool) -> None:
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
    if made.version is None:
        say("\nNot tested and not released: `jargonaut run` with the same settings does both.")
        return
    say(f"  version  {made.version}{'' if made.tested else ', not tested yet'}")
    where = shlex.join(["-w", str(workspace)])
    say("\nWhat to type next:")
    say(f"  jargonaut evaluate --version {made.version} {where}")
    say(f"  jargonaut ladder {where}   # beside everything else")
    say(f"  jargonaut index build {made.version} {where}")


def _flags(given: list[str], found: SweepResult) -> list[str]:
    """The settings of the command line and then those of the best trial, which come in their place."""
    swept = {} if found.best is None else found.best.values
    kept = [one for one in given if one.partition("=")[0].strip() not in swept]
    return [flag for one in (*kept, *found.flags) for flag in ("--set", one)]


def _print_sweep(found: SweepResult, source: Path, workspace: Path, again: list[str], *, as_json: bool) -> None:
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
        say("\nEvery trial was clearly worse on dev than the base.")
    elif best.number == found.today:
        say("\nNothing was better than today's settings.")
    say(f"\n  page      {found.page}")
    say(f"  settings  {found.folder / 'best.toml'}")
    if best.best_epoch:
        say(f"\nTo use trial {best.number}, copy these settings into jargonaut.toml, or type:\n  {command}")
