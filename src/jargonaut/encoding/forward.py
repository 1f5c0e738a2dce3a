"""Token ids → embeddings: one forward pass of a micro-batch, without padding where the model's family allows it.

Whatever the model, the pass goes through its own sentence-transformers modules. Knows families of models; knows no
losses, no files and no texts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding import mpnet
from jargonaut.encoding.attention import PACKED, Layout, packed_attention
from jargonaut.encoding.packing import Ids, padded

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_PACKED_FAMILIES = frozenset(
    {
        "bert", "camembert", "distilbert", "electra", "gemma3_text", "modernbert", "mpnet", "qwen3", "roberta",
        "xlm-roberta",
    }
)  # fmt: skip
"""Families that take positions, look their attention up in transformers' table and hand it what they do not know; and
MPNet, whose attention is replaced."""
_BEHIND = frozenset({"Pooling", "Normalize", "Dense"})
"""Modules behind the transformer that take a row of sequences, or never see tokens."""


class Forward:
    """Forward passes of one model.

    Args:
        model: The model, on its device.

    Attributes:
        packed: Whether sequences are computed end to end; otherwise each is padded to the longest of its micro-batch.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        self.model = model
        self.packed = _takes_rows(model)
        self._first_place = _prepared(model) if self.packed else 0

    def __call__(self, ids: Sequence[Ids], prompt_tokens: int = 0) -> torch.Tensor:
        """Embeddings, shape (rows, dimension).

        Args:
            ids: Token ids of each row, longest first.
            prompt_tokens: Leading tokens that a model which pools without its prompt must leave out.
        """
        device = next(self.model.parameters()).device
        packed = self.packed and all(map(len, ids))
        features = self._row(ids, device) if packed else self._rectangle(ids, device)
        if prompt_tokens:
            features["prompt_length"] = prompt_tokens
        with self._attention(features["layout"]) if packed else contextlib.nullcontext():
            out: torch.Tensor = self.model(features)["sentence_embedding"]
        return out

    def tokens(self, ids: Sequence[Ids]) -> int:
        """Tokens that a micro-batch computes, padding counted; `ids` are sorted, longest first."""
        return sum(map(len, ids)) if self.packed else len(ids) * padded(len(ids[0]))

    def _row(self, ids: Sequence[Ids], device: torch.device) -> dict[str, Any]:
        """Inputs of sequences that lie end to end."""
        lengths = [len(row) for row in ids]
        places = np.concatenate([np.arange(length) for length in lengths]) + self._first_place
        layout = Layout.of(lengths, device)
        return {
            "input_ids": _sent(np.concatenate(ids).astype(np.int64)[None], device),
            "position_ids": _sent(places[None], device),
            "cu_seq_lens_q": layout.starts,  # tells the pooling module that this is a row
            "layout": layout,
        }

    def _rectangle(self, ids: Sequence[Ids], device: torch.device) -> dict[str, Any]:
        """Inputs of sequences that are padded to one width."""
        width = padded(max(map(len, ids)))
        tokenizer = self.model.tokenizer
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        left = getattr(tokenizer, "padding_side", "right") == "left"
        tokens = np.full((len(ids), width), pad, dtype=np.int64)
        mask = np.zeros((len(ids), width), dtype=np.int64)
        for number, row in enumerate(ids):
            span = slice(width - len(row), width) if left else slice(0, len(row))
            tokens[number, span] = row
            mask[number, span] = 1
        return {"input_ids": _sent(tokens, device), "attention_mask": _sent(mask, device)}

    @contextlib.contextmanager
    def _attention(self, layout: Layout) -> Iterator[None]:
        """Within it the model attends within the sequences of a row; outside it is as it was loaded."""
        model: Any = self.model[0].auto_model
        before = model.config._attn_implementation  # noqa: SLF001 - as transformers' own tests switch it
        model.config._attn_implementation = PACKED  # noqa: SLF001
        try:
            with mpnet.packed(model, layout) if model.config.model_type == "mpnet" else contextlib.nullcontext():
                yield
        finally:
            model.config._attn_implementation = before  # noqa: SLF001


def _sent(numbers: NDArray[np.int64], device: torch.device) -> torch.Tensor:
    """The numbers on a device; a GPU fetches them while it still computes."""
    import torch

    tensor = torch.from_numpy(numbers)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _takes_rows(model: SentenceTransformer) -> bool:
    """Whether a model can compute sequences that lie end to end."""
    first, *rest = list(model)
    config = getattr(getattr(first, "auto_model", None), "config", None)
    return (
        type(first).__name__ == "Transformer"
        and getattr(config, "model_type", None) in _PACKED_FAMILIES
        and all(type(module).__name__ in _BEHIND for module in rest)
    )


def _prepared(model: SentenceTransformer) -> int:
    """Tells the libraries about rows; gives the position that the model counts from."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, packed_attention)
    first: Any = model[0]
    if first.model_forward_params is not None:
        first.model_forward_params |= {"layout", "position_ids"}
    return int(first._infer_flatten_position_offset())  # noqa: SLF001 - its own rows start there
