"""When to try again: rules that a real server cannot show in a short time."""

from __future__ import annotations

import asyncio

import pytest

from jargonaut.errors import ModelError
from jargonaut.llm.dialect import Dialect
from jargonaut.llm.patience import Fault, Gate, Patience, waited
from jargonaut.protocols import ChatRequest, Message

from .conftest import Hurry


def test_waits_double_up_to_a_minute_and_are_spread() -> None:
    """From half to all of 1, 2, 4 … 60 seconds."""
    assert [waited(n, None, lambda: 1.0) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [waited(n, None, lambda: 0.0) for n in (1, 7)] == [0.5, 30]
    assert waited(10_000, None, lambda: 1.0) == 60


def test_a_wait_that_was_asked_for_is_kept_and_no_wait_is_not_believed() -> None:
    """Retry-After counts, except for one of nothing, which would let the workers storm."""
    assert waited(5, 3.0, lambda: 1.0) == 3
    assert waited(3, 0.0, lambda: 1.0) == 4


def test_the_gate_is_halved_once_for_calls_that_were_out_together() -> None:
    """Eight refusals of one moment are one sign; successes open the gate again, no further than it was."""

    async def story() -> list[float]:
        hurry = Hurry()
        gate = Gate(8, hurry.effects)
        entered = [await gate.enter() for _ in range(8)]
        hurry.now = 1.0
        for moment in entered:
            gate.close(moment, None)
            await gate.leave()
        halved = gate.allowed
        for _ in range(200):
            gate.succeed()
        return [halved, gate.allowed]

    halved, opened = asyncio.run(story())
    assert halved == 4
    assert 7.9 < opened <= 8


def test_a_closed_gate_holds_everyone() -> None:
    """Nobody gets out before the time that was asked for."""

    async def story() -> float:
        hurry = Hurry()
        gate = Gate(4, hurry.effects)
        gate.close(await gate.enter(), 30.0)
        await gate.leave()
        return await gate.enter()

    assert asyncio.run(story()) >= 30


def test_one_request_that_fails_for_ever_does_not_end_the_run() -> None:
    """The last one of a job, with nobody else to be answered: it is given up, and the run ends well."""
    hurry = Hurry()
    patience = Patience("here", 600, 6, hurry.effects)
    patience.answered()
    hurry.now = 1000.0
    assert patience.after(Fault("server", "500"), 20, 300.0) is None


def test_three_in_a_row_end_the_run() -> None:
    """Whatever answered before answers nobody any more."""
    hurry = Hurry()
    patience = Patience("here", 600, 6, hurry.effects)
    patience.answered()
    hurry.now = 1000.0
    fault = Fault("server", "500: gone")
    assert [patience.after(fault, 20, 300.0) for _ in range(2)] == [None, None]
    with pytest.raises(ModelError, match="500: gone"):
        patience.after(fault, 20, 300.0)


def test_workers_that_learn_at_once_do_not_undo_each_other() -> None:
    """What two dialects have left out is left out in what joins them."""
    one, other = Dialect(form="json_object", temperature=False), Dialect(length="max_completion_tokens", seed=False)
    joined = Dialect("json_object", "max_completion_tokens", temperature=False, seed=False)
    assert one.joined(other) == other.joined(one) == joined


def test_a_refusal_ends_when_nothing_can_be_left_out() -> None:
    """No request is sent for ever in other words."""
    request = ChatRequest("k", (Message("user", "a"),), {"type": "object"})
    dialect: Dialect | None = Dialect()
    steps = 0
    while dialect is not None:
        dialect = dialect.after_refusal("max_completion_tokens temperature seed", request)
        steps += 1
    assert steps <= 6
