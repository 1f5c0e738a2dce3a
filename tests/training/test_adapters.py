"""Low-rank adapters on real and on tiny models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.packing import tokenize
from jargonaut.errors import InputError
from jargonaut.training import Checkpoints, EpochDone, StepDone, StopTraining, Trained, TrainOptions, train
from jargonaut.training.adapters import adapted

from .test_contrastive import EXAMPLES, FP32, PASSAGES, QUERIES, Killed, kill_at

TEXTS = ["a broken arm after a fall from a ladder", "heart attack"]


def state(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    """A copy of everything."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def embedded(model: SentenceTransformer) -> torch.Tensor:
    """Embeddings by our own forward pass."""
    forward = Forward(model)
    with torch.no_grad():
        return forward(tokenize(model, TEXTS))


def tuned(model: SentenceTransformer, options: TrainOptions, **more: object) -> Trained:
    """Trained on the forty pairs."""
    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    return train(model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, options, FP32, **more)  # type: ignore[arg-type]


def assert_same(one: SentenceTransformer, other: SentenceTransformer) -> None:
    """Equal weights, to the last bit."""
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], rtol=0, atol=0)


@pytest.fixture
def model(base_model_path: Path) -> SentenceTransformer:
    """A fresh copy of the base."""
    return SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)


FAMILIES = ("bert", "mpnet", "distilbert", "electra", "modernbert", "qwen3", "embeddinggemma", "deberta")


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_adapters_give_what_adapters_gave(family: str, tiny_model: Callable[[str], SentenceTransformer]) -> None:
    """In every family: the model is packed as before, merging changes no vector, and leaves the modules it had."""
    model = tiny_model(family)
    names, packed = list(model.state_dict()), Forward(model).packed
    trainable = [name for name, param in model.named_parameters() if param.requires_grad]
    before = embedded(model)
    with adapted(model, rank=4, alpha=8.0, dropout=0.0, targets=(), seed=1):
        torch.testing.assert_close(embedded(model), before)  # the second half of each adapter is zero at first
        assert Forward(model).packed == packed
        learned = {name for name, param in model.named_parameters() if param.requires_grad}
        assert learned == {name for name in model.state_dict() if "lora_" in name}
        with torch.no_grad():
            for name, param in model.named_parameters():
                if "lora_B" in name:
                    param.normal_(std=0.05)
        adapted_vectors = embedded(model)
    assert list(model.state_dict()) == names
    assert [name for name, param in model.named_parameters() if param.requires_grad] == trainable
    torch.testing.assert_close(embedded(model), adapted_vectors, rtol=1e-3, atol=1e-4)
    assert (adapted_vectors - before).abs().max() > 1e-3


def test_a_model_trained_with_adapters_is_a_plain_one(model: SentenceTransformer, tmp_path: Path) -> None:
    """Only linear layers have moved; what is saved loads without peft, and gives the same vectors."""
    before = state(model)
    done = tuned(model, TrainOptions(epochs=2, batch_size=20, lora_rank=8, dims=(64,)))
    assert done.losses[-1][1] < 0.9 * done.losses[0][1]
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.endswith("weight") and "embeddings" not in name and "LayerNorm" not in name for name in moved)
    model.save(str(tmp_path), create_model_card=False)
    assert not list(tmp_path.rglob("adapter*"))
    again = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    torch.testing.assert_close(again.encode(TEXTS, convert_to_tensor=True), model.encode(TEXTS, convert_to_tensor=True))


def test_a_training_without_an_epoch_leaves_the_model_as_it_was(model: SentenceTransformer) -> None:
    """Adapters that are thrown away leave no trace, to the last bit."""
    before = state(model)
    options = TrainOptions(epochs=2, batch_size=20, lora_rank=8, dims=(64,), scale=1e39)  # the first loss is no number
    done = tuned(model, options, score=lambda _: 0.9)
    assert done.best_epoch == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_best_epoch_is_merged(model: SentenceTransformer) -> None:
    """Not the last: the weights are those of a training that was stopped when that epoch ended."""

    def stop(event: StepDone | EpochDone) -> None:
        if isinstance(event, EpochDone):
            raise StopTraining

    options = TrainOptions(epochs=2, batch_size=20, lora_rank=8, dims=(64,), patience=9)
    whole, stopped = copy.deepcopy(model), copy.deepcopy(model)
    scores, first = iter([0.1, 0.9, 0.2]), iter([0.1, 0.9])
    assert tuned(whole, options, score=lambda _: next(scores)).best_epoch == 1
    tuned(stopped, options, score=lambda _: next(first), callbacks=[stop])
    assert_same(whole, stopped)


def test_the_dropout_of_adapters_drops(model: SentenceTransformer) -> None:
    """Even where the model's own is off; the first step's loss tells nothing, since adapters begin with zero."""
    plain, dropped = (
        tuned(model_, TrainOptions(epochs=2, batch_size=40, lora_rank=8, lora_dropout=share, dims=(64,), lora_lr=1e-3))
        for model_, share in ((copy.deepcopy(model), 0.0), (copy.deepcopy(model), 0.5))
    )
    assert plain.losses[0] == dropped.losses[0]
    assert plain.losses[1] != dropped.losses[1]


def test_adapters_of_frozen_layers_are_frozen(model: SentenceTransformer) -> None:
    """Both settings hold at once."""
    before = state(model)
    tuned(model, TrainOptions(epochs=1, batch_size=20, lora_rank=4, freeze_layers=3, dims=(64,), lora_lr=1e-3))
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[4] for name in moved if ".layer." in name} == {"3", "4", "5"}
    assert all(param.requires_grad for param in model.parameters())


def test_only_named_modules_get_an_adapter(model: SentenceTransformer) -> None:
    """As the literature's query and value."""
    before = state(model)
    tuned(model, TrainOptions(epochs=1, batch_size=20, lora_rank=4, lora_targets=("query", "value"), dims=(64,)))
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[-2] for name in moved} == {"query", "value"}


def test_modules_that_a_model_has_not_are_named(model: SentenceTransformer) -> None:
    """The message says which setting it was; the model is as before."""
    before = list(model.state_dict())
    with pytest.raises(InputError, match=r"\[train\] lora_targets"):
        tuned(model, TrainOptions(lora_rank=4, lora_targets=("nonsense",)))
    assert list(model.state_dict()) == before
    assert all(param.requires_grad for param in model.parameters())


@pytest.mark.slow
def test_a_killed_training_of_adapters_goes_on(model: SentenceTransformer, tmp_path: Path) -> None:
    """To the same weights, bit by bit."""
    options = TrainOptions(epochs=2, batch_size=10, lora_rank=4, lora_dropout=0.1, lora_lr=1e-3, dims=(64,))
    whole, broken, again = copy.deepcopy(model), copy.deepcopy(model), copy.deepcopy(model)
    told = tuned(whole, options)
    with pytest.raises(Killed):
        tuned(broken, options, callbacks=[kill_at(6)], checkpoints=Checkpoints(tmp_path, "one", 0))
    assert tuned(again, options, checkpoints=Checkpoints(tmp_path, "one")) == told
    assert_same(whole, again)


def test_adapters_train_in_bf16(tiny_model: Callable[[str], SentenceTransformer]) -> None:
    """Masters are fp32, and so is what is merged."""
    model = tiny_model("bert")
    before = state(model)
    train(
        model, Prompts(), EXAMPLES, QUERIES, PASSAGES, {}, {},
        TrainOptions(epochs=1, batch_size=20, lora_rank=4, lora_lr=1e-3, dims=(32,)),
        ComputeOptions(device="cpu", precision="bf16"),
    )  # fmt: skip
    moved = [tensor for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
    assert moved
    assert all(tensor.dtype == torch.float32 for tensor in moved)
    assert any((tensor != tensor.bfloat16().float()).any() for tensor in moved)
