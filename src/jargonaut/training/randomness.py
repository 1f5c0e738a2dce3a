"""Torch's random numbers, told by numbers instead of states: the same again on any device. Knows nothing of models."""

from __future__ import annotations

import numpy as np


def set_seed(*parts: int) -> None:
    """Seeds all of torch's generators from several numbers, none of them negative."""
    import torch

    torch.manual_seed(int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1)))
