"""The training loop: batch by batch and epoch by epoch, from the start or from where a killed training stood.

Knows the order of things; how a batch becomes gradients, or gradients become weights, it is handed.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from jargonaut.errors import JargonautError
from jargonaut.protocols import Reporter
from jargonaut.training import adapters
from jargonaut.training.batches import Batch
from jargonaut.training.checkpoints import Checkpoint, Checkpoints
from jargonaut.training.guard import Guard
from jargonaut.training.objective import Objective
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.parallel import World
from jargonaut.training.progress import BestEpoch, Callback, EpochDone, LossLog, StepDone, StopTraining
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch


_FORETOLD_AFTER = 2
"""Batches after which the time that training takes is foretold."""
_LONG = 1800.0
"""Seconds from which on it is told."""


class Pace(Protocol):
    """What the loop asks of a recipe."""

    @property
    def patience(self) -> int:
        """Epochs in a row without a better score that are put up with."""

    @property
    def dropout(self) -> bool:
        """Whether the model's own dropout is on."""

    @property
    def seed(self) -> int:
        """Of what is drawn in a step."""


class _Unhealthy(StopTraining):
    """Training has gone wrong; the message says how."""


@dataclass
class Loop:
    """Steps, epochs, and everything that they move on.

    Attributes:
        model: The model in training, on its device.
        options: The recipe.
        epochs: Most passes over the batches.
        step_of: Batch → gradients.
        optimizer: Gradients → weights.
        weights: The masters.
        best: Judges the end of each epoch.
        objective: The loss, with what is learned beside the weights.
        guard: Says when training has gone wrong.
        log: Losses.
        world: The processes that train together.
        plan: Given an `epoch`, from 0, its batches.
        per_epoch: How many they are.
        callbacks: Told of steps and epochs.
        checkpoints: What a killed training goes on from.
        renewed: Given the model after its first epoch, the plan of the others; the plan stays when None.
        report: Where progress is shown.
    """

    model: torch.nn.Module
    options: Pace
    epochs: int
    step_of: Callable[[Batch, Sequence[int]], float]
    optimizer: MasterAdamW
    weights: MasterWeights
    best: BestEpoch
    objective: Objective
    guard: Guard
    log: LossLog
    world: World
    plan: Callable[..., Iterator[Batch]]
    per_epoch: int
    callbacks: Sequence[Callback]
    checkpoints: Checkpoints | None
    renewed: Callable[[Any], Callable[..., Iterator[Batch]]] | None
    report: Reporter
    stopped: str = ""
    """Why training ended before its time, in words; empty where it did not."""

    def run(self) -> None:
        """From where the last checkpoint stands, or from the start, until an end is reached."""
        first, taken = self._resumed()
        with contextlib.suppress(StopTraining):
            for epoch in range(first, self.epochs):
                if epoch == max(1, first):
                    self._renew()
                try:
                    self._epoch(epoch, taken)
                except _Unhealthy as wrong:
                    self.log.end_epoch()
                    self._give_up(str(wrong))
                    raise
                except StopTraining:
                    self.log.end_epoch()
                    if not self.best.scores:  # nothing judges, so what was learned last is kept
                        self.best.judge(epoch + 1)
                    raise
                taken = 0
                judged = self.best.judge(epoch + 1)
                loss = self.log.losses[-1][1]
                if judged is not None:
                    self.report.line(f"  epoch {epoch + 1}: loss {loss:.4f}, dev nDCG@10 {judged:.4f}{self._general}")
                self._tell(EpochDone(epoch + 1, loss, judged, self.best.epoch, self.best.general_score))
                if epoch + 1 - self.best.epoch > self.options.patience:
                    break

    @property
    def _general(self) -> str:
        """The newest score on general knowledge, as a line of progress ends."""
        score = self.best.general_score
        return "" if score is None else f", general knowledge {score:.4f}"

    def _resumed(self) -> tuple[int, int]:
        """Takes up the newest checkpoint; gives the epoch to go on with and the steps that are done in it."""
        found = self.checkpoints.load() if self.checkpoints else None
        step = 0 if found is None else found.step
        if self.world.agreed(step) != step:
            raise JargonautError(
                f"the processes that train together do not see the same checkpoint (step {step} here)",
                remedy="give them one shared workspace, or remove its .jargonaut/checkpoints",
            )
        if found is None:
            if self.best.judge(0) is not None:
                self.report.line(f"  epoch 0 (the base): dev nDCG@10 {self.best.scores[0][1]:.4f}{self._general}")
            return 0, 0
        parts = {name: _part(found.tensors, name) for name in ("weights", "optimizer", "objective", "best")}
        self.weights.restore(parts["weights"])
        self.optimizer.restore(parts["optimizer"])
        self.objective.restore(parts["objective"])
        self.best.restore(found.facts["best"], parts["best"])
        self.guard.restore(found.facts["guard"])
        self.log.restore(found.facts["log"])
        self.report.line(f"  goes on after step {step:,} of at most {self.per_epoch * self.epochs:,}")
        return int(found.facts["epoch"]), int(found.facts["taken"])

    def _epoch(self, epoch: int, taken: int) -> None:
        """One pass over the batches, without the first `taken` of them.

        Raises:
            StopTraining: A callback wants to, or training has gone wrong.
        """
        options = self.options
        self.model.train(options.dropout)
        adapters.train(self.model)
        left = itertools.islice(self.plan(epoch=epoch), taken, None)
        shown = self.report.track(left, f"training, epoch {epoch + 1} of {self.epochs}", self.per_epoch - taken)
        if self.log.steps == 0:
            shown = _foretold(shown, self.per_epoch, self.epochs, self.report)
        for number, batch in enumerate(shown, taken + 1):
            # Seeded at each step, so that a training that goes on drops what it would have dropped.
            loss = self.step_of(batch, (options.seed, self.log.steps, self.world.rank))
            self._refuse(self.guard.check_loss(loss))
            lr = self.optimizer.lr
            norm = self.optimizer.step()
            self.objective.clamp()
            self._refuse(self.guard.check_norm(norm))
            self.log.add(loss, len(batch.query_ids))
            self._tell(StepDone(self.log.steps, epoch + 1, loss, lr, norm, len(batch.query_ids)))
            if self.checkpoints and self.checkpoints.due and self.world.rank == 0:
                self.checkpoints.save(self._checkpoint(epoch, number))
        self.log.end_epoch()
        self.model.eval()

    def _refuse(self, wrong: str | None) -> None:
        """Ends training in every process where something is wrong in one.

        Raises:
            StopTraining: Something is.
        """
        if self.world.total(wrong is not None):
            raise _Unhealthy(wrong or "another process's loss went wrong")

    def _give_up(self, wrong: str) -> None:
        """Says what happened, and which weights are left."""
        kept = f"the weights of epoch {self.best.epoch} are kept" if self.best.epoch else "nothing of it is kept"
        self.stopped = (
            f"training was stopped at step {self.log.steps + 1}, where {wrong}; {kept}: "
            "lower the learning rate ([train] lr)"
        )
        self.report.warn(self.stopped)

    def _renew(self) -> None:
        """Takes the plan of the epochs after the first; the first process makes it, the others find it made."""
        if self.renewed is not None:
            if self.world.rank == 0:
                self.plan = self.renewed(self.model)
            self.world.agreed(0.0)
            if self.world.rank > 0:
                self.plan = self.renewed(self.model)

    def _checkpoint(self, epoch: int, taken: int) -> Checkpoint:
        facts = {
            "epoch": epoch, "taken": taken, "log": self.log.facts(), "best": self.best.facts(),
            "guard": self.guard.facts(),
        }  # fmt: skip
        parts = {
            "weights": self.weights.state(), "optimizer": self.optimizer.state(), "objective": self.objective.state(),
            "best": self.best.tensors(),
        }  # fmt: skip
        tensors = {f"{part}/{name}": tensor for part, held in parts.items() for name, tensor in held.items()}
        return Checkpoint(self.log.steps, facts, tensors)

    def _tell(self, event: StepDone | EpochDone) -> None:
        """Tells the callbacks; if one wants to stop, every process does.

        Raises:
            StopTraining: One does.
        """
        stop = False
        if self.world.rank == 0:
            try:
                for callback in self.callbacks:
                    callback(event)
            except StopTraining:
                stop = True
        if self.world.agreed(float(stop)):
            raise StopTraining


def _part(tensors: Mapping[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """Those whose names begin with the part's, without it."""
    return {name.removeprefix(f"{part}/"): t for name, t in tensors.items() if name.startswith(f"{part}/")}


def _foretold(plan: Iterator[Batch], steps: int, epochs: int, report: Reporter) -> Iterator[Batch]:
    """Passes batches through; after the first two it says how long training will take, if that is long."""
    started = time.monotonic()
    for number, batch in enumerate(plan):
        seconds = (time.monotonic() - started) / max(1, number) * steps * epochs
        if number == _FORETOLD_AFTER and seconds > _LONG:
            fewer = ", `--set train.epochs=1`" if epochs > 1 else ""
            report.warn(f"training will take up to {seconds / 60:,.0f} minutes at this pace; a GPU{fewer} or "
                        "`--set mine.per_pair=0` shortens it")  # fmt: skip
        yield batch
