"""Low-rank adapters on a model in training, merged into its weights at the end (LoRA).

Hu et al. 2022, arXiv:2106.09685. peft makes them, in place: the model stays what it is, so that every forward pass of
ours takes it. Knows models; knows no losses and no files.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jargonaut.errors import InputError, JargonautError
from jargonaut.training.randomness import set_seed

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

ALL_LINEAR = "all-linear"


@contextlib.contextmanager
def adapted(
    model: SentenceTransformer, *, rank: int, alpha: float, dropout: float, targets: Sequence[str], seed: int
) -> Iterator[None]:
    """Within it the model has adapters, and only they take gradients; afterwards they are merged into its weights.

    With rank 0 nothing happens. Merging takes the weights as they are at the end, so they should be fp32 by then.

    Args:
        model: The model in training.
        rank: Of the adapters.
        alpha: What they add is multiplied by `alpha / rank`.
        dropout: Share of their inputs that is dropped in training.
        targets: Ends of the names of the modules that get one; all linear layers when empty.
        seed: Of the adapters' first weights.

    Raises:
        JargonautError: `peft` is not installed.
        InputError: The model has no such modules.
    """
    if not rank:
        yield
        return
    require_peft()
    from peft import LoraConfig, LoraModel

    transformer: Any = model[0].auto_model
    still = [param for param in model.parameters() if param.requires_grad]
    settings: Any = {"lora_alpha": alpha}  # declared as whole, divided like any number
    config = LoraConfig(
        r=rank, **settings, lora_dropout=dropout, target_modules=list(targets) or ALL_LINEAR, bias="none"
    )
    for param in model.parameters():  # modules behind the transformer stay as they are too
        param.requires_grad_(False)  # noqa: FBT003 - torch takes it by position only
    set_seed(seed)
    try:
        tuner = LoraModel(transformer, config, "default")
    except ValueError as error:
        _thaw(still)
        raise InputError(
            f"this model cannot take adapters ({str(error).splitlines()[0]})", where="[train] lora_targets",
            remedy="name modules that it has, such as `query` and `value`, or leave the list empty",
        ) from error  # fmt: skip
    tuner.to(next(iter(still)).device)
    try:
        yield
    finally:
        tuner.merge_and_unload()
        _thaw(still)


def require_peft() -> None:
    """Refuses to go on without the library that makes adapters.

    Raises:
        JargonautError: It is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise JargonautError(
            "adapters need the library `peft`", where="[train] lora_rank", remedy="pip install 'jargonaut[lora]'"
        )


def train(model: torch.nn.Module) -> None:
    """Puts the dropout of adapters into training mode, whatever the model's own is in."""
    for name, module in model.named_modules():
        if name.rpartition(".")[2] == "lora_dropout":
            module.train()


def _thaw(params: Sequence[Any]) -> None:
    for param in params:
        param.requires_grad_()
