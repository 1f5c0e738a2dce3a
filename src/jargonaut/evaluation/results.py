"""What systems scored, as two files: per-query scores, and all that is said of a system beside them.

Whoever shows or compares systems later reads them back as they were. Knows nothing of how they came about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jargonaut.artifacts import write_json
from jargonaut.errors import MismatchError
from jargonaut.evaluation.comparison import SystemResult
from jargonaut.evaluation.measures import PER_QUERY, read_per_query, write_per_query
from jargonaut.evaluation.statistics import Interval

SYSTEMS = "systems.json"


def write_systems(folder: Path, systems: Sequence[SystemResult]) -> None:
    """Writes `per_query.parquet` and `systems.json` into a folder."""
    write_per_query(folder / PER_QUERY, {one.slug: one.scores for one in systems})
    write_json(folder / SYSTEMS, system_rows(systems))


def system_rows(systems: Sequence[SystemResult]) -> list[dict[str, Any]]:
    """What is said of each system beside its per-query scores, as JSON values; the same keys as in `report.json`."""
    return [system_row(one) for one in systems]


def system_row(one: SystemResult) -> dict[str, Any]:
    """One system as JSON values."""
    bars = {metric: {"mean": bar.difference, "low": bar.low, "high": bar.high} for metric, bar in one.intervals.items()}
    return {
        **front_row(one), "kind": one.kind, "bytes_per_passage": one.storage, "milliseconds_per_query": one.latency,
        "unjudged": one.unjudged, "queries": len(one.scores.query_ids), "metrics": one.metrics, "intervals": bars,
    }  # fmt: skip


def front_row(one: SystemResult) -> dict[str, Any]:
    """Which system it is, as a list of those on the Pareto front names it."""
    return {"name": one.name, "dim": one.dim, "precision": one.precision, "slug": one.slug}


def read_systems(folder: Path) -> tuple[SystemResult, ...]:
    """Reads what `write_systems` wrote, in the same order.

    Raises:
        MismatchError: The files are not what was written.
    """
    scores = read_per_query(folder / PER_QUERY)
    try:
        rows = json.loads((folder / SYSTEMS).read_text(encoding="utf-8"))
        return tuple(
            SystemResult(
                row["name"], row["kind"], row["dim"], scores[row["slug"]],
                {m: Interval(bar["mean"], bar["low"], bar["high"]) for m, bar in row["intervals"].items()},
                row["precision"], row["bytes_per_passage"], row["milliseconds_per_query"], row["unjudged"],
            )
            for row in rows
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MismatchError(
            f"this is no record of systems ({error})", where=str(folder / SYSTEMS), remedy="evaluate again"
        ) from error
