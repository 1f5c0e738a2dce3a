"""Where a language model answers, and the SDK that speaks to it.

Knows an address, a name and limits. Reads no environment: the key is handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jargonaut.errors import InputError, ModelError, SettingsError, require_limits

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """The language model that writes and judges questions: any server with the OpenAI chat API.

    Attributes:
        base_url: Its address, up to and with `/v1`: `http://localhost:11434/v1` for Ollama, `http://localhost:8000/v1`
            for vLLM; not set takes OPENAI_BASE_URL from the environment, and without that there is none.
        model: The model's name there; not set takes OPENAI_MODEL.
        key_env: Name of the environment variable that holds the key; a server without keys ignores it.
        concurrency: Most calls at once; fewer are made while the endpoint is busy.
        timeout: Seconds that one call may take.
        tries: Calls for one request, when others are answered, before it is given up.
        time_budget: Seconds after which a request is given up, and after which an endpoint that answers nothing is.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    base_url: str | None = None
    model: str | None = None
    key_env: str = "OPENAI_API_KEY"
    concurrency: int = 8
    timeout: float = 120.0
    tries: int = 6
    time_budget: float = 600.0

    def __post_init__(self) -> None:
        addressed = self.base_url is None or _is_address(self.base_url)
        require_limits(
            "llm",
            self,
            (
                ("base_url", addressed, "an address such as http://localhost:11434/v1, or not set"),
                ("key_env", self.key_env.isidentifier(), "the name of an environment variable, never the key itself"),
                ("concurrency", 1 <= self.concurrency <= 1024, "from 1 to 1024"),
                ("timeout", 0 < self.timeout < float("inf"), "above 0"),
                ("tries", self.tries >= 1, "1 or more"),
                ("time_budget", 0 < self.time_budget < float("inf"), "above 0"),
            ),
        )


def shown_address(options: EndpointOptions) -> str:
    """The address for messages, without a password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", options.base_url or "")


def model_identity(options: EndpointOptions) -> str:
    """What tells one model from another: the server's address and the model's name there.

    Many servers call whatever they run `default`, so a name alone says nothing. A password in the address plays no
    part.
    """
    parts = urlsplit(options.base_url or "")
    server = parts._replace(netloc=parts.netloc.rpartition("@")[2].lower(), path=parts.path.rstrip("/"), fragment="")
    return f"{options.model or ''} at {server.geturl()}"


def require_endpoint(options: EndpointOptions) -> None:
    """Refuses an endpoint without an address or a model.

    Raises:
        SettingsError: One is not set.
    """
    for name in ("base_url", "model"):
        if not getattr(options, name):
            remedy = f"set it, or OPENAI_{name.upper()} in the environment"
            raise SettingsError(f"{name} is not set", where=f"[llm] {name}", remedy=remedy)


def usable_key(key: str, options: EndpointOptions) -> str:
    """The key without white space around it.

    Raises:
        InputError: It holds characters that no HTTP header may.
    """
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        remedy = "copy the key again: it holds a line break or a letter that is not ASCII"
        raise InputError("this is no key", where=options.key_env, remedy=remedy)
    return key


def open_sdk(options: EndpointOptions, key: str) -> AsyncOpenAI:
    """A client of the SDK, whose own retries are off.

    Without a key it would look for one in the environment, and send it to whatever address this is; so it gets one that
    means nothing.
    """
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=options.base_url, api_key=key or "none", max_retries=0, timeout=options.timeout)


def require_sdk() -> None:
    """Asks for the `openai` package.

    Raises:
        ModelError: It is not installed.
    """
    try:
        import openai  # noqa: F401 - only whether it is there
    except ImportError as error:
        what = "an endpoint is spoken to through the openai package, which is not installed"
        raise ModelError(what, remedy="pip install 'jargonaut[llm]'") from error


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
