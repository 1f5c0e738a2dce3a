"""What `thresholds` promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.evaluation import ScoredHits, ThresholdOptions, scale_shift
from jargonaut.records import Qrel, Query, Run


def hits(slope: float, offset: float, count: int = 60, seed: int = 0) -> ScoredHits:
    """Hits of queries whose relevant first hit is more similar than the others, on a scale of its own."""
    rng = np.random.default_rng(seed)
    raw = np.sort(rng.uniform(0, 0.5, (count, 10)), axis=1)[:, ::-1].copy()
    relevant = np.zeros((count, 10), dtype=bool)
    relevant[: count - count // 6, 0] = True
    raw[:, 0] = np.where(relevant[:, 0], rng.uniform(0.5, 0.9, count), raw[:, 0])
    return ScoredHits(slope * raw + offset, relevant)


def test_a_moved_scale_moves_the_threshold_with_it() -> None:
    """Where every cosine becomes 0.5·c + 0.3, so does the threshold, and as many hits pass as before."""
    old, new = hits(1, 0), hits(0.5, 0.3)
    found = scale_shift((old, new), (old, new), ThresholdOptions(in_use=0.45))
    assert found is not None
    move = found.moves[0]
    assert move.old == 0.45
    assert move.new == pytest.approx(0.525, abs=0.005)
    assert new.passed(move.new) == old.passed(0.45) == move.passed
    assert move.passed_if_kept > 2 * move.passed
    assert move.precision == move.new_precision
    assert "0.450 on the base's cosine becomes 0.5" in found.sentence


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(-0.2, 1.0))
def test_the_new_threshold_lets_through_as_many(seed: int, old: float) -> None:
    """Whatever the scales, on dev the tuned model passes as many hits as the base did."""
    base, tuned = hits(1, 0, 20, seed), hits(0.8, 0.1, 20, seed + 1)
    found = scale_shift((base, tuned), (base, tuned), ThresholdOptions(in_use=old))
    assert found is not None
    for move in found.moves:
        assert tuned.passed(move.new) == pytest.approx(base.passed(move.old))


def test_best_f1_parts_right_from_wrong() -> None:
    """Where relevant hits are all more similar than the others, the best threshold lies between them."""
    base = hits(1, 0)
    found = scale_shift((base, base), (base, base))
    assert found is not None
    assert found.base.best_f1 == pytest.approx(0.5, abs=0.02)
    assert found.base.f1 == pytest.approx(1.0)
    assert found.base.relevant_mean is not None
    assert found.base.other_mean is not None
    assert found.base.relevant_mean > 0.6 > found.base.other_mean


def test_a_precision_is_reached_by_refusing_the_unsure() -> None:
    """Above `at_precision` enough first hits are right; its share of answered queries is that of such hits."""
    base = hits(1, 0)
    found = scale_shift((base, base), (base, base), ThresholdOptions(precision=1.0))
    assert found is not None
    assert found.base.at_precision is not None
    above = base.scores[:, 0] >= found.base.at_precision
    assert base.relevant[above, 0].all()
    assert found.base.answered == pytest.approx(50 / 60)


def test_probabilities_follow_the_cosine() -> None:
    """The fitted curve is near 1 for clear answers and near 0 for clear others, and is checked on test."""
    base = hits(1, 0)
    found = scale_shift((base, base), (base, base))
    assert found is not None
    sure, unsure = found.base.probability(0.8), found.base.probability(0.1)
    assert sure is not None
    assert unsure is not None
    assert sure > 0.9
    assert unsure < 0.1
    assert found.base.brier is not None
    assert found.base.brier < 0.05


def test_nothing_judged_is_said_in_words() -> None:
    """Without one judged hit there is no best threshold and no curve, and a notice says why; moves still hold."""
    blind = ScoredHits(hits(1, 0).scores, np.zeros((60, 10), dtype=bool))
    found = scale_shift((blind, blind), (blind, blind))
    assert found is not None
    assert (found.base.best_f1, found.base.slope, found.base.at_precision) == (None, None, None)
    assert found.base.probability(0.5) is None
    assert any("no judged answer" in notice for notice in found.notices)
    assert found.moves


def test_a_threshold_that_lets_nothing_through_is_told() -> None:
    """A threshold in use above every cosine has no counterpart, and a notice says so."""
    base = hits(1, 0)
    found = scale_shift((base, base), (base, base), ThresholdOptions(in_use=0.99))
    assert found is not None
    assert all(move.old != 0.99 for move in found.moves)
    assert "in_use = 0.99 lets no hit" in found.notices[0]


def test_no_dev_no_threshold() -> None:
    """Without dev queries there is nothing to fit on."""
    empty = ScoredHits(np.zeros((0, 10)), np.zeros((0, 10), dtype=bool))
    assert scale_shift((empty, empty), (hits(1, 0), hits(1, 0))) is None


def test_hits_are_read_from_a_run() -> None:
    """Hits beyond the last are no hits; what nobody judged, or judged 0, is not relevant."""
    run = Run("r", {"a": {"p": 0.9, "q": 0.5}, "b": {}})
    judged = [Qrel("a", "q", 1), Qrel("a", "p", 0)]
    found = ScoredHits.of(run, judged, [Query("a", ""), Query("b", ""), Query("c", "")], 3)
    assert found.relevant.tolist() == [[False, True, False], [False] * 3, [False] * 3]
    assert found.flat[0].tolist() == [0.9, 0.5]
    assert found.passed(0.6) == pytest.approx(1 / 3)
    assert found.precision(0.95) is None
    assert found.recall(0.6) == 0.0
