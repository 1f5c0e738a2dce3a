"""The index's benchmark on a few passages: what it measures, and what it draws."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.conditions import Conditions
from benchmarks.index import chart, measured, to_markdown
from jargonaut.index import LanceStore


@pytest.mark.slow
def test_a_small_index_is_measured_and_drawn(tmp_path: Path) -> None:
    """Every step is timed, the approximate search is compared with the exact one, and table and chart come of it."""
    row = measured(LanceStore(tmp_path), tmp_path, 1200, 32)
    assert min(row.build_seconds, row.index_seconds, row.sync_seconds, row.nothing_seconds) > 0
    assert row.exact_ms[0] <= row.exact_ms[1]
    assert 0.5 < row.recall <= 1
    rows = [row, dataclasses.replace(row, passages=12_000, peak_mb=1000.0)]
    assert "| 12,000 |" in to_markdown(rows, Conditions.here())
    assert chart(rows).startswith("<svg")
