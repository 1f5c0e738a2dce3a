"""A search for training settings: trials on dev, under a time budget, that a kill does not undo."""

from jargonaut.sweeping.outcome import SweepResult, TrialResult
from jargonaut.sweeping.sweep import sweep

__all__ = ["SweepResult", "TrialResult", "sweep"]
