"""A report as JSON values, for scripts. The keys are a promise: new ones may come, these stay.

Knows the names of the keys; knows nothing of files.
"""

from __future__ import annotations

import math
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.evaluation.changes import Change
from jargonaut.evaluation.comparison import SystemResult, pareto_front
from jargonaut.evaluation.report import RunReport
from jargonaut.records import Passage

SCHEMA = 1


def to_json(report: RunReport) -> dict[str, Any]:
    """The report as what `json.dumps` takes; a number that is not finite becomes None."""
    assessment = None
    if report.assessment is not None:
        assessment = {**plain(report.assessment), "sentence": report.assessment.sentence}
    value = {
        "schema": SCHEMA,
        "title": report.title,
        "created": report.created.isoformat(),
        "base": report.base,
        "tuned": report.tuned,
        "source": report.source,
        "verdict": report.verdict.name,
        "sentence": report.verdict.sentence,
        "rule": report.verdict.rule,
        "reasons": list(report.verdict.reasons),
        "systems": [_system(one) for one in (*report.ordered_systems(), *report.others)],
        "comparisons": plain(list(report.comparisons)),
        "changes": {
            "better_total": report.changes.better_total,
            "worse_total": report.changes.worse_total,
            "better": [_change(one) for one in report.changes.better],
            "worse": [_change(one) for one in report.changes.worse],
        },
        "assessment": assessment or {},
        "counts": plain(report.counts),
        "leakage": plain(report.leakage),
        "timings": plain(report.timings),
        "settings": plain(report.settings),
        "overlap": plain(report.overlap),
        "notices": list(report.notices),
        "training": plain(report.curve),
        "pareto": [
            {"name": one.name, "dim": one.dim, "precision": one.precision}
            for one in pareto_front((*report.systems, *report.others))
        ],
        "weights": plain(report.weights),
        "confidence": report.confidence,
        "deployed_dim": report.headline_dim,
    }
    return {key: _finite(item) for key, item in value.items()}


def _system(one: SystemResult) -> dict[str, Any]:
    bars = {metric: {"mean": bar.difference, "low": bar.low, "high": bar.high} for metric, bar in one.intervals.items()}
    return {
        "name": one.name,
        "kind": one.kind,
        "dim": one.dim,
        "precision": one.precision,
        "bytes_per_passage": one.storage,
        "milliseconds_per_query": one.latency,
        "unjudged": one.unjudged,
        "queries": len(one.scores.query_ids),
        "metrics": one.metrics,
        "intervals": bars,
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "query_id": one.query.id,
        "query": one.query.text,
        "base_ndcg": one.base_ndcg,
        "tuned_ndcg": one.tuned_ndcg,
        "difference": one.difference,
        "base_rank": one.base_rank,
        "tuned_rank": one.tuned_rank,
        "positive": _passage(one.positive),
        "base_top": _passage(one.base_top),
        "tuned_top": _passage(one.tuned_top),
    }


def _passage(passage: Passage | None) -> dict[str, Any] | None:
    if passage is None:
        return None
    return {"id": passage.id, "title": passage.title, "text": passage.text}


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # a numpy number from somebody's counts
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
