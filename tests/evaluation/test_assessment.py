"""What `assessment` promises."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from jargonaut.errors import SettingsError
from jargonaut.evaluation import Assessment, AssessmentOptions, assess
from jargonaut.evaluation.statistics import standard_error, t_quantile

from .samples import scores, spread

OPTIONS = AssessmentOptions(resamples=500)


def gate(base: float, hybrid: float, pairs: int = 5000, count: int = 200) -> Assessment:
    """The gate's answer for two means."""
    return assess(
        spread(base, count),
        spread(base / 2, count, seed=1),
        spread(hybrid, count, seed=2),
        train_pairs=pairs,
        clusters={},
        options=OPTIONS,
    )


@pytest.mark.parametrize(
    ("base", "hybrid", "pairs", "answer"),
    [
        (0.95, 0.95, 5000, "dont"),
        (0.95, 0.95, 10, "dont"),
        (0.80, 0.94, 5000, "hybrid_is_enough"),
        (0.80, 0.94, 10, "hybrid_is_enough"),
        (0.80, 0.85, 999, "collect_labels_first"),
        (0.60, 0.60, 5000, "fine_tune"),
        (0.80, 0.85, 1000, "fine_tune"),
    ],
)
def test_rules(base: float, hybrid: float, pairs: int, answer: str) -> None:
    """The gate follows its stated rules, first match first."""
    assert gate(base, hybrid, pairs).verdict == answer


def test_reasons_carry_figures() -> None:
    """The first reason is the rule that decided, with its numbers; every system is told."""
    found = gate(0.8, 0.85, pairs=321)
    assert "321" in found.reasons[0]
    assert any(reason.startswith("BM25: recall@10") for reason in found.reasons)
    assert found.sentence


def test_alternatives_are_measured_against_base() -> None:
    """Each alternative has its gain over base dense search with an interval; the base's is 0."""
    found = gate(0.8, 0.85)
    assert [a.name for a in found.alternatives] == ["base dense", "BM25", "hybrid"]
    base, bm25, hybrid = found.alternatives
    assert (base.gain, base.low, base.high) == (0.0, 0.0, 0.0)
    assert bm25.high < 0 < hybrid.low
    assert hybrid.cost


def test_test_set_too_small_to_show_a_gain() -> None:
    """A test set that cannot show the gain asks for labels, and says how many queries it takes."""
    import numpy as np

    rng = np.random.default_rng(0)
    base, hybrid = (scores(rng.integers(0, 2, 30).astype(float)) for _ in range(2))
    found = assess(base, base, hybrid, train_pairs=5000, clusters={}, options=OPTIONS)
    assert found.verdict == "collect_labels_first"
    assert found.queries_needed > 30
    assert f"{found.queries_needed:,}" in found.reasons[0]


def test_smallest_detectable_is_its_formula() -> None:
    """It is about 2.80 standard errors of the paired difference, and shrinks with the root of the test queries."""
    base, hybrid = spread(0.6, seed=1), spread(0.6, seed=2)
    error = standard_error(hybrid.values["nDCG@10"] - base.values["nDCG@10"], list(base.query_ids))
    one = assess(base, base, hybrid, train_pairs=5000, clusters={}, options=OPTIONS)
    four = assess(base, base, hybrid, train_pairs=5000, clusters={}, test_queries=800, options=OPTIONS)
    assert one.smallest_detectable == pytest.approx(2.80 * error, rel=0.01)
    assert four.smallest_detectable == pytest.approx(one.smallest_detectable / 2)


def in_groups(number: int, **options: float) -> Assessment:
    """The gate's answer where dev's 60 queries come from so many document groups."""
    base, hybrid = spread(0.6, 60, seed=1), spread(0.62, 60, seed=2)
    clusters = {query_id: f"g{i % number}" for i, query_id in enumerate(base.query_ids)}
    chosen = replace(OPTIONS, **options)  # type: ignore[arg-type]  # all of these are numbers
    return assess(base, base, hybrid, train_pairs=5000, clusters=clusters, options=chosen)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_too_few_document_groups_are_no_proof(number: int) -> None:
    """Below six groups at 95 % nothing smaller than 1 can be shown, and the gate says why."""
    found = in_groups(number)
    assert (found.verdict, found.smallest_detectable, found.queries_needed) == ("collect_labels_first", 1.0, None)
    assert f"too few document groups to show anything: {number}, and 6 are needed" in found.reasons[0]
    assert "is unknown" in found.reasons[-1]


def test_unknown_power_is_told_beside_another_verdict() -> None:
    """Where another rule decides, the reasons still say that dev has too few groups, and give no number."""
    found = in_groups(1, undetectable_gain=1.0)
    assert found.verdict == "fine_tune"
    assert "dev has 1 document group, too few (6 are needed)" in found.reasons[-1]


def test_few_document_groups_take_a_t_quantile() -> None:
    """With six groups the factor is that of five degrees of freedom, not the normal one."""
    found = in_groups(6)
    base, hybrid = spread(0.6, 60, seed=1), spread(0.62, 60, seed=2)
    error = standard_error(hybrid.values["nDCG@10"] - base.values["nDCG@10"], [f"g{i % 6}" for i in range(60)])
    assert found.smallest_detectable == pytest.approx((2.5706 + 0.9195) * error, rel=1e-3)
    assert t_quantile(0.975, 6) == pytest.approx(2.5706, rel=1e-4)


def test_other_systems_are_listed() -> None:
    """Further measured systems stand among the alternatives."""
    found = assess(
        spread(0.6),
        spread(0.5),
        spread(0.7),
        train_pairs=5000,
        clusters={},
        others={"reranked": spread(0.8)},
        options=OPTIONS,
    )
    assert found.alternatives[-1].name == "reranked"


@pytest.mark.parametrize(
    "bad",
    [
        {"recall_tune": 0.95},
        {"power": 1.0},
        {"wanted_gain": 0.0},
        {"undetectable_gain": math.nan},
        {"min_pairs": -1},
        {"hybrid_margin": -0.1},
        {"resamples": 99},
        {"seed": -1},
    ],
)
def test_thresholds_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Thresholds that contradict each other or mean nothing are refused when they are made."""
    with pytest.raises(SettingsError, match=rf"\[assess\] {next(iter(bad))}"):
        AssessmentOptions(**bad)  # type: ignore[arg-type]  # on purpose


def test_thresholds_at_their_limits_are_taken() -> None:
    """A rule can be switched off by its threshold."""
    AssessmentOptions(recall_dont=1.0, recall_tune=0.0, min_pairs=0, hybrid_margin=0.0, undetectable_gain=1.0)
