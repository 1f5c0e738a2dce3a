"""The axes that vectors are told in: turned so that the first components tell texts apart best.

Whoever cuts vectors keeps their first components, and of an ordinary model these are no better than any others. Turned
onto the principal axes of what the model says of a domain's texts (PCA; Pearson 1901), they hold as much as so many
components can. A rotation changes no angle, so whole vectors find what they found before, and nothing is forgotten.
Knows vectors and modules; knows no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut.encoding.packing import is_static
from jargonaut.errors import InputError
from jargonaut.protocols import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer


def principal_axes(*kinds: Vectors) -> NDArray[np.float64]:
    """The axes along which vectors vary, from most to least.

    Each kind varies about its own mean and counts for as much as the others, however many it has: what tells queries
    from passages tells no two passages apart.

    Args:
        kinds: Vectors of passages, of queries and so on, each of shape (texts, dimension). Where they are fewer than
            dimensions, the last axes are any that are left.

    Returns:
        An orthogonal matrix, one axis a column, shape (dimension, dimension).

    Raises:
        InputError: There is no vector.
    """
    kinds = tuple(kind for kind in kinds if len(kind))
    if not kinds:
        raise InputError("axes need at least one vector")
    spread = np.zeros((kinds[0].shape[1],) * 2)
    for kind in kinds:
        about = kind - kind.mean(axis=0, dtype=np.float64)
        spread += about.T @ about / len(kind)
    return np.ascontiguousarray(np.linalg.eigh(spread).eigenvectors[:, ::-1])


def turn(model: SentenceTransformer, axes: NDArray[np.float64]) -> None:
    """Lets a model tell its vectors in other axes, by a linear layer behind its pooling that is not trained.

    It is sentence-transformers' own `Dense`, so the model is saved, and loads anywhere, as it is. Word vectors, which
    have no layer behind them, are turned themselves.

    Args:
        model: Changed in place.
        axes: An orthogonal matrix, one axis a column, shape (dimension, dimension).
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    turned = torch.tensor(axes.T, dtype=torch.float32)
    if is_static(model):
        words: Any = model[0]
        table = words.embedding.weight
        with torch.no_grad():
            table.copy_(table.float() @ turned.T.to(table.device))
        return
    full = len(axes)
    dense = Dense(full, full, bias=False, activation_function=torch.nn.Identity(), init_weight=turned)
    like = next(model.parameters())
    dense.requires_grad_(False).eval().to(like.device, like.dtype)  # noqa: FBT003 - torch takes it by position only
    model.insert(len(model) - isinstance(model[-1], Normalize), dense)
