"""The rules: when each fires, and that the documentation shows the same table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jargonaut.monitoring import (
    RULES,
    Change,
    CorpusChange,
    Drift,
    DriftTest,
    Facts,
    Finding,
    WatchOptions,
    findings,
    rules_table,
    shattered,
    unknown,
)

OPTIONS = WatchOptions()
NOTHING = Facts(OPTIONS)


def _of(facts: Facts, name: str) -> Finding:
    return next(one for one in findings(facts) if one.name == name)


def _drift(p: float) -> Drift:
    return Drift((DriftTest("query meaning", p, 0.1, 9, 9, "told"),), (p,), OPTIONS.test_level)


@pytest.mark.parametrize(
    ("name", "quiet", "firing"),
    [
        ("search fails", {}, {"search_fault": "gone"}),
        ("golden set broken", {"golden_fault": ""}, {"golden_fault": "altered"}),
        ("recall fell", {"recall": Change(0.8, 0.75, -0.08, -0.019, 9)}, {"recall": Change(0.8, 0.7, -0.15, -0.03, 9)}),
        ("scores moved", {"scores": Change(0.8, 0.79, -0.019, -0.01, 9)}, {"scores": Change(0.6, 0.7, 0.03, 0.2, 9)}),
        ("corpus shifted", {"corpus": CorpusChange(100, 19, 0, 100, 0)}, {"corpus": CorpusChange(100, 20, 0, 100, 0)}),
        ("new vocabulary", {"corpus": CorpusChange(9, 0, 0, 9, 0.02)}, {"corpus": CorpusChange(9, 0, 0, 9, 0.04)}),
        ("newer base", {"base": "a"}, {"base": "a", "other_base": "b"}),
        ("new labels", {"labels": 499}, {"labels": 500}),
        ("age", {"age_days": 179.0}, {"age_days": 181.0}),
        ("golden set shrinks", {"golden": 100, "expired": 9}, {"golden": 100, "expired": 10}),
        ("golden set leaked", {"leaked": 0}, {"leaked": 1}),
        ("queries drifted", {"drift": _drift(0.003)}, {"drift": _drift(0.0027)}),
    ],
)  # fmt: skip
def test_a_rule_fires_at_its_limit_and_not_before(name: str, quiet: dict, firing: dict) -> None:
    """On either side of the limit, with the evidence in words."""
    assert _of(replace(NOTHING, **quiet), name).fires is False
    found = _of(replace(NOTHING, **firing), name)
    assert (found.fires, found.distance) == (True, "fires")
    assert found.evidence


def test_what_is_not_known_fires_nothing() -> None:
    """Without facts only the live system's answering is known; nothing fires."""
    found = findings(NOTHING)
    assert [one.name for one in found if one.fires is not None] == ["search fails"]
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_limits_of_zero_are_no_traps() -> None:
    """A drop of 0 does not fire while nothing falls; labels and age of 0 never fire."""
    options = WatchOptions(recall_drop=0, new_labels=0, max_age_days=0)
    facts = Facts(options, recall=Change(0.8, 0.8, 0, 0, 9), labels=10**6, age_days=10**6)
    assert not any(one.fires for one in findings(facts))
    assert _of(replace(facts, recall=Change(0.8, 0.7, -0.2, -0.01, 9)), "recall fell").fires


def test_what_was_accepted_is_measured_from_there() -> None:
    """A rule that adds up fires again once its limit came on top; one that does not, as ever."""
    accepted = replace(NOTHING, accepted={"new labels": 520.0, "search fails": 1.0})
    assert _of(replace(accepted, labels=1019), "new labels").fires is False
    assert _of(replace(accepted, labels=1020), "new labels").fires is True
    assert "520 was accepted" in _of(replace(accepted, labels=600), "new labels").evidence
    assert _of(replace(accepted, search_fault="gone"), "search fails").fires is True


def test_distance_says_how_near_a_rule_is() -> None:
    """Half of the limit is 50 %."""
    assert _of(replace(NOTHING, labels=250), "new labels").distance == "at 50% of its limit"


def test_the_documentation_shows_the_same_table() -> None:
    """`docs/monitoring.md`."""
    assert rules_table() in Path("docs/monitoring.md").read_text(encoding="utf-8")


def test_words_are_counted_as_people_read_them() -> None:
    """Case, numbers and single letters do not make a word new; what the tokenizer shatters is counted by text."""
    share, often = unknown(["The Wafer, a wafer of 2024", "the die"], {"the", "of"})
    assert (share, often) == (pytest.approx(3 / 6), ("wafer", "die"))
    assert shattered(["aaaa bb", "", "bb 7"], lambda words: [len(word) for word in words]) == [0.5, 0.0, 0.0]
