"""AdamW on fp32 master weights, with warm-up and cosine decay, whatever format the model computes in."""

from __future__ import annotations

import math

from jargonaut.training.parallel import ALONE, World
from jargonaut.training.weights import MasterWeights


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
    """

    def __init__(
        self, weights: MasterWeights, *, lr: float, weight_decay: float, steps: int, warmup: float, max_norm: float,
        world: World = ALONE,
    ) -> None:  # fmt: skip
        import torch

        self._weights, self._world = weights, world
        self._masters = weights.trained
        decayed = [m for m in self._masters if m.ndim > 1]
        exempt = [m for m in self._masters if m.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": exempt, "weight_decay": 0.0}]
        self._adamw = torch.optim.AdamW(groups, lr=lr, fused=True)
        ramp = max(1, round(steps * warmup))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._adamw, lambda step: _cosine(step, ramp, steps))
        self._max_norm = max_norm

    def step(self) -> float:
        """Applies the gradients that lie on the masters and uses them up; returns their L2 norm before clipping."""
        import torch

        for master in self._masters:
            if master.grad is None and self._world.size > 1:
                master.grad = torch.zeros_like(master)
        self._world.summed([master.grad for master in self._masters if master.grad is not None])
        norm = torch.nn.utils.clip_grad_norm_(self._masters, self._max_norm)
        if bool(torch.isfinite(norm)):
            self._adamw.step()
            self._schedule.step()
        self._adamw.zero_grad(set_to_none=True)
        self._weights.follow()
        return float(norm)


def _cosine(step: int, ramp: int, steps: int) -> float:
    """Factor on the peak rate: linear to 1 over `ramp` steps, then half a cosine to 0."""
    if step < ramp:
        return (step + 1) / ramp
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - ramp) / max(1, steps - ramp))))
