"""The curation benchmark measures what it says, on few pairs."""

from __future__ import annotations

from benchmarks.conditions import Conditions
from benchmarks.curation import CurationReport, MadeUp, measure
from jargonaut.pairs.curation import CurationOptions, curate

CONDITIONS = Conditions(
    date="2026-11-21", cpu="Some CPU", cores=2, threads=2, memory_gb=24.4, device="cpu", native_bf16=False,
    precision="float32", versions={"python": "3.11.7"},
)  # fmt: skip


def test_every_rule_has_something_to_do() -> None:
    """The made-up pairs hold what every kind of rule is there for, so that no rule is timed idle."""
    made = MadeUp(2000)
    done = curate(made.pairs, made.evidence(), CurationOptions())
    assert {"language", "duplicate", "round_trip", "judge"} <= {rule for rule, n in done.counts.items() if n}
    assert {"ambiguous", "easy"} <= done.flagged.keys()
    assert done.merged


def test_steps_are_timed_and_shown() -> None:
    """Each step has a row, and making the pairs up is not counted in any."""
    one = measure(500)
    assert (one.pairs, one.passages) == (500, 150)
    assert one.kept + sum(one.removed.values()) == 500
    assert 0 < one.total < 60
    report = CurationReport((one, one), CONDITIONS)
    page = report.to_markdown()
    assert all(f"| {step} |" in page for step in one.seconds)
    assert report.to_json()["sizes"][0]["total"] == one.total
