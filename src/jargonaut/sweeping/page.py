"""The picture of a sweep: one HTML file without script or network, light and dark, paper and phone.

Knows which figures stand where; the words are in `page.html.j2`, which escapes everything that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.pictures import svg, template, tones
from jargonaut.sweeping.outcome import SweepResult, TrialResult
from jargonaut.sweeping.space import LOGARITHMIC, SWEPT, fragment

if TYPE_CHECKING:
    from jinja2 import Template

_ROOM: Mapping[str, int] = {"left": 48, "top": 8, "right": 18, "bottom": 46}
_BAR_ROOM: Mapping[str, int] = {"left": 128, "top": 6, "right": 48, "bottom": 26}
_KINDS = {"complete": "tuned", "forgets too much": "bad", "pruned": "bm25"}
"""What a point is → its tone."""


def to_html(found: SweepResult) -> str:
    """The sweep as one HTML document that needs nothing else."""
    best = found.best
    return (
        _template()
        .render(
            found=found,
            best=best,
            today=next((trial for trial in found.trials if trial.number == found.today), None),
            states={kind: sum(t.state == kind for t in found.trials) for kind in ("complete", "pruned", "failed")},
            fragment=fragment(best.values) if best else "",
            history=_history(found),
            slices=_slices(found.trials),
            importance=_importance(found.importance),
            legend=_KINDS,
            swept=[name for name in SWEPT if any(name in trial.values for trial in found.trials)],
        )
        .lstrip()
    )


@cache
def _template() -> Template:
    return template(
        Path(__file__).with_name("page.html.j2"),
        {
            "four": lambda value: "–" if value is None else f"{value:.4f}",
            "short": lambda name: str(name).partition(".")[2].replace("_", " "),
            "amount": lambda value: f"{value:g}" if isinstance(value, int | float) else str(value),
        },
    )


def _rows(trials: Sequence[TrialResult]) -> list[dict[str, Any]]:
    return [
        {"trial": trial.number, "dev": trial.dev, "kind": _kind(trial), **_flat(trial.values)}
        for trial in trials
        if trial.dev is not None
    ]


def _kind(trial: TrialResult) -> str:
    if trial.state == "pruned":
        return "pruned"
    return "complete" if trial.within_limit else "forgets too much"


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A dot in a name means something to the charts."""
    return {name.replace(".", "_"): value for name, value in values.items()}


def _points(alt: Any, rows: list[dict[str, Any]], x: Any) -> Any:
    """A point for every trial."""
    y = alt.Y("dev:Q", scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(tickCount=5, title=None, domain=False))
    colour = alt.Color("kind:N", scale=tones(list(_KINDS.items())), legend=None)
    return alt.Chart(alt.InlineData(values=rows)).mark_point(size=60, filled=True, opacity=0.85).encode(
        x=x, y=y, color=colour
    )  # fmt: skip


def _history(found: SweepResult) -> str:
    """Dev score of every trial, with the best so far as a line."""
    import altair as alt

    rows = _rows(found.trials)
    if not rows:
        return ""
    x = alt.X(
        "trial:Q", axis=alt.Axis(title="trial", format="d", tickMinStep=1, grid=False), scale=alt.Scale(nice=False)
    )
    so_far: list[dict[str, Any]] = []
    for row in rows:
        if row["kind"] == "complete":
            so_far.append({"trial": row["trial"], "dev": max([row["dev"], *(one["dev"] for one in so_far)])})
    line = alt.Chart(alt.InlineData(values=so_far)).mark_line(
        color="var(--tuned)", interpolate="step-after", strokeWidth=2, opacity=0.6
    ).encode(x=x, y=alt.Y("dev:Q", scale=alt.Scale(zero=False, padding=10)))  # fmt: skip
    told = "; ".join(f"trial {row['trial']} {row['kind']}: {row['dev']:.4f}" for row in rows)
    points = _points(alt, rows, x)
    chart = alt.layer(line, points) if so_far else alt.layer(points)
    return svg(chart.properties(width=320, height=190), f"nDCG@10 on dev by trial. {told}", room=_ROOM)


def _slices(trials: Sequence[TrialResult]) -> list[tuple[str, str]]:
    """Dev score against each setting that varied."""
    import altair as alt

    rows, drawn = _rows(trials), []
    for name in SWEPT:
        field = name.replace(".", "_")
        ticks = sorted({row[field] for row in rows if field in row})
        if len(ticks) < 2:
            continue
        if name in LOGARITHMIC:
            scale = alt.Scale(type="log", domain=[ticks[0] / 1.15, ticks[-1] * 1.15], nice=False)
            axis = alt.Axis(title=None, grid=False, tickCount=4, format="~e" if ticks[-1] < 0.01 else "~g")
        else:
            scale = alt.Scale(zero=False, padding=14, nice=False)
            axis = alt.Axis(title=None, grid=False, values=ticks, format="d")
        chart = _points(alt, rows, alt.X(f"{field}:Q", scale=scale, axis=axis))
        told = "; ".join(f"{row[field]:g}: {row['dev']:.4f}" for row in rows)
        drawn.append(
            (name, svg(chart.properties(width=320, height=150), f"nDCG@10 on dev by {name}. {told}", room=_ROOM))
        )
    return drawn


def _importance(shares: Mapping[str, float]) -> str:
    """Bars of how much each setting explains."""
    import altair as alt

    if not shares:
        return ""
    rows = [{"name": name, "share": share, "text": f"{share:.0%}"} for name, share in shares.items()]
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=120, ticks=False, domain=False, labelPadding=8))
    x = alt.X("share:Q", axis=alt.Axis(title=None, format="%", tickCount=4, domain=False, ticks=False))
    chart = alt.Chart(alt.InlineData(values=rows))
    bar = chart.mark_bar(size=16, cornerRadiusEnd=3, color="var(--tuned)").encode(x=x, y=y)
    text = chart.mark_text(align="left", dx=5, color="var(--ink)", fontSize=12).encode(x=x, y=y, text="text:N")
    told = "; ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return svg(alt.layer(bar, text).properties(width=190, height=28 * len(rows)), told, room=_BAR_ROOM)
