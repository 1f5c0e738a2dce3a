"""The gate's advice beside what training gained: what a store knows, and when the two agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gate import agrees, table, trained
from benchmarks.recipe import Sitting
from jargonaut.evaluation import Alternative, Assessment, Interval, Reason


def keep(store: Path, recipe: str, seed: int, value: float) -> None:
    """Keeps a model's exam of twenty queries."""
    scores = [value + 0.01 * (number % 5) for number in range(20)]
    Sitting("s", recipe, seed, 1.0, {}, {"384": scores}, {}).write(store)


def test_the_gain_is_that_of_the_first_store_that_knows(tmp_path: Path) -> None:
    """Over the mean of the seeds, of our own recipe where any store has it; nothing where nobody trained."""
    assert trained("s", [tmp_path / "none", tmp_path]) is None
    keep(tmp_path / "a", "base", 0, 0.5)
    keep(tmp_path / "b", "base", 0, 0.5)
    keep(tmp_path / "a", "published-engine", 1, 0.9)
    keep(tmp_path / "b", "default", 1, 0.5)
    keep(tmp_path / "b", "default", 2, 0.7)
    found = trained("s", [tmp_path / "a", tmp_path / "b"])
    assert found is not None
    assert found.recipe == "default, b"
    assert found.gain.difference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("verdict", "low", "fits"),
    [
        ("fine_tune", 0.01, True),
        ("fine_tune", -0.01, False),
        ("dont", 0.01, False),
        ("collect_labels_first", -0.1, True),
    ],
)
def test_advice_fits_what_was_measured(verdict: str, low: float, *, fits: bool) -> None:
    """To train where the interval lies above zero, anything else where it does not."""
    assert agrees(verdict, Interval(0.02, low, 0.1)) is fits


def test_a_disagreement_is_shown(tmp_path: Path) -> None:
    """A line each; a set that nobody trained on has neither gain nor judgement."""
    keep(tmp_path, "base", 0, 0.5)
    keep(tmp_path, "default", 1, 0.7)
    systems = (
        Alternative("base dense", 0.9, 0.91, 0, 0, 0, found=0.92, kind="base"),
        Alternative("hybrid", 0.95, 0.93, 0.02, 0.01, 0.03, found=0.96, kind="hybrid"),
    )
    found = Assessment("dont", (Reason("r", "the base is enough"),), systems, 0.1, 5, {})
    *_, one, other = table([("s", found, trained("s", [tmp_path])), ("t", found, None)])
    assert "| .920 / .910 | .960 / .930 | `dont` | the base is enough |" in one
    assert one.endswith("| **no** |")
    assert other.endswith("| not trained |  |")


def test_a_gain_over_the_base_does_not_judge_what_is_advised_in_place_of_training(tmp_path: Path) -> None:
    """Where a hybrid or an adapter is enough, the tuned model would have to be compared with that."""
    keep(tmp_path, "base", 0, 0.5)
    keep(tmp_path, "default", 1, 0.7)
    systems = tuple(Alternative(kind, 0.9, 0.91, 0, 0, 0, found=0.92, kind=kind) for kind in ("base", "hybrid"))
    found = Assessment("dont", (Reason("r", "something else is enough"),), systems, 0.1, 5, {})
    assert list(table([("s", found, trained("s", [tmp_path]))]))[-1].endswith("| not told by this |")
