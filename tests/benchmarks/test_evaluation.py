"""The evaluation benchmark hands both sides the same, and they agree."""

from __future__ import annotations

import pytest

from benchmarks.evaluation import measure


@pytest.mark.slow
def test_both_tables_are_the_same() -> None:
    """From the same vectors come the same measures at every dimension, so the times can be compared."""
    report = measure(40, 600, (384, 64))
    assert report.systems == 4
    assert report.furthest < 1e-6
    assert [side.encodings for side in report.sides] == [2, 4]
    assert "| jargonaut |" in report.to_markdown()
