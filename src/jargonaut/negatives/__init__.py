"""Hard negatives for training pairs, mined from train passages only."""

from jargonaut.negatives.mining import VERSION, MinedNegatives, MiningOptions, mine

__all__ = ["VERSION", "MinedNegatives", "MiningOptions", "mine"]
