"""Two-sample tests: their false alarms, and what they notice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.monitoring import energy_test, scores_test, shares_test


def _unit(rng: np.random.Generator, count: int, towards: float = 0.0) -> np.ndarray:
    found = rng.standard_normal((count, 8)).astype(np.float32)
    found[:, 0] += towards
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_false_alarms_are_as_rare_as_is_said() -> None:
    """Of 300 comparisons of like with like no more than 5 % have p ≤ 5 %, but for what chance allows."""
    rng = np.random.default_rng(1)
    tests = [energy_test("t", _unit(rng, 40), _unit(rng, 25), permutations=99, seed=n) for n in range(300)]
    assert sum(test.p_value <= 0.05 for test in tests) <= 26  # the 99.9th percentile of a binomial at 5 %
    assert sum(test.p_value <= 0.5 for test in tests) > 100  # and it is no test that always says 1


def test_a_change_of_direction_is_noticed_and_measured() -> None:
    """Vectors that lean another way give the smallest p-value that the shuffles allow, and a greater effect."""
    rng = np.random.default_rng(2)
    same = energy_test("t", _unit(rng, 80), _unit(rng, 80), permutations=199, seed=0)
    other = energy_test("t", _unit(rng, 80), _unit(rng, 80, towards=2.0), permutations=199, seed=0)
    assert other.p_value == pytest.approx(1 / 200)
    assert other.effect > 5 * same.effect
    assert (other.before, other.now) == (80, 80)


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 10_000))
@settings(max_examples=15)
def test_the_distance_is_what_its_definition_says(before: int, now: int, seed: int) -> None:
    """The effect equals the energy coefficient computed pair by pair."""
    rng = np.random.default_rng(seed)
    one, other = _unit(rng, before), _unit(rng, now, towards=0.5)

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(a[:, None].astype(np.float64) - b[None], axis=2).mean())

    energy = 2 * mean(one, other) - mean(one, one) - mean(other, other)
    found = energy_test("t", one, other, permutations=9, seed=0)
    assert found.effect == pytest.approx(max(0.0, energy / (2 * mean(one, other))), abs=2e-4)


def test_identical_samples_are_no_finding() -> None:
    """Copies of one vector on both sides: every shuffle is as far apart, so p is 1."""
    same = np.tile(_unit(np.random.default_rng(0), 1), (30, 1))
    assert energy_test("t", same[:20], same[20:], permutations=49, seed=0).p_value == 1.0


def test_scores_and_shares_say_what_moved() -> None:
    """A lower median and a greater share are told in words, with their sign."""
    rng = np.random.default_rng(3)
    scores = scores_test("best scores", rng.normal(0.8, 0.05, 200).tolist(), rng.normal(0.6, 0.05, 200).tolist())
    assert scores.p_value < 1e-6
    assert scores.effect == pytest.approx(-0.2, abs=0.02)
    shares = shares_test("low scores", (5, 100), (40, 100))
    assert shares.p_value < 1e-6
    assert shares.told == "5.0% → 40.0%"


def test_an_empty_sample_is_refused() -> None:
    """Nothing cannot be compared."""
    empty = np.zeros((0, 8), dtype=np.float32)
    with pytest.raises(ValueError, match="both samples"):
        energy_test("t", empty, empty, permutations=9, seed=0)
    with pytest.raises(ValueError, match="both samples"):
        scores_test("t", [], [1.0])
    with pytest.raises(ValueError, match="both samples"):
        shares_test("t", (0, 0), (1, 2))
