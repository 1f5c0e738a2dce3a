"""The axes that vectors are told in: turned so that the first components say what whole vectors say.

Whoever cuts vectors keeps their first components, and of an ordinary model these are no better than any others. A
rotation changes no angle, so whole vectors find what they found before, and nothing is forgotten; but it decides what
the first components hold. Knows vectors and modules; knows no text.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut.errors import InputError
from jargonaut.protocols import Vectors

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

_STEPS = 100
_LR = 4e-3
_SCALE = 20.0
"""Inverse temperature at which similarities become shares."""
_ASKING = 256
"""Vectors whose neighbours are looked at in a step, half of them queries."""
_AMONG = 1000
"""Passages among which they are looked for."""


def principal_axes(*kinds: Vectors) -> NDArray[np.float64]:
    """The axes along which vectors vary, from most to least (PCA; Pearson 1901).

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


def fitted_axes(
    passages: Vectors, queries: Vectors, dims: Sequence[int], device: torch.device | str = "cpu"
) -> NDArray[np.float64]:
    """The axes in which cut vectors find most nearly what whole ones find.

    From the principal axes on, a rotation is learned by which the softmax over passages, as vectors of each dimension
    see it, comes near to that of whole vectors (Kullback-Leibler divergence). No label is needed. Cut vectors were
    first fitted to the similarities of whole ones by Yoon et al. (2024, arXiv:2407.20243); here it is by a rotation
    alone, so that whole vectors stay as they are.

    Args:
        passages: Shape (passages, dimension), of length 1.
        queries: Shape (queries, dimension), of length 1.
        dims: To what vectors will be cut; the whole dimension asks for nothing.
        device: Where it is computed, if that is a CUDA device; time grows with the cube of the dimension.

    Returns:
        An orthogonal matrix, one axis a column, shape (dimension, dimension).

    Raises:
        InputError: There is no vector.
    """
    import torch
    from torch.nn.functional import kl_div, log_softmax, normalize
    from torch.nn.utils.parametrizations import orthogonal

    device = torch.device(device)
    device = device if device.type == "cuda" else torch.device("cpu")  # others lack parts of linear algebra
    start = principal_axes(passages, queries)
    cut = [dim for dim in dims if dim < len(start)]
    if not cut or not len(passages):
        return start
    among, asking = (torch.tensor(kind @ start, dtype=torch.float32, device=device) for kind in (passages, queries))
    with torch.random.fork_rng(devices=[]):  # it draws weights that are replaced
        turned: Any = torch.nn.Linear(len(start), len(start), bias=False, device=device)
        orthogonal(turned, orthogonal_map="cayley", use_trivialization=True)
    turned.weight = torch.eye(len(start), device=device)
    optimizer = torch.optim.Adam(turned.parameters(), lr=_LR)
    slowing = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=_STEPS)
    drawn = np.random.default_rng(0)
    for _ in range(_STEPS):
        rows = [drawn.permutation(len(kind))[: _ASKING // 2] for kind in (asking, among)]
        asked = torch.cat([kind[one.tolist()] for kind, one in zip((asking, among), rows, strict=True)])
        pool = among[drawn.permutation(len(among))[:_AMONG].tolist()]
        whole = log_softmax(_SCALE * asked @ pool.T, dim=1)
        weight = turned.weight
        one, other = asked @ weight.T, pool @ weight.T
        seen = [log_softmax(_SCALE * normalize(one[:, :dim]) @ normalize(other[:, :dim]).T, dim=1) for dim in cut]
        loss = torch.stack([kl_div(each, whole, log_target=True, reduction="batchmean") for each in seen]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        slowing.step()
    return _mixed(start @ turned.weight.detach().cpu().double().numpy().T, sorted(cut))


def _mixed(axes: NDArray[np.float64], cuts: Sequence[int]) -> NDArray[np.float64]:
    """The same axes, turned at random between one cut and the next.

    No cut vector finds anything else by it; but components vary alike then, which binary codes need, for they keep the
    signs of all (as iterative quantisation does from principal axes on; Gong et al. 2013).
    """
    drawn = np.random.default_rng(0)
    bounds = (0, *cuts, len(axes))
    parts = [axes[:, low:high] @ np.linalg.qr(drawn.normal(size=(high - low,) * 2))[0]
             for low, high in itertools.pairwise(bounds)]  # fmt: skip
    return np.concatenate(parts, axis=1)


def turn(model: SentenceTransformer, axes: NDArray[np.float64]) -> None:
    """Lets a model tell its vectors in other axes, by a linear layer behind its pooling.

    It is sentence-transformers' own `Dense`, so the folder that is saved holds all that makes the vectors. Where the
    model ends with such a layer it is turned itself, and so is a table of word vectors.

    Args:
        model: In fp32; changed in place.
        axes: An orthogonal matrix, one axis a column, shape (dimension, dimension).
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding

    turned = torch.tensor(axes.T, dtype=torch.float32, device=next(model.parameters()).device)
    place = len(model) - isinstance(model[-1], Normalize)
    last: Any = model[place - 1]
    with torch.no_grad():
        if isinstance(last, StaticEmbedding):
            last.embedding.weight.copy_(last.embedding.weight @ turned.T)
        elif isinstance(last, Dense) and _is_matrix(last):
            last.linear.weight.copy_(turned @ last.linear.weight)
        else:
            full = len(axes)
            dense = Dense(full, full, bias=False, activation_function=torch.nn.Identity(), init_weight=turned)
            modules = [*model.named_children()]
            modules.insert(place, (str(len(modules)), dense))
            model._modules = dict(modules)  # noqa: SLF001 - `insert` asks for modules that are named by numbers
    model.eval()


def _is_matrix(dense: Dense) -> bool:
    """Whether all that a layer does is to multiply."""
    import torch

    return not dense.bias and not dense.use_residual and isinstance(dense.activation_function, torch.nn.Identity)
