"""Hard negatives for training pairs, mined from train passages only."""

from jargonaut.negatives.mining import (
    RELABELLED,
    VERSION,
    Candidates,
    Judge,
    MinedNegatives,
    mine,
)
from jargonaut.negatives.options import MiningOptions
from jargonaut.negatives.pooling import NOTHING, Neighbours, Ranking
from jargonaut.negatives.removals import Removal
from jargonaut.negatives.rules import FALSE, RULES

__all__ = [
    "FALSE",
    "NOTHING",
    "RELABELLED",
    "RULES",
    "VERSION",
    "Candidates",
    "Judge",
    "MinedNegatives",
    "MiningOptions",
    "Neighbours",
    "Ranking",
    "Removal",
    "mine",
]
