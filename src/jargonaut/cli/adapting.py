"""What `train --adapter` prints, and how its flag may stand without a kind. It parses, calls the library and prints."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from jargonaut.adapters import KINDS
from jargonaut.artifacts import plain
from jargonaut.cli.terminal import EXIT_DONT, interval, say
from jargonaut.errors import InputError

if TYPE_CHECKING:
    from jargonaut.adapting import AdaptedModel
    from jargonaut.workspace import Workspace

ADAPTER_FLAG = "--adapter"
BY_SETTINGS = "as-set"
"""What the flag stands for without a kind: `[adapter] kind`."""


class TrainCommand(TyperCommand):
    """A command whose `--adapter` may stand alone: `train --adapter`, `train docs/ --adapter low_rank`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives the flag its value where no kind follows; a word that is no file either is a kind mistyped."""
        for place, one in enumerate(args):
            following = args[place + 1 : place + 2]
            if one == ADAPTER_FLAG and not any(_is_meant_as_kind(word) for word in following):
                args = [*args[:place], f"{ADAPTER_FLAG}={BY_SETTINGS}", *args[place + 1 :]]
        return super().parse_args(ctx, args)


def _is_meant_as_kind(word: str) -> bool:
    return word in KINDS or not (word.startswith("-") or Path(word).exists())


def adapter_settings(adapter: str | None, over: str | None) -> list[str]:
    """What the flags set.

    Raises:
        InputError: The kind is unknown, or a base is named and no adapter is asked for.
    """
    if adapter is None:
        if over is not None:
            raise InputError("--over names what an adapter stands on", remedy="say --adapter too, or --base NAME")
        return []
    if adapter == BY_SETTINGS:
        return []
    if adapter not in KINDS:
        remedy = f"say {', '.join(KINDS)}, or a folder that is there"
        raise InputError(f"there is no adapter {adapter!r}, nor a file of that name", where=ADAPTER_FLAG, remedy=remedy)
    return [f"adapter.kind={adapter}"]


def adapt(opened: Workspace, source: Path | None, over: str | None, workspace: Path, *, as_json: bool) -> None:
    """Fits, registers and prints; ends the program.

    Raises:
        Exit: 0: registered. 3: done, but no map was better on dev than none.
    """
    made = opened.adapt(source, over=over)
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False, indent=2))
    else:
        _print(made, workspace, indexed=_is_indexed(opened, made))
    raise typer.Exit(0 if made.version is not None else EXIT_DONT)


def _is_indexed(opened: Workspace, made: AdaptedModel) -> bool:
    """Whether there is a collection that the version can search."""
    if made.version is None:
        return False
    space = made.version.searched
    return any(one.fingerprint == space and not one.removed for one in opened.registry().indexes.all())


def _print(made: AdaptedModel, workspace: Path, *, indexed: bool) -> None:
    after = f"epoch {made.best_epoch} of {made.epochs}" if made.best_epoch else "nothing: no epoch was better than none"
    embedded = f"; {made.embedded:,} texts were embedded for it now" if made.embedded else "; nothing was embedded"
    say(f"\n  base     {', '.join(part for part in (made.base, made.base_name) if part)}")
    say(f"  adapter  {made.kind}, {made.sides}; {made.parameters:,} numbers")
    say(f"  kept     {after}")
    gained = "" if made.low is None or made.high is None else f" ({interval(made.low, made.high)})"
    say(f"  dev      nDCG@10 {made.dev_base:.4f} → {made.dev:.4f}{gained} at {made.dimension} dimensions")
    say(f"  took     {made.seconds:.1f} s from cached vectors{embedded}")
    if made.account:
        say(f"  sent     {made.account}")
    if made.version is None:
        say("\nNothing was registered: the base as it is was best on dev.")
        return
    name, where = made.version.version, shlex.join(["-w", str(workspace)])
    say(f"  version  {name}  {made.version.path}")
    say("\nNot tested on test yet. What to type next:")
    say(f"  jargonaut evaluate --version {name} {where}")
    if made.sides == "both":
        say(f"  jargonaut index build {name} {where}   # passages are mapped too: an index of its own, from the cache")
    elif not indexed:
        say(f"  jargonaut index build {name} {where}   # {made.base} has no index yet; from then on it serves both")
    say(f"  jargonaut index switch {name} {where}{'   # nothing is re-indexed' if indexed else ''}")
