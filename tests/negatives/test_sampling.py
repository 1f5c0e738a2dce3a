"""Which of the candidates that are left are taken."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.negatives import MiningOptions
from jargonaut.negatives.options import Sampling
from jargonaut.negatives.sampling import choose

PAIRS, WIDTH = 2000, 10
ROWS = np.tile(np.arange(WIDTH), (PAIRS, 1))
SCORES = np.tile(np.linspace(0.9, 0.0, WIDTH, dtype=np.float32), (PAIRS, 1))
LEFT = np.ones((PAIRS, WIDTH), np.bool_)
LEFT[:, 0] = False


def drawn(sampling: Sampling, *, seed: int = 13, block: int = 0, temperature: float | None = None) -> np.ndarray:
    """Three of nine candidates for many pairs."""
    warmth = {"temperature": temperature or 0.1} if sampling == "softmax" else {}
    options = MiningOptions(per_pair=3, sampling=sampling, seed=seed, **warmth)
    return choose(ROWS, SCORES, LEFT, ~LEFT & False, np.full(PAIRS, 3), options, block).rows


def test_top_takes_the_first() -> None:
    """In the order of ranks."""
    assert (drawn("top") == [1, 2, 3]).all()


@pytest.mark.parametrize("sampling", ["uniform", "softmax"])
def test_draws_are_of_what_is_left_without_repeats_and_in_order(sampling: Sampling) -> None:
    """Never a candidate that broke a rule, never one twice, hardest first."""
    rows = drawn(sampling)
    assert (np.diff(rows, axis=1) > 0).all()
    assert rows.min() == 1


def test_uniform_takes_each_as_often() -> None:
    """Each of nine in a third of the pairs, within chance."""
    shares = np.bincount(drawn("uniform").ravel(), minlength=WIDTH)[1:] / PAIRS
    assert np.abs(shares - 1 / 3).max() < 0.05


def test_softmax_prefers_the_similar_the_more_the_colder() -> None:
    """Shares fall with the score, and nearly all draws are the first ones where the temperature is low."""
    shares = np.bincount(drawn("softmax").ravel(), minlength=WIDTH)[1:] / PAIRS
    assert (np.diff(shares) < 0).all()
    assert (drawn("softmax", temperature=0.001) == [1, 2, 3]).all()


def test_the_seed_decides() -> None:
    """The same draws for the same seed, others for another, others for other pairs."""
    assert (drawn("uniform") == drawn("uniform")).all()
    assert (drawn("uniform") != drawn("uniform", seed=14)).any()
    assert (drawn("uniform") != drawn("uniform", block=1)).any()
