"""Clients of a server that misbehaves, with a clock that tests hold in their hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jargonaut.llm import ChatClient, Effects, EndpointOptions

from .endpoint import Behaviour, Endpoint, endpoint


@dataclass
class Hurry:
    """Time that passes when somebody waits, and not otherwise.

    Attributes:
        now: Seconds.
        waits: What was waited for.
    """

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Lets time pass at once, and others have their turn."""
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    @property
    def effects(self) -> Effects:
        """Clock and sleep; chance is always one half."""
        return Effects(lambda: self.now, self.sleep, lambda: 0.5)


@pytest.fixture
def hurry() -> Hurry:
    """Time of one test."""
    return Hurry()


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Endpoint]]:
    """Starts a server; it is stopped after the test."""
    with ExitStack() as stack:
        yield lambda behaviour: stack.enter_context(endpoint(behaviour))


@pytest.fixture
def client(tmp_path: Path, hurry: Hurry) -> Callable[..., ChatClient]:
    """Makes a client of a server; all of one test share a cache."""

    def make(server: Endpoint, *, key: str = "sk-secret", **options: object) -> ChatClient:
        made = EndpointOptions(server.base_url, "m", **options)  # type: ignore[arg-type]
        return ChatClient(made, key, tmp_path / "answers.db", hurry.effects)

    return make
