"""An adapter on top of a local model as a folder that sentence-transformers loads, without code of ours.

The base's modules stand first, shared by both sides; a `Router` behind them sends queries through `Dense` layers that
are the adapter, and passages past them. Knows sentence-transformers' modules; knows no registry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut.adapters.maps import Adapter, mapped_sides
from jargonaut.encoding.cache import Kind
from jargonaut.encoding.local import quiet_libraries

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def write_stock(adapter: Adapter, base: SentenceTransformer, folder: Path) -> None:
    """Writes base and adapter as one folder.

    Its `encode_query` and `encode_document` give the vectors of `AdaptedEncoder`; plain `encode` gives a passage's.

    Args:
        adapter: The map.
        base: The model beneath, in fp32, with its prompts and token limit; it stays as it is.
        folder: To write to.
    """
    with quiet_libraries():
        stacked(adapter, base).save_pretrained(str(folder), create_model_card=False)


def stacked(adapter: Adapter, base: SentenceTransformer) -> SentenceTransformer:
    """The model with the adapter behind it; it shares the base's modules."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Router

    routes: dict[str, list[Any]] = {}
    for side, task in (("query", "query"), ("passage", "document")):
        layers = _layers(adapter, side) if side in mapped_sides(adapter.sides) else []
        # An adapter takes normalised vectors, whatever the base gives.
        routes[task] = [Normalize(), *layers, *([Normalize()] if layers else [])]
    router = Router.for_query_document(routes["query"], routes["document"])
    prompts = {name: prompt or "" for name, prompt in base.prompts.items()}
    with quiet_libraries():
        return SentenceTransformer(
            modules=[*base, router], device=str(base.device), prompts=prompts, similarity_fn_name="cosine"
        )


def _layers(adapter: Adapter, side: Kind) -> list[Any]:
    """One side's map as layers.

    A residual is no part of a plain `Dense`, but x = max(0, x) − max(0, −x): a hidden layer that also carries x and −x
    hands x through unchanged.
    """
    one = {name.partition(".")[2]: value for name, value in adapter.tensors.items() if name.startswith(f"{side}.")}
    same = np.eye(adapter.dimension, dtype=np.float32)
    match adapter.kind:
        case "linear":
            return [_dense(same + one["weight"], one["bias"])]
        case "low_rank":
            return [_dense(same + one["up"] @ one["down"])]
        case "mlp":
            shift = np.concatenate([one["bias"], np.zeros(2 * adapter.dimension, dtype=np.float32)])
            return [
                _dense(np.concatenate([one["inner"], same, -same]), shift, relu=True),
                _dense(np.concatenate([one["outer"], same, -same], axis=1)),
            ]


def _dense(weight: np.ndarray[Any, Any], bias: np.ndarray[Any, Any] | None = None, *, relu: bool = False) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    return Dense(
        weight.shape[1], weight.shape[0], bias=bias is not None,
        activation_function=torch.nn.ReLU() if relu else torch.nn.Identity(),
        init_weight=torch.from_numpy(np.ascontiguousarray(weight)),
        init_bias=None if bias is None else torch.from_numpy(np.ascontiguousarray(bias)),
    )  # fmt: skip
