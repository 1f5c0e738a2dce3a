"""From a document to the passage of it that answers a query: who chooses, and a choice by words alone.

A source that names documents (a click, a label) leaves open which part was meant. Better choosers, such as an encoder,
are handed in as a `Best`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

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
            stems = [content_stems(self._texts[id_], self._language) for id_ in candidates]
            holding = Counter(stem for one in stems for stem in one)
            weights = {stem: math.log1p((len(stems) - n + 0.5) / (n + 0.5)) for stem, n in holding.items()}
            for place in places:
                asked = content_stems(requests[place][0], self._language)
                scores = [math.fsum(weights[stem] for stem in asked & one) for one in stems]
                chosen[place] = candidates[max(range(len(scores)), key=scores.__getitem__)]
        return chosen
