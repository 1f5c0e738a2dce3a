"""What a sweep came to: its trials, the best of them, and how to use it. Knows records; knows no study and no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One recipe that was tried.

    Attributes:
        number: From 1, in the order in which they were begun.
        values: Setting (`section.key`) → value.
        state: `complete`, `pruned` (given up after an epoch) or `failed`.
        dev: nDCG@10 on dev of what was kept; of the last epoch where it was pruned; None where it failed.
        general: nDCG@10 on general knowledge of what was kept; None where it is not complete.
        within_limit: Whether it forgets no more than `[train] general_limit`.
        best_epoch: The epoch that was kept; None where it is not complete.
        alpha: Where between base and tuned model the kept weights lie; None where it is not complete.
        curve: (epoch, nDCG@10 on dev).
        seconds: Wall time.
        fault: Why it failed; empty where it did not.
        training: Key of its training artifact; empty where it is not complete.
    """

    number: int
    values: Mapping[str, Any]
    state: State
    dev: float | None = None
    general: float | None = None
    within_limit: bool = False
    best_epoch: int | None = None
    alpha: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    fault: str = ""
    training: str = ""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A sweep, finished or as far as its time went.

    Attributes:
        folder: Holds `study.db` (optuna's), `sweep.html`, `sweep.json` and `best.toml`.
        trials: In order.
        wanted: How many were asked for.
        base_dev: nDCG@10 of the base on dev.
        importance: Setting → share of the differences in dev scores that it explains; empty with too few trials.
        model: Folder of the best trial's model; None where no trial is complete.
        today: Number of the trial that has the settings as they are; None where it is not over yet.
    """

    folder: Path
    trials: tuple[TrialResult, ...]
    wanted: int
    base_dev: float | None
    importance: Mapping[str, float]
    model: Path | None
    today: int | None

    @property
    def best(self) -> TrialResult | None:
        """The trial whose settings should be used; None where none is complete."""
        return best_of(self.trials)

    @property
    def page(self) -> Path:
        """Its picture, one self-contained HTML file."""
        return self.folder / "sweep.html"

    @property
    def flags(self) -> tuple[str, ...]:
        """The best settings as `--set` takes them."""
        return () if self.best is None else tuple(f"{name}={value!r}" for name, value in self.best.values.items())


def best_of(trials: Sequence[TrialResult]) -> TrialResult | None:
    """The complete trial of the best dev score among those that forget little enough; the earlier of equals."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return max(complete, key=lambda each: (each.within_limit, each.dev, -each.number), default=None)
