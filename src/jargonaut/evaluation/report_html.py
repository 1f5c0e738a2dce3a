"""A report as one self-contained HTML file: no script, no network, light and dark, paper and phone.

Knows which figures stand where; the words and the look are in `report.html.j2`, which escapes everything that it is
given, since titles, queries and passages are the user's documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import plain
from jargonaut.evaluation import charts
from jargonaut.evaluation.comparison import SystemKind, SystemResult, system
from jargonaut.evaluation.measures import HEADLINE
from jargonaut.evaluation.report import RunReport
from jargonaut.evaluation.statistics import signed
from jargonaut.pictures import template

if TYPE_CHECKING:
    from jinja2 import Template

_TONES: Mapping[SystemKind, str] = {
    "bm25": "bm25",
    "base": "base",
    "tuned": "tuned",
    "hybrid-base": "hybrid-base",
    "hybrid-tuned": "hybrid-tuned",
}
_LABELS: Mapping[SystemKind, str] = {
    "bm25": "BM25",
    "base": "base",
    "tuned": "tuned",
    "hybrid-base": "base + BM25",
    "hybrid-tuned": "tuned + BM25",
}
_BAR_ORDER: tuple[SystemKind, ...] = ("bm25", "base", "tuned", "hybrid-base", "hybrid-tuned")
_LOSS_POINTS = 200  # more would be invisible at this width
_TEXT_LIMIT = 4_000  # characters of a passage that are shown


def to_html(report: RunReport) -> str:
    """The report as one HTML document that needs nothing else."""
    stages = {name: seconds for name, seconds in report.timings.items() if name != "total"}
    page = _template().render(
        report=report,
        headline=_headline(report),
        bar_charts=_bar_charts(report),
        dimension_charts=_dimension_charts(report),
        training_charts=_training_charts(report),
        forgetting_charts=_forgetting_charts(report),
        systems=[(one, one.metrics, report.against_base(one)) for one in report.ordered_systems()],
        smaller=report.smaller_against_full(),
        settings=_flat(plain(report.settings)),
        stages=stages,
        total_seconds=sum(stages.values()),
        longest=max(stages.values(), default=0.0),
    )
    return page.lstrip()


@cache
def _template() -> Template:
    return template(
        Path(__file__).with_name("report.html.j2"),
        {
            "signed": signed, "amount": _amount, "duration": _duration, "words": _words, "cut": _cut,
            "three": lambda value: f"{value:.3f}",
        },
    )  # fmt: skip


def _headline(report: RunReport) -> list[dict[str, Any]]:
    """The three headline measures at the deployed dimension: before, after, difference."""
    dim = report.headline_dim
    base, tuned = system(report.systems, "base", dim), system(report.systems, "tuned", dim)
    if base is None or tuned is None:
        return []
    return [
        {
            "metric": metric,
            "before": base.metrics[metric],
            "after": tuned.metrics[metric],
            "comparison": report.against_base(tuned, metric),
        }
        for metric in HEADLINE
    ]


def _bar_charts(report: RunReport) -> list[tuple[str, str]]:
    shown = [one for kind in _BAR_ORDER if (one := _shown(report, kind)) is not None]
    drawn = []
    for metric in ("nDCG@10", "recall@10"):
        items = [_bar(one, metric) for one in shown if metric in one.intervals]
        if items:
            told = ", ".join(f"{b.label} {b.value:.3f}" for b in items)
            drawn.append((metric, charts.bars(items, f"{metric}: {told}")))
    return drawn


def _bar(one: SystemResult, metric: str) -> charts.Bar:
    interval = one.intervals[metric]
    return charts.Bar(_LABELS[one.kind], interval.difference, interval.low, interval.high, _TONES[one.kind])


def _shown(report: RunReport, kind: SystemKind) -> SystemResult | None:
    """The system of a kind at the deployed dimension, else its largest."""
    largest = max((s for s in report.systems if s.kind == kind), key=lambda s: s.dim or 0, default=None)
    return system(report.systems, kind, report.headline_dim) or largest


def _dimension_charts(report: RunReport) -> list[tuple[str, str]]:
    dense = [one for one in report.systems if one.kind in ("base", "tuned") and one.dim is not None]
    if len({one.dim for one in dense}) < 2:
        return []
    drawn = []
    for metric in ("nDCG@10", "recall@10"):
        points = [
            charts.Point(one.kind, float(one.dim or 0), i.difference, i.low, i.high, _TONES[one.kind])
            for one in sorted(dense, key=lambda s: (s.kind, s.dim or 0))
            if (i := one.intervals.get(metric)) is not None
        ]
        if points:
            told = "; ".join(f"{p.series} at {p.x:.0f}: {p.y:.3f}" for p in points)
            drawn.append((metric, charts.lines(points, f"{metric}: {told}", x_title="dimensions", doubling=True)))
    return drawn


def _training_charts(report: RunReport) -> list[tuple[str, str]]:
    drawn = []
    loss = _thin(report.curve.loss)
    if len(loss) > 1:
        points = [charts.Point("loss", step, value, value, value, "tuned") for step, value in loss]
        told = f"loss from {loss[0][1]:.3f} to {loss[-1][1]:.3f}"
        drawn.append(("training loss", charts.lines(points, told, x_title="step", zero_based=True)))
    if len(report.curve.dev_ndcg) > 1:
        points = [charts.Point("dev", epoch, value, value, value, "tuned") for epoch, value in report.curve.dev_ndcg]
        told = "; ".join(f"epoch {epoch:g}: {value:.3f}" for epoch, value in report.curve.dev_ndcg)
        drawn.append(("nDCG@10 on dev", charts.lines(points, told, x_title="epoch")))
    return drawn


def _forgetting_charts(report: RunReport) -> list[tuple[str, str]]:
    """Dev and general knowledge against the base: by epoch, and by the step between base and tuned model."""
    curve, drawn = report.curve, []
    general = dict(curve.general_ndcg)
    epochs = [(epoch, dev, general[epoch]) for epoch, dev in curve.dev_ndcg if epoch in general]
    for rows, name, axis in (
        (epochs, "nDCG@10 against the base, by epoch", "epoch"),
        (curve.blends, "the same, between base (0) and tuned model (1)", "α"),
    ):
        if len(rows) < 2 or (rows is curve.blends and len(rows) < 3):
            continue
        _, first_dev, first_general = rows[0]
        points = [
            charts.Point(series, x, y, y, y, tone)
            for x, dev, known in rows
            for series, y, tone in (
                ("dev", dev - first_dev, "tuned"), ("general knowledge", known - first_general, "bm25")
            )
        ]  # fmt: skip
        told = "; ".join(f"{p.series} at {p.x:g}: {p.y:+.3f}" for p in points)
        level = None if curve.general_limit is None else -curve.general_limit
        drawn.append((name, charts.lines(points, f"{name}: {told}", x_title=axis, level=level)))
    return drawn


def _thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `_LOSS_POINTS` points, each the mean of its neighbours."""
    size = max(1, -(-len(points) // _LOSS_POINTS))
    chunks = [points[start : start + size] for start in range(0, len(points), size)]
    return [(chunk[-1][0], sum(value for _, value in chunk) / len(chunk)) for chunk in chunks]


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


def _amount(value: object) -> str:
    """A count, share or word as a reader expects it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(key)} {_amount(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_amount, value))
    return str(value)


def _duration(seconds: float) -> str:
    """Seconds as "0.4 s", "48 s" or "6 min 12 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _words(name: object) -> str:
    """A field's name as words."""
    return str(name).replace("_", " ")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT].rstrip() + " …"
