"""The stores' benchmark on a few passages."""

from __future__ import annotations

import pytest

from benchmarks.conditions import Conditions
from benchmarks.stores import STORES, StoresReport, measure


def test_a_store_that_is_not_installed_is_said() -> None:
    """It keeps its line, with as many cells as the others."""
    page = StoresReport(dict.fromkeys(STORES), Conditions.here()).to_markdown()
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert [line.split(" | ")[1] for line in lines[2:]] == ["not installed"] * len(STORES)
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.slow
def test_a_store_is_measured_in_a_process_of_its_own() -> None:
    """Build, sync and both searches are timed; what an index finds is compared with what is nearest."""
    report = measure(["lancedb"], 300, 16)
    row = report.rows["lancedb"]
    assert row is not None
    assert min(row.build_seconds, row.index_seconds, row.sync_seconds, *row.exact_ms, *row.approximate_ms) > 0
    assert row.recall == 1
    assert "| lancedb (lancedb " in report.to_markdown()
