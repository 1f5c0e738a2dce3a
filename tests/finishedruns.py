"""Finished runs as a run leaves them, without a run: for tests that read them back."""

from __future__ import annotations

from pathlib import Path

from jargonaut import evaluation, formats
from jargonaut.artifacts import write_json
from jargonaut.records import Qrel
from tests.evaluation.samples import report, run_at

COUNT = 60
"""Queries of the run."""


def finished(folder: Path, *, created: str | None = None) -> Path:
    """Writes a run's folder; gives it.

    Args:
        folder: To write to.
        created: When it was finished, ISO 8601; the sample's own time when None.
    """
    told = report()
    value = evaluation.to_json(told)
    write_json(folder / "report.json", value | ({"created": created} if created else {}))
    evaluation.write_per_query(folder / "per_query.parquet", {one.slug: one.scores for one in told.systems})
    formats.write_trec_run(folder / "trec" / "tuned-64.run", run_at("tuned", [1] * COUNT))
    formats.write_trec_run(folder / "trec" / "base-64.run", run_at("base", [2] * COUNT))
    formats.write_trec_qrels(folder / "trec" / "test.qrels", [Qrel(f"q{i}", f"p{i}", 1) for i in range(COUNT)])
    write_json(folder / "manifest.json", {
        "key": folder.name, "counts": {}, "seconds": 1.0, "inputs": {"pairs": "abc", "name": "manuals"},
    })  # fmt: skip
    return folder


def outside(folder: Path, name: str, ranks: list[int]) -> Path:
    """Writes a TREC run that was made elsewhere; gives its file."""
    formats.write_trec_run(folder / name, run_at(name, ranks))
    return folder / name
