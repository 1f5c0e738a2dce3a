"""The smallest protocols that callers need; anything that fits can be passed in.

A protocol says shapes and units. It never says how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from jargonaut.records import Query, Run

Vectors = NDArray[np.float32]
"""Row vectors, shape (texts, dimension), L2-normalised unless an encoder says otherwise."""

Item = TypeVar("Item")


@runtime_checkable
class Encoder(Protocol):
    """Text → vectors, with an identity."""

    @property
    def name(self) -> str:
        """What a user calls this model."""

    @property
    def fingerprint(self) -> str:
        """Identity of the vectors: weights, pooling, prompts, dimension and normalisation."""

    @property
    def dimension(self) -> int:
        """Length of one vector."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the caller's order; the query prompt is applied."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the caller's order; the passage prompt is applied."""


class Searcher(Protocol):
    """Queries → ranked passages."""

    def search(self, queries: Sequence[Query], k: int) -> Run:
        """The best `k` passages of every query, best first."""


class Reporter(Protocol):
    """Where long work shows itself. Never carries results."""

    def line(self, text: str) -> None:
        """One plain line, once."""

    def warn(self, text: str) -> None:
        """Something the user should look at; work goes on."""

    def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """Passes `items` through, showing rate and time left."""


class SilentReporter:
    """A reporter for callers who want none."""

    def line(self, text: str) -> None:
        """Says nothing."""

    def warn(self, text: str) -> None:
        """Says nothing."""

    def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """Passes `items` through."""
        del description, total
        yield from items
