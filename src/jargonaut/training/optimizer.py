"""AdamW on fp32 master weights, with warm-up and cosine decay, whatever format the model computes in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class MasterAdamW:
    """AdamW whose weights and moments are fp32; bf16 model weights are copies that follow them.

    With an fp32 model the masters are the model's own parameters and nothing is copied.

    Args:
        model: The model whose parameters that require gradients are trained.
        lr: Peak learning rate.
        weight_decay: Decoupled decay; biases and normalisation weights are exempt.
        steps: Optimiser steps in all.
        warmup: Share of the steps over which the rate rises from zero.
        max_norm: Gradients are clipped to this L2 norm.
    """

    def __init__(
        self, model: torch.nn.Module, *, lr: float, weight_decay: float, steps: int, warmup: float, max_norm: float
    ) -> None:
        import torch

        self._params = [p for p in model.parameters() if p.requires_grad]
        self._masters = [p if p.dtype == torch.float32 else p.detach().float().requires_grad_() for p in self._params]
        decayed = [m for m in self._masters if m.ndim > 1]
        exempt = [m for m in self._masters if m.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": exempt, "weight_decay": 0.0}]
        self._adamw = torch.optim.AdamW(groups, lr=lr, fused=True)
        ramp = max(1, round(steps * warmup))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._adamw, lambda step: _cosine(step, ramp, steps))
        self._max_norm = max_norm

    def step(self) -> float:
        """Applies the gradients that lie on the model; returns their L2 norm before clipping."""
        import torch

        for param, master in zip(self._params, self._masters, strict=True):
            if master is not param and param.grad is not None:
                master.grad = param.grad.float()
                param.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self._masters, self._max_norm)
        if bool(torch.isfinite(norm)):
            self._adamw.step()
            self._schedule.step()
        self._adamw.zero_grad(set_to_none=True)
        with torch.no_grad():
            for param, master in zip(self._params, self._masters, strict=True):
                if master is not param:
                    param.copy_(master)
        return float(norm)


def _cosine(step: int, ramp: int, steps: int) -> float:
    """Factor on the peak rate: linear to 1 over `ramp` steps, then half a cosine to 0."""
    if step < ramp:
        return (step + 1) / ramp
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - ramp) / max(1, steps - ramp))))
