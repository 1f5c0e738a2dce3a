"""How special a domain's words are, and how its passages lie in the base's space.

Knows texts, a tokenizer and vectors. What follows from it is for the rules to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from jargonaut.artifacts import content_hash
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import Vocabulary
from jargonaut.general_knowledge import general_knowledge
from jargonaut.protocols import Vectors
from jargonaut.retrieval import top_k
from jargonaut.sources import tokenizer_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PASSAGES = 2000
"""Most passages that are looked at."""
FREQUENT = 10_000
"""Words that count as frequent in general English."""
PIECES = 3
"""Pieces from which on a word is shattered."""
_FEWEST_WORDS = 100
_EXAMPLES = 5
_WORD = re.compile(r"[^\W\d_]{2,}")
# Written without spaces, so that a run of letters is no word.
_DENSE = re.compile(r"[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def vocabulary(texts: Sequence[str], vectors: Vectors, tokenizer: Tokenizer, *, english: bool) -> Vocabulary | None:
    """Looks at some of the passages; None where there are too few words to tell.

    General English is that of the passages about everyday topics that ship with the package; its most frequent words
    are the first whole words in the vocabulary of the embedded model's tokenizer, which BERT's makers ordered by
    frequency in books and Wikipedia.

    Args:
        texts: The passages.
        vectors: The base's vectors of them, normalised, shape (passages, dimension).
        tokenizer: The base's.
        english: Whether the domain's language is English.
    """
    rows = sorted(sorted(range(len(texts)), key=lambda row: content_hash(texts[row]))[:PASSAGES])
    words, general = _words(texts[row] for row in rows), _words(general_knowledge().texts.values())
    if words.total() < _FEWEST_WORDS:
        return None
    broken = _shattered([*words, *general], tokenizer)
    nearest, random = _spread(vectors[rows])
    return Vocabulary(
        _share(words, broken), _share(general, broken), _share(words, words.keys() - _frequent()) if english else None,
        _share(general, general.keys() - _frequent()),
        tuple(word for word, _ in words.most_common() if word in broken)[:_EXAMPLES], nearest, random, len(rows),
    )  # fmt: skip


def _words(texts: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts:
        found.update(word for word in _WORD.findall(text.lower()) if not _DENSE.search(word))
    return found


def _shattered(words: Sequence[str], tokenizer: Tokenizer) -> set[str]:
    """Those that become many pieces; a space before each, since that is how some tokenizers know the start of one."""
    pieces = tokenizer.encode_batch_fast([f" {word}" for word in words], add_special_tokens=False)
    return {word for word, one in zip(words, pieces, strict=True) if len(one.ids) >= PIECES}


def _share(words: Counter[str], some: Iterable[str]) -> float:
    return sum(words[word] for word in some if word in words) / max(1, words.total())


@cache
def _frequent() -> frozenset[str]:
    vocabulary = tokenizer_of(find_model(EMBEDDED)).get_vocab()
    whole = (word for word in sorted(vocabulary, key=lambda word: vocabulary[word]) if _WORD.fullmatch(word))
    return frozenset(word for _, word in zip(range(FREQUENT), whole, strict=False))


def _spread(vectors: Vectors) -> tuple[float, float]:
    """Cosine with the nearest other one, median; and of two drawn at random, mean."""
    if len(vectors) < 2:
        return 1.0, 1.0
    _, scores = top_k(vectors, vectors, 2)
    total = vectors.sum(axis=0, dtype=np.float64)
    count = len(vectors)
    own = float(np.einsum("ij,ij->", vectors, vectors))
    return float(np.median(scores[:, 1])), (float(total @ total) - own) / (count * (count - 1))
