"""What the click benchmark makes of scores that were made up, and the log of its searchers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clicks import ClickReport, Recovery, precision_at
from benchmarks.conditions import Conditions
from benchmarks.searcher import COLUMNS, Searcher, write_log
from jargonaut.records import Query, Run

CONDITIONS = Conditions(
    date="2026-11-21", cpu="Some CPU", cores=2, threads=2, memory_gb=24.4, device="cpu", native_bf16=False,
    precision="float32", versions={"python": "3.11.7"},
)  # fmt: skip


def test_precision_is_taken_where_so_many_right_ones_are_found() -> None:
    """The place of the last right one counts; more than there are gives nothing."""
    ranked = [True, False, True, False, False, True]
    assert precision_at(ranked, 1) == 1
    assert precision_at(ranked, 3) == pytest.approx(0.5)
    assert precision_at(ranked, 4) == 0
    assert precision_at([], 0) == 0


def test_searchers_click_by_rank_and_err_as_often_as_told(tmp_path: Path) -> None:
    """At rank 4 with eta 1 a quarter of what is relevant is clicked; without noise nothing else is."""
    queries = [Query(str(n), f"query {n}") for n in range(50)]
    run = Run("engine", {q.id: {f"d{k}": 1.0 - k / 10 for k in range(5)} for q in queries})
    for noise, wanted in ((0.0, 0.0), (0.2, 0.05)):
        path = tmp_path / "log.csv"
        rows = write_log(path, queries, [run], {q.id: frozenset({"d3"}) for q in queries}, Searcher(noise=noise))
        with path.open(encoding="utf-8", newline="") as stream:
            log = list(csv.DictReader(stream))
        assert len(log) == rows
        assert tuple(log[0]) == COLUMNS
        rate = {rank: np.mean([int(row["clicked"]) for row in log if row["rank"] == rank]) for rank in "1245"}
        assert rate["4"] == pytest.approx(0.25 * (1 - noise), abs=0.04)
        assert rate["1"] == pytest.approx(noise, abs=0.04)
        assert rate["5"] == pytest.approx(wanted * 0.8, abs=0.02)


def test_every_variant_and_both_curves_are_shown() -> None:
    """The page tells precision, recall and the curve beside the true one."""
    curve = tuple(float(value) for value in Searcher().examination)
    found = {name: (Recovery(10, 8, 20, 3, 1, p, curve),) for name, p in (("counted", 0.8), ("estimated", 0.9))}
    report = ClickReport("nfcorpus", Searcher(), 1000, found, {"base": 0.3, "labels": 0.4}, CONDITIONS)
    page = report.to_markdown()
    assert "| counted | 10 | .800 | .400 | .800 | 3 | 1 |" in page
    assert "| estimated | 10 | .800 | .400 | .900 | 3 | 1 |" in page
    assert page.count("| 1.000 | .500 | .333 |") == 2
    assert "| nDCG@10 on test | .300 | .400 |" in page
    assert report.to_json()["recoveries"]["estimated"][0]["recall"] == pytest.approx(0.4)
