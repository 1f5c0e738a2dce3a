"""What systems scored, as two files: per-query scores, and all that is said of a system beside them.

Whoever shows or compares systems later reads them back as they were. Knows nothing of how they came about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jargonaut.artifacts import plain, write_json
from jargonaut.errors import MismatchError
from jargonaut.evaluation.comparison import SystemResult
from jargonaut.evaluation.measures import read_per_query, write_per_query
from jargonaut.evaluation.statistics import Interval

SYSTEMS = "systems.json"
PER_QUERY = "per_query.parquet"


def write_systems(folder: Path, systems: Sequence[SystemResult]) -> None:
    """Writes `per_query.parquet` and `systems.json` into a folder."""
    write_per_query(folder / PER_QUERY, {one.slug: one.scores for one in systems})
    write_json(folder / SYSTEMS, system_rows(systems))


def system_rows(systems: Sequence[SystemResult]) -> list[dict[str, Any]]:
    """What is said of each system beside its per-query scores, as JSON values."""
    return [
        {
            "slug": one.slug, "name": one.name, "kind": one.kind, "dim": one.dim, "precision": one.precision,
            "intervals": plain(one.intervals), "storage": one.storage, "latency": one.latency,
            "unjudged": one.unjudged, "metrics": one.metrics,
        }
        for one in systems
    ]  # fmt: skip


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
                {metric: Interval(**bar) for metric, bar in row["intervals"].items()}, row["precision"],
                row["storage"], row["latency"], row["unjudged"],
            )
            for row in rows
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MismatchError(
            f"this is no record of systems ({error})", where=str(folder / SYSTEMS), remedy="evaluate again"
        ) from error
