"""A report as JSON values, for scripts and for every other form of it, and back.

The keys are a promise: new ones may come, these stay. What `from_json` reads is what `to_json` wrote, so a report can
be shown in another form without anything being measured again. Knows the names of the keys; knows nothing of files.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, get_type_hints

from jargonaut.artifacts import plain
from jargonaut.errors import MismatchError
from jargonaut.evaluation.changes import Change, NearMiss
from jargonaut.evaluation.comparison import SystemResult, pareto_front, slug
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.report import RunReport
from jargonaut.evaluation.results import front_row, system_row
from jargonaut.evaluation.statistics import Interval
from jargonaut.records import Passage

SCHEMA = 1

_RENAMED = {"curve": "training"}
"""Fields of the report that have another key."""


def to_json(report: RunReport) -> dict[str, Any]:
    """The report as what `json.dumps` takes; a number that is not finite becomes None."""
    value: dict[str, Any] = {"schema": SCHEMA}
    for field in dataclasses.fields(RunReport):
        item = getattr(report, field.name)
        match field.name:
            case "created":
                value["created"] = item.isoformat()
            case "verdict":  # its fields stand beside it, where scripts look for them
                value |= {"verdict": item.name, **{k: v for k, v in plain(item).items() if k != "name"}}
            case "systems":
                value["systems"] = [_system(one, main=True) for one in report.ordered_systems()]
                value["systems"] += [_system(one, main=False) for one in report.others]
                front = pareto_front((*report.systems, *report.others))
                value["pareto"] = [front_row(one) for one in front]
            case "others":
                pass  # they stand among the systems
            case "changes":
                moved = {side: [_change(one) for one in getattr(item, side)] for side in ("better", "worse")}
                near = [_near_miss(one) for one in item.near_misses]
                value["changes"] = {**plain(item), **moved, "near_misses": near}
            case "scrutiny":  # whole, so that it can be read back; its own form shows the first label errors only
                errors = None if item is None else {**plain(item.label_errors), "total": len(item.label_errors.all)}
                value["scrutiny"] = None if item is None else {**item.to_json(), "label_errors": errors}
            case "assessment":
                value["assessment"] = {**plain(item), "sentence": item.sentence} if item is not None else {}
            case "deployed_dim":
                value["deployed_dim"] = report.headline_dim
            case name:
                value[_RENAMED.get(name, name)] = plain(item)
    return {key: _finite(item) for key, item in value.items()}


def from_json(value: Mapping[str, Any], scores: Mapping[str, Scores]) -> RunReport:
    """The report that was written as this value.

    Args:
        value: From `to_json`.
        scores: Every system's `slug` → its scores, as they are kept beside the report.

    Raises:
        MismatchError: A key is missing or holds something else than it should, or a system's scores are missing.
    """
    from pydantic import TypeAdapter, ValidationError

    hints = get_type_hints(RunReport)
    found: dict[str, Any] = {}
    try:
        for field in dataclasses.fields(RunReport):
            key = _RENAMED.get(field.name, field.name)
            if field.name in ("systems", "others"):
                main = field.name == "systems"
                rows = [row for row in value["systems"] if row.get("main", True) is main]
                found[field.name] = tuple(_read_system(row, scores) for row in rows)
            elif key in value:
                item = _read(field.name, value)
                found[field.name] = TypeAdapter(hints[field.name]).validate_python(_with_nan(item))
        return RunReport(**found)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        told = f"{error.title}: {error.errors()[0]['msg']}" if isinstance(error, ValidationError) else repr(error)
        raise MismatchError(
            f"this is no report that this version reads ({told})", remedy="`jargonaut run` writes it anew"
        ) from error


def _read(name: str, value: Mapping[str, Any]) -> Any:
    """What `to_json` made of a field, as the field's own type has it."""
    if name == "verdict":
        return {**value, "name": value["verdict"]}  # what is no field of a verdict is passed over
    if name == "assessment":
        return value["assessment"] or None
    if name == "changes":
        lists = ("better", "worse", "near_misses")
        moved = {name: [_read_change(one) for one in value["changes"].get(name, ())] for name in lists}
        return {**value["changes"], **moved}
    return value[_RENAMED.get(name, name)]


def _system(one: SystemResult, *, main: bool) -> dict[str, Any]:
    return {**system_row(one), "main": main}


def _read_system(row: Mapping[str, Any], scores: Mapping[str, Scores]) -> SystemResult:
    """A system; what an earlier version did not write of it is not known."""
    precision = row.get("precision", "float32")
    return SystemResult(
        row["name"], row["kind"], row["dim"], scores[slug(row["kind"], row["dim"], precision)],
        {metric: Interval(bar["mean"], bar["low"], bar["high"]) for metric, bar in row["intervals"].items()},
        precision, row.get("bytes_per_passage"), row.get("milliseconds_per_query"), row.get("unjudged"),
    )  # fmt: skip


def _change(one: Change) -> dict[str, Any]:
    passages = {name: _passage(getattr(one, name)) for name in ("positive", "base_top", "tuned_top")}
    query = {"query_id": one.query.id, "query": one.query.text}
    return {**query, **plain(one), **query, "difference": one.difference, **passages}


def _read_change(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "query": {"id": row["query_id"], "text": row["query"]}}


def _near_miss(one: NearMiss) -> dict[str, Any]:
    return {
        "query_id": one.query.id,
        "query": one.query.text,
        "rank": one.rank,
        "base_rank": one.base_rank,
        "positive": _passage(one.positive),
    }


def _passage(passage: Passage | None) -> dict[str, Any] | None:
    if passage is None:
        return None
    return {"id": passage.id, "title": passage.title, "headings": list(passage.headings), "text": passage.text}


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # a numpy number from somebody's counts
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value: Any) -> Any:
    """The value with NaN for what `_finite` took out of a row of numbers, such as a curve's point."""
    if isinstance(value, Mapping):
        return {key: _with_nan(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if any(isinstance(item, float) for item in value) or (len(value) > 1 and value[-1] is None):
        return [math.nan if item is None else item for item in value]
    return [_with_nan(item) for item in value]
