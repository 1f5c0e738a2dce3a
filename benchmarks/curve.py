"""The drawing of speed against passage length, an SVG that stands alone: its own background and colours.

Knows points and shapes; knows nothing of what was measured.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import altair as alt

Chart = TypeVar("Chart", bound="alt.LayerChart | alt.HConcatChart")

COLOURS = ("#0b6e99", "#b5651d", "#5b8c3a")
"""Of lines, in order."""
_INK = "#333333"
_GRID = "#e4e4e4"


def drawn(series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, y_title: str) -> str:
    """One line for each series, named at its left end.

    Args:
        series: Name → (x, y), x ascending.
        x_title: Name of the horizontal axis, on which equal steps mean equal factors.
        y_title: Name of the vertical axis, which starts at 0.
    """
    import altair as alt

    rows = [
        {"series": name, "x": x, "y": y, "name": name if number == 0 else ""}
        for name, points in series.items()
        for number, (x, y) in enumerate(points)
    ]
    ticks = sorted({round(x) for points in series.values() for x, _ in points})
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", base=2, domain=[ticks[0] * 0.9, ticks[-1] * 1.1], nice=False),
        axis=alt.Axis(values=ticks, format="d", title=x_title, grid=False),
    )
    y = alt.Y("y:Q", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5, title=y_title, domain=False, ticks=False))
    colours = alt.Scale(domain=list(series), range=list(COLOURS[: len(series)]))
    colour = alt.Color("series:N", scale=colours, legend=None)
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y, color=colour)
    names = base.mark_text(align="left", dx=6, dy=-12, fontSize=13, fontWeight=600).encode(text="name:N")
    chart = base.mark_line(strokeWidth=2.5) + base.mark_point(size=42, filled=True, opacity=1) + names
    stream = io.StringIO()
    styled(chart.properties(width=520, height=260)).save(stream, format="svg")
    return stream.getvalue()


def styled(chart: Chart) -> Chart:
    """The look of all drawings here."""
    plain = chart.configure(background="white", font="system-ui, Segoe UI, Roboto, sans-serif", padding=16)
    looks: Chart = plain.configure_view(stroke=None).configure_axis(
        labelColor=_INK,
        titleColor=_INK,
        gridColor=_GRID,
        domainColor=_GRID,
        tickColor=_GRID,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        titlePadding=8,
    )
    return looks
