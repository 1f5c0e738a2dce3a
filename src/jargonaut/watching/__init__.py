"""Watching what is live: one look measures it, judges it by rules and tells; acting on it goes through the gate.

Joins the monitoring room with registry, live index, documents, pairs, logs and the story of a run.
"""

from jargonaut.watching.acting import Candidate, Retraining, act
from jargonaut.watching.goldens import GoldenCheck, Goldens
from jargonaut.watching.looking import Watch, series_of
from jargonaut.watching.result import WatchResult, look

__all__ = ["Candidate", "GoldenCheck", "Goldens", "Retraining", "Watch", "WatchResult", "act", "look", "series_of"]
