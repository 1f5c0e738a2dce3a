"""Texts → token ids → micro-batches without padding waste. Shared by encoding and training.

Texts are tokenised in bulk, sorted by length and cut into micro-batches of at most a given number of tokens, padding
counted. Knows the model's tokenizer and its forward; knows nothing of losses, devices' speed or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

TOKENIZE_BLOCK = 4096


def tokenize(model: SentenceTransformer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of every text with special tokens, cut to the model's limit; no padding."""
    limit = model.max_seq_length
    ids: list[list[int]] = []
    for start in range(0, len(texts), TOKENIZE_BLOCK):
        block = list(texts[start : start + TOKENIZE_BLOCK])
        encoded = model.tokenizer(
            block, truncation=limit is not None, max_length=limit, padding=False, return_attention_mask=False,
            return_token_type_ids=False, verbose=False,
        )  # fmt: skip
        ids.extend(encoded["input_ids"])
    return ids


def micro_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Cuts rows into length-sorted micro-batches of at most `budget` tokens, padding counted.

    Args:
        lengths: Tokens in each row.
        budget: Tokens per micro-batch; a row that is longer stands alone.

    Yields:
        Row numbers, longest rows first, so that memory peaks at the first micro-batch and an error shows at once.
    """
    batch: list[int] = []
    width = 0
    for row in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        width = width or padded(lengths[row])
        if batch and (len(batch) + 1) * width > budget:
            yield batch
            batch, width = [], padded(lengths[row])
        batch.append(row)
    if batch:
        yield batch


def padded(length: int) -> int:
    """The width a row is padded to: few distinct shapes, so that allocators and kernels are used again."""
    return max(length, 1) if length <= 16 else -(-length // 8) * 8


def embed(
    model: SentenceTransformer, ids: Sequence[Sequence[int]], device: torch.device, prompt_tokens: int = 0
) -> torch.Tensor:
    """One forward pass: token ids of a micro-batch → embeddings, shape (rows, dimension).

    Args:
        model: The model, already on `device`.
        ids: Token ids, one sequence per row.
        device: Where to put the inputs.
        prompt_tokens: Leading tokens that a model which pools without its prompt must leave out.
    """
    import torch

    width = padded(max(len(row) for row in ids))
    tokenizer = model.tokenizer
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    left = getattr(tokenizer, "padding_side", "right") == "left"
    tokens = np.full((len(ids), width), pad, dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for number, row in enumerate(ids):
        span = slice(width - len(row), width) if left else slice(0, len(row))
        tokens[number, span] = row
        mask[number, span] = 1
    features: dict[str, Any] = {
        "input_ids": torch.from_numpy(tokens).to(device, non_blocking=True),
        "attention_mask": torch.from_numpy(mask).to(device, non_blocking=True),
    }
    if prompt_tokens:
        features["prompt_length"] = prompt_tokens
    out: torch.Tensor = model(features)["sentence_embedding"]
    return out
