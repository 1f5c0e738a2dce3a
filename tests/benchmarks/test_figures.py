"""What the engine's measurements come to, from measurements that were made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.conditions import Conditions
from benchmarks.curve import drawn
from benchmarks.figures import EngineReport, Measurement

CONDITIONS = Conditions(
    date="2026-11-21", cpu="Some CPU", cores=2, threads=1, memory_gb=24.4, device="cpu", native_bf16=False,
    precision="float32", versions={"python": "3.11.7", "torch": "2.13.0"},
)  # fmt: skip
OURS = Measurement("train", "ours", "pairs", (30.0, 33.0, 28.0), (1000.0, 1010.0, 1012.0), tokens=46)
STOCK = Measurement("train", "stock", "pairs", (6.0, 6.0, 7.0), (2500.0, 2500.0, 2600.0), tokens=46)
HOPELESS = Measurement("train", "stock, bf16", "pairs", at_most=0.5, reason="no step of 64 was done in 128 s")
LENGTHS = tuple(
    replace(one, task=f"train-{tokens}-tokens", tokens=tokens + 0.5) for tokens in (32, 220) for one in (OURS, STOCK)
)
REPORT = EngineReport((OURS, STOCK, HOPELESS, *LENGTHS), CONDITIONS)


def test_ratios_are_medians_over_rounds_of_the_same_pairs() -> None:
    """A round's speeds are divided before the median is taken, since both sides had the same pairs in it."""
    found = REPORT.to_json()
    assert found["train_ratio_fp32"] == pytest.approx(5.0)
    assert found["ranges"]["train_ratio_fp32"] == pytest.approx([4.0, 5.5])
    assert found["train_ratio_fp32_is_lower_bound"] is False


def test_a_system_that_was_stopped_gives_a_lower_bound() -> None:
    """What a stopped system can have reached at most bounds the ratio from below, and the reason is told."""
    found = REPORT.to_json()
    assert found["train_ratio_bf16"] == pytest.approx(60.0)
    assert found["train_ratio_bf16_is_lower_bound"] is True
    row = next(line for line in REPORT.to_markdown().splitlines() if "bf16=True" in line)
    assert "below 0.50 pairs/s: no step of 64 was done in 128 s" in row
    assert "**more than 60.0**" in row
    assert row.endswith("met |")


def test_a_lower_bound_below_its_target_is_left_open() -> None:
    """Where the true ratio may still reach the target, it is neither met nor missed."""
    slow = replace(OURS, rates=(1.0, 1.0, 1.0))
    page = EngineReport((slow, STOCK, HOPELESS), CONDITIONS).to_markdown()
    verdicts = [line.rsplit("|", 2)[1].strip() for line in page.splitlines() if line.startswith("| training")]
    assert [verdict.rpartition(": ")[2] for verdict in verdicts] == ["missed", "open"]


def test_memory_is_the_largest_peak_and_its_growth_over_the_rounds() -> None:
    """Peak memory is compared, and what it grew by from the first round to the last is shown beside it."""
    found = REPORT.to_json()
    assert found["train_memory_ratio"] == pytest.approx(1012 / 2600)
    assert next(f for f in found["figures"] if f["system"] == "ours")["memory_growth_mb"] == pytest.approx(12)
    assert "1,012 MB (+12 since the first round) | 2,600 MB (+100 since the first round)" in REPORT.to_markdown()


def test_what_was_not_measured_is_absent() -> None:
    """A ratio without both sides is null in JSON and has no line in the table."""
    assert REPORT.to_json()["encode_ratio"] is None
    assert "encoding" not in REPORT.to_markdown()


def test_the_page_names_machine_and_versions() -> None:
    """Figures never stand without date, machine and versions, in Markdown or JSON."""
    sentence = " ".join(REPORT.to_markdown().partition("\n\n")[0].split())
    for part in ("2026-11-21", "Some CPU", "2 cores, 1 thread, 24 GB", "no GPU", "float32", "torch 2.13.0"):
        assert part in sentence
    found = REPORT.to_json()
    assert (found["date"], found["versions"]["torch"], found["machine"]["cpu"]) == ("2026-11-21", "2.13.0", "Some CPU")


def test_the_curve_has_a_row_and_a_point_for_each_length() -> None:
    """Speed against passage length is a table, JSON and a drawing that stands alone."""
    assert [point["tokens"] for point in REPORT.to_json()["curve"]] == [32.5, 220.5]
    page = REPORT.to_markdown("engine.svg")
    assert "](engine.svg)" in page
    assert "| 32 | 30.0 (28.0 to 33.0) | 6.00 (6.00 to 7.00) | **5.00** (4.00 to 5.50) |" in page
    svg = drawn({"jargonaut": [(32, 30), (220, 9)], "sentence-transformers": [(32, 6), (220, 3)]}, "tokens", "pairs/s")
    assert svg.startswith("<svg")
    assert all(word in svg for word in ("jargonaut", "sentence-transformers", "pairs/s", 'fill="white"'))
