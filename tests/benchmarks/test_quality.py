"""What the two engines' scores come to, from scores that were made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.conditions import Conditions
from benchmarks.quality import QualityOptions, QualityReport

CONDITIONS = Conditions(
    date="2026-11-21", cpu="Some CPU", cores=2, threads=2, memory_gb=24.4, device="cpu", native_bf16=False,
    precision="float32", versions={"python": "3.11.7"},
)  # fmt: skip
REPORT = QualityReport(0.72, (0.78, 0.79, 0.8), (0.785, 0.79, 0.801), QualityOptions(), CONDITIONS)


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [((0.78, 0.79, 0.8), "within"), ((0.70, 0.75, 0.785), "below"), ((0.80, 0.81, 0.82), "above")],
)
def test_our_mean_is_held_against_what_the_stock_seeds_span(ours: tuple[float, ...], verdict: str) -> None:
    """A mean between the worst and the best stock seed is within their spread."""
    assert replace(REPORT, ours=ours).to_json()["ours_against_stock_seeds"] == verdict


def test_every_seed_mean_and_spread_are_shown() -> None:
    """No score is hidden behind a mean."""
    page = REPORT.to_markdown()
    prose = " ".join(page.split())
    assert "| jargonaut | .7800 | .7900 | .8000 | **.7900** | .0100 |" in page
    assert "seed 13 | seed 14 | seed 15" in page
    assert "dropout off in jargonaut, on in the other" in prose
    assert "The base has .7200." in prose
    assert REPORT.to_json()["stock"]["mean"] == pytest.approx(0.792)


def test_one_seed_has_no_spread() -> None:
    """A single seed gives a table too."""
    one = replace(REPORT, ours=(0.78,), stock=(0.79,))
    assert "| jargonaut | .7800 | **.7800** |  |" in one.to_markdown()
    assert one.to_json()["ours"]["sd"] is None
