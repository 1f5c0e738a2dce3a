"""Pages that need nothing else: Altair charts as inline SVG, and the templates and look that all pages share.

Charts are drawn when the page is built: no script, no network, and they print. Their colours are CSS variables of
`page.css`, so one drawing serves light and dark. Knows nothing of what a page or a chart is about.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt
    from jinja2 import Template

_FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"


def template(path: Path, filters: Mapping[str, Callable[..., Any]]) -> Template:
    """A page's template, which escapes everything that it is given and may include `page.css`.

    Args:
        path: The template; others of its folder may be included too.
        filters: What it calls by name.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(path.name)


def tones(pairs: Sequence[tuple[str, str]]) -> alt.Scale:
    """A scale of colours.

    Args:
        pairs: (what is coloured, the CSS variable of the page that colours it), in order.
    """
    import altair as alt

    found = dict(pairs)
    return alt.Scale(domain=list(found), range=[f"var(--{tone})" for tone in found.values()])


def svg(chart: alt.LayerChart | alt.Chart | alt.FacetChart, description: str, *, room: Mapping[str, int]) -> str:
    """The chart as an SVG element that scales with its container and names itself to a screen reader.

    Args:
        chart: Any chart of Altair's.
        description: What a screen reader says.
        room: Pixels around the axes (`left`, `top`, `right`, `bottom`). Fixed ones make neighbours equally large,
            whatever font the reader has.
    """
    styled = (
        chart.configure(font=_FONT, background="transparent", autosize="none", padding=dict(room))
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--muted)",
            titleColor="var(--muted)",
            gridColor="var(--line)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_axisY(labelColor="var(--ink)")
    )
    stream = io.StringIO()
    styled.save(stream, format="svg")
    label = re.sub(r'[<>&"]', " ", description)
    return re.sub(r"<svg ([^>]*)>", lambda m: _opening(m.group(1), label), stream.getvalue(), count=1)


def _opening(attributes: str, label: str) -> str:
    kept = re.sub(r'\s?(height|xmlns:xlink|version|role|aria-\w+)="[^"]*"', "", attributes)
    return f'<svg {kept} role="img" aria-label="{label}">'
