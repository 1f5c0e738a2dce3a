"""Watches the losses of a training for the signs that it has gone wrong. Knows numbers only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

_WINDOW = 50
"""Losses of which the running median is taken."""
_FIRST = 3
"""Losses that say where training started, while the rate still warms up; until they are there nothing is judged."""
_STEPS = 5
"""Bad steps in a row that are put up with."""
_NEVER_HIGH = 0.1
"""A loss below this is no explosion, however low the others are."""


class Guard:
    """Says when a training should stop, because its loss explodes or its gradients are no numbers.

    A loss explodes when it stays above several times the running median, and above where training started, for five
    steps in a row.

    Args:
        rise: How many times the median that is; infinity lets anything pass that is a number.
    """

    def __init__(self, rise: float) -> None:
        self._rise = rise
        self._start: list[float] = []
        self._recent: list[float] = []
        self._high = 0
        self._skipped = 0

    def check_loss(self, loss: float) -> str | None:
        """Notes the loss of a step before its gradients are applied; gives what is wrong, None when nothing is."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        if len(self._start) < _FIRST:
            self._start.append(loss)
        elif loss > max(
            self._rise * statistics.median(self._recent), 1.5 * statistics.median(self._start), _NEVER_HIGH
        ):
            self._high += 1
            usual = statistics.median(self._recent)
            return f"the loss rose to {loss:.3g} from about {usual:.3g}" if self._high >= _STEPS else None
        self._high = 0
        self._recent = [*self._recent, loss][-_WINDOW:]
        return None

    def check_norm(self, norm: float) -> str | None:
        """Notes the gradient norm of a step, which is not applied when it is no number; gives what is wrong."""
        self._skipped = 0 if math.isfinite(norm) else self._skipped + 1
        return f"the gradients of {_STEPS} steps in a row were no numbers" if self._skipped >= _STEPS else None

    def facts(self) -> dict[str, Any]:
        """JSON values that `restore` takes."""
        return {"start": self._start, "recent": self._recent, "high": self._high, "skipped": self._skipped}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Puts the guard where `facts` were taken."""
        self._start, self._recent = [float(x) for x in facts["start"]], [float(x) for x in facts["recent"]]
        self._high, self._skipped = int(facts["high"]), int(facts["skipped"])
