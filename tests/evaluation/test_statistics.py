"""What `statistics` promises."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.evaluation import NO_DIFFERENCE, Interval, mean_interval, paired_bootstrap
from jargonaut.evaluation.statistics import (
    effect_size,
    fewest_clusters,
    holm,
    queries_needed,
    randomisation_p_values,
    standard_error,
)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=60), st.integers(0, 100))
def test_identical_scores_differ_by_exactly_zero(values: list[float], seed: int) -> None:
    """Two systems with the same scores differ by 0, from 0 to 0."""
    a = np.array(values)
    found = paired_bootstrap(a, a, [str(i) for i in range(len(a))], resamples=200, seed=seed)
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)
    assert found.verdict_words == NO_DIFFERENCE


@given(st.integers(0, 50))
@settings(max_examples=10)
def test_clustered_data_have_wider_intervals(seed: int) -> None:
    """Where queries of one document move together, drawing documents gives a wider interval than drawing queries."""
    rng = np.random.default_rng(seed)
    documents = np.repeat(np.arange(40), 10)
    difference = rng.normal(0, 0.1, 40)[documents] + rng.normal(0, 0.01, 400)
    nothing = np.zeros(400)
    together = paired_bootstrap(nothing, difference, documents.astype(str).tolist(), resamples=1000)
    alone = paired_bootstrap(nothing, difference, [str(i) for i in range(400)], resamples=1000)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("number", [8, 30])
def test_coverage_is_about_the_confidence(number: int) -> None:
    """In 95 of 100 experiments, more or less, the interval holds the truth, with few clusters too."""
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(number), 3).astype(str).tolist()
    held = 0
    for _ in range(300):
        truth = np.repeat(rng.normal(0.1, 0.2, number), 3) + rng.normal(0, 0.1, 3 * number)
        found = paired_bootstrap(np.zeros(3 * number), truth, labels, resamples=600, seed=int(rng.integers(1 << 30)))
        held += found.low <= 0.1 <= found.high
    assert 0.91 <= held / 300 <= 0.99


def test_same_seed_same_interval() -> None:
    """The interval is a function of the scores, the clusters and the seed."""
    rng = np.random.default_rng(0)
    a, b, labels = rng.random(50), rng.random(50), [str(i // 2) for i in range(50)]
    first = paired_bootstrap(a, b, labels, resamples=500, seed=3)
    assert first == paired_bootstrap(a, b, labels, resamples=500, seed=3)
    assert first != paired_bootstrap(a, b, labels, resamples=500, seed=4)


def test_too_few_clusters_show_nothing() -> None:
    """Five documents cannot show a difference at 95 %, however large; six can."""
    zeros, ones = np.zeros(60), np.ones(60) * 0.5
    assert fewest_clusters(0.95) == 6
    five = paired_bootstrap(zeros, ones, [str(i % 5) for i in range(60)])
    assert (five.low, five.high, five.excludes_zero) == (-1.0, 1.0, False)
    assert paired_bootstrap(zeros, ones, [str(i % 6) for i in range(60)]).excludes_zero
    assert mean_interval(ones, ["one"] * 60) == Interval(0.5, 0.0, 1.0)


def test_words_of_an_interval() -> None:
    """A clear difference is told with its interval, an unclear one in words."""
    assert Interval(0.064, 0.05, 0.078).verdict_words == "+0.064 (+0.050 to +0.078)"
    assert Interval(-0.02, -0.03, -0.01).excludes_zero
    assert Interval(0.01, -0.002, 0.03).verdict_words == NO_DIFFERENCE


def test_lengths_must_agree() -> None:
    """Scores that cannot be paired are refused."""
    with pytest.raises(ValueError, match="paired"):
        paired_bootstrap(np.zeros(3), np.zeros(4), ["a"] * 3)
    with pytest.raises(ValueError, match="cluster"):
        paired_bootstrap(np.zeros(3), np.zeros(3), ["a"] * 2)


def test_the_default_bootstrap_of_a_thousand_queries_is_done_at_once() -> None:
    """10,000 resamples, which take half a second, do not take the minutes of a loop over queries."""
    rng = np.random.default_rng(0)
    started = time.process_time()
    paired_bootstrap(rng.random(1000), rng.random(1000), [str(i) for i in range(1000)])
    assert time.process_time() - started < 30


def test_standard_error_of_independent_values() -> None:
    """Without clustering the cluster-robust standard error is the ordinary one."""
    values = np.random.default_rng(0).random(80)
    ordinary = values.std(ddof=1) / np.sqrt(80)
    assert standard_error(values, [str(i) for i in range(80)]) == pytest.approx(ordinary)


def test_standard_error_of_one_cluster_is_infinite() -> None:
    """One cluster tells nothing of how clusters differ."""
    assert standard_error(np.random.default_rng(0).random(80), ["one"] * 80) == np.inf


def test_few_clusters_try_every_sign() -> None:
    """The p-value is the share of all sign assignments of whole clusters that reach the observed mean."""
    values = np.array([0.5, 0.1, 0.2, -0.1, 0.4, 0.3, 0.0])
    labels = ["a", "a", "b", "c", "d", "e", "f"]
    sums = np.array([0.6, 0.2, -0.1, 0.4, 0.3, 0.0])
    means = [abs(np.dot(signs, sums)) for signs in product((1, -1), repeat=6)]
    wanted = np.mean([mean >= abs(sums.sum()) - 1e-9 for mean in means])
    assert randomisation_p_values(values[:, None], labels)[0] == pytest.approx(wanted)


def test_the_randomisation_test_raises_no_more_false_alarms_than_it_says() -> None:
    """Without a difference one p-value in twenty is below .05, for clustered queries too; with one, it is small."""
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(40), 3).astype(str).tolist()
    nothing = np.repeat(rng.normal(0, 1, (40, 400)), 3, axis=0) + rng.normal(0, 0.3, (120, 400))
    p_values = randomisation_p_values(nothing, labels, resamples=400, seed=1)
    assert 0.02 <= (p_values < 0.05).mean() <= 0.09
    assert randomisation_p_values(nothing[:, :1] * 0.1 + 1, labels, resamples=400)[0] == pytest.approx(1 / 401)
    assert randomisation_p_values(np.zeros((120, 1)), labels)[0] == 1.0


def test_holm_adjusts_as_in_the_paper() -> None:
    """The smallest is multiplied by all, the next by one less, and none falls below the one before; order stays."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_effect_size_is_the_mean_in_standard_deviations() -> None:
    """It has the sign of the difference, and none where differences do not vary."""
    values = np.random.default_rng(0).normal(0.2, 0.4, 5000)
    assert effect_size(values) == pytest.approx(0.5, abs=0.05)
    assert effect_size(-values) == pytest.approx(-0.5, abs=0.05)
    assert effect_size(np.zeros(5)) is None
    assert effect_size(np.full(5, 0.1)) is None


def test_so_many_queries_show_the_difference_with_the_wanted_power() -> None:
    """Drawn anew with the number that is told, about 80 of 100 experiments exclude zero."""
    rng = np.random.default_rng(2)
    pilot = rng.normal(0.05, 0.3, 400)
    needed = queries_needed(pilot, [str(i) for i in range(400)], 0.05)
    assert needed is not None
    shown = 0
    for _ in range(200):
        drawn = rng.normal(0.05, 0.3, needed)
        error = drawn.std(ddof=1) / np.sqrt(needed)
        shown += abs(drawn.mean()) > 1.96 * error
    assert 0.7 <= shown / 200 <= 0.9


def test_who_cannot_tell_how_many_queries_are_needed_says_so() -> None:
    """Too few document groups, or no difference to look for, give no number."""
    assert queries_needed(np.ones(10), ["a", "b"] * 5, 0.1) is None
    assert queries_needed(np.ones(10), [str(i) for i in range(10)], 0.0) is None
