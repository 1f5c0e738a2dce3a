"""A report as one self-contained HTML file: no network, no library, light and dark, paper and phone.

Charts are drawn when the page is built (SVG), so they print and need no script; the one script sorts tables. Knows
which sections there are and what each is handed; the words and the look are in `pages/`, whose templates escape
everything that they are given, since titles, queries and passages are the user's documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.evaluation import report_charts as drawn
from jargonaut.evaluation.comparison import LABELS, pareto_front, system
from jargonaut.evaluation.measures import HEADLINE, JUDGED, MEASURES
from jargonaut.evaluation.report import RunReport
from jargonaut.evaluation.report_page import page_template

_PLAIN = {
    "nDCG@10": "How high the right passages stand among the first ten; 1 is all of them on top.",
    "recall@10": "Share of the right passages that are among the first ten.",
    "MRR@10": "One divided by the rank of the first right passage, if it is among the first ten.",
}
"""Headline measures in a manager's words."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the page.

    Attributes:
        anchor: Where links lead, and the name of its template.
        title: Its heading.
        short: The same in the list of contents.
        there: Whether there is anything in it.
    """

    anchor: str
    title: str
    short: str
    there: object


def to_html(report: RunReport) -> str:
    """The report as one HTML document that needs nothing else."""
    given = _given(report)
    page = page_template("report.html.j2").render(
        report=report,
        headline=_headline(report),
        sections=[one for one in _sections(report, given) if one.there],
        **given,
    )
    return page.lstrip()


def _sections(report: RunReport, given: Mapping[str, Any]) -> tuple[_Section, ...]:
    """All sections in reading order; what decides stands before what explains."""
    scrutiny = report.scrutiny
    return (
        _Section("systems", "Base, tuned and hybrid", "Systems", given["bar_charts"]),
        _Section("size", "Quality by dimension", "Size", given["dimension_charts"] or given["cost_chart"]),
        _Section("robustness", "Where it helps, and where it does not", "Slices, robustness", scrutiny),
        _Section("savings", "What it saves", "Savings", scrutiny and (scrutiny.savings or scrutiny.answers)),
        _Section("thresholds", "Thresholds on similarity", "Thresholds", scrutiny and scrutiny.scale),
        _Section("table", "Every system", "All figures", given["systems"]),
        _Section("statistics", "Every comparison", "Statistics", report.comparisons),
        _Section("changes", "What changed for users", "Changes", report.changes.better or report.changes.worse),
        _Section("labels", "Labels that may be wrong", "Labels", scrutiny and scrutiny.label_errors.all),
        _Section("assessment", "Was fine-tuning worth trying?", "Alternatives", report.assessment),
        _Section("trust", "Leakage and counts", "Leakage, counts", report.leakage or report.counts or report.overlap),
        _Section("training", "Training", "Training", given["training_charts"]),
        _Section("time", "Time", "Time", report.timings),
        _Section("settings", "Settings", "Settings", given["settings"]),
    )


def _given(report: RunReport) -> dict[str, Any]:
    """What the sections' templates ask for, besides the report itself."""
    systems = report.all_systems
    stages = {name: seconds for name, seconds in report.timings.items() if name != "total"}
    return {
        "bar_charts": drawn.bar_charts(report),
        "forest_charts": drawn.forest_charts(report),
        "dimension_charts": drawn.dimension_charts(report),
        "training_charts": drawn.training_charts(report),
        "forgetting_charts": drawn.forgetting_charts(report),
        "systems": [(one, one.metrics, report.against_base(one)) for one in systems],
        "formats": len({one.precision for one in systems}) > 1,
        "judged": all(JUDGED in one.scores.values for one in systems),
        "sizes": any(one.storage is not None for one in systems),
        "latencies": any(one.latency is not None for one in systems),
        "front": {one.slug for one in pareto_front(systems)},
        "measures": MEASURES,
        "tones": drawn.TONES,
        "labels": LABELS,
        "smaller": report.smaller_against_full(),
        "settings": _flat(plain(report.settings)),
        "stages": stages,
        "total_seconds": sum(stages.values()),
        "longest": max(stages.values(), default=0.0),
        "cost_chart": drawn.cost_chart(report),
        "slice_chart": drawn.slice_chart(report),
    }


def _headline(report: RunReport) -> list[dict[str, Any]]:
    """The three headline measures at the deployed dimension: before, after, difference."""
    dim = report.headline_dim
    base, tuned = system(report.systems, "base", dim), system(report.systems, "tuned", dim)
    if base is None or tuned is None:
        return []
    return [
        {
            "metric": metric,
            "plain": _PLAIN[metric],
            "before": base.metrics[metric],
            "after": tuned.metrics[metric],
            "comparison": report.against_base(tuned, metric),
        }
        for metric in HEADLINE
    ]


def _flat(settings: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings as (section, [(name, value)]), nested names joined by dots."""

    def walk(prefix: str, value: object) -> list[tuple[str, str]]:
        if isinstance(value, Mapping) and value:
            return [row for key, item in value.items() for row in walk(f"{prefix}.{key}" if prefix else key, item)]
        return [(prefix, _flat_value(value))]

    loose = [(key, _flat_value(value)) for key, value in settings.items() if not isinstance(value, Mapping)]
    sections = [(key, walk("", value)) for key, value in settings.items() if isinstance(value, Mapping) and value]
    return ([("general", loose)] if loose else []) + sections


def _flat_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
