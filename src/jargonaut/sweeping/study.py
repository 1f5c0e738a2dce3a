"""Optuna's study of one sweep in a SQLite file: opened, taken up after a kill, read back as records.

Knows optuna and its database; knows no model and no settings' meaning.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut.errors import JargonautError, MismatchError
from jargonaut.sweeping.outcome import State, TrialResult

if TYPE_CHECKING:
    import optuna

STARTUP = 5
"""Trials that are drawn at random before the sampler learns from them, today's settings among them."""
BEFORE_PRUNING = 4
"""Trials that are not pruned: a median of fewer says little."""
FOR_IMPORTANCE = 8
_PATIENCE = 60.0
"""Seconds to wait for another process that reads the database."""


@contextlib.contextmanager
def opened(path: Path, *, prune: bool) -> Iterator[optuna.Study]:
    """The study in a file, which is made where there is none.

    Raises:
        JargonautError: optuna is not installed, or the file cannot be used.
        MismatchError: The file is damaged, or another optuna wrote it.
    """
    try:
        import optuna
        import sqlalchemy
        from sqlalchemy.pool import NullPool
    except ImportError as error:
        raise JargonautError("a sweep needs the library `optuna`", remedy="pip install 'jargonaut[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Opened by hand, since not every path can be written as an address.
    engine = {"creator": lambda: sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False),
              "poolclass": NullPool}  # fmt: skip
    pruner = optuna.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING) if prune else optuna.pruners.NopPruner()
    broken = optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError
    with contextlib.ExitStack() as stack:
        try:
            storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=engine)
            stack.callback(storage.engine.dispose)
            stack.callback(storage.remove_session)
            study = optuna.create_study(
                storage=storage, study_name="sweep", direction="maximize", pruner=pruner, load_if_exists=True
            )
        except (*broken, RuntimeError) as error:  # the latter where another optuna wrote it
            raise _unusable(path, error) from error
        try:
            yield study
        except broken as error:
            raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> JargonautError:
    import sqlalchemy

    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    kind = JargonautError if isinstance(error, sqlalchemy.exc.OperationalError) else MismatchError
    return kind(
        f"the study of the sweep cannot be used ({reason})", where=str(path),
        remedy="check its rights and the disk's free space; moved away, the sweep begins anew",
    )  # fmt: skip


def take_up(study: optuna.Study, first: Mapping[str, Any]) -> None:
    """Lets every trial that was cut off be run again, and `first` be run where it was not; before any that is drawn.

    Only where no other process works on the study.
    """
    from optuna.trial import TrialState

    cut_off = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in cut_off:
        if wanted := trial.params or trial.system_attrs.get("fixed_params"):
            study.enqueue_trial(wanted)  # before it is closed: a kill between the two may repeat it, but loses nothing
        study.tell(trial.number, state=TrialState.FAIL)
    study.enqueue_trial(dict(first), skip_if_exists=True)


def next_trial(study: optuna.Study, seed: int) -> optuna.Trial:
    """The next trial. What is drawn follows from the seed and from the trials so far, so a kill changes nothing."""
    import optuna

    drawn = np.random.SeedSequence((seed, len(results(study)))).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=int(drawn[0]))
    return study.ask()


def results(study: optuna.Study) -> tuple[TrialResult, ...]:
    """The trials that are over, in the order in which they were begun. One that was cut off is not among them."""
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"
    }  # fmt: skip
    over = [
        trial for trial in study.get_trials(deepcopy=False, states=tuple(states))
        if trial.state != TrialState.FAIL or "fault" in trial.user_attrs
    ]  # fmt: skip
    return tuple(_result(number, trial, states[trial.state]) for number, trial in enumerate(over, start=1))


def importance(study: optuna.Study) -> dict[str, float]:
    """Setting → share of the differences in dev scores that it explains, largest first; empty with too few trials."""
    import optuna
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < FOR_IMPORTANCE or len({trial.value for trial in complete}) < 2:
        return {}
    with contextlib.suppress(RuntimeError, ValueError):  # nothing varied enough to tell
        found = optuna.importance.get_param_importances(study)
        return {name: float(share) for name, share in found.items()}
    return {}


def _result(number: int, trial: optuna.trial.FrozenTrial, state: State) -> TrialResult:
    told = trial.user_attrs
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return TrialResult(
        number, told.get("values", {}), state, trial.value if state != "failed" else None, told.get("general"),
        within_limit=told.get("within_limit", False), best_epoch=told.get("best_epoch"), alpha=told.get("alpha"),
        curve=tuple(sorted((int(epoch), float(value)) for epoch, value in trial.intermediate_values.items())),
        seconds=seconds, fault=told.get("fault", ""), training=told.get("training", ""),
    )  # fmt: skip
