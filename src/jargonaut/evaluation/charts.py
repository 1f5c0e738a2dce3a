"""The report's charts as inline SVG, drawn by Altair when the report is built: no script, no network, and they print.

Colours are CSS variables of the page, so one drawing serves light and dark. Knows shapes and scales; knows nothing of
the page around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jargonaut.pictures import svg, tones

# Fixed room around the axes (instead of a measured one) makes neighbours equally large, whatever font the reader has.
_BAR_ROOM: Mapping[str, int] = {"left": 178, "top": 6, "right": 62, "bottom": 26}
_LINE_ROOM: Mapping[str, int] = {"left": 42, "top": 8, "right": 18, "bottom": 46}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its interval; `tone` names a CSS variable of the page."""

    label: str
    value: float
    low: float
    high: float
    tone: str


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line with its interval band; `low` and `high` equal `y` where there is none."""

    series: str
    x: float
    y: float
    low: float
    high: float
    tone: str


def bars(items: Sequence[Bar], description: str) -> str:
    """Horizontal bars from 0 to 1 with whiskers and values, one per item, in order."""
    import altair as alt

    rows = [{"label": b.label, "value": b.value, "low": b.low, "high": b.high, "text": f"{b.value:.3f}"} for b in items]
    y = alt.Y(
        "label:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelLimit=168, ticks=False, domain=False, labelPadding=8),
    )
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f", title=None, ticks=False, domain=False)
    x = alt.X("value:Q", stack=None, scale=alt.Scale(domain=[0, 1]), axis=axis)
    colour = alt.Color("label:N", scale=tones([(b.label, b.tone) for b in items]), legend=None)
    chart = alt.Chart(alt.InlineData(values=rows))
    bar = chart.mark_bar(size=18, cornerRadiusEnd=3).encode(x=x, y=y, color=colour)
    whisker = chart.mark_rule(color="var(--ink)", strokeWidth=1.5).encode(x="low:Q", x2="high:Q", y=y)
    text = chart.mark_text(align="left", dx=6, color="var(--ink)", fontSize=12, fontWeight=600)
    value = text.encode(x="high:Q", y=y, text="text:N")
    return svg((bar + whisker + value).properties(width=200, height=30 * len(items)), description, room=_BAR_ROOM)


def lines(
    points: Sequence[Point],
    description: str,
    *,
    x_title: str,
    zero_based: bool = False,
    doubling: bool = False,
    level: float | None = None,
) -> str:
    """Lines with interval bands.

    Args:
        points: Points of every series.
        description: What a screen reader says.
        x_title: Name of the horizontal axis.
        zero_based: Whether the vertical axis starts at 0.
        doubling: Whether equal steps to the right mean equal factors (for dimensions), with a tick at each x.
        level: Where a dashed line lies across; none when None.
    """
    import altair as alt

    rows = [{"series": p.series, "x": p.x, "y": p.y, "low": p.low, "high": p.high} for p in points]
    colour = alt.Color("series:N", scale=tones([(p.series, p.tone) for p in points]), legend=None)
    ticks = sorted({p.x for p in points})
    if doubling:
        scale = alt.Scale(type="log", base=2, domain=[ticks[0] * 0.9, ticks[-1] * 1.1], nice=False)
        axis = alt.Axis(values=ticks, format="d", title=x_title, grid=False)
    else:
        scale = alt.Scale(nice=False)
        axis = alt.Axis(tickCount=5, format="~s", title=x_title, grid=False)
    x = alt.X("x:Q", scale=scale, axis=axis)
    vertical = alt.Axis(tickCount=5, title=None, domain=False, ticks=False)
    y_scale = alt.Scale(zero=zero_based, padding=0 if zero_based else 8)
    chart = alt.Chart(alt.InlineData(values=rows))
    y = alt.Y("y:Q", scale=y_scale, axis=vertical)
    layers: list[Any] = []
    if any(p.low < p.high for p in points):
        band = chart.mark_area(opacity=0.16).encode(
            x=x, y=alt.Y("low:Q", scale=y_scale, axis=vertical), y2="high:Q", color=colour
        )
        ends = chart.mark_rule(opacity=0.55).encode(x=x, y="low:Q", y2="high:Q", color=colour)
        layers += [band, ends]
    if level is not None:
        limit = alt.Chart(alt.InlineData(values=[{"y": level}])).mark_rule(color="var(--bad)", strokeDash=[5, 4])
        layers.append(limit.encode(y=y))
    layers.append(chart.mark_line(strokeWidth=2.5, strokeJoin="round").encode(x=x, y=y, color=colour))
    if len(points) <= 40:
        layers.append(chart.mark_point(size=42, filled=True, opacity=1).encode(x=x, y=y, color=colour))
    return svg(alt.layer(*layers).properties(width=320, height=190), description, room=_LINE_ROOM)


_SHAPES = ["circle", "square"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One system in a picture of what quality costs; one with a (short) label is on the front, and named there.

    `square` sets it apart from those that are drawn round.
    """

    x: float
    y: float
    low: float
    high: float
    tone: str
    label: str = ""
    square: bool = False


def forest(items: Sequence[Bar], description: str, *, room: int = 156, width: int = 440) -> str:
    """Differences with their intervals around a line at zero, one per item, in order (a forest plot).

    Args:
        items: Differences; `tone` says whether they are gains.
        description: What a screen reader says.
        room: Pixels for the labels.
        width: Of the whole picture, in pixels.
    """
    import altair as alt

    rows = [{"label": b.label, "value": b.value, "low": b.low, "high": b.high} for b in items]
    y = alt.Y(
        "label:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelLimit=room - 10, ticks=False, domain=False, labelPadding=8, grid=True, gridOpacity=0.5),
    )
    ends = [0.0, *(b.low for b in items), *(b.high for b in items)]
    margin = 0.06 * ((max(ends) - min(ends)) or 0.1)
    scale = alt.Scale(domain=[min(ends) - margin, max(ends) + margin], nice=False)
    x = alt.X("low:Q", scale=scale, axis=alt.Axis(tickCount=5, format="+.2~f", title=None, ticks=False, domain=False))
    colour = alt.Color("label:N", scale=tones([(b.label, b.tone) for b in items]), legend=None)
    chart = alt.Chart(alt.InlineData(values=rows))
    zero = alt.Chart(alt.InlineData(values=[{"low": 0}])).mark_rule(color="var(--ink)", strokeWidth=1).encode(x=x)
    span = chart.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", y=y, color=colour)
    point = chart.mark_point(size=70, filled=True, opacity=1).encode(x=alt.X("value:Q", scale=scale), y=y, color=colour)
    drawn = (zero + span + point).properties(width=width - room, height=max(60, 24 * len(items)))
    return svg(drawn, description, room={"left": room, "top": 6, "right": 16, "bottom": 26})


def cost(marks: Sequence[Mark], description: str, *, x_title: str, x_format: str = ",d") -> str:
    """Quality against what it costs, on a logarithmic axis; a step line joins the systems that nothing beats.

    Args:
        marks: Systems; those on the front are filled and joined.
        description: What a screen reader says.
        x_title: Name of the horizontal axis.
        x_format: How its ticks are written.
    """
    import altair as alt

    lowest, highest = min(m.x for m in marks), max(m.x for m in marks)
    rows = [
        {"x": m.x, "y": m.y, "low": m.low, "high": m.high, "label": m.label, "tone": m.tone, "front": bool(m.label),
         "left": m.x * m.x < lowest * highest, "shape": "square" if m.square else "circle"}
        for m in marks
    ]  # fmt: skip
    x_scale = alt.Scale(type="log", base=2, domain=[lowest / 1.4, highest * 1.4], nice=False)
    ticks = sorted({m.x for m in marks})
    axis = alt.Axis(values=_apart(ticks), format=x_format, title=x_title, grid=False)
    x = alt.X("x:Q", scale=x_scale, axis=axis)
    y_scale = alt.Scale(zero=False, padding=14)
    y = alt.Y("y:Q", scale=y_scale, axis=alt.Axis(tickCount=5, title=None, domain=False, ticks=False))
    colour = alt.Color("tone:N", scale=tones([(m.tone, m.tone) for m in marks]), legend=None)
    shape = alt.Shape("shape:N", scale=alt.Scale(domain=_SHAPES, range=_SHAPES), legend=None)
    chart = alt.Chart(alt.InlineData(values=rows))
    front = alt.Chart(alt.InlineData(values=[row for row in rows if row["front"]]))
    line = front.mark_line(interpolate="step-after", color="var(--muted)", strokeDash=[4, 3], strokeWidth=1.5)
    span = chart.mark_rule(opacity=0.35).encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", color=colour)
    drawn = {"x": x, "y": y, "color": colour, "shape": shape}
    hollow = chart.mark_point(size=46, opacity=0.9, filled=False, strokeWidth=1.5).encode(**drawn)
    filled = front.mark_point(size=64, opacity=1, filled=True).encode(**drawn)
    named = [
        # To the middle, so that no label lies on the axis.
        front.transform_filter(f"datum.left == {'true' if left else 'false'}")
        .mark_text(align="left" if left else "right", baseline="bottom", dx=6 if left else -6, dy=-4, fontSize=13,
                   color="var(--ink)")
        .encode(x=x, y=y, text="label:N")
        for left in (True, False)
    ]  # fmt: skip
    layers = (line.encode(x=x, y=y), span, hollow, filled, *named)
    return svg(alt.layer(*layers).properties(width=640, height=260), description,
               room={"left": 46, "top": 14, "right": 22, "bottom": 46})  # fmt: skip


def _apart(ticks: Sequence[float]) -> list[float]:
    """Ticks of which none lies closer than a factor 1.5 to the one before it, so that their labels do not touch."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or tick >= 1.5 * kept[-1]:
            kept.append(tick)
    return kept
