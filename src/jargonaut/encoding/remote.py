"""An embedding endpoint as an `Encoder`: OpenAI-compatible, Cohere or Voyage.

Tries again where that may help and costs nothing, divides what is too much for one request, refuses answers that cannot
be right (fewer vectors than texts, numbers that are none, another dimension), and finds out whether texts are read to
their end. Speaks through `providers`, remembers no vectors (`cache` does) and reads no environment: the key is handed
in.
"""

from __future__ import annotations

import contextlib
import random
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from jargonaut.artifacts import content_hash, legible
from jargonaut.encoding.cache import Kind
from jargonaut.encoding.families import family_prompts
from jargonaut.encoding.providers import LONGEST_WAIT, MOST_AT_ONCE, READ_AT_MOST, WRONG, Endpoint, Reply, connect
from jargonaut.encoding.remote_models import PROVIDERS, Provider, RemoteModel
from jargonaut.errors import InputError, ModelError, require_limits
from jargonaut.llm.patience import waited
from jargonaut.protocols import Vectors

_CHARS_PER_TOKEN = 4
_LONG_CHARS = 1_000
"""A shorter text is not worth a request to see whether it is read to its end."""
_LONGER = 1.5
"""So many times as long as the longest text looked at so far, and a text is looked at again."""
_SAME = 1 - 1e-6
"""Above this cosine two float32 vectors are one."""


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far an endpoint reads: texts of `seen` characters were looked at; nothing after `most` is read, if known."""

    seen: int = 0
    most: int | None = None


_REACHES: dict[str, _Reach] = {}
"""By fingerprint: looking costs money, and a process often opens a model more than once."""


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Embedding endpoints, for candidates such as `openai:MODEL`.

    Attributes:
        openai_url: Address of an OpenAI-compatible server, up to and with `/v1`.
        cohere_url: Address of Cohere's API, up to and with `/v2`.
        voyage_url: Address of Voyage's API, up to and with `/v1`.
        openai_key_env: Name of the environment variable that holds the key; a server without keys ignores it.
        cohere_key_env: The same for Cohere.
        voyage_key_env: The same for Voyage.
        openai_price: Price of a million tokens there; not set counts tokens only.
        cohere_price: The same for Cohere.
        voyage_price: The same for Voyage.
        batch: Texts in one request; fewer where the provider takes fewer (Cohere 96, Voyage 1,000).
        timeout: Seconds that one request may take.
        tries: Requests for the same texts before the endpoint is given up.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    openai_url: str = "https://api.openai.com/v1"
    cohere_url: str = "https://api.cohere.com/v2"
    voyage_url: str = "https://api.voyageai.com/v1"
    openai_key_env: str = "OPENAI_API_KEY"
    cohere_key_env: str = "CO_API_KEY"
    voyage_key_env: str = "VOYAGE_API_KEY"
    openai_price: float | None = None
    cohere_price: float | None = None
    voyage_price: float | None = None
    batch: int = 64
    timeout: float = 60.0
    tries: int = 4

    def __post_init__(self) -> None:
        limits = [
            ("batch", 1 <= self.batch <= max(MOST_AT_ONCE.values()), f"from 1 to {max(MOST_AT_ONCE.values())}"),
            ("timeout", 0 < self.timeout < float("inf"), "above 0"),
            ("tries", self.tries >= 1, "1 or more"),
        ]
        for provider in PROVIDERS:
            price, key = self.price(provider), self.key_env(provider)
            wanted = "an address such as http://localhost:8000/v1"
            limits.append((f"{provider}_url", _is_address(self.url(provider)), wanted))
            wanted = "the name of an environment variable, never the key itself"
            limits.append((f"{provider}_key_env", key.isidentifier(), wanted))
            fits = price is None or 0 <= price < float("inf")
            limits.append((f"{provider}_price", fits, "0 or more, or not set"))
        require_limits("remote", self, limits)

    def url(self, provider: Provider) -> str:
        """Address of a provider."""
        return str(getattr(self, f"{provider}_url"))

    def key_env(self, provider: Provider) -> str:
        """Name of the variable that holds its key."""
        return str(getattr(self, f"{provider}_key_env"))

    def price(self, provider: Provider) -> float | None:
        """Its price of a million tokens."""
        found: float | None = getattr(self, f"{provider}_price")
        return found


class RemoteEncoder:
    """Encodes texts at an endpoint: L2-normalised float32 vectors in the caller's order.

    Args:
        model: What is asked for.
        options: Batch size, patience.
        key: The secret; empty for a server that wants none.
        dimension: Length of its vectors where that is known from before; it is not asked for, but must come.
        sleep: Waits.
        chance: From 0 to 1, another value at each call; spreads retries.

    Attributes:
        tokens: Sent so far, as the endpoint counts them where it does.
        cut: Texts that the endpoint read only the beginning of, by its documentation or by what was seen.

    Raises:
        InputError: The key cannot be one.
    """

    def __init__(
        self,
        model: RemoteModel,
        options: RemoteOptions | None = None,
        key: str = "",
        *,
        dimension: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.model = model
        self.options = options or RemoteOptions()
        self.tokens = 0
        self.cut = 0
        self._key = key.strip()
        if not self._key.isascii() or not (self._key.isprintable()):
            raise InputError(
                "this is no key", where=self.options.key_env(model.provider),
                remedy="copy the key again: it holds a line break or a letter that is not ASCII",
            )  # fmt: skip
        self._dimension = model.dimension or dimension
        self._sleep, self._chance = sleep, chance
        self._prompts = family_prompts(model.model) if model.provider == "openai" else family_prompts("")

    @property
    def name(self) -> str:
        """What a user calls this model."""
        return f"{self.model.provider}:{self.model.model}"

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the vectors, as far as it can be known from outside: server, model, dimension and prompts."""
        prompts = (self._prompts.query, self._prompts.passage)
        one = self.model
        return content_hash("remote", one.provider, one.server, one.model, one.dimension, prompts, "l2")

    @property
    def at_once(self) -> int:
        """Texts of one request: whoever keeps vectors keeps them after so many, since each was paid for."""
        return min(self.options.batch, MOST_AT_ONCE[self.model.provider])

    @cached_property
    def features(self) -> dict[str, str]:
        """What the fingerprint stands for, in words."""
        asked = "as it comes" if self.model.dimension is None else str(self.model.dimension)
        return {
            "model": self.name, "server": self.model.server, "dimension asked for": asked,
            "query prompt": self._prompts.query, "passage prompt": self._prompts.passage, "normalisation": "l2",
        }  # fmt: skip

    @property
    def dimension(self) -> int:
        """Length of one vector; one short text is sent to learn it where nothing was answered before."""
        return self._dimension or self._asked(["dimension"], "query").shape[1]

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per query, shape (texts, dimension).

        Raises:
            ModelError: The endpoint gives no answer, or one that cannot be right.
        """
        return self._encode(texts, "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per passage, shape (texts, dimension).

        Raises:
            ModelError: The endpoint gives no answer, or one that cannot be right.
        """
        return self._encode(texts, "passage")

    def close(self) -> None:
        """Ends its connections."""
        if "_endpoint" in self.__dict__:
            self._endpoint.close()
            del self.__dict__["_endpoint"]

    def _encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        prompt = getattr(self._prompts, kind)
        # A blank text is refused by some endpoints, with all that were sent beside it.
        sent = [legible(prompt + text) if text.strip() else "." for text in texts]
        parts: list[Vectors] = []
        done = 0
        while done < len(sent):
            parts.append(self._asked(sent[done : done + self.at_once], kind))
            done += len(parts[-1])
        if not parts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors: Vectors = np.concatenate(parts)
        self._tell_cuts(sent, vectors, kind)
        return vectors

    def _asked(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """The unit vectors of one request, in the order of the texts; tries again where that may help.

        Where the endpoint says that many texts are too much for one request, halves of them are sent.
        """
        for tried in range(1, self.options.tries + 1):
            outcome = self._endpoint.ask(texts, kind)
            if isinstance(outcome, Reply):
                return self._read(outcome, texts)
            if outcome.divisible and len(texts) > 1:
                half = (len(texts) + 1) // 2
                # The cache hands the longest over first: one that alone is too long ends this before others are paid.
                return np.concatenate([self._asked(texts[:half], kind), self._asked(texts[half:], kind)])
            if outcome.final or tried == self.options.tries:
                raise ModelError(outcome.words, where=self._where, remedy=outcome.remedy or _REMEDY)
            self._sleep(min(LONGEST_WAIT, waited(tried, outcome.retry_after, self._chance)))
        raise AssertionError  # the loop ends by a return or an error

    def _read(self, reply: Reply, texts: Sequence[str]) -> Vectors:
        """The unit vectors of an answer, whose tokens are counted, and whose dimension is the one from now on."""
        guessed = sum(len(text) for text in texts) // _CHARS_PER_TOKEN
        self.tokens += guessed if reply.tokens is None else reply.tokens
        vectors = self._checked(reply.rows, len(texts))
        self._dimension = vectors.shape[1]
        return vectors

    def _checked(self, rows: Sequence[Any], count: int) -> Vectors:
        """The rows as unit vectors, shape (count, dimension); of one length, whatever it is, where none is known yet.

        Raises:
            ModelError: They cannot be right.
        """
        if len(rows) != count:
            raise self._wrong(f"it gave {len(rows):,} vectors for {count:,} texts")
        dimension = self._dimension
        lengths = {len(row) if isinstance(row, list) else 0 for row in rows}
        if 0 in lengths or lengths != {dimension or max(lengths)}:
            shown = ", ".join(f"{length:,}" for length in sorted(lengths))
            wanted = "" if dimension is None else f", and {dimension:,} are expected"
            raise self._wrong(f"it gave vectors of {shown} dimensions{wanted}")
        if not {type(number) for row in rows for number in row} <= {float, int, NoneType}:  # numpy reads "1" and true
            raise self._wrong("it gave vectors that hold something else than numbers")
        try:
            vectors = np.asarray(rows, dtype=np.float64)
        except OverflowError as error:  # a whole number that no float holds
            raise self._wrong(_NOT_FINITE) from error
        if not np.isfinite(vectors).all():  # a null becomes NaN
            raise self._wrong(_NOT_FINITE)
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        if not largest.all():
            raise self._wrong("it gave vectors of length 0")
        vectors /= largest  # whose squares could overflow
        unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _tell_cuts(self, texts: Sequence[str], vectors: Vectors, kind: Kind) -> None:
        """Counts texts that are longer than what the endpoint reads of them, and warns once."""
        provider, name = self.model.provider, self.model.model
        limit = next((most for who, part, most in READ_AT_MOST if who == provider and part in name), None)
        if limit is not None and any(len(text) > _CHARS_PER_TOKEN * limit for text in texts):
            most, known = _CHARS_PER_TOKEN * limit, f"it reads {limit:,} tokens of a text"
        else:  # a letter may be a token, and documentation be wrong
            seen = self._reach(texts, vectors, kind)
            if seen is None:
                return
            most, known = seen, f"it reads at most the first {seen:,} characters: alone they give the same vector"
        cut = sum(len(text) > most for text in texts)
        if cut and not self.cut:
            warnings.warn(
                f"{self._where}: long texts are cut off in silence ({known}); what stands after that cannot be found: "
                "cut passages shorter ([chunk] max_tokens)", RuntimeWarning, stacklevel=2,
            )  # fmt: skip
        self.cut += cut

    def _reach(self, texts: Sequence[str], vectors: Vectors, kind: Kind) -> int | None:
        """Characters of a text after which nothing is read; None where no text was seen to be cut.

        Proof instead of a guess: an endpoint that gives the longest text's vector for its beginning reads no more.
        """
        known = _REACHES.get(self.fingerprint, _Reach())
        row = max(range(len(texts)), key=lambda one: len(texts[one]))
        longest = texts[row].rstrip()
        if known.most is None and len(longest) >= max(_LONG_CHARS, _LONGER * known.seen):
            known, begun = _Reach(len(longest)), _beginning(longest)
            _REACHES[self.fingerprint] = known
            with contextlib.suppress(ModelError):  # the texts' vectors are paid for, and must not be lost for a look
                part = self._asked([begun], kind)[0]
                if np.dot(part.astype(np.float64), vectors[row].astype(np.float64)) > _SAME:
                    known = _REACHES[self.fingerprint] = _Reach(len(longest), len(begun))
        return known.most

    @cached_property
    def _endpoint(self) -> Endpoint:
        endpoint = connect(self.model, self._key, self.options.timeout)
        weakref.finalize(self, endpoint.close)  # who serves with it for as long as it lives need not close it
        return endpoint

    @property
    def _where(self) -> str:
        return f"{self.name} at {self.model.server}"

    def _wrong(self, what: str) -> ModelError:
        return ModelError(f"{WRONG}: {what}", where=self._where, remedy=_REMEDY)


_NOT_FINITE = "it gave vectors that are not finite (NaN, infinity or null)"
_REMEDY = "what it answered before is kept and costs nothing next time"


def _beginning(text: str) -> str:
    """Three quarters of a text, without half a word where there is a blank to cut at."""
    end = len(text) * 3 // 4
    blank = max(text.rfind(mark, len(text) // 2, end) for mark in " \n\t")
    return text[: blank if blank > 0 else end]


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
