"""The main job's figures as Markdown, from a report that was made up."""

from __future__ import annotations

from typing import Any

from benchmarks.conditions import Conditions
from benchmarks.main_job import MainJobReport

CONDITIONS = Conditions(
    date="2026-11-21", cpu="Some CPU", cores=2, threads=2, memory_gb=24.4, device="cpu", native_bf16=False,
    precision="float32", versions={"python": "3.11.7"},
)  # fmt: skip


def system(name: str, kind: str, dim: int | None, score: float) -> dict[str, Any]:
    """A system as `report.json` has it."""
    return {"name": name, "kind": kind, "dim": dim, "metrics": {"nDCG@10": score, "recall@10": score}}


def test_each_tuned_system_stands_beside_its_difference_to_the_base() -> None:
    """The page has every system but the base at smaller dimensions, which only the differences need."""
    compared = {"metric": "nDCG@10", "baseline": "base", "candidate": "tuned", "low": 0.01, "high": 0.05}
    report = {
        "timings": {"training": 1424.4, "evaluation": 66.0, "total": 1500.0},
        "sentence": "Ship it.",
        "systems": [
            system("BM25", "bm25", None, 0.724), system("base", "base", 384, 0.726), system("tuned", "tuned", 384, 0.8),
            system("base", "base", 64, 0.65), system("tuned", "tuned", 64, 0.68),
        ],
        "comparisons": [
            {**compared, "baseline_dim": 384, "candidate_dim": 384, "difference": 0.074},
            {**compared, "baseline_dim": 64, "candidate_dim": 64, "difference": -0.03},
        ],
    }  # fmt: skip
    page = MainJobReport(1583.2, 4089.0, "", report, CONDITIONS).to_markdown()
    assert "It took 1,583 s (training 1,424 s, evaluation 66 s) and at most 4,089 MB." in " ".join(page.split())
    assert "| BM25 |  | .724 | .724 |  |" in page
    assert "| tuned | 384 | .800 | .800 | +.074 (+.010 to +.050) |" in page
    assert "| tuned | 64 | .680 | .680 | -.030 (+.010 to +.050) |" in page
    assert "| base | 64 |" not in page
    assert page.endswith("Ship it.")
