"""Texts → token ids → micro-batches without padding waste. Shared by encoding and training.

Texts are tokenised in bulk, sorted by length and cut into micro-batches of at most a given number of tokens, padding
counted. Knows the model's tokenizer; knows nothing of losses, devices or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Ids: TypeAlias = NDArray[np.int32]
"""Token ids of one text, shape (tokens,)."""
TOKENIZE_BLOCK = 4096


def tokenize(model: SentenceTransformer, texts: Sequence[str]) -> list[Ids]:
    """Token ids of every text, cut to the model's limit; no padding. Special tokens too, except for word vectors."""
    if is_static(model):
        return _bags(model.tokenizer, texts)
    limit = model.max_seq_length
    ids: list[Ids] = []
    for start in range(0, len(texts), TOKENIZE_BLOCK):
        block = list(texts[start : start + TOKENIZE_BLOCK])
        encoded = model.tokenizer(
            block, truncation=limit is not None, max_length=limit, padding=False, return_attention_mask=False,
            return_token_type_ids=False, verbose=False,
        )  # fmt: skip
        ids.extend(np.array(row, dtype=np.int32) for row in encoded["input_ids"])
    return ids


def is_static(model: SentenceTransformer) -> bool:
    """Whether a model is a table of word vectors, whose mean is a text's: without layers, attention or positions."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(model[0], StaticEmbedding)


def _bags(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    """Token ids as sentence-transformers' word vectors take them."""
    ids: list[Ids] = []
    for start in range(0, len(texts), TOKENIZE_BLOCK):
        block = list(texts[start : start + TOKENIZE_BLOCK])
        encoded = tokenizer.encode_batch_fast(block, add_special_tokens=False)
        ids.extend(np.array(one.ids, dtype=np.int32) for one in encoded)
    return ids


def micro_batches(lengths: Sequence[int], budget: int, *, packed: bool) -> Iterator[list[int]]:
    """Cuts rows into length-sorted micro-batches of at most `budget` tokens.

    Args:
        lengths: Tokens in each row.
        budget: Tokens per micro-batch; a row that is longer stands alone.
        packed: Whether rows will lie end to end; else all of a micro-batch are padded to its longest, which counts.

    Yields:
        Row numbers, longest rows first, so that memory peaks at the first micro-batch and an error shows at once.
    """

    def taken(first: int, row: int) -> int:
        return max(lengths[row], 1) if packed else padded(lengths[first])

    batch: list[int] = []
    held = 0
    for row in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if batch and held + taken(batch[0], row) > budget:
            yield batch
            batch, held = [], 0
        batch.append(row)
        held += taken(batch[0], row)
    if batch:
        yield batch


def padded(length: int) -> int:
    """The width a row is padded to: few distinct shapes, so that allocators and kernels are used again."""
    return max(length, 1) if length <= 16 else -(-length // 8) * 8
