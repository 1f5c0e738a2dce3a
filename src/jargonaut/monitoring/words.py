"""The words of texts: which are new, and which a tokenizer shatters. Knows texts, not where they come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]{2,}")
SHATTERED = 3
"""Pieces from which on a word is called shattered."""

Pieces = Callable[[Sequence[str]], Sequence[int]]
"""Words → into how many pieces the tokenizer cuts each."""


def words(text: str) -> list[str]:
    """The words of a text, case folded; numbers and single letters are none."""
    return _WORD.findall(text.casefold())


def vocabulary(texts: Iterable[str]) -> set[str]:
    """Every distinct word."""
    found: set[str] = set()
    for text in texts:
        found.update(words(text))
    return found


def unknown(texts: Iterable[str], known: Collection[str], shown: int = 8) -> tuple[float, tuple[str, ...]]:
    """Share of the running words that are not known, and the most frequent of them."""
    total, strange = 0, Counter[str]()
    for text in texts:
        found = words(text)
        total += len(found)
        strange.update(word for word in found if word not in known)
    often = sorted(strange, key=lambda word: (-strange[word], word))[:shown]
    return (sum(strange.values()) / total if total else 0.0), tuple(often)


def shattered(texts: Sequence[str], pieces: Pieces) -> list[float]:
    """For each text the share of its words that are cut into `SHATTERED` or more pieces; 0 where it has no word."""
    split = [words(text) for text in texts]
    distinct = sorted({word for row in split for word in row})
    broken = {word for word, count in zip(distinct, pieces(distinct), strict=True) if count >= SHATTERED}
    return [sum(word in broken for word in row) / len(row) if row else 0.0 for row in split]
