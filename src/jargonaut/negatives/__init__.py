"""Hard negatives for training pairs, mined from train passages only."""

from jargonaut.negatives.mining import MinedNegatives, MiningOptions, mine

__all__ = ["MinedNegatives", "MiningOptions", "mine"]
