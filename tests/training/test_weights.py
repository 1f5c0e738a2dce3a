"""The fp32 weights behind a model that computes in bf16."""

from __future__ import annotations

import pytest
import torch

from jargonaut.training.weights import MasterWeights

THIRD = torch.tensor(1 / 3)  # no bf16 number


def small() -> torch.nn.Module:
    """A layer, a frozen layer and a buffer that no model file holds, all thirds."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).requires_grad_(False))
    model.register_buffer("frequencies", torch.empty(2), persistent=False)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(THIRD)
    return model


def values(model: torch.nn.Module) -> list[torch.Tensor]:
    """Everything that the model computes with."""
    return [*model.parameters(), *model.buffers()]


def test_masters_are_not_rounded() -> None:
    """They are made before the model is cast, and only what is trained is offered for training."""
    model = small()
    weights = MasterWeights(model, torch.bfloat16)
    assert {tensor.dtype for tensor in values(model)} == {torch.bfloat16}
    assert [master.shape for master in weights.trained] == [param.shape for param in model[0].parameters()]
    assert all(bool((master == THIRD).all()) for master in weights.trained)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_follows_its_masters(dtype: torch.dtype) -> None:
    """An update of the masters reaches the model, rounded to what it computes in."""
    model = small()
    weights = MasterWeights(model, dtype)
    for master in weights.trained:
        master.add_(1)
    weights.follow()
    assert all(bool((p == (THIRD + 1).to(dtype)).all()) for p in model[0].parameters())


def test_fp32_masters_take_no_memory() -> None:
    """A model that computes in fp32 is its own master."""
    model = small()
    weights = MasterWeights(model, torch.float32)
    params = model[0].parameters()
    assert all(param.data_ptr() == master.data_ptr() for param, master in zip(params, weights.trained, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_settled_model_holds_what_was_kept(dtype: torch.dtype) -> None:
    """In fp32, unrounded, frozen weights and buffers included; later updates do not reach a copy."""
    model = small()
    weights = MasterWeights(model, dtype)
    kept = weights.copy()
    for master in weights.trained:
        master.add_(1)
    weights.settle(kept)
    assert all(tensor.dtype == torch.float32 and bool((tensor == THIRD).all()) for tensor in values(model))


def test_a_settled_model_holds_the_last_update_unrounded() -> None:
    """A copy is of the masters, not of what the model computes with."""
    model = small()
    weights = MasterWeights(model, torch.bfloat16)
    for master in weights.trained:
        master.add_(THIRD)
    weights.settle(weights.copy())
    assert all(bool((p == THIRD + THIRD).all()) for p in model[0].parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_of_several_passes_add_up_on_the_masters_in_fp32(dtype: torch.dtype) -> None:
    """A thousand small gradients are not lost beside a large one, and the model keeps none."""
    layer = torch.nn.Linear(1, 1, bias=False)
    weights = MasterWeights(layer, dtype)
    for size in (256.0, *[1.0] * 100):
        (layer.weight.sum() * size).backward()
    assert weights.trained[0].grad is not None
    assert float(weights.trained[0].grad) == 356.0
    assert layer.weight.grad is None


def test_a_large_table_gets_the_gradients_that_a_dense_one_would() -> None:
    """Rows that were looked up in several passes get the sum, the padding row and all others nothing."""
    torch.manual_seed(0)
    table = torch.nn.Embedding(5000, 3, padding_idx=0)
    plain = torch.nn.Embedding(5000, 3, padding_idx=0)
    plain.load_state_dict(table.state_dict())
    weights = MasterWeights(table, torch.float32)
    for ids in ([[1, 7, 7, 0]], [[7, 4999]]):
        for each in (table, plain):
            each(torch.tensor(ids)).pow(2).sum().backward()
    assert plain.weight.grad is not None
    torch.testing.assert_close(weights.trained[0].grad, plain.weight.grad)
    weights.settle(weights.copy())
    assert not table.sparse
