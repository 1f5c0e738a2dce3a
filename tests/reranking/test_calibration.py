"""Probabilities from logits, and where they are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.reranking import Calibration, calibration_error, fitted, probabilities


def test_what_was_distorted_is_calibrated_again() -> None:
    """Logits that are five times too steep and shifted come back to within sampling noise."""
    rng = np.random.default_rng(0)
    true = rng.normal(-2.0, 1.5, 20_000)
    relevant = rng.random(len(true)) < probabilities(true)
    slope, shift = fitted(5.0 * true + 3.0, relevant)
    assert (slope, shift) == (pytest.approx(0.2, rel=0.05), pytest.approx(-0.6, abs=0.1))
    assert calibration_error(probabilities(slope * (5.0 * true + 3.0) + shift), relevant) < 0.01
    assert calibration_error(probabilities(5.0 * true + 3.0), relevant) > 0.05


@given(st.lists(st.tuples(st.floats(-40, 40), st.booleans()), max_size=30), st.booleans())
def test_the_order_stays_whatever_is_fitted(pairs: list[tuple[float, bool]], shifted: bool) -> None:
    """The slope is above 0 and everything is finite: for perfect, inverted, one-sided and empty judgements."""
    logits = np.array([value for value, _ in pairs], dtype=np.float64)
    slope, shift = fitted(logits, np.array([hit for _, hit in pairs], dtype=np.bool_), shifted=shifted)
    assert 0 < slope < np.inf
    assert np.isfinite(shift)
    assert shifted or shift == 0


def test_probabilities_do_not_tie_where_logits_differ() -> None:
    """A sigmoid in fp32 is 1 from 17 on; these are still told apart, and nothing overflows."""
    found = probabilities(np.array([-800.0, 20.0, 21.0, 30.0, 800.0]))
    assert found[0] == 0
    assert list(np.diff(found[1:4]) > 0) == [True, True]
    assert found[-1] == 1


@pytest.mark.parametrize("text", ["", "[]", "{}}", '{"weight": 7}', '{"unknown": 1}'])
def test_a_damaged_note_is_no_calibration(tmp_path: Path, text: str) -> None:
    """The model still scores; its own order counts alone."""
    (tmp_path / "reranker.json").write_text(text, encoding="utf-8")
    assert Calibration.read(tmp_path) == Calibration()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "weight",
            ["null", '"half"', "[0.5]", "{}", "true", "-0.1", "1.1", "NaN", "Infinity", "1e999", "1" + "0" * 400],
        ),
        ("slope", ["null", '"1"', "[]", "NaN", "-Infinity"]),
        ("shift", ["null", '"0"', "NaN", "1" + "0" * 400]),
        ("depth", ["null", '"50"', "2.5", "NaN"]),
        ("error", ['"low"', "[]", "-1", "2", "NaN"]),
        ("relevant", ['"few"', "{}", "-1", "2", "NaN"]),
        ("searched_by", ["null", "7", "[]"]),
    ],
)
def test_a_value_that_no_calibration_has_is_no_calibration(tmp_path: Path, name: str, values: list[str]) -> None:
    """Nothing, another type, out of range, no number: as with any damaged note."""
    for value in values:
        (tmp_path / "reranker.json").write_text(f'{{"weight": 0.5, "{name}": {value}}}', encoding="utf-8")
        assert Calibration.read(tmp_path) == Calibration(), value


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=4))
def test_whatever_the_weight_is_it_is_read_as_a_share(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """Any JSON there: a share is kept, anything else is no calibration."""
    folder = tmp_path_factory.mktemp("note")
    (folder / "reranker.json").write_text(json.dumps({"weight": value}), encoding="utf-8")
    share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    assert Calibration.read(folder).weight == (value if share else 1.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every field of it."""
    made = Calibration(0.5, -1.0, 0.3, 20, 0.01, 0.02, "base")
    made.write(tmp_path)
    assert Calibration.read(tmp_path) == made
