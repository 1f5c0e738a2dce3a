"""AdamW on fp32 master weights, with warm-up and cosine decay, whatever format the model computes in."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jargonaut.training.parallel import ALONE, World
from jargonaut.training.weights import MasterWeights

if TYPE_CHECKING:
    import torch


class MasterAdamW:
    """AdamW whose weights and moments are fp32; the model follows its masters.

    Args:
        weights: The model's masters; those of its parameters that require gradients are trained.
        lr: Peak learning rate.
        weight_decay: Decoupled decay; biases and normalisation weights are exempt.
        steps: Optimiser steps in all.
        warmup: Share of the steps over which the rate rises from zero.
        max_norm: Gradients are clipped to this L2 norm.
        world: The processes whose gradients are added up.
        beside: Tensors that are trained too and are no part of the model, such as a loss's temperature: every process
            has their whole gradient, they have no masters, no decay and a rate of their own, and are not clipped.
        beside_lr: Their peak learning rate.
    """

    def __init__(
        self, weights: MasterWeights, *, lr: float, weight_decay: float, steps: int, warmup: float, max_norm: float,
        world: World = ALONE, beside: Sequence[torch.Tensor] = (), beside_lr: float = 0.0,
    ) -> None:  # fmt: skip
        import torch

        self._weights, self._world = weights, world
        self._masters = weights.trained
        decayed = [m for m in self._masters if m.ndim > 1]
        exempt = [m for m in self._masters if m.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": weight_decay, "lr": lr},
            {"params": exempt, "weight_decay": 0.0, "lr": lr},
        ]
        groups += [{"params": list(beside), "weight_decay": 0.0, "lr": beside_lr}] if beside else []
        self._adamw = torch.optim.AdamW(groups, lr=lr, fused=True)
        self._peaks = [group["lr"] for group in groups]
        self._rate = functools.partial(_cosine, ramp=max(1, round(steps * warmup)), steps=steps)
        self._peak, self._max_norm = lr, max_norm
        self._taken = 0

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return self._peak * self._rate(self._taken)

    def step(self) -> float:
        """Applies the gradients that lie on the masters and uses them up; returns their L2 norm before clipping."""
        import torch

        if self._world.size > 1:
            for master in self._masters:
                master.grad = torch.zeros_like(master) if master.grad is None else master.grad
            self._world.summed([master.grad for master in self._masters if master.grad is not None])
        norm = torch.nn.utils.clip_grad_norm_(self._masters, self._max_norm)
        if bool(torch.isfinite(norm)):
            for group, peak in zip(self._adamw.param_groups, self._peaks, strict=True):
                group["lr"] = peak * self._rate(self._taken)
            self._adamw.step()
            self._taken += 1
        self.discard()
        self._weights.follow()
        return float(norm)

    def discard(self) -> None:
        """Throws the gradients away."""
        self._adamw.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """Moments and steps taken; `restore` takes them."""
        import torch

        told = self._adamw.state_dict()["state"]
        moments = {f"{number}/{name}": value for number, held in told.items() for name, value in held.items()}
        return {"taken": torch.tensor(self._taken), **moments}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts the optimiser where `state` was taken."""
        told: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in state.items():
            if key != "taken":
                number, name = key.split("/")
                told.setdefault(int(number), {})[name] = value
        self._adamw.load_state_dict({"state": told, "param_groups": self._adamw.state_dict()["param_groups"]})
        self._taken = int(state["taken"])


def _cosine(step: int, ramp: int, steps: int) -> float:
    """Factor on the peak rate: linear to 1 over `ramp` steps, then half a cosine to 0."""
    if step < ramp:
        return (step + 1) / ramp
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - ramp) / max(1, steps - ramp))))
