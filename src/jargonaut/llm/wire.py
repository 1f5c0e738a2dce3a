"""One call to an OpenAI-compatible endpoint: an answer, or a fault of a known kind.

Knows the `openai` SDK, HTTP's status codes and what broken endpoints send. Never tries again: that is for `patience` to
say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import legible
from jargonaut.llm.cache import Answer
from jargonaut.llm.patience import Fault, FaultKind

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_SHOWN = 300
_STATUS: dict[int, FaultKind] = {
    401: "key", 402: "credit", 403: "key", 404: "address", 405: "address", 408: "slow", 409: "server", 425: "busy",
    429: "busy", 501: "request",
}  # fmt: skip
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit", "insufficient_balance")


async def call(sdk: AsyncOpenAI, body: Mapping[str, Any], secret: str) -> Answer | Fault:
    """Makes one call.

    Args:
        sdk: Its own retries are off.
        body: The request.
        secret: The key, which no message may repeat.
    """
    import openai

    try:
        # As an extra body it is sent as it is; otherwise the SDK walks through it by type, for half of a call's time.
        create = sdk.chat.completions.with_raw_response.create
        response = await create(model=body["model"], messages=[], extra_body=dict(body))
        return read_answer(response.content)
    except openai.APITimeoutError:
        return Fault("slow", f"no answer within {_seconds(sdk.timeout)}")
    except openai.APIStatusError as error:
        return read_refusal(error.status_code, error.response.headers, _words(error, secret))
    except openai.APIConnectionError as error:
        return Fault("unreachable", _shortened(f"no connection, or a broken one: {error.__cause__ or error}", secret))
    except openai.APIError as error:
        return Fault("garbled", _shortened(f"the answer cannot be read: {error}", secret))


def read_answer(content: bytes) -> Answer | Fault:
    """Reads the body of a successful response; a character that is not UTF-8 becomes U+FFFD."""
    try:
        body = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        start = content[:_SHOWN].decode("utf-8", "replace").strip()
        return Fault("garbled", f"the answer is no JSON: {start!r}" if start else "the answer is empty")
    return answer_of(body)


def answer_of(body: Any) -> Answer | Fault:
    """Reads a response's JSON; whatever may be missing in one is."""
    if not isinstance(body, dict):
        return Fault("garbled", "the answer is no JSON object")
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        said = _said(body.get("error"))
        return Fault("garbled", _shortened(f"the endpoint says: {said}" if said else "the answer has no choices"))
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    text = _text(message.get("content")) or _text(message.get("refusal"))
    return Answer(
        legible(text),
        first.get("finish_reason") != "length",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )


def read_refusal(status: int, headers: Mapping[str, str], words: str) -> Fault:
    """What an HTTP status says, with the endpoint's own words."""
    said = f"{status}: {words}" if words else f"status {status}"
    if any(mark in words for mark in _NO_CREDIT):
        return Fault("credit", said)
    kind = _STATUS.get(status, "server" if status >= 500 else "request")
    return Fault(kind, said, retry_after(headers))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a response asks to wait, whether it gives seconds, milliseconds or a date; None if it says nothing.

    Args:
        headers: Of the response.
        now: The present time, for dates.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        written = headers.get(name, "")
        try:
            seconds = float(written) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def _words(error: Any, secret: str) -> str:
    """What the endpoint says is wrong, without the page of HTML that a proxy wraps it in."""
    body = error.body
    said = _said(body.get("error", body) if isinstance(body, dict) else body)
    if said.lstrip().startswith("<"):
        said = "a page of HTML, so perhaps a proxy answered"
    return _shortened(said, secret)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        parts = [value.get(name) for name in ("message", "detail", "code", "param")]
        return ", ".join(str(part) for part in parts if part) or json.dumps(value)
    return "" if value is None else str(value)


def _shortened(text: str, secret: str = "") -> str:
    text = " ".join(text.split())
    if secret:
        text = text.replace(secret, "…")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _text(content: Any) -> str:
    """A message's words, which some endpoints send in parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(timeout: Any) -> str:
    return f"{timeout:g} s" if isinstance(timeout, (int, float)) else "the time allowed"
