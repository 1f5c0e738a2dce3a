"""What the gate promises: its rules, its figures, what test can show, and the order of what else would do."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jargonaut.artifacts import plain
from jargonaut.errors import InputError, SettingsError
from jargonaut.evaluation import (
    RULES,
    Assessment,
    AssessmentOptions,
    Churn,
    Cost,
    Depth,
    Grounds,
    PairEvidence,
    Rival,
    Scores,
    assess,
    rules_table,
)
from jargonaut.evaluation.alternatives import found_at
from jargonaut.evaluation.statistics import standard_error, t_quantile

from .samples import scores, spread

OPTIONS = AssessmentOptions(resamples=500)
PAGE = Path(__file__).parents[2] / "docs" / "assess.md"


def at(found: float, ndcg: float, seed: int = 0, count: int = 200) -> Scores:
    """Scores around two means: of every recall, and of nDCG@10."""
    recall, rank = spread(found, count, seed), spread(ndcg, count, seed)
    return Scores(recall.query_ids, {**recall.values, "nDCG@10": rank.values["nDCG@10"]})


def gate(
    base: Scores,
    hybrid: Scores,
    *,
    pairs: Mapping[str, int] | None = None,
    clusters: Mapping[str, str] | None = None,
    churn: Churn | None = None,
    depth: Depth | None = None,
    others: tuple[Rival, ...] = (),
    test_queries: int | None = None,
    relevant: Mapping[str, int] | None = None,
    options: AssessmentOptions = OPTIONS,
) -> Assessment:
    """The gate's answer where base and hybrid score so."""
    rivals = (Rival("base dense", base, kind="base"), Rival("hybrid", hybrid, Cost("two searches"), "hybrid"), *others)
    evidence = PairEvidence({"label": 5000} if pairs is None else pairs, 100)
    grounds = Grounds(
        evidence, relevant or {}, clusters or {}, depth or Depth(), churn=churn, test_queries=test_queries
    )
    return assess(rivals, grounds, options)


FEW, WEAK = {"label": 599}, {"structure": 5000}
FAST = Churn(share=0.5, days=1.0, versions=2, reindex_hours=4.8)


@pytest.mark.parametrize(
    ("rule", "answer", "given"),
    [
        ("the base is enough", "dont", {"base": at(0.95, 0.95), "hybrid": at(0.95, 0.95)}),
        ("the base is enough", "dont", {"base": at(0.95, 0.95), "hybrid": at(0.95, 0.95), "pairs": {}}),
        ("hybrid is enough", "hybrid_is_enough", {"base": at(0.80, 0.80), "hybrid": at(0.94, 0.94), "pairs": {}}),
        (
            "something else is enough",
            "dont",
            {"base": at(0.8, 0.8), "hybrid": at(0.8, 0.8), "others": (Rival("m", at(0.95, 0.95), Cost("swap")),)},
        ),
        ("the corpus changes too fast", "dont", {"base": at(0.6, 0.5), "hybrid": at(0.6, 0.5), "churn": FAST}),
        ("too few pairs", "collect_labels_first", {"base": at(0.80, 0.7), "hybrid": at(0.85, 0.75), "pairs": FEW}),
        ("too few pairs", "collect_labels_first", {"base": at(0.80, 0.7), "hybrid": at(0.85, 0.75), "pairs": WEAK}),
        ("clear room", "fine_tune", {"base": at(0.60, 0.5), "hybrid": at(0.60, 0.5)}),
        ("room in the ranks", "fine_tune", {"base": at(0.89, 0.69), "hybrid": at(0.94, 0.83)}),
        ("some room", "fine_tune", {"base": at(0.80, 0.7), "hybrid": at(0.85, 0.75), "pairs": {"label": 600}}),
    ],
)
def test_rules(rule: str, answer: str, given: dict[str, Any]) -> None:
    """Each rule decides where it should, first match first, and says its name."""
    found = gate(**given)
    assert (found.reasons[0].rule, found.verdict) == (rule, answer)


def test_every_rule_can_decide() -> None:
    """No rule is hidden behind another: the cases above and the two on small sets reach all of them."""
    reached = {case[0] for case in test_rules.pytestmark[0].args[1]}  # type: ignore[attr-defined]  # pytest puts it there
    assert reached | {"too few document groups", "test shows nothing"} == {rule.name for rule in RULES}


def test_the_documentation_shows_the_rules_as_they_are() -> None:
    """The table in docs is the table in code."""
    assert rules_table() in PAGE.read_text(encoding="utf-8")


def test_the_rules_name_only_settings_that_exist() -> None:
    """Thresholds in the table are those of `[assess]`."""
    named = {word for rule in RULES for word in rule.condition.split("`")[1::2]}
    assert named <= set(AssessmentOptions.__dataclass_fields__)


def test_good_recall_with_poor_ranks_is_not_enough() -> None:
    """Where nearly everything is found among the first ten, but low, there is room: so it was on the Python docs."""
    assert gate(at(0.95, 0.70), at(0.95, 0.83)).verdict == "fine_tune"
    lenient = replace(OPTIONS, ndcg_dont=0.0)
    assert gate(at(0.95, 0.70), at(0.95, 0.83), options=lenient).verdict == "dont"


def test_pairs_that_nobody_judged_are_weak_evidence() -> None:
    """They count for a tenth, the reason says so, and labels and clicks count whole."""
    found = gate(at(0.8, 0.7), at(0.8, 0.7), pairs={"structure": 1000, "label": 400})
    assert found.verdict == "collect_labels_first"
    assert "1,400 training pairs" in found.reasons[0].text
    assert "worth 500" in found.reasons[0].text
    assert "Collect 100 more labels or clicks first" in found.reasons[0].text
    assert found.reasons[0].figures["pairs_worth"] == 500
    assert gate(at(0.8, 0.7), at(0.8, 0.7), pairs={"click": 300, "label": 300}).verdict == "fine_tune"


def test_many_answers_for_a_query_are_no_low_recall() -> None:
    """Ten of forty answers are all that ten hits can hold; between two measured depths lies what is between them."""
    some = scores(np.array([0.25, 0.5]))
    assert found_at(10, some, {"q0": 40, "q1": 2}).tolist() == [1.0, 0.5]
    steep = Scores(("q",), {"recall@1": np.zeros(1), "recall@5": np.ones(1), "recall@10": np.ones(1)})
    assert found_at(1, steep, {}) == 0 < found_at(2.2, steep, {}) < found_at(5, steep, {}) == 1
    relevant = {f"q{i}": 40 for i in range(200)}
    base = at(0.24, 0.95)
    assert gate(base, base, relevant=relevant).verdict == "dont"
    assert gate(base, base).verdict == "fine_tune"


def test_a_sample_of_the_corpus_is_looked_at_less_deep() -> None:
    """The first ten of a corpus are about the first of a tenth of it, and the reasons say so."""
    assert [Depth.of(*sizes).hits for sizes in ((100, 100), (50, 100), (1, 100), (10, 0))] == [10, 5, 1, 10]
    base = at(0.95, 0.95)
    shallow = Scores(base.query_ids, {**base.values, "recall@1": spread(0.5).values["recall@1"]})
    found = gate(shallow, shallow, depth=Depth.of(1000, 10_000))
    assert found.verdict == "fine_tune"
    assert any("1,000 of 10,000 passages were searched" in reason.text for reason in found.reasons)


def test_what_was_asked_some_queries_is_compared_on_these() -> None:
    """A system that saw half of the queries is measured against the base on that half, and it is told."""
    base = scores(np.array([0.2] * 50 + [0.9] * 50))
    half = Scores(base.query_ids[:50], {name: values[:50] + 0.3 for name, values in base.values.items()})
    found = gate(base, base, others=(Rival("some", half),))
    one = next(a for a in found.alternatives if a.name == "some")
    assert (one.queries, round(one.gain, 6)) == (50, 0.3)
    assert any("some on 50 of the queries" in reason.text for reason in found.reasons)


def test_alternatives_are_ordered_by_gain_for_their_effort() -> None:
    """A small gain for nothing stands before a larger one that wants another index; no gain stands last."""
    base = at(0.6, 0.6)
    others = (
        Rival("worse", at(0.5, 0.5, seed=1)),
        Rival("swap", at(0.7, 0.70, seed=2), Cost("another base", minutes=120, reindex=True)),
        Rival("paid", at(0.7, 0.69, seed=3), Cost("an endpoint", money=500.0, query_money=1.0)),
        Rival("slow", at(0.7, 0.69, seed=4), Cost("reads every hit", query_ms=3600)),
    )
    found = gate(base, at(0.65, 0.65, seed=5), others=others)
    assert [a.name for a in found.alternatives] == ["base dense", "hybrid", "slow", "swap", "paid", "worse"]
    hybrid, swap = found.alternatives[1], found.alternatives[3]
    assert hybrid.gain_per_hour == pytest.approx(hybrid.gain * 60, rel=1e-2)
    assert swap.effort == pytest.approx((1 + 120 + OPTIONS.reindex_minutes) / 60, abs=1e-4)
    assert found.alternatives[-1].gain_per_hour is None


def test_costs_are_told_in_words() -> None:
    """Minutes, money and re-index stand beside the words; an unknown price is called so."""
    cost = Cost("another base", minutes=200.0, money=None, reindex=True, query_ms=12.4, query_money=0.5)
    assert str(cost) == (
        "another base; 3.3 h once; price not known once; re-index; 12 ms a query; 0.50 USD for 1,000 queries"
    )
    assert str(Cost("free")) == "free"


def test_reasons_carry_figures() -> None:
    """The first reason is the rule that decided, with its numbers; every system is told."""
    found = gate(at(0.8, 0.7), at(0.85, 0.8), pairs={"label": 321})
    assert "321" in found.reasons[0].text
    assert found.reasons[0].figures["judged_pairs"] == 321
    assert any(reason.text.startswith("hybrid: recall@10") for reason in found.reasons)
    assert found.sentence


def test_an_assessment_survives_json() -> None:
    """What is kept and printed reads back as it was."""
    found = gate(at(0.8, 0.7), at(0.85, 0.8), churn=Churn(0.1, 7.0, 3, 0.1))
    assert Assessment.from_json(json.loads(json.dumps(plain(found)))) == found


def test_the_base_comes_first() -> None:
    """Nothing can be compared without it."""
    with pytest.raises(InputError, match="must come first"):
        assess([Rival("hybrid", at(0.5, 0.5), kind="hybrid")], Grounds(PairEvidence(), {}, {}, Depth()))


def test_test_set_too_small_to_show_a_gain() -> None:
    """A test set that cannot show the gain asks for labels, and says how many queries it takes."""
    rng = np.random.default_rng(0)
    base, hybrid = (scores(rng.integers(0, 2, 30).astype(float)) for _ in range(2))
    found = gate(base, hybrid)
    assert (found.verdict, found.reasons[0].rule) == ("collect_labels_first", "test shows nothing")
    assert found.queries_needed is not None
    assert found.queries_needed > 30
    assert f"{found.queries_needed:,}" in found.reasons[0].text


def test_smallest_detectable_is_its_formula() -> None:
    """It is about 2.80 standard errors of the paired difference, and shrinks with the root of the test queries."""
    base, hybrid = spread(0.6, seed=1), spread(0.6, seed=2)
    error = standard_error(hybrid.values["nDCG@10"] - base.values["nDCG@10"], list(base.query_ids))
    one, four = gate(base, hybrid), gate(base, hybrid, test_queries=800)
    assert one.smallest_detectable == pytest.approx(2.80 * error, rel=0.01)
    assert four.smallest_detectable == pytest.approx(one.smallest_detectable / 2)


def in_groups(number: int, **options: float) -> Assessment:
    """The gate's answer where dev's 60 queries come from so many document groups."""
    base, hybrid = spread(0.6, 60, seed=1), spread(0.62, 60, seed=2)
    clusters = {query_id: f"g{i % number}" for i, query_id in enumerate(base.query_ids)}
    return gate(base, hybrid, clusters=clusters, options=replace(OPTIONS, **options))  # type: ignore[arg-type]  # numbers


@pytest.mark.parametrize("number", [1, 3, 5])
def test_too_few_document_groups_are_no_proof(number: int) -> None:
    """Below six groups at 95 % nothing smaller than 1 can be shown, and the gate says why."""
    found = in_groups(number)
    assert (found.verdict, found.smallest_detectable, found.queries_needed) == ("collect_labels_first", 1.0, None)
    assert f"too few document groups to show anything: {number}, and 6 are needed" in found.reasons[0].text
    assert "is unknown" in found.reasons[-1].text


def test_one_query_that_the_base_answers_proves_nothing() -> None:
    """A perfect score on one query is no reason not to train."""
    assert gate(scores(np.ones(1)), scores(np.ones(1))).verdict == "collect_labels_first"


def test_unknown_power_is_told_beside_another_verdict() -> None:
    """Where another rule decides, the reasons still say that dev has too few groups, and give no number."""
    found = in_groups(1, undetectable_gain=1.0)
    assert found.verdict == "fine_tune"
    assert "dev has 1 document group, too few (6 are needed)" in found.reasons[-1].text


def test_few_document_groups_take_a_t_quantile() -> None:
    """With six groups the factor is that of five degrees of freedom, not the normal one."""
    found = in_groups(6)
    base, hybrid = spread(0.6, 60, seed=1), spread(0.62, 60, seed=2)
    error = standard_error(hybrid.values["nDCG@10"] - base.values["nDCG@10"], [f"g{i % 6}" for i in range(60)])
    assert found.smallest_detectable == pytest.approx((2.5706 + 0.9195) * error, rel=1e-3)
    assert t_quantile(0.975, 6) == pytest.approx(2.5706, rel=1e-4)


def test_a_slow_corpus_does_not_forbid_training() -> None:
    """What changes while everything is embedded is what counts, not what changes in a year."""
    slow = Churn(share=0.9, days=365.0, versions=5, reindex_hours=1.0)
    found = gate(at(0.6, 0.5), at(0.6, 0.5), churn=slow)
    assert found.verdict == "fine_tune"
    assert any("90.0% of the passages changed in 365.0 days" in reason.text for reason in found.reasons)


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
        {"ndcg_dont": 1.1},
        {"weak_weight": -0.1},
        {"max_churn": 0.0},
        {"passages": 99},
        {"queries": 0},
        {"rerank_queries": 0},
        {"hour_price": 0.0},
    ],
)
def test_thresholds_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Thresholds that contradict each other or mean nothing are refused when they are made."""
    with pytest.raises(SettingsError, match=rf"\[assess\] {next(iter(bad))}"):
        AssessmentOptions(**bad)  # type: ignore[arg-type]  # on purpose


def test_thresholds_at_their_limits_are_taken() -> None:
    """A rule can be switched off by its threshold."""
    AssessmentOptions(recall_dont=1.0, recall_tune=0.0, min_pairs=0, hybrid_margin=0.0, undetectable_gain=1.0)
