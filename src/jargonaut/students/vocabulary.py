"""Which words and phrases of a domain deserve a vector of their own. Knows texts and counts; knows no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable
from itertools import pairwise
from typing import Any

from jargonaut.students.options import StaticOptions

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_LONGEST = 40
"""Letters; what is longer is no word but an identifier or an encoded file."""
_COMMON = 200
"""As many of the most frequent words begin and end no phrase: they are the language's own (of, the, and)."""


def domain_terms(
    texts: Iterable[str], known: Container[str], options: StaticOptions, *, lowercase: bool
) -> tuple[str, ...]:
    """Words, then phrases of two words, the most frequent first; of equally frequent ones in the alphabet's order.

    Args:
        texts: What may be learned from, gone through once.
        known: Words that the tokenizer holds in one piece.
        options: How many, and how often they must occur.
        lowercase: Whether the tokenizer does not tell case.
    """
    words, phrases = Counter[str](), Counter[tuple[str, str]]()
    for text in texts:
        found = _WORD.findall(text.lower() if lowercase else text)
        words.update(found)
        if options.phrases:
            phrases.update(pairwise(found))
    common = {word for word, _ in _ordered(words)[:_COMMON]} if len(words) > 2 * _COMMON else set[str]()
    own = [word for word, count in _ordered(words) if count >= options.fewest and word not in known and _is_word(word)]
    joined = [
        " ".join(pair)
        for pair, count in _ordered(phrases)
        if count >= options.fewest and all(_is_word(word) and word not in common for word in pair)
    ]
    return (*own[: options.words], *joined[: options.phrases])


def _ordered(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _is_word(text: str) -> bool:
    return 1 < len(text) <= _LONGEST and any(letter.isalpha() for letter in text)
