"""One run of many calls: workers in an event loop of their own, in a thread of their own.

So it works inside a caller's own event loop too (a notebook has one), and answers are fetched and kept while the caller
is busy with earlier ones. What a call looks like is known by `wire`, when to try again by `patience`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jargonaut.llm.account import Account
from jargonaut.llm.cache import Answer, AnswerCache, OpenCache, request_key
from jargonaut.llm.dialect import Dialect
from jargonaut.llm.endpoint import EndpointOptions, model_identity, shown_address
from jargonaut.llm.patience import Effects, Fault, Gate, Patience
from jargonaut.llm.wire import call
from jargonaut.protocols import ChatReply, ChatRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LAST_ANSWERS = 30.0
"""Seconds that calls on their way get to arrive when the run has to stop: they are paid for."""
PARTING = 5.0
"""The same when the caller wants no more."""


@dataclass(slots=True)
class Learnt:
    """What outlives a session.

    Attributes:
        account: What was spent so far.
        dialect: How the endpoint wants its requests, as far as that is known.
    """

    account: Account = field(default_factory=Account)
    dialect: Dialect = field(default_factory=Dialect)


class Session:
    """Workers that turn requests into replies; `close` must be called.

    Args:
        options: The endpoint.
        key: The secret.
        cache: Answers that were paid for.
        learnt: Read and written.
        sdk: Opens the SDK's client, in the session's own thread.
        effects: Clock, sleep and chance.
    """

    def __init__(
        self,
        options: EndpointOptions,
        key: str,
        cache: AnswerCache,
        learnt: Learnt,
        sdk: Callable[[EndpointOptions, str], AsyncOpenAI],
        effects: Effects,
    ) -> None:
        self._options = options
        self._identity = model_identity(options)
        self._key = key
        self._learnt = learnt
        self._effects = effects
        self._arrived: queue.SimpleQueue[ChatReply | BaseException] = queue.SimpleQueue()
        self._workers: set[asyncio.Task[ChatReply]] = set()
        self._calling: set[asyncio.Task[ChatReply]] = set()
        self._running: dict[str, asyncio.Future[Answer | Fault]] = {}
        self._hopeless = False  # no further call is made
        self._stopping: asyncio.Task[None] | None = None
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, args=(cache, sdk), name="llm-calls", daemon=True)
        self._thread.start()

    def replies(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """Draws requests, twice as many ahead as may be out at once, and gives replies as they arrive."""
        loop = self._started.result()
        source = iter(requests)
        ahead = 2 * self._options.concurrency
        waiting = 0
        while True:
            while waiting < ahead and (request := next(source, None)) is not None:
                loop.call_soon_threadsafe(self._start, request)
                waiting += 1
            if not waiting:
                return
            arrived = self._arrived.get()
            waiting -= 1
            if isinstance(arrived, BaseException):
                raise arrived
            yield arrived

    def close(self) -> None:
        """Ends the workers and the thread; calls that are on their way get a few seconds."""
        if not self._started.exception():
            self._started.result().call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self, cache: AnswerCache, sdk: Callable[[EndpointOptions, str], AsyncOpenAI]) -> None:
        try:
            asyncio.run(self._live(cache, sdk))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            if self._started.done():
                self._arrived.put(error)
            else:
                self._started.set_exception(error)

    async def _live(self, cache: AnswerCache, sdk: Callable[[EndpointOptions, str], AsyncOpenAI]) -> None:
        options = self._options
        self._ended = asyncio.Event()
        self._gate = Gate(options.concurrency, self._effects)
        self._patience = Patience(shown_address(options), options.time_budget, options.tries, self._effects)
        self._cache: OpenCache
        self._sdk: AsyncOpenAI
        with cache.paying() as self._cache:
            async with sdk(options, self._key) as self._sdk:
                self._started.set_result(asyncio.get_running_loop())
                await self._ended.wait()
                if self._stopping is None:
                    self._stopping = asyncio.create_task(self._stop(PARTING))
                await self._stopping
                await _cancelled(self._workers)

    def _start(self, request: ChatRequest) -> None:
        if self._stopping is not None:
            return
        worker = asyncio.get_running_loop().create_task(self._reply(request))
        self._workers.add(worker)
        worker.add_done_callback(self._finish)

    def _finish(self, worker: asyncio.Task[ChatReply]) -> None:
        self._workers.discard(worker)
        if worker.cancelled():
            return
        error = worker.exception()
        if error is None:
            self._arrived.put(worker.result())
        elif self._stopping is None:
            self._stopping = worker.get_loop().create_task(self._stop(LAST_ANSWERS, error))

    async def _stop(self, seconds: float, error: BaseException | None = None) -> None:
        """Lets calls on their way arrive, so that they are kept, and everything else end."""
        self._hopeless = True
        await _cancelled(self._workers - self._calling)
        if self._calling:
            await asyncio.wait(set(self._calling), timeout=seconds)
        if error is not None:
            self._arrived.put(error)

    async def _reply(self, request: ChatRequest) -> ChatReply:
        outcome, cached = await self._outcome(request)
        account = self._learnt.account
        if isinstance(outcome, Fault):
            self._learnt.account = replace(account, failed=account.failed + 1)
            return ChatReply(request.key, fault=outcome.words)
        if cached:
            self._learnt.account = replace(account, cached=account.cached + 1)
        return ChatReply(request.key, outcome.text, finished=outcome.finished, cached=cached)

    async def _outcome(self, request: ChatRequest) -> tuple[Answer | Fault, bool]:
        """The answer or the last fault, and whether it was there already; equal requests share one call."""
        key = request_key(self._identity, request)
        kept = self._cache.get(key)
        if kept is not None:
            return kept, True
        twin = self._running.get(key)
        if twin is not None:
            return await asyncio.shield(twin), True
        mine = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            outcome = await self._insist(key, request)
            mine.set_result(outcome)
        except BaseException:
            self._hopeless = True  # at once: others may be about to call
            raise
        finally:
            mine.cancel()
            del self._running[key]
        return outcome, False

    async def _insist(self, key: str, request: ChatRequest) -> Answer | Fault:
        """Calls until there is an answer, or no hope of one for this request."""
        dialect = self._learnt.dialect
        started: float | None = None
        faults = 0
        while True:
            entered = await self._gate.enter()
            started = entered if started is None else started
            dialect = dialect.joined(self._learnt.dialect)
            outcome = await self._call(key, request, dialect)
            if self._hopeless and isinstance(outcome, Fault):
                raise asyncio.CancelledError
            if isinstance(outcome, Answer):
                return outcome
            if outcome.kind == "request":
                simpler = dialect.after_refusal(outcome.words, request)
                if simpler is None:
                    self._patience.refused(outcome)
                    return outcome
                dialect = simpler
                continue
            faults += outcome.kind != "busy"
            if outcome.kind == "busy":
                self._gate.close(entered, outcome.retry_after)
            wait = self._patience.after(outcome, faults, started)
            if wait is None:
                return outcome
            self._learnt.account = replace(self._learnt.account, retried=self._learnt.account.retried + 1)
            if wait:
                await self._effects.sleep(wait)

    async def _call(self, key: str, request: ChatRequest, dialect: Dialect) -> Answer | Fault:
        """One call; what it answers is kept before anything else happens."""
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - a coroutine of a task
        self._calling.add(worker)
        try:
            if self._hopeless:
                raise asyncio.CancelledError
            outcome = await call(self._sdk, dialect.body(self._options.model or "", request), self._key)
            if isinstance(outcome, Answer):
                self._cache.put(key, self._options.model or "", outcome)
                self._learnt.account = self._learnt.account.with_call(request, outcome)
                self._learnt.dialect = self._learnt.dialect.joined(dialect)
                self._patience.answered()
                self._gate.succeed()
            return outcome
        finally:
            self._calling.discard(worker)
            await self._gate.leave()


async def _cancelled(workers: set[asyncio.Task[ChatReply]]) -> None:
    """Ends tasks and waits until they are."""
    ending = list(workers)
    for worker in ending:
        worker.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
