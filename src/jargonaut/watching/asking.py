"""Asks the live system many queries as a service would, and encodes those that it asks every day only once.

Vectors of golden queries come from the vector cache, by the encoder's fingerprint. What the encoder makes now may be
something else all the same (another library, a broken device), so at every look a sample is encoded anew and timed;
where that is answered otherwise, nothing cached is used. Knows searchers; knows nothing of golden sets or logs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from jargonaut.lifecycle import Answer, IndexLifecycle, LiveSearcher

K = 10
"""Hits that are asked for."""
_AT_ONCE = 256
_ANEW = 32
"""Queries of one look that are encoded anew."""
_ALIKE = 0.01
"""Two scores are alike that differ by less: more than bf16 differs by how texts are batched, less than a limit is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the live system answered.

    Attributes:
        answers: One for each query.
        milliseconds: A query, encoding and search, of those that were encoded anew.
        stale: Whether the cache held other vectors than the encoder makes now, so that it was not used.
    """

    answers: tuple[Answer, ...]
    milliseconds: float
    stale: bool = False


class Asker:
    """Asks what is live. What is asked here is never logged as a user's.

    Args:
        index: Registry, store and encoders.
    """

    def __init__(self, index: IndexLifecycle) -> None:
        self.searcher = LiveSearcher(index.registry, index.store, index.encoders)
        self._remembering = LiveSearcher(index.registry, index.store, index.cached)

    def ask(self, texts: Sequence[str]) -> Answered:
        """Asks queries that will be asked again.

        Raises:
            JargonautError: The live system does not answer.
        """
        sample, rest = texts[:_ANEW], texts[_ANEW:]
        self.searcher.warm()  # loading a model is no part of a search
        started = time.monotonic()
        anew = self.searcher.search(sample, K)
        milliseconds = 1000 * (time.monotonic() - started) / max(1, len(sample))
        if not rest:
            return Answered(tuple(anew), milliseconds)
        known = _in_steps(self._remembering, texts)
        if _alike(anew, known[: len(anew)]):
            return Answered((*anew, *known[len(anew) :]), milliseconds)
        return Answered((*anew, *_in_steps(self.searcher, rest)), milliseconds, stale=True)

    def ask_anew(self, texts: Sequence[str]) -> tuple[Answer, ...]:
        """Asks queries of which nothing is to be kept: users' own.

        Raises:
            JargonautError: The live system does not answer.
        """
        return tuple(_in_steps(self.searcher, texts))


def two_scores(answer: Answer) -> tuple[float, float]:
    """Scores of the first two hits; 0 for one that is not there."""
    scores = [hit.score for hit in answer.hits[:2]] + [0.0, 0.0]
    return scores[0], scores[1]


def _in_steps(searcher: LiveSearcher, texts: Sequence[str]) -> list[Answer]:
    found: list[Answer] = []
    for start in range(0, len(texts), _AT_ONCE):
        found += searcher.search(texts[start : start + _AT_ONCE], K)
    return found


def _alike(anew: Sequence[Answer], known: Sequence[Answer]) -> bool:
    return all(
        (one.version, one.collection) == (other.version, other.collection)
        and all(abs(a - b) < _ALIKE for a, b in zip(two_scores(one), two_scores(other), strict=True))
        for one, other in zip(anew, known, strict=True)
    )
