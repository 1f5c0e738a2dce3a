"""MPNet over sequences that lie end to end.

MPNet adds a learned bias for the distance between two tokens to its scores, and computes them itself, so it does not
find attention in transformers' table. While a row is computed, its layers are made to attend through ours.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jargonaut.encoding.attention import Layout, packed_attention, scores_format

if TYPE_CHECKING:
    import torch


@contextlib.contextmanager
def packed(model: Any, layout: Layout) -> Iterator[None]:
    """Within it an `MPNetModel` attends within the sequences of a row; outside it is as it was loaded."""
    encoder = model.encoder
    layers = [layer.attention.attn for layer in encoder.layer]
    encoder.compute_position_bias = functools.partial(_biases, encoder, layout)  # hides the method of its class
    for layer in layers:
        layer.forward = functools.partial(_attend, layer, layout)
    try:
        yield
    finally:
        del encoder.compute_position_bias
        for layer in layers:
            del layer.forward


def _biases(encoder: Any, layout: Layout, hidden: torch.Tensor) -> list[torch.Tensor]:
    """What is added to the scores of each group of neighbours, in all layers."""
    whole = type(encoder).compute_position_bias(encoder, hidden[:, : layout.longest])
    whole = whole.to(scores_format(whole))  # once for all layers
    found = []
    for group in layout.neighbours:
        bias = whole[:, :, : group.width, : group.width]
        padding = group.padding
        found.append(bias if padding is None else bias.masked_fill(~padding.taken, float("-inf")))
    return found


def _attend(
    layer: Any,
    layout: Layout,
    hidden: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - nothing is padded
    position_bias: list[torch.Tensor],
    **others: Any,  # noqa: ARG001 - whether weights are wanted, which there are none of
) -> tuple[torch.Tensor]:
    """The forward of an `MPNetSelfAttention`, over a row."""
    shape = (*hidden.shape[:-1], -1, layer.attention_head_size)
    query, key, value = (project(hidden).view(shape).transpose(1, 2) for project in (layer.q, layer.k, layer.v))
    dropout = layer.dropout.p if layer.training else 0.0
    out, _ = packed_attention(layer, query, key, value, None, dropout, layout=layout, biases=position_bias)
    return (layer.o(out.flatten(2)),)
