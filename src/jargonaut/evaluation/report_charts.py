"""Which charts a report has: what stands in each, in which colour, and what a screen reader says of it.

Knows a report's records; shapes and scales are the business of `charts`, the page around them that of the templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jargonaut.evaluation import charts
from jargonaut.evaluation.comparison import LABELS, Comparison, SystemKind, SystemResult, pareto_front, system
from jargonaut.evaluation.report import RunReport

Drawn = list[tuple[str, str]]
"""(title, SVG) of charts that stand side by side."""

TONES: Mapping[SystemKind, str] = {
    "bm25": "bm25",
    "base": "base",
    "tuned": "tuned",
    "hybrid-base": "hybrid-base",
    "hybrid-tuned": "hybrid-tuned",
    "weighted-base": "hybrid-base",
    "weighted-tuned": "hybrid-tuned",
    "reranked-base": "base",
    "reranked-tuned": "tuned",
    "adapter": "tuned",
}
"""Kind of system → the CSS variable that colours it."""
_STAGES = {
    "tuned": "dense", "hybrid-tuned": "hybrid", "weighted-tuned": "weighted hybrid", "reranked-tuned": "reranked",
    "adapter": "adapter",
}  # fmt: skip
"""What a tuned system is called beside its untuned counterpart."""
_SHOWN = ("nDCG@10", "recall@10")
_METRIC = _SHOWN[0]
_BYTES = "bytes a passage takes"
_LOSS_POINTS = 200  # more would be invisible at this width


def bar_charts(report: RunReport) -> Drawn:
    """Every kind of system at the deployed dimension, with its own interval."""
    shown = [one for kind in LABELS if (one := _shown(report, kind)) is not None]
    drawn = []
    for metric in _SHOWN:
        items = [_bar(one, metric) for one in shown if metric in one.intervals]
        if items:
            told = ", ".join(f"{b.label} {b.value:.3f}" for b in items)
            drawn.append((metric, charts.bars(items, f"{metric}: {told}")))
    return drawn


def forest_charts(report: RunReport) -> Drawn:
    """Tuned against untuned in every form, as paired differences."""
    drawn = []
    for metric in _SHOWN:
        shown = [one for one in report.all_systems if one.precision == "float32"]
        found = [(one, report.against_base(one, metric)) for one in shown]
        items = [_difference(one, compared) for one, compared in found if compared is not None]
        if items:
            told = ", ".join(f"{b.label} {b.value:+.3f} ({b.low:+.3f} to {b.high:+.3f})" for b in items)
            drawn.append((f"{metric}, tuned − untuned", charts.forest(items, f"differences in {metric}: {told}")))
    return drawn


def dimension_charts(report: RunReport) -> Drawn:
    """Quality of both models by dimension."""
    dense = [one for one in report.systems if one.kind in ("base", "tuned") and one.dim is not None]
    if len({one.dim for one in dense}) < 2:
        return []
    drawn = []
    for metric in _SHOWN:
        points = [
            charts.Point(one.kind, float(one.dim or 0), i.difference, i.low, i.high, TONES[one.kind])
            for one in sorted(dense, key=lambda s: (s.kind, s.dim or 0))
            if (i := one.intervals.get(metric)) is not None
        ]
        if points:
            told = "; ".join(f"{p.series} at {p.x:.0f}: {p.y:.3f}" for p in points)
            drawn.append((metric, charts.lines(points, f"{metric}: {told}", x_title="dimensions", doubling=True)))
    return drawn


def cost_chart(report: RunReport) -> tuple[str, tuple[SystemResult, ...]] | None:
    """Quality against bytes of every system whose size is known, and the systems that are numbered there.

    None where there are fewer than two sizes.
    """
    sized = [one for one in report.all_systems if one.storage and _METRIC in one.intervals]
    if len({one.storage for one in sized}) < 2:
        return None
    front = pareto_front(sized)
    numbers = {one.slug: str(number) for number, one in enumerate(front, start=1)}
    marks = [_mark(one, numbers.get(one.slug, "")) for one in sized]
    told = "; ".join(
        f"{one.name} {one.dim or ''}, {one.scores.mean(_METRIC):.3f} in {one.storage or 0:.0f} bytes" for one in front
    )
    drawn = charts.cost(marks, f"{_METRIC} against bytes a passage; nothing smaller beats {told}", x_title=_BYTES)
    return drawn, front


def slice_chart(report: RunReport) -> str:
    """What the tuned model gains in every part of the test that is large enough; empty where there is none."""
    if report.scrutiny is None:
        return ""
    shown = [one for one in report.scrutiny.slices if one.eligible]
    items = [
        charts.Bar(_shortened(one.label), one.difference, one.low, one.high, tone_of(one.low, one.high))
        for one in sorted(shown, key=lambda one: (one.difference, one.label))
    ]
    unique = {item.label: item for item in items}  # a chart has one row per label
    told = "; ".join(f"{b.label} {b.value:+.3f}" for b in unique.values())
    return (
        charts.forest(list(unique.values()), f"{_METRIC}, tuned − base: {told}", room=270, width=700) if items else ""
    )


def training_charts(report: RunReport) -> Drawn:
    """How training went."""
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


def forgetting_charts(report: RunReport) -> Drawn:
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


def tone_of(low: float, high: float) -> str:
    """The colour of a difference: good, bad, or neither where its interval holds zero."""
    return "good" if low > 0 else "bad" if high < 0 else "base"


def _mark(one: SystemResult, number: str) -> charts.Mark:
    bar = one.intervals[_METRIC]
    return charts.Mark(float(one.storage or 0), bar.difference, bar.low, bar.high, TONES[one.kind], number)


def _shortened(text: str, limit: int = 38) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _bar(one: SystemResult, metric: str) -> charts.Bar:
    interval = one.intervals[metric]
    return charts.Bar(LABELS[one.kind], interval.difference, interval.low, interval.high, TONES[one.kind])


def _difference(one: SystemResult, found: Comparison) -> charts.Bar:
    label = f"{_STAGES.get(one.kind, one.kind)}, {one.dim}"
    return charts.Bar(label, found.difference, found.low, found.high, tone_of(found.low, found.high))


def _shown(report: RunReport, kind: SystemKind) -> SystemResult | None:
    """The system of a kind at the deployed dimension, else its largest."""
    kept = [s for s in report.all_systems if s.kind == kind and s.precision == "float32"]
    return system(kept, kind, report.headline_dim) or max(kept, key=lambda s: s.dim or 0, default=None)


def _thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `_LOSS_POINTS` points, each the mean of its neighbours."""
    size = max(1, -(-len(points) // _LOSS_POINTS))
    chunks = [points[start : start + size] for start in range(0, len(points), size)]
    return [(chunk[-1][0], sum(value for _, value in chunk) / len(chunk)) for chunk in chunks]
