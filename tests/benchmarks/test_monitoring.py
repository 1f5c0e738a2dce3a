"""The benchmark of monitoring injects what it says, and says what it found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.monitoring import Cost, Material, Noticed, Quiet, Workspace, _missing, _mixed, markdown
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
    """Every change is a row; what was never noticed has no delay."""
    page = markdown(Quiet(1000, 3, 40, 0, 1 / 365, 2.7), [Noticed("a", 1.0, 2.0, ("r",)), Noticed("b", 0.0, None, ())],
                    Cost(9, 8, 1, 2, 3, 4, 5))  # fmt: skip
    assert "| a | 100% | 2 | r |" in page
    assert "| b | 0% | – | – |" in page
