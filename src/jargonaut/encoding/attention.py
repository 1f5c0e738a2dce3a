"""Attention over sequences that lie end to end, without padding between them.

A model computes its linear layers on one row of tokens, (1, tokens, hidden), and only attention has to know where each
sequence ends. On a GPU in a 16-bit format that is torch's variable-length kernel; elsewhere neighbours of about one
length are padded to it, for attention alone, which a CPU computes in fp32. Transformers finds it under the name
`PACKED`. Knows tensors, no models.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PACKED = "jargonaut_packed"
"""Name of this implementation in transformers' table."""
_WASTE = 0.3
"""Padding that attention may compute, as a share of the tokens: fewer and larger products are worth that much."""


@dataclass(frozen=True, slots=True)
class Padding:
    """A rectangle of cells, one line per sequence.

    Attributes:
        sources: Token that each cell is read from, shape (cells,); an empty cell reads its sequence's last.
        cells: Cell that each token lies in, shape (tokens,).
        taken: True at cells that hold a token, shape (sequences, 1, 1, width).
    """

    sources: torch.Tensor
    cells: torch.Tensor
    taken: torch.Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Padding:
        """For sequences of these lengths."""
        import torch

        size = torch.tensor(lengths)[:, None]
        column = torch.arange(int(size.max()))
        taken = column < size
        sources = (size.cumsum(0) - size) + torch.minimum(column, size - 1)
        cells = taken.flatten().nonzero().flatten()
        return cls(sources.flatten().to(device), cells.to(device), taken[:, None, None, :].to(device))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Sequences that go through attention together.

    Attributes:
        tokens: Where their tokens lie in the row.
        count: Sequences.
        width: Length of the longest.
        padding: How they are brought to one length; None when they are of one.
    """

    tokens: slice
    count: int
    width: int
    padding: Padding | None


@dataclass(frozen=True)
class Layout:
    """Where sequences begin and end in a row of tokens.

    Attributes:
        lengths: Of each sequence.
        starts: Cumulative lengths, int32, shape (sequences + 1,).
    """

    lengths: tuple[int, ...]
    starts: torch.Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Layout:
        """Lays out sequences of these lengths, none of them 0; sorted ones, longest first, waste least."""
        import torch

        starts = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
        return cls(tuple(lengths), starts.to(device, non_blocking=True))

    @property
    def longest(self) -> int:
        """Length of the longest."""
        return max(self.lengths)

    @functools.cached_property
    def neighbours(self) -> tuple[Neighbours, ...]:
        """Which are computed together; made when they are first needed, since a variable-length kernel needs none."""
        lengths, device = self.lengths, self.starts.device
        groups: list[Neighbours] = []
        first = begin = 0
        while first < len(lengths):
            last, held, width = first, 0, 0
            while last < len(lengths):
                wider = max(width, lengths[last])
                if (last - first + 1) * wider > (1 + _WASTE) * (held + lengths[last]):
                    break
                held, width, last = held + lengths[last], wider, last + 1
            ragged = held < (last - first) * width
            padding = Padding.of(lengths[first:last], device) if ragged else None
            groups.append(Neighbours(slice(begin, begin + held), last - first, width, padding))
            first, begin = last, begin + held
        return tuple(groups)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - nothing is padded; transformers passes it by position
    dropout: float = 0.0,
    scaling: float | None = None,
    *,
    layout: Layout,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    biases: Sequence[torch.Tensor] | None = None,
    **others: Any,  # noqa: ARG001 - what other implementations take
) -> tuple[torch.Tensor, None]:
    """Attention within each sequence of a row, as transformers calls it.

    Args:
        module: The attention layer; says whether it is causal.
        query: Shape (1, heads, tokens, head size).
        key: Shape (1, key heads, tokens, head size).
        value: As `key`.
        attention_mask: Not used.
        dropout: Share of attention weights that is dropped.
        scaling: Factor on the scores.
        layout: Where sequences end.
        sliding_window: Tokens look no further than to a distance below this.
        is_causal: Overrides the layer's own.
        biases: For each group of neighbours what is added to its scores, minus infinity at empty cells; shape
            (sequences or 1, heads, width, width), in `scores_format`. Only for layers that are neither causal nor have
            a window.
        others: Not used.

    Returns:
        Shape (1, tokens, heads, head size), and no weights.
    """
    import torch

    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    gqa = q.shape[1] != k.shape[1]
    reach = -1 if sliding_window is None else sliding_window - 1
    kernel = _variable_length() if q.is_cuda and q.dtype in (torch.float16, torch.bfloat16) else None
    if kernel and not dropout and biases is None:
        found = kernel(
            q, k, v, layout.starts, layout.starts, layout.longest, layout.longest, scale=scaling,
            window_size=(reach, 0 if causal else reach), enable_gqa=gqa,
        )  # fmt: skip
        return found[None], None
    dtype, within = q.dtype, scores_format(q)
    pad, unpad = _moves()
    parts = []
    added: Sequence[torch.Tensor | None] = biases or [None] * len(layout.neighbours)
    for group, bias in zip(layout.neighbours, added, strict=True):
        padding = group.padding
        cells = (part[group.tokens] if padding is None else pad(part[group.tokens], padding) for part in (q, k, v))
        ours, theirs, values = (
            cell.view(group.count, group.width, *cell.shape[1:]).transpose(1, 2).to(within) for cell in cells
        )
        everywhere = reach < 0 or group.width <= reach + 1
        mask = _mask(group, causal=causal) if everywhere else _band(group, reach, q.device, causal=causal)
        out = torch.nn.functional.scaled_dot_product_attention(
            ours, theirs, values, attn_mask=mask if bias is None else bias, dropout_p=dropout,
            is_causal=causal and everywhere, scale=scaling, enable_gqa=gqa,
        )  # fmt: skip
        out = out.to(dtype).transpose(1, 2).flatten(0, 1)
        parts.append(out if padding is None else unpad(out, padding))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def scores_format(parts: torch.Tensor) -> torch.dtype:
    """What attention without a variable-length kernel computes in: at least fp32 on a CPU, else its parts' format.

    Backward torch's CPU kernel takes 2 to 10 times as long in a 16-bit format as in fp32; forward they are even.
    """
    import torch

    return torch.promote_types(parts.dtype, torch.float32) if parts.device.type == "cpu" else parts.dtype


@functools.cache
def _variable_length() -> Any:
    """Torch's kernel for sequences of many lengths; None in a torch that has none yet."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def _mask(group: Neighbours, *, causal: bool) -> torch.Tensor | None:
    """True at what tokens may look at; empty cells stand last, so that no token of a causal model looks at one."""
    return None if causal or group.padding is None else group.padding.taken


def _band(group: Neighbours, reach: int, device: torch.device, *, causal: bool) -> torch.Tensor:
    """True where a token may look, shape (sequences or 1, 1, width, width)."""
    import torch

    place = torch.arange(group.width, device=device)
    back = place[:, None] - place
    near = (back <= reach) & (back >= (0 if causal else -reach))
    if group.padding is None or causal:  # a causal model's tokens look at no empty cell: those stand last
        return near[None, None]
    # An empty cell looks everywhere: where a line of the mask is all False, not every kernel gives numbers.
    return near & group.padding.taken | ~group.padding.taken.mT


@functools.cache
def _moves() -> tuple[Any, Any]:
    """Tokens → cells, and cells → tokens. Each is the other's gradient, so that both directions only read rows."""
    import torch

    class Pad(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, tokens: torch.Tensor, padding: Padding) -> torch.Tensor:
            ctx.padding = padding
            return tokens.index_select(0, padding.sources)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
            return gradient.index_select(0, ctx.padding.cells), None  # nothing comes back from an empty cell

    class Unpad(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, cells: torch.Tensor, padding: Padding) -> torch.Tensor:
            ctx.padding = padding
            return cells.index_select(0, padding.cells)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
            empty = ~ctx.padding.taken.flatten()
            return gradient.index_select(0, ctx.padding.sources).masked_fill_(empty[:, None, None], 0.0), None

    return Pad.apply, Unpad.apply
