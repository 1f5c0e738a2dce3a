"""Losses over the embeddings of one whole batch. They know tensors, not models, texts or files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch

Loss: TypeAlias = "Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]"
"""(queries, passages, targets, ignored) → a scalar, as `info_nce` documents them. Any such function can be trained."""


def info_nce(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: torch.Tensor,
    ignored: torch.Tensor,
    *,
    scale: float,
) -> torch.Tensor:
    """InfoNCE with in-batch and hard negatives (van den Oord et al. 2018).

    Also known as multiple negatives ranking (Henderson et al. 2017).

    Args:
        queries: Embeddings, shape (n, dimension); any length.
        passages: Embeddings of the batch's distinct passages, shape (m, dimension).
        targets: For each query the row of its positive in `passages`, shape (n,).
        ignored: True where a passage must not count as a negative of a query, because it is known or suspected to
            answer it too, shape (n, m). Never true at a query's own target.
        scale: Inverse temperature that multiplies the cosine similarity.

    Returns:
        The mean loss, a scalar.
    """
    from torch.nn import functional

    scores = functional.normalize(queries, dim=-1) @ functional.normalize(passages, dim=-1).T * scale
    return functional.cross_entropy(scores.float().masked_fill(ignored, float("-inf")), targets)


def matryoshka_info_nce(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: torch.Tensor,
    ignored: torch.Tensor,
    *,
    scale: float,
    dims: Sequence[int],
) -> torch.Tensor:
    """InfoNCE averaged over the leading `dims` components (Matryoshka learning; Kusupati et al. 2022)."""
    losses = [info_nce(queries[:, :dim], passages[:, :dim], targets, ignored, scale=scale) for dim in dims]
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total / len(losses)
