"""One request for vectors to OpenAI, Cohere or Voyage, each through its own SDK: the rows of the answer, or why not.

An SDK words and sends the request; the response is read here, before it makes objects of whatever came, so that status,
headers and the moment at which an answer began are facts. Never tries again, nor lets an SDK do so: what may be paid
twice is for `remote` to say, and so is whether the rows can be right.
"""

from __future__ import annotations

import importlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, ClassVar

from jargonaut.encoding.cache import Kind
from jargonaut.encoding.remote_models import Provider, RemoteModel
from jargonaut.errors import ModelError
from jargonaut.llm.wire import retry_after

if TYPE_CHECKING:
    import httpx
    import httpx2
    import openai
    import requests

LONGEST_WAIT = 60.0
"""Seconds; an endpoint that asks for more is given up."""
MOST_AT_ONCE: Mapping[Provider, int] = {"openai": 2048, "cohere": 96, "voyage": 1000}
"""Texts that one request may hold, as the providers' documentation says."""
READ_AT_MOST: tuple[tuple[Provider, str, int], ...] = (
    ("cohere", "v3", 512), ("cohere", "v2", 512), ("cohere", "", 128_000), ("voyage", "voyage-2", 4_000),
    ("voyage", "", 32_000),
)  # fmt: skip
"""Tokens of a text that models whose names hold these letters read, as documented; the rest is cut off in silence."""

WRONG = "this endpoint's answer cannot be right"

_SHOWN = 200
_BEYOND_COUNTING = 1e15
_NO_KEY = "none"
"""An SDK that is given no key looks for one in the environment, and sends it to whatever address this is."""
_SECRET = re.compile(r"//[^/@\s]*@")
_TOO_MUCH = re.compile(r"token|too (large|long|many)|batch|length|size|limit|maximum|at most", re.IGNORECASE)
"""What a refusal says where fewer texts might be taken; halving for any other would pay for what is lost."""
_BUSY = (408, 409, 425, 429)
_NO_SUCH = (
    "the endpoint does not know this address or this model", "check the model's name and the address (most end in /v1)",
)  # fmt: skip
_REFUSALS: Mapping[int, tuple[str, str]] = {
    401: ("the endpoint refuses the key", "give a valid key"),
    402: ("the account's credit is used up", "top it up"),
    403: ("the endpoint refuses the key", "give a valid key"),
    404: _NO_SUCH,
    405: _NO_SUCH,
}
"""Status → what it says, and what to do; further ones are told where they are met."""
_NO_VECTORS = "its answer holds no vectors"
_ONCE = "check the address (most end in /v1); it was asked only once, since an answer may be paid for"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request brought.

    Attributes:
        rows: In the order of the texts; nothing says yet that they are vectors.
        tokens: As the endpoint counts them; None where it does not.
    """

    rows: list[Any]
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Failure:
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


@dataclass(frozen=True, slots=True)
class _Response:
    """A response; `broken` says why its body has no end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: Exception | None = None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def _whole(status: int, headers: Mapping[str, str], read: Callable[[], bytes], faults: type[Exception]) -> _Response:
    """A response whose body is read now."""
    try:
        return _Response(status, headers, read())
    except faults as error:
        return _Response(status, headers, b"", error)


class Endpoint(ABC):
    """A model behind an endpoint, spoken to through the SDK of its provider; nothing is sent before it is asked.

    Args:
        model: Which one.
        key: The secret; empty for a server that wants none.
        timeout: Seconds that a request may take.

    Attributes:
        package: The SDK.

    Raises:
        ImportError: It is not installed.
    """

    package: ClassVar[str]

    def __init__(self, model: RemoteModel, key: str, timeout: float) -> None:
        importlib.import_module(self.package)
        self._model, self._key, self._timeout = model, key, timeout

    def ask(self, texts: Sequence[str], kind: Kind) -> Reply | Failure:
        """Makes one request."""
        heard = self._send(texts, kind)
        if isinstance(heard, Failure):
            return heard
        if not 200 <= heard.status < 300:
            return self._refused(heard)
        if heard.broken is not None:
            said = self._shortened(str(heard.broken))
            return Failure(f"the endpoint's answer cannot be read to its end ({said})", final=True, remedy=_ONCE)
        try:
            answer = json.loads(heard.body)
        except (ValueError, RecursionError):
            said = self._shortened(heard.text)
            return Failure(f"the endpoint's answer is no JSON: {said!r}", final=True, remedy=_ONCE)
        try:
            return self._read(answer if isinstance(answer, dict) else {})
        except ValueError as error:
            return Failure(f"{WRONG}: {error} ({self._shortened(heard.text)})", final=True)

    def close(self) -> None:
        """Ends its connections, if it made any."""
        if "_web" in self.__dict__:
            self.__dict__["_web"].close()

    @abstractmethod
    def _send(self, texts: Sequence[str], kind: Kind) -> _Response | Failure:
        """The response, or why there is none."""

    def _read(self, answer: Mapping[str, Any]) -> Reply:
        """The rows of an answer in OpenAI's shape, which is Voyage's too.

        Raises:
            ValueError: It holds none, or it does not say which is whose.
        """
        items, usage = answer.get("data"), answer.get("usage")
        if not isinstance(items, list) or not all(isinstance(item, dict) and "embedding" in item for item in items):
            raise ValueError(_NO_VECTORS)
        tokens = _count(usage, "total_tokens")
        return Reply(_in_order(items), tokens if tokens is not None else _count(usage, "prompt_tokens"))

    def _refused(self, heard: _Response) -> Failure:
        """What a status other than success says."""
        said = self._shortened(heard.text)
        shown = f"({heard.status}: {said})" if said else f"({heard.status})"
        wait = retry_after(heard.headers)
        if heard.status in _BUSY or heard.status >= 500:
            words = f"the endpoint {'is too busy' if heard.status in _BUSY else 'fails'} {shown}"
            return Failure(words, final=(wait or 0) > LONGEST_WAIT, retry_after=wait)
        if 300 <= heard.status < 400:
            place = self._shortened(heard.headers.get("location", "")) or "another place"
            remedy = "texts are sent to no address that you did not name: name the new one if you trust it"
            return Failure(f"the endpoint sends its callers to {place} ({heard.status})", final=True, remedy=remedy)
        if heard.status in _REFUSALS:
            words, remedy = _REFUSALS[heard.status]
            return Failure(f"{words} {shown}", final=True, remedy=remedy)
        remedy = "check the model's name, whether it has this dimension, and how long a text may be"
        divisible = heard.status == 413 or (heard.status == 400 and _TOO_MUCH.search(said) is not None)
        return Failure(f"the endpoint refuses the request {shown}", final=True, divisible=divisible, remedy=remedy)

    def _unsent(self, error: BaseException) -> Failure:
        """No request could be made."""
        remedy = "check the address, the key, and what the environment says of proxies"
        return Failure(f"the request cannot be sent ({self._shortened(str(error))})", final=True, remedy=remedy)

    def _unheard(self, error: BaseException, *, late: bool) -> Failure:
        """No response began."""
        if isinstance(error, ValueError):  # as requests says that an address is none
            return self._unsent(error)
        if late:
            return Failure(f"the endpoint gave no answer within {self._timeout:g} s")
        said = self._shortened(str(error) or type(error).__name__)
        return Failure(f"the endpoint cannot be reached ({said})", remedy="check the address, and that it runs")

    def _shortened(self, text: str) -> str:
        text = _SECRET.sub("//", " ".join(text.split()))
        text = text.replace(self._key, "…") if self._key else text
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _OpenAi(Endpoint):
    """Any server that speaks OpenAI's API."""

    package = "openai"

    def _send(self, texts: Sequence[str], kind: Kind) -> _Response | Failure:
        import httpx2
        import openai

        del kind  # which this API does not tell apart
        try:
            with self._sdk.embeddings.with_streaming_response.create(
                model=self._model.model, input=list(texts), encoding_format="float",
                dimensions=self._model.dimension or openai.omit, extra_headers=self._headers,
            ) as response:  # fmt: skip
                return _whole(response.status_code, response.headers, response.read, httpx2.HTTPError)
        except openai.APIStatusError as error:
            return _Response(error.status_code, error.response.headers, error.response.content)
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            late = isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException))
            return self._unheard(error.__cause__ or error, late=late)
        except (httpx2.InvalidURL, ValueError, ImportError) as error:
            return self._unsent(error)

    @property
    def _headers(self) -> dict[str, Any]:
        """Those that the SDK would otherwise take from the environment, whoever the server is."""
        import openai

        bearer = f"Bearer {self._key}" if self._key else openai.Omit()
        return {"Authorization": bearer, "OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}

    @cached_property
    def _sdk(self) -> openai.OpenAI:
        import openai

        made = openai.OpenAI(
            base_url=self._model.url, api_key=self._key or _NO_KEY, max_retries=0, timeout=self._timeout,
            http_client=self._web,
        )  # fmt: skip
        made._custom_headers = {}  # noqa: SLF001 - what OPENAI_CUSTOM_HEADERS says is for another server
        return made

    @cached_property
    def _web(self) -> httpx2.Client:
        import openai

        return openai.DefaultHttpxClient(follow_redirects=False, timeout=self._timeout)


class _Met(Exception):  # noqa: N818 - it is no error
    """Carries a response out of an SDK that would make objects of it."""

    def __init__(self, response: _Response) -> None:
        self.response = response


class _Cohere(Endpoint):
    """Cohere's second API."""

    package = "cohere"

    def _send(self, texts: Sequence[str], kind: Kind) -> _Response | Failure:
        import httpx

        asked = {} if self._model.dimension is None else {"output_dimension": self._model.dimension}
        try:
            self._sdk.embed(
                model=self._model.model, texts=list(texts), embedding_types=["float"], truncate="END",
                input_type="search_query" if kind == "query" else "search_document", **asked,
            )  # fmt: skip
        except _Met as met:
            return met.response
        except httpx.HTTPError as error:
            return self._unheard(error, late=isinstance(error, httpx.TimeoutException))
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            return self._unsent(error)
        raise AssertionError  # every response is met

    def _read(self, answer: Mapping[str, Any]) -> Reply:
        found, meta = answer.get("embeddings"), answer.get("meta")
        rows = found.get("float") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise ValueError(_NO_VECTORS)  # noqa: TRY004 - of a foreign answer
        return Reply(rows, _count(meta.get("billed_units") if isinstance(meta, dict) else None, "input_tokens"))

    @cached_property
    def _sdk(self) -> Any:
        import cohere

        base = self._model.url.rstrip("/").removesuffix("/v2")  # the SDK appends it
        key = self._key or _NO_KEY
        return cohere.ClientV2(key, base_url=base, timeout=self._timeout, max_retries=0, httpx_client=self._web)

    @cached_property
    def _web(self) -> httpx.Client:
        import httpx

        def meet(response: httpx.Response) -> None:
            raise _Met(_whole(response.status_code, response.headers, response.read, httpx.HTTPError))

        return httpx.Client(timeout=self._timeout, event_hooks={"response": [meet]})


class _Voyage(Endpoint):
    """Voyage's API: the SDK words the request, and a session of ours sends it.

    The SDK's own would belong to the thread and to whoever else uses the SDK, try again by itself, follow redirects and
    look for passwords; and its `Client` drops the numbers that say whose a vector is.
    """

    package = "voyageai"

    def _send(self, texts: Sequence[str], kind: Kind) -> _Response | Failure:
        import requests
        from voyageai.api_resources.api_requestor import APIRequestor

        body = {
            "model": self._model.model, "input": list(texts), "truncation": True,
            "input_type": "query" if kind == "query" else "document",
        }  # fmt: skip
        if self._model.dimension is not None:
            body["output_dimension"] = self._model.dimension
        try:
            requestor = APIRequestor(self._key or _NO_KEY, self._model.url.rstrip("/"))
            prepare = requestor._prepare_request_raw  # noqa: SLF001 - what it would send by itself is said above
            url, headers, data = prepare("/embeddings", None, "post", body, None, None)
            with self._web.post(url, data, headers=headers, stream=True, timeout=self._timeout) as response:
                return _whole(
                    response.status_code, response.headers, lambda: response.content, requests.RequestException
                )
        except requests.RequestException as error:
            return self._unheard(error, late=isinstance(error, requests.Timeout))
        except (ValueError, ImportError) as error:
            return self._unsent(error)

    @cached_property
    def _web(self) -> requests.Session:
        import requests

        session = requests.Session()
        session.auth = _as_addressed
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005 - its name there
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session


_SDKS: Mapping[Provider, type[Endpoint]] = {"openai": _OpenAi, "cohere": _Cohere, "voyage": _Voyage}


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
            f"this endpoint is spoken to through the package {kind.package}, which cannot be imported ({error})",
            where=f"{model.provider}:{model.model}", remedy=f"pip install 'jargonaut[{model.provider}]'",
        ) from error  # fmt: skip


def _as_addressed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leaves the key where it is, unless the address names a user; a `.netrc` file is not asked."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_auth_from_url

    name, password = get_auth_from_url(request.url or "")
    return HTTPBasicAuth(name, password)(request) if name or password else request


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
