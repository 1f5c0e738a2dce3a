"""What a training minimises: one of the losses at every Matryoshka dimension, and the temperature if it is learned.

Knows the recipe's names of losses; the losses themselves are in `losses`. Knows no model, no text and no step.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jargonaut.training.losses import Loss, Targets, cosent, distilled, guided, info_nce, matryoshka, triplet
from jargonaut.training.options import DISTILLING, HIGHEST_SCALE, TrainOptions

if TYPE_CHECKING:
    import torch

_LOG_SCALE = "log_scale"


class Objective:
    """A loss with what is learned beside the model's weights.

    Args:
        loss: Takes embeddings, targets and a keyword `scale`.
        scale: Inverse temperature; None for a loss that takes none.
        learned: Whether the scale is learned.
        device: Where it lies.
    """

    def __init__(
        self, loss: Callable[..., torch.Tensor], scale: float | None, *, learned: bool, device: torch.device
    ) -> None:
        self._loss, self._scale = loss, scale
        self._log_scale: torch.Tensor | None = None
        if learned and scale is not None:
            import torch

            # The logarithm is learned, so that the scale stays positive and a step means the same at any size.
            self._log_scale = torch.tensor(math.log(scale), device=device, requires_grad=True)

    def __call__(self, queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        """The loss of a batch, a scalar."""
        if self._scale is None:
            return self._loss(queries, passages, targets)
        scale = self._scale if self._log_scale is None else self._log_scale.exp()
        return self._loss(queries, passages, targets, scale=scale)

    @property
    def scale(self) -> float | None:
        """The scale as it is now, where it is learned; None otherwise."""
        return None if self._log_scale is None else math.exp(float(self._log_scale.detach()))

    @property
    def parameters(self) -> list[torch.Tensor]:
        """What the optimiser learns beside the model's weights."""
        return [] if self._log_scale is None else [self._log_scale]

    def clamp(self) -> None:
        """Keeps the scale within its limits; to be called after every step."""
        if self._log_scale is not None:
            self._log_scale.data.clamp_(0.0, math.log(HIGHEST_SCALE))

    def state(self) -> dict[str, torch.Tensor]:
        """What is learned; `restore` takes it."""
        return {} if self._log_scale is None else {_LOG_SCALE: self._log_scale.detach().clone()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts everything where `state` was taken."""
        if self._log_scale is not None:
            self._log_scale.data.copy_(state[_LOG_SCALE])


def objective(
    options: TrainOptions, dims: Mapping[int, float], device: torch.device, loss: Loss | None = None
) -> Objective:
    """The objective that a recipe asks for.

    Args:
        options: The recipe.
        dims: Matryoshka dimension → what the loss at it weighs.
        device: Where the embeddings will be.
        loss: Taken as it is instead of the recipe's.
    """
    if loss is not None:
        return Objective(loss, None, learned=False, device=device)
    kinds: dict[str, Callable[..., Any]] = {
        "mnrl": functools.partial(info_nce, symmetric=options.symmetric, hardness=options.hardness),
        "gist": functools.partial(
            guided, symmetric=options.symmetric, margin=options.guide_margin,
            margin_strategy=options.guide_margin_strategy, contrast_anchors=options.contrast_anchors,
            contrast_positives=options.contrast_positives,
        ),
        "cosent": cosent,
        **{
            kind: functools.partial(distilled, kind=kind, share=options.teacher_share) for kind in DISTILLING
        },
        "triplet": functools.partial(triplet, margin=options.triplet_margin),
    }  # fmt: skip
    each = kinds[options.loss]

    def taken(queries: torch.Tensor, passages: torch.Tensor, targets: Targets, **scale: Any) -> torch.Tensor:
        one = functools.partial(each, **scale)
        return matryoshka(queries, passages, targets, loss=one, dims=list(dims), weights=list(dims.values()))

    scaled = None if options.loss == "triplet" else options.scale
    return Objective(taken, scaled, learned=options.learn_temperature, device=device)
