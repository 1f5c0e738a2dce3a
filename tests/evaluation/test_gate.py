"""What the ship gate promises: each rule, in its order, and the table in the docs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jargonaut.errors import InputError, SettingsError
from jargonaut.evaluation import (
    EvaluationOptions,
    Evidence,
    Forgetting,
    Jury,
    Slice,
    SystemKind,
    SystemResult,
    Verdict,
    compare,
    jury_of,
    summarise,
    verdict,
)
from jargonaut.evaluation.gate import _RULES

from .samples import OPTIONS, scores, spread

DOCS = Path(__file__).parents[2] / "docs" / "evaluation.md"


def system(kind: SystemKind, mean: float, seed: int = 0) -> SystemResult:
    """A system of 64 dimensions with scores around a mean."""
    return summarise(kind, kind, 64, spread(mean, seed=seed), clusters={}, options=OPTIONS)


WINNING = (system("base", 0.5), system("tuned", 0.6), system("hybrid-base", 0.6), system("hybrid-tuned", 0.65))


def judged(
    evidence: Evidence | None = None,
    systems: tuple[SystemResult, ...] = WINNING,
    options: EvaluationOptions = OPTIONS,
) -> Verdict:
    """The verdict on some systems."""
    return verdict(systems, compare(systems, {}, options), options, evidence)


def test_a_winner_ships_with_what_was_not_measured_told() -> None:
    """Nothing but comparisons is enough for a winner; that forgetting was not measured stands in the reasons."""
    found = judged()
    assert (found.name, found.rule) == ("ship", "gain")
    assert any("forgot was not measured" in reason for reason in found.reasons)


def test_a_test_that_nobody_judged_cannot_say_ship() -> None:
    """However large the gain, a test of generated questions answers "nobody judged this test", and what to do."""
    found = judged(Evidence(jury=Jury(200, 0)))
    assert (found.name, found.rule) == ("no_measurable_difference", "nobody_judged")
    assert "nobody judged this test" in found.sentence
    assert "add labels or clicks" in found.sentence
    assert judged(Evidence(jury=Jury(200, 200))).name == "ship"


def test_harm_on_an_unjudged_test_is_still_harm() -> None:
    """A measured loss is told as one, whoever judged it."""
    worse = (system("base", 0.6), system("tuned", 0.5))
    assert judged(Evidence(jury=Jury(200, 0)), worse).rule == "worse"


@pytest.mark.parametrize(
    ("on_judged", "rule", "name"),
    [
        (0.2, "gain", "ship"),
        (0.0, "no_gain_where_judged", "no_measurable_difference"),
        (-0.2, "worse_where_judged", "dont_ship"),
    ],
)
def test_where_some_queries_were_judged_they_decide_too(on_judged: float, rule: str, name: str) -> None:
    """A gain that comes from generated questions alone does not ship, and a loss on the others forbids it."""
    noise = np.random.default_rng(1).normal(0, 0.05, 200)
    gain = np.where(np.arange(200) < 40, on_judged, 0.2) + noise
    base = summarise("base", "base", 64, scores(np.full(200, 0.4)), clusters={}, options=OPTIONS)
    tuned = summarise("tuned", "tuned", 64, scores(np.clip(0.4 + gain, 0, 1)), clusters={}, options=OPTIONS)
    jury = jury_of((base, tuned), {f"q{i}" for i in range(40)}, {}, OPTIONS)
    assert (jury.judged, jury.queries) == (40, 200)
    found = judged(Evidence(jury=jury), (base, tuned))
    assert (found.rule, found.name) == (rule, name)


def test_a_jury_of_all_or_none_needs_no_comparison_of_its_own() -> None:
    """Then the comparison on all queries says it."""
    everyone = {f"q{i}" for i in range(200)}
    assert jury_of(WINNING, everyone, {}, OPTIONS) == Jury(200, 200)
    assert jury_of(WINNING, (), {}, OPTIONS) == Jury(200, 0)


def test_a_slice_that_loses_too_much_forbids_shipping() -> None:
    """The loss must be measurable and beyond the limit; the sentence names the slice."""
    bad = Slice("source: click", 30, -0.12, -0.2, -0.04, 0.001)
    found = judged(Evidence(slices=(Slice("short", 80, 0.1, 0.05, 0.15, 0.001), bad)))
    assert (found.rule, found.name) == ("worse_slice", "dont_ship")
    assert "source: click (30 queries)" in found.sentence
    unsure = replace(bad, low=-0.3, high=0.06)
    small = replace(bad, difference=-0.03, low=-0.05, high=-0.01)
    assert judged(Evidence(slices=(unsure, small))).name == "ship"


def test_one_of_many_slices_may_be_bad_by_chance() -> None:
    """P-values are adjusted for the number of slices: one in twenty at .04 forbids nothing, alone it does."""
    bad = Slice("one", 30, -0.12, -0.23, -0.01, 0.04)
    fine = tuple(Slice(f"s{i}", 30, 0.0, -0.1, 0.1, 0.9) for i in range(19))
    assert judged(Evidence(slices=(bad,))).rule == "worse_slice"
    found = judged(Evidence(slices=(*fine, bad)))
    assert found.name == "ship"
    assert any("Worst of 20 slices: one" in reason for reason in found.reasons)


def test_forgetting_beyond_the_limit_forbids_shipping() -> None:
    """At the limit it is put up with, beyond it is not; a gain is no loss."""
    limit = OPTIONS.forgetting_limit
    assert judged(Evidence(forgetting=Forgetting(0.8, 0.8 - limit + 1e-9))).name == "ship"
    assert judged(Evidence(forgetting=Forgetting(0.7, 0.9))).name == "ship"
    found = judged(Evidence(forgetting=Forgetting(0.8, 0.75)))
    assert (found.rule, found.name) == ("forgets", "dont_ship")
    assert "0.800 → 0.750" in found.sentence


def test_the_pipeline_that_will_answer_must_gain_too() -> None:
    """A dense gain that vanishes in hybrid search ships where vectors answer alone, and not where the hybrid does."""
    same = (*WINNING[:2], system("hybrid-base", 0.6, 1), system("hybrid-tuned", 0.6, 2))
    assert judged(systems=same).name == "ship"
    hybrid = replace(OPTIONS, pipeline="hybrid")
    found = judged(systems=same, options=hybrid)
    assert (found.rule, found.name) == ("no_gain_in_pipeline", "no_measurable_difference")
    assert judged(options=hybrid).name == "ship"


def test_a_pipeline_that_was_not_measured_is_refused() -> None:
    """Nothing is shipped into a pipeline that nobody measured, and a reranked one needs its cross-encoder."""
    with pytest.raises(InputError, match="reranked search was not measured"):
        judged(options=replace(OPTIONS, pipeline="reranked", cross_encoder="some/model"))
    with pytest.raises(SettingsError, match="cross_encoder"):
        replace(OPTIONS, pipeline="reranked")


def test_an_unproven_difference_tells_how_many_queries_would_show_it() -> None:
    """The number of queries for the difference at hand stands in the reasons."""
    found = judged(systems=(system("base", 0.5, 1), system("tuned", 0.503, 2)))
    assert found.rule == "no_gain"
    assert any("test queries are needed" in reason for reason in found.reasons)


def test_versions_are_called_by_their_names() -> None:
    """Who compares v2 with v1 does not read of "the base"."""
    found = verdict(WINNING, compare(WINNING, {}, OPTIONS), OPTIONS, Evidence(jury=Jury(9, 0)), ("v1", "v2"))
    assert found.sentence.startswith("Keep v1: ")


def test_the_table_in_the_docs_is_the_table_in_the_code() -> None:
    """`docs/evaluation.md` names the same rules with the same answers in the same order."""
    rows = re.findall(r"^\| \d+ \| `(\w+)` \|.*\| `(\w+)` \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(rule.rule, rule.verdict) for rule in _RULES]
