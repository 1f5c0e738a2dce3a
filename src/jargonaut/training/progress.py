"""How a training is going: losses, dev scores, the best epoch's weights, and what callbacks are told.

Everything here can be put into a checkpoint and taken out again. Knows numbers and weights; knows no loss and no text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch

LOG_EVERY = 10
"""Steps whose losses are averaged into one entry."""


@dataclass(frozen=True, slots=True)
class StepDone:
    """One optimiser step was taken.

    Attributes:
        step: Its number, from 1.
        epoch: The epoch it belongs to, from 1.
        loss: Of the whole batch.
        lr: Learning rate that it was taken with.
        norm: L2 norm of the gradients before clipping.
        pairs: Pairs of the batch.
    """

    step: int
    epoch: int
    loss: float
    lr: float
    norm: float
    pairs: int


@dataclass(frozen=True, slots=True)
class EpochDone:
    """One epoch ended.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean of the last logged steps.
        dev_score: Of the model as it is now; None when nothing scores.
        best_epoch: The epoch whose weights would be kept if training ended here.
        general_score: On general knowledge, of the model as it is now; None when nothing scores it.
    """

    epoch: int
    loss: float
    dev_score: float | None
    best_epoch: int
    general_score: float | None = None


Callback: TypeAlias = Callable[[StepDone | EpochDone], None]
"""Told of every step and epoch, in the process that was started first."""


class StopTraining(Exception):  # noqa: N818 - it is a request, not an error
    """Raised by a callback to end training as if patience had ended; the best epoch's weights are kept."""


class LossLog:
    """Mean losses of every ten steps, and of what is left at an epoch's end."""

    def __init__(self) -> None:
        self.losses: list[tuple[int, float]] = []
        self.steps = 0
        self.pairs = 0
        self._recent: list[float] = []

    def add(self, loss: float, pairs: int) -> None:
        """Notes one step and how many pairs it saw."""
        self.steps += 1
        self.pairs += pairs
        self._recent.append(loss)
        if len(self._recent) == LOG_EVERY:
            self.end_epoch()

    def end_epoch(self) -> None:
        """Closes the entry that is open, if one is."""
        if self._recent:
            self.losses.append((self.steps, sum(self._recent) / len(self._recent)))
            self._recent = []

    def facts(self) -> dict[str, Any]:
        """JSON values that `restore` takes."""
        return {"losses": self.losses, "steps": self.steps, "pairs": self.pairs, "recent": self._recent}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Puts the log where `facts` were taken."""
        self.losses = [(int(step), float(loss)) for step, loss in facts["losses"]]
        self.steps, self.pairs = int(facts["steps"]), int(facts["pairs"])
        self._recent = [float(loss) for loss in facts["recent"]]


class BestEpoch:
    """Remembers the fp32 weights of the best dev score, or of the last epoch when nothing scores.

    Args:
        weights: Of the model in training.
        score: Dev score of the model as it is now, higher is better.
        general: Its score on general knowledge, which is noted and decides nothing.
        start_counts: Whether the weights that training starts from may be the best. Not where what lies between them
            and the best epoch is tried afterwards, since that may be better than either.
    """

    def __init__(
        self, weights: MasterWeights, score: Callable[[], float] | None, general: Callable[[], float] | None = None,
        *, start_counts: bool = True,
    ) -> None:  # fmt: skip
        self._weights, self._score, self._general = weights, score, general
        self._first = 0 if start_counts else 1
        self.scores: list[tuple[int, float]] = []
        self.general: list[tuple[int, float]] = []
        self.epoch = 0
        self._kept = weights.copy()

    def judge(self, epoch: int) -> float | None:
        """Scores the model as it is now and remembers its weights if they are the best; gives the score."""
        value = None if self._score is None else self._score()
        better = value is None or value > max(
            (earlier for at, earlier in self.scores if at >= self._first), default=float("-inf")
        )
        if epoch and better:  # what training starts from is remembered already
            self.epoch, self._kept = epoch, self._weights.copy()
        if value is not None:
            self.scores.append((epoch, value))
        if self._general is not None:
            self.general.append((epoch, self._general()))
        return value

    @property
    def general_score(self) -> float | None:
        """The newest on general knowledge."""
        return self.general[-1][1] if self.general else None

    def settle(self) -> None:
        """Ends training with the remembered weights in the model, which is fp32 again."""
        self._weights.settle(self._kept)

    def facts(self) -> dict[str, Any]:
        """JSON values that `restore` takes."""
        return {"scores": self.scores, "general": self.general, "epoch": self.epoch}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The remembered weights; none while they are those that training started from."""
        return dict(self._kept) if self.epoch else {}

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Puts everything where `facts` and `tensors` were taken."""
        self.scores = [(int(epoch), float(value)) for epoch, value in facts["scores"]]
        self.general = [(int(epoch), float(value)) for epoch, value in facts["general"]]
        self.epoch = int(facts["epoch"])
        self._kept = {name: tensors.get(name, kept) for name, kept in self._kept.items()}
