"""AdamW on fp32 masters."""

from __future__ import annotations

import pytest
import torch

from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.weights import MasterWeights


def optimizer(model: torch.nn.Module, lr: float, steps: int = 1000, dtype: torch.dtype = torch.float32) -> MasterAdamW:
    """Without decay and without warm-up; casts the model to `dtype`."""
    return MasterAdamW(MasterWeights(model, dtype), lr=lr, weight_decay=0.0, steps=steps, warmup=0.0, max_norm=1.0)


def test_tiny_updates_of_bf16_weights_add_up() -> None:
    """A thousand steps of about 1e-6 move a bf16 weight of 1, though each alone would be rounded away."""
    layer = torch.nn.Linear(2, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    adamw = optimizer(layer, lr=3e-5, dtype=torch.bfloat16)
    for _ in range(1000):
        layer.weight.sum().backward()
        adamw.step()
    assert layer.weight.dtype == torch.bfloat16
    # Mean rate over a half cosine is half of the peak: 1000 × 1.5e-5 = .015, two steps of bf16 below 1.
    assert layer.weight.flatten().tolist() == pytest.approx([0.985] * 4, abs=0.004)


def test_fp32_weights_are_their_own_masters() -> None:
    """The steps are those of torch's AdamW."""
    ours, theirs = torch.nn.Linear(3, 1), torch.nn.Linear(3, 1)
    theirs.load_state_dict(ours.state_dict())
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.0)
    adamw = optimizer(ours, lr=0.01, steps=1)
    for layer in (ours, theirs):
        layer(torch.tensor([[0.1, -0.2, 0.3]])).sum().backward()
    adamw.step()
    reference.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_gradients_are_used_up_by_a_step() -> None:
    """None is left to be added to the next."""
    layer = torch.nn.Linear(2, 2)
    adamw = optimizer(layer, lr=0.1, dtype=torch.bfloat16)
    layer(torch.ones(1, 2, dtype=torch.bfloat16)).sum().backward()
    adamw.step()
    assert [p.grad for p in layer.parameters()] == [None, None]


def test_a_gradient_that_is_no_number_leaves_the_weights_alone() -> None:
    """One overflow does not ruin a model."""
    layer = torch.nn.Linear(2, 2, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.full_like(layer.weight, torch.inf)
    optimizer(layer, lr=0.1).step()
    torch.testing.assert_close(layer.weight.detach(), before)
