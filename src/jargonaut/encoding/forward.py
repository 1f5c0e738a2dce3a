"""Token ids → embeddings: one forward pass of a micro-batch, without padding where the model's family allows it.

Whatever the model, the pass goes through its own sentence-transformers modules. Knows families of models; knows no
losses and no files.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding import mpnet
from jargonaut.encoding.attention import PACKED, Layout, packed_attention
from jargonaut.encoding.packing import Ids, is_static, padded, tokenize
from jargonaut.errors import ModelError

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
_PROBES = ("sequences lie end to end", "in one row", "here")
"""Texts that every model is tried out with."""
_NOISE, _NOISE_16 = 0.01, 0.1
"""How far apart their vectors may lie, as a share of their length, in fp32 and in 16-bit formats. Rounding moves the
embedded model's by .000001 and .01, scores that are a tenth too large by .06, a position that is off by one by .3."""


class Forward:
    """Forward passes of one model.

    Args:
        model: The model, on its device.
        compiled: Whether torch compiles the transformer at its first call, for every shape at once. It then takes
            padded rows: compiled code has no room for where sequences end. There is nothing to compile in word vectors.
    """

    def __init__(self, model: SentenceTransformer, *, compiled: bool = False) -> None:
        self.model = model
        self._static = is_static(model)
        self._compiled = compiled and not self._static
        self._first_place = 0
        transformer: Any = None if self._static else model[0].auto_model
        if self._compiled and transformer._compiled_call_impl is None:  # noqa: SLF001 - it says what `compile` has done
            transformer.compile(dynamic=True)

    @functools.cached_property
    def packed(self) -> bool:
        """Whether sequences are computed end to end; otherwise each is padded to the longest of its micro-batch.

        A model of a family that can be packed is tried out first, for its code may be its own: vectors that come out
        differently are a warning, and its sequences are padded. Word vectors lie in one row anyway.
        """
        if self._static:
            return True
        if self._compiled or not _takes_rows(self.model):
            return False
        self._first_place = _prepared(self.model)
        doubt = self._doubt()
        if doubt:
            name = getattr(self.model[0].auto_model, "name_or_path", "") or "a model"
            warnings.warn(
                f"{name}: texts are padded, which is slower; end to end {doubt}", RuntimeWarning, stacklevel=3
            )
        return not doubt

    def __call__(self, ids: Sequence[Ids], prompt_tokens: int = 0) -> torch.Tensor:
        """Embeddings, shape (rows, dimension).

        Args:
            ids: Token ids of each row, longest first.
            prompt_tokens: Leading tokens that a model which pools without its prompt must leave out.

        Raises:
            ModelError: It is to be compiled, and torch cannot.
        """
        if self._static:
            return self._averaged(ids)
        packed = self.packed and all(map(len, ids))
        if not self._compiled:
            return self._embed(ids, prompt_tokens, packed=packed)
        from torch._dynamo.exc import BackendCompilerFailed

        try:
            return self._embed(ids, prompt_tokens, packed=packed)
        except BackendCompilerFailed as error:
            raise ModelError(
                f"torch cannot compile this model here ({str(error).strip().splitlines()[0]})",
                where="[compute] compile", remedy="install a C++ compiler, or say `compile = false`",
            ) from error  # fmt: skip

    def tokens(self, ids: Sequence[Ids]) -> int:
        """Tokens that a micro-batch computes, padding counted; `ids` are sorted, longest first."""
        return sum(map(len, ids)) if self.packed else len(ids) * padded(len(ids[0]))

    def _averaged(self, ids: Sequence[Ids]) -> torch.Tensor:
        """Embeddings of a model of word vectors: one call over all of them, whatever their lengths."""
        device = next(self.model.parameters()).device
        starts = np.cumsum([0, *map(len, ids)], dtype=np.int64)[:-1]
        numbers = np.concatenate([*ids, np.zeros(0, dtype=np.int32)]).astype(np.int64)
        out: torch.Tensor = self.model({"input_ids": _sent(numbers, device), "offsets": _sent(starts, device)})[
            "sentence_embedding"
        ]
        return out

    def _embed(self, ids: Sequence[Ids], prompt_tokens: int = 0, *, packed: bool) -> torch.Tensor:
        """Embeddings, one way or the other."""
        device = next(self.model.parameters()).device
        features = self._row(ids, device) if packed else self._rectangle(ids, device)
        if prompt_tokens:
            features["prompt_length"] = prompt_tokens
        with self._attention(features["layout"]) if packed else contextlib.nullcontext():
            out: torch.Tensor = self.model(features)["sentence_embedding"]
        return out

    def _doubt(self) -> str:
        """What speaks against packing, after a few short texts were computed both ways; nothing when they agree."""
        import torch

        ids = sorted(filter(len, tokenize(self.model, _PROBES)), key=len, reverse=True)
        with torch.no_grad(), _evaluating(self.model):
            wanted = self._embed(ids, packed=False)
            try:
                found = self._embed(ids, packed=True)
            except Exception as error:  # noqa: BLE001 - the model's own code; it has just worked the other way
                return f"it fails ({type(error).__name__}: {error})"
        apart = ((found - wanted).float().norm(dim=-1) / wanted.float().norm(dim=-1)).max().item()
        agree = apart <= (_NOISE if wanted.dtype == torch.float32 else _NOISE_16)
        return "" if agree else f"its vectors differ by {apart:.0%} from the padded ones"

    def _row(self, ids: Sequence[Ids], device: torch.device) -> dict[str, Any]:
        """Inputs of sequences that lie end to end."""
        lengths = [len(row) for row in ids]
        places = np.concatenate([np.arange(length) for length in lengths]) + self._first_place
        layout = Layout.of(lengths, device)
        return {
            "input_ids": _sent(np.concatenate(ids).astype(np.int64)[None], device),
            "position_ids": _sent(places[None], device),
            "cu_seq_lens_q": layout.starts,  # tells the pooling module that this is a row
            "seq_idx": _sent(np.repeat(np.arange(len(ids)), lengths)[None], device),  # or it would wait for the lengths
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


@contextlib.contextmanager
def _evaluating(model: SentenceTransformer) -> Iterator[None]:
    """Within it the model is in evaluation mode; outside it every module is in its own."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _takes_rows(model: SentenceTransformer) -> bool:
    """Whether a model is of a kind that can compute sequences that lie end to end."""
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    first: Any = model[0]
    behind = [type(module) for module in model][1:]
    return (
        type(first) is Transformer  # a subclass may do anything
        and first.module_output_name == "token_embeddings"
        and first.auto_model.config.model_type in _PACKED_FAMILIES
        and Pooling in behind
        and {Pooling, Normalize, Dense}.issuperset(behind)
    )


def _prepared(model: SentenceTransformer) -> int:
    """Tells the libraries about rows; gives the position that the model counts from."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, packed_attention)
    first: Any = model[0]
    if first.model_forward_params is not None:
        first.model_forward_params |= {"layout", "position_ids"}
    return int(first._infer_flatten_position_offset())  # noqa: SLF001 - its own rows start there
