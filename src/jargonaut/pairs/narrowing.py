"""From a document to the passage of it that answers a query: who chooses, and a choice by words alone.

A source that names documents (a click, a label) leaves open which part was meant. Better choosers, such as an encoder,
are handed in as a `Best`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.wording import content_stems


class Best(Protocol):
    """Chooses one of several passages for a query; asked for many queries at once."""

    def __call__(self, requests: Sequence[tuple[str, Sequence[str]]], /) -> Sequence[str]:
        """For each (query, ids of the passages to choose from) the id of the best one, in the same order."""


class LexicalBest:
    """Chooses the passage that holds most of the query's words, rare ones counting more.

    A word's weight is its inverse document frequency (Spärck Jones 1972) among the passages to choose from, so a
    request costs what its document costs and no index of the corpus is needed. Ties go to the first.

    Args:
        texts: Passage id → its words, best with title and headings.
        language: Snowball's name of the stemmer's language.
    """

    def __init__(self, texts: Mapping[str, str], language: str = "english") -> None:
        self._texts = texts
        self._language = language

    def __call__(self, requests: Sequence[tuple[str, Sequence[str]]], /) -> list[str]:
        """The best passage of each request."""
        by_document: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, (_, candidates) in enumerate(requests):
            by_document[tuple(candidates)].append(place)
        chosen = [""] * len(requests)
        for candidates, places in by_document.items():
            holding = self._holding(candidates)
            for place in places:
                scores = np.zeros(len(candidates))
                asked = content_stems(requests[place][0], self._language) & holding.keys()
                # In one order, so that passages that hold words of equal weights have equal scores to the last bit.
                for stem in sorted(asked, key=lambda stem: (len(holding[stem]), stem)):
                    found = holding[stem]
                    scores[found] += math.log1p((len(candidates) - len(found) + 0.5) / (len(found) + 0.5))
                chosen[place] = candidates[int(scores.argmax())]
        return chosen

    def _holding(self, candidates: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """Stem → numbers of the candidates that hold it, so that a query meets those alone that share a word."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, id_ in enumerate(candidates):
            for stem in content_stems(self._texts[id_], self._language):
                found[stem].append(number)
        return {stem: np.array(numbers, np.int64) for stem, numbers in found.items()}
