"""The smallest protocols that callers need; anything that fits can be passed in.

A protocol says shapes and units. It never says how. What passes through one, and is no record of the field, stands
beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from jargonaut.records import Query, Run

Vectors = NDArray[np.float32]
"""Row vectors, shape (texts, dimension), L2-normalised unless an encoder says otherwise."""

Precision = Literal["float32", "int8", "binary", "binary+rescore"]
"""How the components of a passage's vector are kept; `binary+rescore` orders the best by signs once more, with the
float query."""

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


@runtime_checkable
class Reranker(Protocol):
    """Query and passage, read together → how well the passage answers, with an identity."""

    @property
    def name(self) -> str:
        """What a user calls this model."""

    @property
    def fingerprint(self) -> str:
        """Identity of the scores: weights, calibration and token limit."""

    @property
    def weight(self) -> float:
        """Share that its score has in the order of hits, from 0 to 1; the first search's score has the rest."""

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """One number from 0 to 1 per passage, in the caller's order, higher is better; none for no passage."""

    def score_pairs(self, both: Sequence[tuple[str, str]]) -> list[float]:
        """The same for (query, passage) texts of many queries at once."""


class Searcher(Protocol):
    """Queries → ranked passages."""

    def search(self, queries: Sequence[Query], k: int) -> Run:
        """The best `k` passages of every query, best first."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a language model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a language model is asked.

    Attributes:
        key: The caller's own name for it; the reply carries it back. It plays no part in the answer.
        messages: The conversation so far.
        schema: JSON schema that the answer should have; None for plain text. A wish: an answer may break it.
        temperature: 0 for the likeliest words, 1 for varied ones.
        max_tokens: Longest answer.
        seed: Another seed asks for another answer.
    """

    key: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    temperature: float = 0.7
    max_tokens: int = 600
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What came back.

    Attributes:
        key: The request's.
        text: The answer; empty where there is none.
        fault: Why there is no answer, in words for the user; empty where there is one.
        finished: Whether the model came to its own end; False where the answer was cut at `max_tokens`.
        cached: Whether it was paid for by an earlier run.
    """

    key: str
    text: str = ""
    fault: str = ""
    finished: bool = True
    cached: bool = False


class QueryWriter(Protocol):
    """A language model that is asked many things."""

    @property
    def name(self) -> str:
        """What a user calls this model."""

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """Exactly one reply for every request, in any order.

        Requests are drawn as they are needed, in the caller's thread, so there may be any number of them, and one may
        be made from the replies so far.

        Raises:
            JargonautError: Nothing can be answered any more. What was answered is kept and costs nothing next time.
        """


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
