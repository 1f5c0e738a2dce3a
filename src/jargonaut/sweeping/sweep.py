"""The sweep: trial after trial of a story's training, on dev, until there are enough or time is up.

Knows how a trial becomes settings, a training and a score. What test holds is never asked for.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jargonaut import training
from jargonaut.artifacts import Artifact, alone, atomic_write, content_hash, plain, write_json
from jargonaut.errors import InputError, JargonautError
from jargonaut.records import positives
from jargonaut.story import Story
from jargonaut.sweeping.outcome import SweepResult, TrialResult, best_of
from jargonaut.sweeping.page import to_html
from jargonaut.sweeping.space import EPOCHS, Space, fixed, fragment, with_values
from jargonaut.sweeping.study import importance, next_trial, opened, results, take_up
from jargonaut.training import EpochDone, StepDone, pairs_of_epoch, passes

if TYPE_CHECKING:
    import optuna

VERSION = 1
_BASE = "base_dev"
_BUILT = "built"


class _OutOfTimeError(Exception):
    """The time of the sweep is up in the middle of a trial."""


def sweep(story: Story, trials: int, minutes: float | None = None) -> SweepResult:
    """Tries recipes until `trials` of them are over, those of earlier calls counted, or the time is up.

    The first is that of the settings, and so is the next where these have changed since; the others are drawn by
    optuna's tree-structured Parzen estimator (Bergstra et al. 2011) from `[sweep]`. Each is scored as any training is:
    its best epoch, moved towards the base as far as forgetting demands. A trial whose training was cut off by the
    clock, by Ctrl-C or by a kill is run again by the next call, from its checkpoint where there is one. Of the models
    only the best is kept.

    Args:
        story: What is trained on, and the settings that everything else is taken from.
        trials: How many recipes, at least 1.
        minutes: Wall time for this call; none when None. A trial's mining and its last scores are not interrupted.

    Raises:
        InputError: Fewer trials than one, no time, or another process sweeps over the same.
        JargonautError: No trial could be finished, or optuna is not installed.
    """
    if trials < 1:
        raise InputError("a sweep needs at least one trial", where="--sweep")
    if minutes is not None and not 0 < minutes < math.inf:
        raise InputError(f"{minutes:g} minutes is no time to sweep in", where="--minutes", remedy="give more than 0")
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    known, recipe = positives(story.pairs.splits.train), story.settings.train
    pairs = pairs_of_epoch(known, recipe.per_query)
    space = Space.of(story.settings, pairs, passes(known, recipe, again=story.settings.mine.renews))
    if space.held:
        story.reporter.line(f"  with only {pairs:,} pairs the first trial is the careful recipe of `train.few_pairs`")
    key = content_hash(VERSION, training.VERSION, story.inputs, story.deployed, fixed(story.settings), space.ranges,
                       space.batch_sizes, space.held)  # fmt: skip
    folder = story.layout.stage("sweeps") / key
    mine = alone(folder / "lock", "another process runs this sweep", "wait for it, or stop it")
    with mine, opened(folder / "study.db", prune=story.settings.sweep.prune) as study:
        take_up(study, space.first)
        while len(results(study)) < trials and time.monotonic() < deadline:
            try:
                _Trial(study, story, space, deadline, trials).run()
            except _OutOfTimeError:
                break
            _remove_beaten(study, story)
        found = _found(study, story, space, folder, trials)
    _write(found)
    if found.best is None:
        raise _nothing_finished(found)
    return found


class _Trial:
    """One recipe, from its settings to its score.

    Args:
        study: Where it is written down.
        story: What is trained on.
        space: What its settings are drawn from.
        deadline: On the monotonic clock, in seconds.
        wanted: Trials in all, to be shown.
    """

    def __init__(self, study: optuna.Study, story: Story, space: Space, deadline: float, wanted: int) -> None:
        self._study, self._deadline = study, deadline
        self._trial = next_trial(study, story.settings.sweep.seed)
        self._values = space.drawn(self._trial)
        self._trial.set_user_attr("values", self._values)
        self._story = story
        self._reported: set[int] = set()
        shown = ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in self._values.items())
        story.reporter.line(f"trial {len(results(study)) + 1} of {wanted}: {shown}")

    def run(self) -> None:
        """Trains, and tells the study how it went.

        Raises:
            _OutOfTimeError: Before it was over; the next sweep runs it again.
        """
        import optuna
        from optuna.trial import TrialState

        try:
            self._story = self._story.varied(with_values(self._story.settings, self._values), [self._watch])
            artifact = self._story.tuned
        except optuna.TrialPruned:
            self._story.abandon()
            self._study.tell(self._trial, state=TrialState.PRUNED)
            self._story.reporter.line("  → given up: below the median of the trials before it")
        except JargonautError as error:
            self._failed(error.what)
        except (RuntimeError, MemoryError) as error:
            if not training.is_out_of_memory(error):
                raise
            self._failed("out of memory")
        else:
            self._note(artifact)

    def _failed(self, fault: str) -> None:
        from optuna.trial import TrialState

        self._story.abandon()
        self._trial.set_user_attr("fault", fault)
        self._study.tell(self._trial, state=TrialState.FAIL)
        self._story.reporter.warn(f"this trial failed: {fault}")

    def _note(self, artifact: Artifact) -> None:
        log = json.loads((artifact.path / "training.json").read_text(encoding="utf-8"))
        counts = artifact.counts
        for epoch, score in log["dev_scores"]:  # where it was trained before, or went on from a checkpoint
            if epoch and epoch not in self._reported:
                self._trial.report(score, epoch)
        told = {
            "general": counts["general"][1], "within_limit": counts["within_limit"], "alpha": counts["alpha"],
            "best_epoch": counts["best_epoch"], "training": artifact.key, _BUILT: not artifact.reused,
            _BASE: counts["dev"][0],
        }  # fmt: skip
        for name, value in told.items():
            self._trial.set_user_attr(name, value)
        self._study.tell(self._trial, counts["dev"][1])
        best = best_of(results(self._study))
        if best is not None:
            self._story.reporter.line(f"  → dev nDCG@10 {counts['dev'][1]:.4f}; best so far {best.dev:.4f}")

    def _watch(self, event: StepDone | EpochDone) -> None:
        """Told of every step and epoch.

        Raises:
            _OutOfTimeError: Time is up.
            TrialPruned: Others were better after as many epochs.
        """
        import optuna

        if time.monotonic() > self._deadline:
            raise _OutOfTimeError
        if isinstance(event, EpochDone) and event.dev_score is not None:
            self._trial.report(event.dev_score, event.epoch)
            self._reported.add(event.epoch)
            # After the last epoch nothing is left to be saved.
            if event.epoch < self._values[EPOCHS] and self._trial.should_prune():
                raise optuna.TrialPruned


def _remove_beaten(study: optuna.Study, story: Story) -> None:
    """Removes the models that this sweep trained and that are not the best."""
    from optuna.trial import TrialState

    best = best_of(results(study))
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        key = trial.user_attrs["training"]
        if trial.user_attrs[_BUILT] and best is not None and key != best.training:
            shutil.rmtree(story.layout.stage("training") / key, ignore_errors=True)


def _found(study: optuna.Study, story: Story, space: Space, folder: Path, wanted: int) -> SweepResult:
    told = [trial.user_attrs[_BASE] for trial in study.get_trials(deepcopy=False) if _BASE in trial.user_attrs]
    trials = results(study)
    today = next((trial.number for trial in trials if space.first.items() <= trial.values.items()), None)
    best = best_of(trials)
    model = None if best is None else story.layout.stage("training") / best.training / "model"
    return SweepResult(folder, trials, wanted, told[0] if told else None, importance(study), model, today)


def _write(found: SweepResult) -> None:
    write_json(found.folder / "sweep.json", plain(found))
    texts = {"sweep.html": to_html(found)}
    if found.best is not None:
        texts["best.toml"] = fragment(found.best.values)
    for name, text in texts.items():
        with atomic_write(found.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _nothing_finished(found: SweepResult) -> JargonautError:
    faults: list[TrialResult] = [trial for trial in found.trials if trial.fault]
    if faults:
        return JargonautError(f"no trial could be finished; the last one: {faults[-1].fault}", where=str(found.folder))
    return JargonautError(
        "the time was up before the first trial was over", where="--minutes",
        remedy="the same command with more minutes goes on",
    )  # fmt: skip
