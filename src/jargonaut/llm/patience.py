"""When to try again, and when to stop: back-off, a gate that all workers share, and what is beyond hope.

Knows faults, clocks and chance. Knows nothing of HTTP, prompts or models.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import ModelError

FaultKind = Literal["key", "credit", "address", "request", "busy", "server", "garbled", "slow", "unreachable"]
KEPT = "every answer so far is kept: run again, and none of them is paid for twice"

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_STRANGER_TRIES = 4
"""Tries before an address that never answered is called wrong; a server may be starting."""
_GIVEN_UP_IN_A_ROW = 3
_REFUSED_IN_A_ROW = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call gave no answer.

    Attributes:
        kind: `key` (401, 403), `credit` (402, or a quota used up), `address` (404), `request` (refused as it is, so it
            is useless to repeat), `busy` (429), `server` (5xx), `garbled` (an answer that is none), `slow` (no answer
            in time), `unreachable` (no connection, or a broken one).
        words: What the endpoint said, for the user.
        retry_after: Seconds that it asks to wait.
    """

    kind: FaultKind
    words: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """What a test wants to hold in its hand.

    Attributes:
        clock: Seconds, never going back.
        sleep: Waits.
        chance: From 0 to 1, another value at each call; spreads the workers' returns.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class Gate:
    """Lets a number of calls out at once; closes for all when the endpoint is busy, and opens step by step.

    The number is halved at each refusal and grows by one for about as many successes (as TCP does: Jacobson, 1988), so
    it finds what the endpoint bears.

    Args:
        most: Calls at once.
        effects: Clock, sleep and chance.
    """

    def __init__(self, most: int, effects: Effects) -> None:
        self.allowed = float(most)
        self._most = most
        self._effects = effects
        self._out = 0
        self._strikes = 0
        self._opens_at = 0.0
        self._closed_at = float("-inf")
        self._turn = asyncio.Condition()

    async def enter(self) -> float:
        """Waits for a turn; gives the time at which it came."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._out < max(1, int(self.allowed)))
            self._out += 1
        try:
            while (wait := self._opens_at - self._effects.clock()) > 0:
                await self._effects.sleep(wait * (1 + 0.25 * self._effects.chance()))
        except BaseException:
            await self.leave()
            raise
        return self._effects.clock()

    async def leave(self) -> None:
        """Gives the turn back."""
        async with self._turn:
            self._out -= 1
            self._turn.notify_all()

    def close(self, entered: float, retry_after: float | None) -> None:
        """Takes a refusal for being busy; those that were out together count as one."""
        if entered >= self._closed_at:
            self._strikes += 1
            self._closed_at = self._effects.clock()
            self.allowed = max(1.0, self.allowed / 2)
        wait = waited(self._strikes, retry_after, self._effects.chance)
        self._opens_at = max(self._opens_at, self._effects.clock() + wait)

    def succeed(self) -> None:
        """Takes a success."""
        self._strikes = 0
        self.allowed = min(float(self._most), self.allowed + 1 / self.allowed)


class Patience:
    """How long one run puts up with an endpoint, over all its calls.

    Args:
        endpoint: Its address, for messages.
        budget: Seconds for one request, and for the whole endpoint to give any answer.
        tries: Calls for one request while others are answered.
        effects: Clock and chance.
    """

    def __init__(self, endpoint: str, budget: float, tries: int, effects: Effects) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._tries = tries
        self._effects = effects
        self._last_answer: float | None = None
        self._given_up = 0
        self._refused = 0

    def answered(self) -> None:
        """Takes a success of any request."""
        self._last_answer = self._effects.clock()
        self._given_up = 0

    def refused(self, fault: Fault) -> None:
        """Takes a request that was refused as it is.

        Raises:
            ModelError: The endpoint refuses all of them.
        """
        self._refused += 1
        if self._last_answer is None and self._refused >= _REFUSED_IN_A_ROW:
            what = f"the endpoint refuses every request: {self._refused} of {self._refused}"
            raise self._stop(what, fault, "check that this model is one for chat, and what its server says")

    def after(self, fault: Fault, tried: int, started: float) -> float | None:
        """What follows a fault.

        Args:
            fault: The last one.
            tried: Calls made for this request so far.
            started: When the first one was made.

        Returns:
            Seconds to wait before the next try, or None when this request is given up.

        Raises:
            ModelError: The endpoint is of no use to any request.
        """
        self._require_hope(fault, tried)
        elapsed = self._effects.clock() - started
        silent = self._last_answer is None or self._last_answer <= started
        if fault.kind == "busy":
            # The gate does the waiting; a request is never dropped for the traffic of others.
            if silent and elapsed > self._budget:
                raise self._stop(f"the endpoint has been too busy for {elapsed:.0f} s to answer anything", fault)
            return 0.0
        if elapsed > self._budget or (tried >= self._tries and not silent):
            self._given_up += 1
            if silent and (self._given_up >= _GIVEN_UP_IN_A_ROW or self._last_answer is None):
                raise self._stop(f"the endpoint has given no answer for {elapsed:.0f} s", fault)
            return None
        return waited(tried, fault.retry_after, self._effects.chance)

    def _require_hope(self, fault: Fault, tried: int) -> None:
        """Stops the run where trying again cannot help."""
        match fault.kind:
            case "key":
                what = "the endpoint refuses the key: it is wrong, expired, or has no right to this model"
                raise self._stop(what, fault, f"give a valid key; {KEPT}")
            case "credit":
                raise self._stop("the account's credit or quota is used up", fault, f"top it up; {KEPT}")
            case "address":
                what = "the endpoint does not know this address or this model"
                remedy = "check `model` and `base_url` (most end in /v1)"
                raise self._stop(what, fault, f"{remedy}; {KEPT}")
            case "unreachable" if self._last_answer is None and tried >= _STRANGER_TRIES:
                remedy = "check that it runs and that `base_url` is right"
                raise self._stop("the endpoint cannot be reached", fault, f"{remedy}; {KEPT}")
        if fault.retry_after is not None and fault.retry_after > self._budget:
            what = f"the endpoint asks to wait {fault.retry_after:,.0f} s"
            raise self._stop(what, fault, f"come back then, or raise `time_budget`; {KEPT}")

    def _stop(self, what: str, fault: Fault, remedy: str | None = None) -> ModelError:
        return ModelError(f"{what} ({fault.words})", where=self._endpoint, remedy=remedy or f"come back later; {KEPT}")


def waited(times: int, retry_after: float | None, chance: Callable[[], float]) -> float:
    """Seconds to wait after a number of failures: as long as was asked, else doubled each time, up to a minute.

    The last half is left to chance, so that many do not come back together ("equal jitter"). An endpoint that asks for
    no wait at all, or for one until yesterday, is not believed.
    """
    if retry_after is not None and retry_after >= _FIRST_WAIT:
        return retry_after
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(times - 1, 10))
    return longest / 2 * (1 + chance())
