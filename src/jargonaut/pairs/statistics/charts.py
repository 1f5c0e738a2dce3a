"""The charts of a set of pairs: stacked bars, spreads side by side, shares.

Knows shapes and scales; knows nothing of pairs or of the page around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jargonaut.pairs.statistics.distributions import Histogram
from jargonaut.pictures import svg, tones

_WIDTH = 330
_BAR_ROOM: Mapping[str, int] = {"left": 110, "top": 6, "right": 24, "bottom": 26}
_SPREAD_ROOM: Mapping[str, int] = {"left": 46, "top": 10, "right": 16, "bottom": 44}
_SHARE_ROOM: Mapping[str, int] = {"left": 330, "top": 6, "right": 150, "bottom": 26}
_LABEL_CHARS = 52


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stacked bar; `tone` names a CSS variable of the page."""

    bar: str
    kind: str
    value: int
    tone: str


@dataclass(frozen=True, slots=True)
class Spread:
    """One histogram among others on the same edges."""

    name: str
    histogram: Histogram
    tone: str


@dataclass(frozen=True, slots=True)
class Share:
    """A bar from 0 to 1 with words behind it."""

    name: str
    value: float
    words: str


def stacked(pieces: Sequence[Piece], description: str) -> str:
    """Horizontal bars of counts, one colour for each kind, in the order of the pieces."""
    import altair as alt

    kinds = list(dict.fromkeys(piece.kind for piece in pieces))
    rows = [{"bar": p.bar, "kind": p.kind, "value": p.value, "order": kinds.index(p.kind)} for p in pieces]
    bars = len({piece.bar for piece in pieces})
    axis = alt.Axis(tickCount=4, format=",d", title=None, ticks=False, domain=False)
    side = alt.Axis(labelLimit=104, ticks=False, domain=False, labelPadding=8)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(size=20)
        .encode(
            x=alt.X("sum(value):Q", axis=axis),
            y=alt.Y("bar:N", sort=None, title=None, axis=side),
            color=alt.Color("kind:N", scale=tones([(p.kind, p.tone) for p in pieces]), legend=None),
            order=alt.Order("order:Q"),
        )
    )
    return svg(chart.properties(width=_WIDTH, height=34 * bars), description, room=_BAR_ROOM)


def spreads(items: Sequence[Spread], description: str, *, x_title: str, as_share: bool = False) -> str:
    """Histograms as outlines over each other, each in shares of its own whole.

    Args:
        items: On the same edges.
        description: What a screen reader says.
        x_title: Name of the horizontal axis.
        as_share: Whether the values themselves are shares, shown in per cent.
    """
    import altair as alt

    rows = []
    for item in items:
        edges, shares = item.histogram.edges, item.histogram.shares
        # A step is drawn from each edge to the next, so the last height stands at the last edge too.
        for edge, share in zip(edges, [*shares, shares[-1]], strict=True):
            rows.append({"name": item.name, "x": edge, "y": share})
    last = max((item.histogram.edges[-1] for item in items), default=1.0)
    scale = alt.Scale(domain=[0, last], nice=False)
    x_axis = alt.Axis(tickCount=6, format="%" if as_share else "~s", title=x_title, grid=False)
    y_axis = alt.Axis(tickCount=4, format="%", title=None, domain=False, ticks=False)
    x = alt.X("x:Q", scale=scale, axis=x_axis)
    y = alt.Y("y:Q", axis=y_axis, stack=None)
    colour = alt.Color("name:N", scale=tones([(item.name, item.tone) for item in items]), legend=None)
    chart = alt.Chart(alt.InlineData(values=rows))
    area = chart.mark_area(interpolate="step-after", opacity=0.14).encode(x=x, y=y, color=colour)
    line = chart.mark_line(interpolate="step-after", strokeWidth=2.2).encode(x=x, y=y, color=colour)
    return svg((area + line).properties(width=_WIDTH, height=180), description, room=_SPREAD_ROOM)


def shares(items: Sequence[Share], description: str, tone: str) -> str:
    """Horizontal bars from 0 to 1, each with its name before and its words behind it; as wide as the page."""
    import altair as alt

    # Two bars may have one name: the number in front, which the label does not show, keeps them apart.
    rows = [
        {"name": f"{number}\t{_cut(item.name)}", "value": item.value, "words": item.words}
        for number, item in enumerate(items)
    ]
    label = alt.Axis(
        labelLimit=322, ticks=False, domain=False, labelPadding=8, labelExpr="split(datum.value, '\\t')[1]"
    )
    y = alt.Y("name:N", sort=None, title=None, axis=label)
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", title=None, ticks=False, domain=False)
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    chart = alt.Chart(alt.InlineData(values=rows))
    bar = chart.mark_bar(size=12, cornerRadiusEnd=3, color=f"var(--{tone})").encode(x=x, y=y)
    text = chart.mark_text(align="left", dx=6, color="var(--muted)", fontSize=12).encode(x=x, y=y, text="words:N")
    return svg((bar + text).properties(width=440, height=22 * len(items)), description, room=_SHARE_ROOM)


def _cut(text: str) -> str:
    return text if len(text) <= _LABEL_CHARS else text[: _LABEL_CHARS - 1].rstrip() + "…"
