"""Asking many things of a language model, each again when its answer is of no use.

Answers arrive in any order and are given out in that of the items, so what comes of them does not depend on a network's
mood. Knows requests, answers and corrections, one at a time. What is asked, and what is of use, is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from jargonaut.protocols import ChatReply, ChatRequest, QueryWriter

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    """How one conversation ended.

    Attributes:
        item: What it was about.
        result: What was read from the last answer; None when there was none.
        fault: Why there is nothing of use; empty when there is.
    """

    item: Item
    result: Result | None
    fault: str = ""


class Conversations(Generic[Item, Result]):
    """Conversations about any number of items.

    What is held is those that are under way, and of those that ended before an earlier one what was read.

    Args:
        writer: Answers.
        ask: Item → the first request. Its key is replaced.
        read: (item, answer) → what is in it, and what is wrong with it; empty words when it is of use.
        correct: (request, answer, fault) → the request once more.
        retries: Corrections for each item.
    """

    def __init__(
        self,
        writer: QueryWriter,
        ask: Callable[[Item], ChatRequest],
        read: Callable[[Item, str], tuple[Result, str]],
        correct: Callable[[ChatRequest, str, str], ChatRequest],
        retries: int,
    ) -> None:
        self._writer = writer
        self._ask = ask
        self._read = read
        self._correct = correct
        self._retries = retries
        self._under_way: dict[str, tuple[Item, ChatRequest, int]] = {}
        self._ended: dict[int, Outcome[Item, Result]] = {}
        self._again: deque[ChatRequest] = deque()

    def outcomes(self, items: Iterable[Item]) -> Iterator[Outcome[Item, Result]]:
        """One outcome for every item, in the items' order."""
        following = 0
        requests: Iterable[ChatRequest] = self._requests(items)
        while True:
            for reply in self._writer.complete_many(requests):
                outcome = self._take(reply)
                if outcome is not None:
                    self._ended[int(reply.key)] = outcome
                while following in self._ended:
                    yield self._ended.pop(following)
                    following += 1
            if not self._again:
                return
            # The last answers came after the last request was drawn, so their corrections are another round.
            requests = self._corrections()

    def _requests(self, items: Iterable[Item]) -> Iterator[ChatRequest]:
        """First requests, and corrections as soon as they are known."""
        for number, item in enumerate(items):
            yield from self._corrections()
            request = replace(self._ask(item), key=str(number))  # ids may repeat
            self._under_way[request.key] = (item, request, self._retries)
            yield request

    def _corrections(self) -> Iterator[ChatRequest]:
        while self._again:
            yield self._again.popleft()

    def _take(self, reply: ChatReply) -> Outcome[Item, Result] | None:
        item, request, retries = self._under_way.pop(reply.key)
        if reply.fault:
            return Outcome(item, None, reply.fault)
        result, fault = self._read(item, reply.text)
        if not fault:
            return Outcome(item, result)
        if not reply.finished:
            fault += " (the answer was cut at the longest length allowed)"
        if retries <= 0:
            return Outcome(item, result, fault)
        again = replace(self._correct(request, reply.text, fault), key=reply.key)
        self._under_way[reply.key] = (item, again, retries - 1)
        self._again.append(again)
        return None
