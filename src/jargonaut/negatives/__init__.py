"""Hard negatives for training pairs, mined from train passages only."""

from jargonaut.negatives.mining import VERSION, Candidates, MinedNegatives, MiningOptions, mine

__all__ = ["VERSION", "Candidates", "MinedNegatives", "MiningOptions", "mine"]
