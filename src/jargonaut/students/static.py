"""A model of word vectors, distilled from an encoder.

Each entry of its vocabulary, and each frequent word of the domain, begins as what the teacher makes of it alone, with
fewer components and frequent words weighing less; then all are fitted to what the teacher makes of whole passages. What
comes out is sentence-transformers' own `StaticEmbedding`, so the folder needs nothing of ours. Knows tokenizers
and vectors; knows no pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.devices import ComputeOptions, token_budget
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.packing import Ids, is_static, micro_batches
from jargonaut.errors import ModelError
from jargonaut.protocols import Reporter, Vectors
from jargonaut.students.fitting import bags, fitted
from jargonaut.students.options import StaticOptions
from jargonaut.students.vocabulary import domain_terms

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

VERSION = 1
_TINY = 1e-12


def distilled(
    teacher: SentenceTransformer, texts: Sequence[str], targets: Vectors, options: StaticOptions,
    compute: ComputeOptions, reporter: Reporter, vocabulary: Sequence[str] | None = None,
) -> SentenceTransformer:  # fmt: skip
    """A static model of a teacher and a domain, in fp32 on the CPU.

    As Model2Vec (Tulkens & van Dongen 2024), with a domain's own counts and a fit in closed form.

    Args:
        teacher: An encoder with a fast tokenizer, loaded.
        texts: Texts that may be learned from, and of which the teacher's vectors are at hand.
        targets: These vectors, normalised, shape (texts, dimension); with none of them words are left as they are.
        options: Sizes and strengths.
        compute: Micro-batch size of the teacher.
        reporter: Where it is told how large the vocabulary became.
        vocabulary: Texts that say which words the domain uses; `texts` when None.

    Raises:
        ModelError: The teacher is a static model itself, or its tokenizer is not one of `tokenizers`.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    base = _tokenizer(teacher)
    read = texts if vocabulary is None else vocabulary
    terms = domain_terms(read, base.get_vocab(with_added_tokens=True), options, lowercase=_lowers(base))
    tokenizer = _extended(base, terms)
    reporter.line(
        f"  vocabulary  {base.get_vocab_size():,} of the teacher's tokenizer and {len(terms):,} of the domain"
    )
    alone = _alone(teacher, base, tokenizer, compute)
    counted = _ids(tokenizer, read)
    share = np.bincount(np.concatenate([*counted, np.zeros(0, np.int32)]), minlength=len(alone)).astype(np.float64)
    share /= max(1.0, share.sum())
    weights = (options.sif / (options.sif + share)).astype(np.float32)
    middle, components = _components(targets if len(targets) else alone, min(options.dim, alone.shape[1]))
    start = ((alone - alone.mean(axis=0)) @ components * weights[:, None]).astype(np.float32)
    if len(targets):
        table = bags(counted if read is texts else _ids(tokenizer, texts), len(start))
        start /= max(_TINY, float(np.linalg.norm(table @ start, axis=1).mean()))
        wanted = (targets - middle) @ components
        wanted /= max(_TINY, float(np.linalg.norm(wanted, axis=1).mean()))
        start = fitted(start, table, wanted.astype(np.float32), np.sqrt(weights), options.ridge)
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, start), Normalize()], device="cpu")


def _tokenizer(teacher: SentenceTransformer) -> Tokenizer:
    """The teacher's tokenizer, without limit and padding; a copy."""
    from tokenizers import Tokenizer

    if is_static(teacher):
        raise ModelError("the teacher has word vectors itself", remedy="name an encoder as `--teacher`")
    backend: Any = getattr(teacher.tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ModelError("the teacher's tokenizer is not one of `tokenizers`, so its words cannot be taken over",
                         remedy="name an encoder with a fast tokenizer as `--teacher`")  # fmt: skip
    copy: Tokenizer = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _lowers(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer does not tell capital letters."""
    return tokenizer.encode("WORD", add_special_tokens=False).ids == tokenizer.encode(
        "word", add_special_tokens=False
    ).ids  # fmt: skip


def _extended(tokenizer: Tokenizer, terms: Sequence[str]) -> Tokenizer:
    """A copy that holds the terms in one piece, where they stand as whole words; the longest one counts."""
    from tokenizers import AddedToken, Tokenizer

    copy: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    copy.add_tokens([AddedToken(term, single_word=True, normalized=True) for term in terms])
    return copy


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    found: list[Ids] = []
    for first in range(0, len(texts), 4096):
        some = tokenizer.encode_batch_fast(list(texts[first : first + 4096]), add_special_tokens=False)
        found.extend(np.array(one.ids, dtype=np.int32) for one in some)
    return found


def _alone(
    teacher: SentenceTransformer, base: Tokenizer, tokenizer: Tokenizer, compute: ComputeOptions
) -> NDArray[np.float32]:
    """What the teacher makes of each entry of the vocabulary by itself, shape (entries, dimension).

    It stands between the teacher's special tokens, which have no meaning of their own: theirs is nothing.
    """
    import torch

    example = base.encode("a")
    own = example.special_tokens_mask.index(0) if 0 in example.special_tokens_mask else len(example.ids)
    before, after = example.ids[:own], [i for i, mark in zip(example.ids, example.special_tokens_mask, strict=True)
                                        if mark][own:]  # fmt: skip
    known, size = base.get_vocab_size(), tokenizer.get_vocab_size()
    special = {number for number, token in base.get_added_tokens_decoder().items() if token.special}
    rows = {number: np.array([*before, number, *after], dtype=np.int32)
            for number in range(known) if number not in special}  # fmt: skip
    for number in range(known, size):
        rows[number] = np.array(base.encode(tokenizer.id_to_token(number)).ids, dtype=np.int32)
    forward, places = Forward(teacher), list(rows)
    found = np.zeros((size, int(teacher.get_embedding_dimension() or 0)), dtype=np.float32)
    budget = token_budget(compute, next(teacher.parameters()).device, packed=forward.packed)
    teacher.eval()
    with torch.inference_mode():
        for some in micro_batches([len(rows[number]) for number in places], budget, packed=forward.packed):
            numbers = [places[row] for row in some]
            found[numbers] = forward([rows[number] for number in numbers]).float().cpu().numpy()
    return found


def _components(vectors: Vectors, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Their mean, and their leading principal components as columns, shape (dimension, count)."""
    middle = vectors.mean(axis=0)
    shifted = vectors - middle
    _, axes = np.linalg.eigh(shifted.T.astype(np.float64) @ shifted.astype(np.float64))
    leading = axes[:, ::-1][:, :count]
    # Of the two directions of an axis the same one on every machine.
    signs = np.sign(leading[np.abs(leading).argmax(axis=0), np.arange(leading.shape[1])])
    return middle.astype(np.float32), (leading * signs).astype(np.float32)
