"""The benchmark of monitoring injects what it says, and says what it found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.monitoring import (
    Cost,
    Found,
    Material,
    Noticed,
    Quiet,
    Workspace,
    _missing,
    _mixed,
    lines,
    noisy,
    quiet,
)
from jargonaut.encoding.models import EMBEDDED
from jargonaut.monitoring import WatchOptions

OPTIONS = WatchOptions()


@pytest.fixture(scope="module")
def material() -> Material:
    """Random unit vectors; every query lies beside its passage."""
    rng = np.random.default_rng(0)

    def unit(count: int) -> np.ndarray:
        rows = rng.standard_normal((count, 16)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    passages = unit(700)
    return Material(passages, passages, tuple((n,) for n in range(700)), unit(50), unit(50), unit(700))


def test_missing_passages_and_another_model_are_injected_as_said(material: Material) -> None:
    """Nothing missing changes nothing; a share of missing positives lowers recall by that share; another model, all."""
    one = Workspace(material, 0, OPTIONS)
    unharmed = _missing(0.0001)(one, 1).recall
    assert unharmed is not None
    assert unharmed.now == pytest.approx(1 - 1 / 250)
    tenth = _missing(0.1)(one, 1).recall
    assert tenth is not None
    assert (tenth.before, tenth.now) == (1.0, pytest.approx(0.9))
    assert one.look(_mixed(one, 1)) == ["recall fell", "scores moved"]


def test_a_week_of_queries_holds_its_strangers(material: Material) -> None:
    """Strangers of a day stay in the window for seven days."""
    one = Workspace(material, 0, OPTIONS)
    strange = {row.tobytes() for row in material.strange}
    for day in range(8):
        found = one.asked(100, 10 if day == 0 else 0)
        assert sum(row.tobytes() in strange for row in found) == (10 if day < 7 else 0)


def test_the_page_tells_what_was_measured() -> None:
    """Every change is a row; what was never noticed has no delay; a rate stands beside what was promised."""
    found = list(lines(
        Quiet(1000, 1 / 365, Found(3, 1, 0, 0.01), Found(40, 6, 0.02, 0.07), 0),
        [Noticed("a", 1.0, 2.0, ("r",)), Noticed("b", 0.0, None, ())], Cost(9, 8, 1, 2, 3, 4, 5),
    ))  # fmt: skip
    assert "| a | 100% | 2 | r |" in found
    assert "| b | 0% | – | – |" in found
    assert "| the same at a level of 5% | 40 days in 6 workspaces (2.0% to 7.0%) | 50 |" in found


def test_days_without_a_change_are_counted_by_workspace(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval is one of workspaces: two of them cannot tell a rate, however many days they have."""
    monkeypatch.setattr("benchmarks.monitoring.WORKSPACES", 2)
    options = WatchOptions(permutations=199, false_alarms_a_year=18.25)
    found = quiet(material, 4, options)
    assert (found.days, found.level) == (4, pytest.approx(0.05))
    assert found.strict.high == 1.0


@pytest.mark.slow
def test_a_mixed_up_model_is_another_one(tmp_path: Path) -> None:
    """It can be loaded, and its vectors are not the shipped model's."""
    from benchmarks.monitoring import _model

    texts = ["what is goodwill"]
    other, own = _model(str(noisy(tmp_path))).encode_queries(texts), _model(EMBEDDED).encode_queries(texts)
    assert other.shape == own.shape
    assert float(other[0] @ own[0]) < 0.95
