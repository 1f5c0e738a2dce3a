"""Which Matryoshka dimensions are trained, what each weighs, and whether a model can follow a recipe at all.

Knows numbers of dimensions and layers; knows no model and no loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from jargonaut.errors import InputError
from jargonaut.training.adapters import require_peft
from jargonaut.training.freezing import require_depth
from jargonaut.training.options import TrainOptions


def matryoshka_dims(full: int, asked: Sequence[int]) -> tuple[int, ...]:
    """Dimensions to train and to report, largest first: the model's own and either `asked` or its halves down to 64.

    Raises:
        InputError: A dimension is larger than the model's or not positive.
    """
    wrong = [dim for dim in asked if not 0 < dim <= full]
    if wrong:
        raise InputError(
            f"the model has {full} dimensions, so {', '.join(map(str, wrong))} cannot be one of its Matryoshka "
            "dimensions",
            where="[train] dims", remedy=f"name some below {full}, or leave the list empty for the usual ones",
        )  # fmt: skip
    if asked:
        return tuple(sorted({full, *asked}, reverse=True))
    powers = (2**exponent for exponent in range(15, 5, -1))
    return (full, *(dim for dim in powers if dim < full))


def require_fit(
    options: TrainOptions, dimension: int, layers: int | None, deployed: int | None = None, *, static: bool = False
) -> None:
    """Refuses a recipe that a model cannot follow, before any time is spent on the pairs.

    Args:
        options: The recipe.
        dimension: Length of the model's vectors.
        layers: How many the model has; None where that is not known before it is loaded.
        deployed: The dimension that will serve.
        static: Whether the model is word vectors alone, which have no layers.

    Raises:
        InputError: A dimension is larger than the model's, there are too few weights of dimensions, too many layers
            are to be frozen, or there are none that could be frozen or adapted.
        JargonautError: `peft` is missing.
    """
    dimension_weights(matryoshka_dims(dimension, options.dims), options, deployed)
    asked = [name for name in ("freeze_embeddings", "freeze_layers", "lora_rank") if getattr(options, name)]
    if static and asked:
        raise InputError("the base is word vectors alone and has no layers", where=f"[train] {asked[0]}",
                         remedy="leave it out, or name a transformer as [base] model")  # fmt: skip
    if layers is not None:
        require_depth(options.freeze_layers, layers)
    if options.lora_rank:
        require_peft()


def dimension_weights(dims: Sequence[int], options: TrainOptions, deployed: int | None) -> tuple[float, ...]:
    """What the loss at each Matryoshka dimension weighs.

    Args:
        dims: The dimensions, largest first.
        options: The recipe.
        deployed: The dimension that will serve; the largest when None.

    Raises:
        InputError: The recipe has weights, but not as many as there are dimensions.
    """
    if not options.dim_weights:
        serving = dims[0] if deployed is None else deployed
        return tuple(options.deployed_weight if dim == serving else 1.0 for dim in dims)
    if len(options.dim_weights) != len(dims):
        raise InputError(
            f"{len(options.dim_weights)} weights are given for {len(dims)} dimensions, {', '.join(map(str, dims))}",
            where="[train] dim_weights",
            remedy="give one for each, the largest dimension first; the model's own and the deployed one are always "
            "trained",
        )
    return options.dim_weights
