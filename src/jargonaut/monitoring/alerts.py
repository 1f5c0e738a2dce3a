"""Telling somebody: a webhook or a program, within a time that is known, and never failing whoever tells.

What nobody took stays in the outbox and is tried again by the next pass. Knows channels; knows nothing of rules.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from jargonaut.monitoring.options import WatchOptions

Channel = Callable[[str, float], str]
"""Given a JSON text and seconds that it may take; gives the fault, "" for none."""

_FIRST_WAIT = 0.5
_WORDS = 200


def channels(options: WatchOptions) -> dict[str, Channel]:
    """Who is to be told, by name."""
    found: dict[str, Channel] = {}
    if options.webhook:
        found["webhook"] = _webhook(options.webhook)
    if options.command:
        found["command"] = _command(options.command)
    return found


def deliver(
    channel: Channel, message: Mapping[str, Any], options: WatchOptions,
    sleep: Callable[[float], None] = time.sleep,
) -> str:  # fmt: skip
    """Tells one channel, as often as it may be tried; gives the last fault, "" where it was told.

    Each attempt ends after `alert_timeout`, whatever the other side does: one that goes on for longer is left behind.
    """
    text, fault = json.dumps(message, ensure_ascii=False), ""
    for attempt in range(options.alert_tries):
        if attempt:
            sleep(_FIRST_WAIT * 2 ** (attempt - 1))
        fault = _within(channel, text, options.alert_timeout)
        if not fault:
            return ""
    return fault


def _within(channel: Channel, text: str, seconds: float) -> str:
    outcome: list[str] = []

    def attempt() -> None:
        try:
            outcome.append(channel(text, seconds))
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the pass goes on
            outcome.append(f"{type(error).__name__}: {error}"[:_WORDS])

    # A time limit of HTTP clients begins anew with every byte, so a server that drips one a second would hold us.
    worker = threading.Thread(target=attempt, daemon=True, name="alert")
    worker.start()
    worker.join(seconds + 0.5)
    return outcome[0] if outcome else f"no answer within {seconds:g} s"


def _webhook(url: str) -> Channel:
    def post(text: str, seconds: float) -> str:
        import httpx2

        body, headers = text.encode("utf-8", "replace"), {"content-type": "application/json"}
        try:
            answer = httpx2.post(url, content=body, headers=headers, timeout=seconds)
        except httpx2.TimeoutException:
            return f"no answer within {seconds:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return str(error)[:_WORDS] or type(error).__name__
        return "" if answer.is_success else f"it answered {answer.status_code}"

    return post


def _command(line: str) -> Channel:
    def run(text: str, seconds: float) -> str:
        try:
            done = subprocess.run(
                shlex.split(line), input=text, text=True, capture_output=True, timeout=seconds, check=False,
                errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"it did not end within {seconds:g} s"
        except (OSError, ValueError) as error:
            return str(error)[:_WORDS]
        said = f": {done.stderr.strip()[-_WORDS:]}" if done.stderr.strip() else ""
        return "" if done.returncode == 0 else f"it ended with {done.returncode}{said}"

    return run
