"""How the share of a gain is measured."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recovery import share

RNG = np.random.default_rng(7)
BASE = RNG.uniform(0, 0.5, 200)
LABELS = BASE + RNG.uniform(0, 0.4, 200)
CLUSTERS = [str(number // 2) for number in range(200)]


def test_the_whole_gain_is_a_share_of_one() -> None:
    """A model as good as that of the labels recovers all, whatever is drawn."""
    assert share(BASE, LABELS, LABELS, CLUSTERS) == pytest.approx((1, 1, 1))


def test_half_the_gain_on_every_query_is_a_half() -> None:
    """The share is the ratio of the two mean gains."""
    assert share(BASE, LABELS, (BASE + LABELS) / 2, CLUSTERS) == pytest.approx((0.5, 0.5, 0.5))


def test_a_loss_is_below_nothing_and_the_interval_says_how_sure_that_is() -> None:
    """What is worse than the base recovers less than nothing; its interval spans the estimate."""
    middle, low, high = share(BASE, LABELS, BASE + RNG.normal(-0.05, 0.2, 200), CLUSTERS)
    assert middle < 0
    assert low < middle < high


def test_the_interval_is_the_same_every_time() -> None:
    """The same seed draws the same queries."""
    other = BASE + RNG.normal(0.1, 0.2, 200)
    assert share(BASE, LABELS, other, CLUSTERS) == share(BASE, LABELS, other, CLUSTERS)
