"""Signs that a training has gone wrong."""

from __future__ import annotations

import json
import math

import pytest

from jargonaut.training.guard import Guard


def fed(guard: Guard, losses: list[float]) -> list[str | None]:
    """What the guard says of each loss."""
    return [guard.check_loss(loss) for loss in losses]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_wrong_at_once(loss: float) -> None:
    """Even as the first."""
    assert Guard(4.0).check_loss(loss) == f"the loss became {loss}"


def test_a_loss_that_stays_high_is_wrong_at_the_fifth_step() -> None:
    """One high loss, or four, are noise; the message says from where to where it rose."""
    told = fed(Guard(4.0), [1.0] * 20 + [5.0] * 4 + [1.0] + [5.0] * 5)
    assert [number for number, one in enumerate(told) if one] == [29]
    assert told[-1] == "the loss rose to 5 from about 1"


def test_a_loss_that_stays_below_the_limit_is_right() -> None:
    """Three times the median is not four times."""
    assert not any(fed(Guard(4.0), [1.0] * 20 + [3.0] * 50))


def test_no_rise_back_to_where_training_started_is_wrong() -> None:
    """Losses that have fallen far may rise again by any factor, as on a batch of pairs that were not seen before."""
    assert not any(fed(Guard(4.0), [2.0] * 3 + [0.1] * 50 + [2.0] * 20))


def test_losses_near_zero_are_right() -> None:
    """A triplet loss may be zero for long."""
    assert not any(fed(Guard(4.0), [0.0] * 30 + [0.09] * 30))


def test_a_model_that_is_ruined_by_its_first_steps_is_noticed() -> None:
    """As by a rate that is far too high: the loss jumps to that of guessing, and stays there."""
    assert any(fed(Guard(4.0), [0.4, 0.5, 0.6, 5.5, 5.5, 5.5, 5.5, 5.5]))


def test_high_losses_do_not_become_the_usual_ones() -> None:
    """The median is that of losses that were right, however slowly they rise above it."""
    told = fed(Guard(4.0), [1.0] * 12 + [50.0, 60.0, 70.0, 80.0, 90.0])
    assert told[-1] is not None


def test_infinity_lets_anything_pass_that_is_a_number() -> None:
    """The guard can be switched off."""
    assert not any(fed(Guard(math.inf), [1.0] * 20 + [1e9] * 20))


def test_five_steps_without_gradients_are_wrong() -> None:
    """A single overflow is skipped by the optimiser, and all of them would mean that nothing is learned."""
    guard = Guard(4.0)
    told = [guard.check_norm(norm) for norm in [math.inf] * 4 + [1.0] + [math.nan] * 5]
    assert [number for number, one in enumerate(told) if one] == [9]


def test_a_guard_goes_on_where_it_stood() -> None:
    """Through JSON, as a checkpoint keeps it."""
    first, second = Guard(4.0), Guard(4.0)
    assert not any(fed(first, [1.0] * 20 + [5.0] * 4))
    first.check_norm(math.inf)
    second.restore(json.loads(json.dumps(first.facts())))
    assert second.facts() == first.facts()
    assert second.check_loss(5.0) is not None
