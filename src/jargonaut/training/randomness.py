"""The state of torch's random generators: read, set, and drawn from again. Knows nothing of models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

RandomState: TypeAlias = "tuple[torch.Tensor, torch.Tensor | None]"
"""States of the CPU's generator and of the GPU's, where the device is one."""


def random_state(device: torch.device) -> RandomState:
    """Where the generators stand."""
    import torch

    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def set_seed(*parts: int) -> None:
    """Seeds the generators from several numbers, none of them negative."""
    import torch

    seed = int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
    torch.manual_seed(seed)


def set_random_state(state: RandomState, device: torch.device) -> None:
    """Puts the generators where they stood."""
    import torch

    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)


@contextlib.contextmanager
def same_randomness(state: RandomState | None, device: torch.device) -> Iterator[None]:
    """Draws what was drawn from `state` on, and leaves the generators as they were; without a state nothing is done."""
    import torch

    if state is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        set_random_state(state, device)
        yield
