"""From a reranker's logits to probabilities, and how much its order counts beside the first search's.

The calibration is written into the model's last layer, so that whoever loads the folder, with whatever tool, reads
probabilities. What was found is told in `reranker.json` beside the weights. Knows numbers and one layer.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jargonaut.artifacts import plain, write_json
from jargonaut.reranking.model import head_of

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

FILE = "reranker.json"
_LEAST_SLOPE = 0.01
"""A model that is no better than chance keeps this much of its logits, so that it still has an order."""
_BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """What dev said of a reranker.

    Attributes:
        slope: What its logits were multiplied by.
        shift: What was added then.
        weight: Share that its own score has in the order of hits; the first search's score has the rest.
        depth: Hits that it was judged on.
        error: Expected calibration error afterwards, on the same dev pairs: mean distance of probability and share of
            relevant passages, from 0 to 1.
        searched_by: The model whose hits these were.
        relevant: Share of those passages that are relevant: probabilities mean passages among such hits.
    """

    slope: float = 1.0
    shift: float = 0.0
    weight: float = 1.0
    depth: int = 50
    error: float | None = None
    relevant: float | None = None
    searched_by: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether every value is one that a calibration can have; a file may say anything."""
        shares = [self.weight, *(share for share in (self.error, self.relevant) if share is not None)]
        numbers = [self.slope, self.shift, self.depth, *shares]
        return (
            all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
            and all(math.isfinite(number) for number in numbers)
            and all(0 <= share <= 1 for share in shares)
            and isinstance(self.depth, int) and isinstance(self.searched_by, str)
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Keeps it beside the model."""
        write_json(folder / FILE, plain(self))

    @classmethod
    def read(cls, folder: Path) -> Calibration:
        """What was kept; nothing is known of a model that was not taught here, or whose note is damaged."""
        try:
            told = json.loads((folder / FILE).read_text(encoding="utf-8"))
            found = cls(**told)
            return found if found.is_sound else cls()
        except (OSError, ValueError, TypeError, OverflowError, RecursionError):
            return cls()


def fitted(logits: NDArray[np.float64], relevant: NDArray[np.bool_], *, shifted: bool = True) -> tuple[float, float]:
    """Slope and shift that make logits calibrated (Platt 1999), the slope above 0 so that the order stays.

    Targets are smoothed as Platt has them, so that a perfect order gives finite numbers.

    Args:
        logits: Shape (passages,).
        relevant: Which of them are relevant, the same shape.
        shifted: Whether there is a shift; without, only the slope is found (temperature scaling; Guo et al. 2017).
    """
    from scipy.optimize import minimize

    if not len(logits):
        return 1.0, 0.0
    hits = int(relevant.sum())
    wanted = np.where(relevant, (hits + 1) / (hits + 2), 1 / (len(relevant) - hits + 2))

    def cost(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, shift = math.exp(values[0]), values[1] if shifted else 0.0
        scores = slope * logits + shift
        residual = probabilities(scores) - wanted
        loss = float((np.logaddexp(0.0, scores) - wanted * scores).mean())
        gradient = [float((residual * logits).mean()) * slope, float(residual.mean()) if shifted else 0.0]
        return loss, np.array(gradient)

    bounds = [(math.log(_LEAST_SLOPE), math.log(100.0)), (-50.0, 50.0)]
    found = minimize(cost, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds)
    return math.exp(float(found.x[0])), float(found.x[1]) if shifted else 0.0


def fold(model: CrossEncoder, slope: float, shift: float) -> None:
    """Writes a calibration into the layer that gives the logit, in fp32."""
    import torch

    head = head_of(model)
    if head is None:
        return
    with torch.no_grad():
        head.weight.mul_(slope)
        if head.bias is not None:
            head.bias.mul_(slope).add_(shift)


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic function, which neither overflows nor ties where logits differ by what a float can hold."""
    found: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -logits))
    return found


def calibration_error(found: NDArray[np.float64], relevant: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equally many passages."""
    order = np.argsort(found, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    apart = [abs(float(found[part].mean() - relevant[part].mean())) * len(part) for part in bins]
    return sum(apart) / max(1, len(found))
