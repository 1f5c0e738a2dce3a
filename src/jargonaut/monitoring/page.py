"""The picture of a live system over time: one HTML file without script or network.

Knows which figures stand where; the words are in `page.html.j2`, which escapes everything that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.monitoring.records import SIGNALS, Alarm, Happening, PassRecord, Point, Signal
from jargonaut.monitoring.telling import amount, shown_signals
from jargonaut.pictures import svg, template

if TYPE_CHECKING:
    from jinja2 import Template

_ROOM: Mapping[str, int] = {"left": 52, "top": 8, "right": 14, "bottom": 28}
_LATEST = 50


def to_html(
    found: PassRecord, series: Mapping[str, Sequence[Point]], alarms: Sequence[Alarm], happened: Sequence[Happening],
    title: str,
) -> str:  # fmt: skip
    """A pass and the series behind it as one HTML document that needs nothing else.

    Args:
        found: The last pass.
        series: Signal → its values, oldest first.
        alarms: All that were raised.
        happened: What happened.
        title: What the reader calls the workspace.
    """
    charts = [
        (one.name, SIGNALS[one.name], _chart(one.name, series[one.name]))
        for one in shown_signals(found)
        if one.name in SIGNALS and len(series.get(one.name, ())) > 1
    ]
    page = _template().render(
        title=title, found=found, signals=shown_signals(found), meanings=SIGNALS, charts=charts,
        alarms=list(reversed(alarms))[:_LATEST], happened=list(reversed(happened))[:_LATEST],
    )  # fmt: skip
    return page.lstrip()


@cache
def _template() -> Template:
    return template(
        Path(__file__).with_name("page.html.j2"),
        {
            "minute": lambda at: str(at)[:16].replace("T", " "),
            "amount": lambda one: amount(one.name, one.value),
            "span": _span,
            "detail": lambda detail: "; ".join(f"{key} {value}" for key, value in detail.items()),
        },
    )


def _span(one: Signal) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{amount(one.name, one.low)} to {amount(one.name, one.high)}"


def _chart(name: str, points: Sequence[Point]) -> str:
    """A line over time, with its interval where it has one."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"at": point.at, "value": point.value, "low": point.low, "high": point.high} for point in points
    ]
    x = alt.X("at:T", axis=alt.Axis(title=None, grid=False, tickCount=4))
    y = alt.Y("value:Q", scale=alt.Scale(zero=False, padding=6), axis=alt.Axis(title=None, tickCount=4, domain=False))
    chart = alt.Chart(alt.InlineData(values=rows))
    layers = [chart.mark_line(color="var(--tuned)", strokeWidth=2).encode(x=x, y=y)]
    if all(point.low is not None for point in points):
        layers.insert(0, chart.mark_area(color="var(--tuned)", opacity=0.15).encode(x=x, y="low:Q", y2="high:Q"))
    told = (
        f"{SIGNALS[name]}: {amount(name, points[0].value)} on {points[0].at[:10]}, {amount(name, points[-1].value)} now"
    )
    return svg(alt.layer(*layers).properties(width=320, height=120), told, room=_ROOM)
