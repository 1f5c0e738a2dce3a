"""What `comparison` promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jargonaut.errors import InputError, SettingsError
from jargonaut.evaluation import (
    HEADLINE,
    EvaluationOptions,
    SystemKind,
    SystemResult,
    Verdict,
    compare,
    pareto_front,
    read_systems,
    summarise,
    verdict,
    write_systems,
)

from .samples import OPTIONS, spread


def system(kind: SystemKind, dim: int | None, mean: float, seed: int = 0) -> SystemResult:
    """A system with scores around a mean."""
    return summarise(kind, kind, dim, spread(mean, seed=seed), clusters={}, options=OPTIONS)


def judged(*systems: SystemResult, options: EvaluationOptions = OPTIONS) -> Verdict:
    """The verdict on some systems."""
    return verdict(systems, compare(systems, {}, options), options)


def test_like_is_compared_with_like() -> None:
    """Base meets tuned at every dimension, hybrid meets hybrid, and small tuned vectors meet the full base."""
    systems = [system("base", d, 0.5) for d in (64, 128)] + [system("tuned", d, 0.6) for d in (64, 128)]
    systems += [system("hybrid-base", 128, 0.6), system("hybrid-tuned", 128, 0.7), system("bm25", None, 0.4)]
    found = compare(systems, {}, OPTIONS)
    couples = {(c.baseline, c.baseline_dim, c.candidate, c.candidate_dim) for c in found}
    assert couples == {
        ("base", 64, "tuned", 64),
        ("base", 128, "tuned", 128),
        ("hybrid-base", 128, "hybrid-tuned", 128),
        ("base", 128, "tuned", 64),
    }
    assert len(found) == len(couples) * len(HEADLINE)
    assert all(c.low <= c.difference <= c.high for c in found)


def test_clear_gain_ships() -> None:
    """Measurably better dense search with a hybrid that is not worse is shipped, with the numbers in the sentence."""
    found = judged(
        system("base", 64, 0.5),
        system("tuned", 64, 0.6, 1),
        system("hybrid-base", 64, 0.6),
        system("hybrid-tuned", 64, 0.6),
    )
    assert found.name == "ship"
    assert "0.501 → 0.596" in found.sentence
    assert "200 test queries" in found.sentence
    assert any("no measurable difference" in reason for reason in found.reasons)


def test_worse_hybrid_is_not_shipped() -> None:
    """A gain in dense search that costs the pipeline is not shipped, and the sentence says which."""
    found = judged(
        system("base", 64, 0.5),
        system("tuned", 64, 0.6),
        system("hybrid-base", 64, 0.7),
        system("hybrid-tuned", 64, 0.6),
    )
    assert found.name == "dont_ship"
    assert "hybrid" in found.sentence


def test_worse_dense_is_not_shipped() -> None:
    """A measurably worse model is not shipped."""
    assert judged(system("base", 64, 0.6), system("tuned", 64, 0.5)).name == "dont_ship"


def test_lost_answers_are_not_made_up_for_by_better_ranks() -> None:
    """A measurable loss of recall@10 is not shipped, though nDCG@10 rose, and the sentence says which."""
    base, tuned = system("base", 64, 0.5), system("tuned", 64, 0.6)
    values = {**tuned.scores.values, "recall@10": base.scores.values["recall@10"] * 0.8}
    worse = replace(tuned, scores=replace(tuned.scores, values=values))
    found = judged(base, worse)
    assert found.name == "dont_ship"
    assert "recall@10 −" in found.sentence


def test_noise_is_no_measurable_difference() -> None:
    """A difference inside its interval is called that, and missing hybrids are told."""
    found = judged(system("base", 64, 0.5, 1), system("tuned", 64, 0.5, 2))
    assert found.name == "no_measurable_difference"
    assert any("not measured" in reason for reason in found.reasons)


def test_verdict_is_drawn_at_the_deployed_dimension() -> None:
    """A loss at the deployed dimension decides, whatever the full one says."""
    systems = (system("base", 128, 0.5), system("tuned", 128, 0.6), system("base", 64, 0.5), system("tuned", 64, 0.4))
    assert judged(*systems).name == "ship"
    assert judged(*systems, options=EvaluationOptions(deployed_dim=64, resamples=500)).name == "dont_ship"


def test_missing_dimension_names_those_that_there_are() -> None:
    """A deployed dimension that was not measured is refused with the choices."""
    with pytest.raises(InputError, match=r"\[64\]"):
        judged(system("base", 64, 0.5), system("tuned", 64, 0.6), options=EvaluationOptions(deployed_dim=32))


def test_different_queries_are_not_compared() -> None:
    """Systems scored on different queries are refused, as are two of one name and dimension."""
    other = summarise("tuned", "tuned", 64, spread(0.5, count=100), clusters={}, options=OPTIONS)
    with pytest.raises(InputError, match="different queries"):
        compare([system("base", 64, 0.5), other], {}, OPTIONS)
    with pytest.raises(InputError, match="two systems"):
        compare([system("base", 64, 0.5), system("base", 64, 0.5)], {}, OPTIONS)


@pytest.mark.parametrize(
    "bad", [{"confidence": 1.0}, {"resamples": 3}, {"dims": (0,)}, {"deployed_dim": 0}, {"seed": -1}]
)
def test_options_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Settings outside their range are refused when they are made."""
    with pytest.raises(SettingsError, match=rf"\[evaluate\] {next(iter(bad))}"):
        EvaluationOptions(**bad)  # type: ignore[arg-type]  # on purpose


def test_number_formats_meet_their_own_kind() -> None:
    """Base in int8 meets tuned in int8, and every smaller form of the tuned model meets the full base."""
    systems = [system("base", 64, 0.5), system("tuned", 64, 0.6)]
    systems += [replace(one, name=f"{one.name} int8", precision="int8") for one in systems]
    found = compare(systems, {}, OPTIONS)
    couples = {(c.baseline, c.candidate) for c in found}
    assert couples == {("base", "tuned"), ("base int8", "tuned int8"), ("base", "tuned int8")}


def test_a_comparison_says_how_sure_how_large_and_how_often() -> None:
    """P-values are adjusted within a metric, the effect is in standard deviations, wins and losses are counted."""
    systems = [system("base", d, 0.5) for d in (64, 128)] + [system("tuned", d, 0.52, 1) for d in (64, 128)]
    found = [one for one in compare(systems, {}, OPTIONS) if one.metric == "nDCG@10"]
    assert len(found) == 3
    for one in found:
        assert one.p_value is not None
        assert one.p_holm == pytest.approx(min(1.0, 3 * one.p_value))
        assert one.won + one.lost == 200
        assert one.won > one.lost
        assert one.effect is not None
        assert 0 < one.effect < 1
        assert one.needed is not None


def test_the_pareto_front_has_what_nothing_beats_in_both() -> None:
    """Of equal bytes the better, of equal quality the smaller; a system without a size is left out."""

    def sized(name: str, mean: float, storage: float | None) -> SystemResult:
        return replace(system("tuned", 64, mean), name=name, storage=storage)

    systems = [sized("big", 0.6, 100), sized("worse", 0.5, 100), sized("small", 0.4, 10), sized("same", 0.4, 20)]
    systems += [sized("bigger", 0.55, 200), sized("unknown", 0.9, None)]
    assert [one.name for one in pareto_front(systems)] == ["small", "big"]


def test_systems_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    """Scores, intervals, bytes and milliseconds survive, in order."""
    systems = (
        replace(system("base", 64, 0.5), storage=256, latency=1.5, unjudged=7),
        replace(system("tuned", 64, 0.6), name="v1 int8", precision="int8", storage=64.0),
        replace(system("bm25", None, 0.4), storage=3.5),
    )
    write_systems(tmp_path, systems)
    back = read_systems(tmp_path)
    assert [one.slug for one in back] == ["base-64", "tuned-64-int8", "bm25"]
    for one, other in zip(systems, back, strict=True):
        told = [(each.name, each.storage, each.latency, each.unjudged) for each in (one, other)]
        assert told[0] == told[1]
        assert one.intervals == other.intervals
        assert one.metrics == other.metrics
