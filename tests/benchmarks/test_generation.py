"""What the benchmark of generation says, and that its made-up endpoint and job run."""

from __future__ import annotations

import pytest

from benchmarks.generation import GenerationOptions, GenerationReport, Measured, measure


def test_rates_are_held_against_the_endpoints_limit() -> None:
    """Calls a second, and their share of concurrency / latency."""
    report = GenerationReport((Measured(1000, 3000, 152.0, 90.4, 95.2, 1.5),), GenerationOptions())
    assert "| 1,000 | 3,000 | 152 | 95% | 90 | 95 | 1.5 |" in report.to_markdown()
    assert report.to_json()["limit_calls_per_second"] == 160


@pytest.mark.slow
def test_every_passage_has_its_questions() -> None:
    """A small job end to end, in processes of its own."""
    measured = measure(GenerationOptions((20,), concurrency=10, latency=0.01)).measured[0]
    assert (measured.passages, measured.questions) == (20, 60)
    assert 10 < measured.before_mb < 1000
    assert measured.peak_mb - measured.before_mb < 200
