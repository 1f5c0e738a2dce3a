"""One request for vectors to OpenAI, Cohere or Voyage, each through its own SDK: the rows of the answer, or a fault.

Knows how each wants its requests and words its answers. Never tries again, nor lets an SDK do so: whether a request may
be paid twice is for `remote` to say, and so is whether the rows can be right.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from jargonaut.encoding.cache import Kind
from jargonaut.encoding.remote_models import Provider, RemoteModel
from jargonaut.errors import ModelError
from jargonaut.llm.wire import retry_after

if TYPE_CHECKING:
    import httpx
    import openai

LONGEST_WAIT = 60.0
"""Seconds; an endpoint that asks for more is given up."""
MOST_AT_ONCE: Mapping[Provider, int] = {"openai": 2048, "cohere": 96, "voyage": 1000}
"""Texts that one request may hold, as the providers' documentation says."""
READ_AT_MOST: tuple[tuple[Provider, str, int], ...] = (
    ("cohere", "v3", 512), ("cohere", "v2", 512), ("cohere", "", 128_000), ("voyage", "voyage-2", 4_000),
    ("voyage", "", 32_000),
)  # fmt: skip
"""Tokens of a text that models whose names hold these letters read, as documented; the rest is cut off in silence."""

_SHOWN = 200
_BEYOND_COUNTING = 1e15
_NO_KEY = "none"
"""An SDK that is given no key looks for one in the environment, and sends it to whatever address this is."""
_TOO_MUCH = re.compile(r"token|too (large|long|many)|batch|length|size|limit|maximum|at most", re.IGNORECASE)
"""What a refusal says where fewer texts might be taken; halving for any other would pay for what is lost."""
_NO_VECTORS = "its answer holds no vectors"
_ONCE = "check the address (most end in /v1); it was asked only once, since an answer may be paid for"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request brought.

    Attributes:
        rows: In the order of the texts; nothing says yet that they are vectors.
        tokens: As the endpoint counts them; None where it does not.
    """

    rows: list[Any]
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request brought nothing.

    Attributes:
        words: What is wrong, without the key.
        final: Whether asking again helps nothing, or may be paid twice.
        divisible: Whether fewer texts may be taken.
        remedy: What to do, where that is known.
        retry_after: Seconds that the endpoint asks to wait.
    """

    words: str
    final: bool = False
    divisible: bool = False
    remedy: str = ""
    retry_after: float | None = None


class Endpoint(Protocol):
    """A model behind an endpoint."""

    def ask(self, texts: Sequence[str], kind: Kind, /) -> Answer | Fault:
        """Makes one request."""

    def close(self) -> None:
        """Ends its connections."""


def connect(model: RemoteModel, key: str, timeout: float) -> Endpoint:
    """A model behind an endpoint, through the SDK of its provider; nothing is sent yet.

    Args:
        model: Which one.
        key: The secret; empty for a server that wants none.
        timeout: Seconds that a request may take.

    Raises:
        ModelError: The SDK is not installed.
    """
    kind = _SDKS[model.provider]
    try:
        return kind(model, key, timeout)
    except ImportError as error:
        raise ModelError(
            f"this endpoint is spoken to through the package {kind.package}, which is not installed",
            where=f"{model.provider}:{model.model}", remedy=f"pip install 'jargonaut[{model.provider}]'",
        ) from error  # fmt: skip


class _Sdk:
    """What all three share: whom they ask, and the words for what goes wrong."""

    package: ClassVar[str]

    def __init__(self, model: RemoteModel, key: str, timeout: float) -> None:
        importlib.import_module(self.package)
        self._model, self._key, self._timeout = model, key, timeout

    @property
    def _asking(self) -> dict[str, int]:
        """The dimension, where one is asked for: many models refuse the parameter."""
        return {} if self._model.dimension is None else {"output_dimension": self._model.dimension}

    def _refused(self, status: int, headers: Mapping[str, str], body: str) -> Fault:
        """What a status other than success says."""
        said = self._shortened(body)
        shown = f"({status}: {said})" if said else f"({status})"
        match status:
            case 401 | 403:
                return Fault(f"the endpoint refuses the key {shown}", final=True, remedy="give a valid key")
            case 402:
                return Fault(f"the account's credit is used up {shown}", final=True, remedy="top it up")
            case 404 | 405:
                words = f"the endpoint does not know this address or this model {shown}"
                return Fault(words, final=True, remedy="check the model's name and the address (most end in /v1)")
            case 408 | 409 | 425 | 429:
                wait = retry_after(headers)
                return Fault(f"the endpoint is too busy {shown}", final=(wait or 0) > LONGEST_WAIT, retry_after=wait)
            case _ if status >= 500:
                return Fault(f"the endpoint fails {shown}", retry_after=retry_after(headers))
        remedy = "check the model's name, whether it has this dimension, and how long a text may be"
        divisible = status == 413 or (status == 400 and _TOO_MUCH.search(said) is not None)
        return Fault(f"the endpoint refuses the request {shown}", final=True, divisible=divisible, remedy=remedy)

    def _unheard(self, error: BaseException, *, answered: bool, late: bool) -> Fault:
        """Why there is no whole response."""
        said = self._shortened(str(error) or type(error).__name__)
        if type(error).__name__ == "InvalidURL":  # as httpx, httpx2 and requests call it
            return Fault(f"this is no address ({said})", final=True, remedy="check the address")
        if answered:
            return Fault(f"the endpoint's answer cannot be read to its end ({said})", final=True, remedy=_ONCE)
        if late:
            return Fault(f"the endpoint gave no answer within {self._timeout:g} s")
        return Fault(f"the endpoint cannot be reached ({said})", remedy="check the address, and that it runs")

    def _no_json(self, body: str) -> Fault:
        return Fault(f"the endpoint's answer is no JSON: {self._shortened(body)!r}", final=True, remedy=_ONCE)

    def _wrong(self, why: str, body: str = "") -> Fault:
        """A successful response that holds something else than rows."""
        said = f" ({self._shortened(body)})" if body else ""
        return Fault(f"this endpoint's answer cannot be right: {why}{said}", final=True)

    def _numbered(self, answer: Any) -> Answer | Fault:
        """The rows of an answer in OpenAI's shape, which is Voyage's too."""
        body = answer if isinstance(answer, dict) else {}
        items, usage = body.get("data"), body.get("usage")
        if not isinstance(items, list) or not all(isinstance(item, dict) and "embedding" in item for item in items):
            return self._wrong(_NO_VECTORS, json.dumps(answer))
        try:
            rows = _in_order(items)
        except ValueError as error:
            return self._wrong(str(error), json.dumps(answer))
        tokens = _count(usage, "total_tokens")
        return Answer(rows, tokens if tokens is not None else _count(usage, "prompt_tokens"))

    def _shortened(self, text: str) -> str:
        text = " ".join(text.split())
        text = text.replace(self._key, "…") if self._key else text
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _OpenAi(_Sdk):
    """Any server that speaks OpenAI's API; its answer is read as it came, before the SDK makes objects of it."""

    package = "openai"

    def ask(self, texts: Sequence[str], _kind: Kind, /) -> Answer | Fault:
        import httpx2
        import openai

        answered = False
        try:
            with self._sdk.embeddings.with_streaming_response.create(
                model=self._model.model, input=list(texts), encoding_format="float",
                dimensions=self._model.dimension or openai.omit,
            ) as response:  # fmt: skip
                answered = True
                content = response.read().decode("utf-8", "replace")
        except openai.APIStatusError as error:
            return self._refused(error.status_code, error.response.headers, error.response.text)
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            late = isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException))
            return self._unheard(error.__cause__ or error, answered=answered, late=late)
        try:
            return self._numbered(json.loads(content))
        except (ValueError, RecursionError):
            return self._no_json(content)

    def close(self) -> None:
        if "_sdk" in self.__dict__:
            self._sdk.close()

    @cached_property
    def _sdk(self) -> openai.OpenAI:
        import openai

        key = self._key or _NO_KEY
        return openai.OpenAI(base_url=self._model.url, api_key=key, max_retries=0, timeout=self._timeout)


class _Cohere(_Sdk):
    """Cohere's second API."""

    package = "cohere"

    def __init__(self, model: RemoteModel, key: str, timeout: float) -> None:
        super().__init__(model, key, timeout)
        self._heard: list[httpx.Response] = []  # the response, from the moment that its head is there

    def ask(self, texts: Sequence[str], kind: Kind, /) -> Answer | Fault:
        import httpx
        from cohere.core.api_error import ApiError

        self._heard.clear()
        try:
            said = self._sdk.embed(
                model=self._model.model, texts=list(texts), embedding_types=["float"], truncate="END",
                input_type="search_query" if kind == "query" else "search_document",
                **self._asking,
            )  # fmt: skip
            rows, billed = said.embeddings.float_, said.meta.billed_units if said.meta else None
        except ApiError as error:
            if self._answered:
                return self._no_json(self._heard[-1].text)
            return self._refused(error.status_code or 0, error.headers or {}, _said(error.body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._unheard(error, answered=self._answered, late=isinstance(error, httpx.TimeoutException))
        except (TypeError, ValueError, AttributeError, RecursionError):  # the SDK trusts the shape of what it reads
            rows = billed = None
            if not self._heard:
                raise
        if not isinstance(rows, list):
            return self._wrong(_NO_VECTORS, self._heard[-1].text)
        return Answer(rows, _count(vars(billed) if billed else None, "input_tokens"))

    def close(self) -> None:
        if "_web" in self.__dict__:
            self._web.close()

    @property
    def _answered(self) -> bool:
        return bool(self._heard) and self._heard[-1].is_success

    @cached_property
    def _sdk(self) -> Any:
        import cohere

        base = self._model.url.rstrip("/").removesuffix("/v2")  # the SDK appends it
        key = self._key or _NO_KEY
        return cohere.ClientV2(key, base_url=base, timeout=self._timeout, max_retries=0, httpx_client=self._web)

    @cached_property
    def _web(self) -> httpx.Client:
        import httpx

        hooks = {"response": [self._heard.append]}
        return httpx.Client(timeout=self._timeout, follow_redirects=True, event_hooks=hooks)


class _Voyage(_Sdk):
    """Voyage's API, by the SDK's resource: its `Client` drops the numbers that say whose a vector is."""

    package = "voyageai"

    def ask(self, texts: Sequence[str], kind: Kind, /) -> Answer | Fault:
        import voyageai

        try:
            said = voyageai.Embedding.create(
                model=self._model.model, input=list(texts), truncation=True,
                input_type="query" if kind == "query" else "document", **self._asking,
                api_key=self._key or _NO_KEY, base_url=self._model.url.rstrip("/"), request_timeout=self._timeout,
            )  # fmt: skip
        except voyageai.error.VoyageError as error:
            if error.http_status is None:
                late = isinstance(error, voyageai.error.Timeout)
                answered = not late and _was_answered(error.__cause__)
                return self._unheard(error.__cause__ or error, answered=answered, late=late)
            if error.http_status < 300:
                return self._no_json(str(error.http_body or ""))
            return self._refused(error.http_status, error.headers, str(error.http_body or ""))
        except (TypeError, ValueError, AttributeError, LookupError, RecursionError):
            return self._wrong(_NO_VECTORS)  # the SDK trusts the shape of what it reads
        return self._numbered(said)

    def close(self) -> None:
        """Its connections are the SDK's, one for each thread."""


_SDKS: Mapping[Provider, type[_OpenAi | _Cohere | _Voyage]] = {"openai": _OpenAi, "cohere": _Cohere, "voyage": _Voyage}


def _was_answered(error: BaseException | None) -> bool:
    """Whether `requests` had met a response when it failed."""
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError
    from urllib3.exceptions import ReadTimeoutError

    late = isinstance(error, Exception) and any(isinstance(part, ReadTimeoutError) for part in error.args)
    return late or isinstance(error, (ChunkedEncodingError, ContentDecodingError))


def _said(body: Any) -> str:
    return body if isinstance(body, str) else "" if body is None else json.dumps(body)


def _in_order(items: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The vectors as they are numbered, since the protocol allows any order; as they stand where none has a number.

    Raises:
        ValueError: The numbers are not one for each.
    """
    numbers = [item.get("index") for item in items]
    if any(number is not None for number in numbers):
        whole = [number for number in numbers if isinstance(number, int) and not isinstance(number, bool)]
        if len(whole) < len(items) or sorted(whole) != list(range(len(items))):
            shown = ", ".join(map(str, numbers[:5]))
            raise ValueError(f"it numbers its {len(items):,} vectors {shown}{', …' if numbers[5:] else ''}")
        items = sorted(items, key=lambda item: int(item["index"]))
    return [item["embedding"] for item in items]


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _BEYOND_COUNTING
    return int(value) if number else None  # type: ignore[arg-type]  # it is a number here
