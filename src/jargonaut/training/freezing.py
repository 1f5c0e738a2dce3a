"""Parts of a model that training leaves as they are: its embeddings, its lower layers. Knows models, no losses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jargonaut.errors import InputError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


@contextlib.contextmanager
def frozen(model: SentenceTransformer, *, embeddings: bool, layers: int) -> Iterator[None]:
    """Within it, the frozen parts take no gradients, and no backward pass goes down to them.

    Args:
        model: The model in training.
        embeddings: Whether its embeddings are frozen.
        layers: How many of its layers are, from the lowest; with one or more the embeddings are too.

    Raises:
        InputError: The model has fewer layers, or they cannot be told.
    """
    parts: list[torch.nn.Module] = []
    if embeddings or layers:
        transformer: Any = model[0].auto_model
        parts.append(getattr(transformer, "embeddings", None) or transformer.get_input_embeddings())
    if layers:
        parts += [*_layers(model, layers), *_beside_layers(model)]
    still = [p for part in parts for p in part.parameters() if p.requires_grad]
    for param in still:
        param.requires_grad_(False)  # noqa: FBT003 - torch takes it by position only
    try:
        yield
    finally:
        for param in still:
            param.requires_grad_()


def _beside_layers(model: SentenceTransformer) -> list[torch.nn.Module]:
    """What stands below or beside all layers: ELECTRA's projection of its embeddings, MPNet's bias by distance."""
    transformer: Any = model[0].auto_model
    encoder = getattr(transformer, "encoder", None)
    beside = getattr(transformer, "embeddings_project", None), getattr(encoder, "relative_attention_bias", None)
    return [part for part in beside if part is not None]


def _layers(model: SentenceTransformer, count: int) -> list[torch.nn.Module]:
    """The lowest `count` layers."""
    import torch

    transformer: Any = model[0].auto_model
    depth = getattr(transformer.config, "num_hidden_layers", 0)
    stacks = [m for m in transformer.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == depth]
    if not stacks:
        raise _unfit(count, "this model's cannot be told apart")
    require_depth(count, depth)
    return list(stacks[0])[:count]


def require_depth(count: int, depth: int) -> None:
    """Refuses to freeze `count` layers of a model that has no more than those.

    Raises:
        InputError: It has not.
    """
    if count and count >= depth:
        raise _unfit(count, f"the model has {depth}, and one at least must learn")


def _unfit(count: int, reason: str) -> InputError:
    return InputError(f"{count} layers cannot be frozen: {reason}", where="[train] freeze_layers")
