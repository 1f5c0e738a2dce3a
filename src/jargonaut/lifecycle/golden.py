"""Queries whose answers are known, from what a workspace has: the test pairs of its runs, and what they scored.

Knows where a run keeps its test pairs and scores and what the registry remembers; asks no model anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from jargonaut import evaluation, formats
from jargonaut.errors import MismatchError
from jargonaut.index import GOLDEN, GoldenQueries
from jargonaut.layout import Layout
from jargonaut.records import Pair
from jargonaut.registry import IndexRecord, ModelVersion, Registry

_METRIC = "recall@10"


def golden_queries(layout: Layout, registry: Registry, record: IndexRecord) -> GoldenQueries | None:
    """The test queries of the run that made a version, else of the newest run; None where there is none.

    Args:
        layout: Where runs keep their pairs.
        registry: Which run made which version, and earlier verifications.
        record: The collection that will be asked.
    """
    versions = registry.list()
    owner = next((one for one in versions if one.version == record.version), None)
    for version in ([owner] if owner else []) + list(reversed(versions)):
        asked = _test_pairs(layout, version)
        if asked:
            reference, source = _reference(registry, owner, record)
            scored = _scored(layout, version, record)
            return GoldenQueries(
                tuple(text for _, text in asked), tuple(frozenset(answers) for answers in asked.values()), reference,
                source, tuple(scored.get(query_id) for query_id, _ in asked),
            )  # fmt: skip
    return None


def _test_pairs(layout: Layout, version: ModelVersion) -> dict[tuple[str, str], set[str]]:
    """Id and text of a query → what answers it."""
    key = version.lineage.get("pairs")
    path = layout.stage("pairs") / str(key) / "test.jsonl"
    if not key or not path.exists():
        return {}
    found: dict[tuple[str, str], set[str]] = {}
    for pair in formats.read_records(path, Pair):
        if pair.relevance > 0:
            found.setdefault((pair.query_id, pair.query), set()).add(pair.passage_id)
    return found


def _scored(layout: Layout, version: ModelVersion, record: IndexRecord) -> Mapping[str, float]:
    """Query id → recall@10 of a collection's model in a version's run, where the run had it: as its base or its result.

    A run that is gone or damaged says nothing.
    """
    if not version.run_id or record.version not in (version.version, version.base):
        return {}
    path = layout.runs / version.run_id / evaluation.PER_QUERY
    kind: Final = "tuned" if record.version == version.version else "base"
    with contextlib.suppress(OSError, MismatchError):
        found = evaluation.read_per_query(path).get(evaluation.slug(kind, record.dimension, "float32"))
        return found.of(_METRIC) if found else {}
    return {}


def _reference(registry: Registry, owner: ModelVersion | None, record: IndexRecord) -> tuple[float | None, str]:
    """Recall@10 that is to be kept: of the version's run at this dimension, else of the first verification."""
    if owner is not None and owner.lineage.get("dimension") == record.dimension and _METRIC in owner.metrics:
        return float(owner.metrics[_METRIC]), "in its run"
    alike = {
        one.name for one in registry.indexes.all() if (one.version, one.dimension) == (record.version, record.dimension)
    }
    for verified in registry.indexes.verifications():
        value = _value(verified.checks) if verified.collection in alike and verified.passed else None
        if value is not None:
            return value, "in its first verification"
    return None, ""


def _value(checks: Sequence[object]) -> float | None:
    for check in checks:
        if isinstance(check, dict) and check.get("name") == GOLDEN and check.get("value") is not None:
            return float(check["value"])
    return None
