"""A comparison of runs made anywhere: as a table for a terminal, as JSON, as Markdown and as a page.

Knows columns and words; how runs are scored, its neighbour `outside` knows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import plain
from jargonaut.evaluation import charts
from jargonaut.evaluation.measures import HEADLINE
from jargonaut.evaluation.outside import JudgedRun, RunComparison
from jargonaut.evaluation.report_page import page_template
from jargonaut.evaluation.wording import markdown, markdown_table, p_value, percent, three

if TYPE_CHECKING:
    from jinja2 import Template

SCHEMA = 1
_WIDTH = 100


def runs_text(found: RunComparison) -> str:
    """The comparison as plain text of at most 100 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("run", overflow="fold", max_width=30)
    for name in (*HEADLINE, "judged@10"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("nDCG@10 against the first", no_wrap=True)
    for one in found.runs:
        figures = [three(one.scores.mean(name)) for name in HEADLINE]
        table.add_row(*(Text(cell) for cell in (one.name, *figures, percent(one.judged), _difference(found, one))))
    stream = io.StringIO()
    Console(file=stream, width=_WIDTH, color_system=None, force_terminal=False, emoji=False).print(table)
    lines = [line.rstrip() for line in stream.getvalue().rstrip().splitlines()]
    return "\n".join([*lines, *_sentences(found)])


def runs_json(found: RunComparison) -> dict[str, Any]:
    """The comparison as what `json.dumps` takes."""
    return {
        "schema": SCHEMA,
        "queries": found.queries,
        "groups": found.groups,
        "confidence": found.confidence,
        "baseline": found.runs[0].name,
        "runs": [
            {
                "name": one.name, "answered": one.answered, "judged@10": one.judged, "metrics": one.scores.means,
                "intervals": {
                    metric: {"mean": bar.difference, "low": bar.low, "high": bar.high}
                    for metric, bar in one.intervals.items()
                },
            }
            for one in found.runs
        ],
        "comparisons": plain(list(found.comparisons)),
        "notices": list(found.notices),
    }  # fmt: skip


def runs_markdown(found: RunComparison, title: str) -> str:
    """The comparison for a pull request."""
    rows = [
        [
            markdown(one.name), *(three(one.scores.mean(name)) for name in HEADLINE), percent(one.judged),
            _difference(found, one).replace("<", "&lt;"),
        ]
        for one in found.runs
    ]  # fmt: skip
    lines = [f"## {markdown(title)}", "", *(f"> {markdown(notice)}" for notice in found.notices)]
    lines += [""] * bool(found.notices)
    lines += markdown_table(["run", *HEADLINE, "judged@10", "nDCG@10 against the first"], rows)
    return "\n".join([*lines, *(f"{line}." for line in _sentences(found)), ""])


def runs_html(found: RunComparison, title: str) -> str:
    """The comparison as one HTML document that needs nothing else."""
    tones = ["base", *("tuned" for _ in found.runs[1:])]
    drawn = []
    for metric in ("nDCG@10", "recall@10"):
        items = [
            charts.Bar(one.name, one.intervals[metric].difference, one.intervals[metric].low,
                       one.intervals[metric].high, tone)
            for one, tone in zip(found.runs, tones, strict=True)
        ]  # fmt: skip
        told = ", ".join(f"{bar.label} {bar.value:.3f}" for bar in items)
        drawn.append((metric, charts.bars(items, f"{metric}: {told}")))
    return _page().render(found=found, title=title, charts=drawn, headline=HEADLINE).lstrip()


@cache
def _page() -> Template:
    return page_template("runs.html.j2")


def _difference(found: RunComparison, one: JudgedRun) -> str:
    comparison = found.of(one.name)
    if comparison is None:
        return ""
    return f"{comparison.words}, p {p_value(comparison.p_holm)}" if comparison.excludes_zero else comparison.words


def _sentences(found: RunComparison) -> Iterator[str]:
    yield f"{found.queries:,} queries in {found.groups:,} independent groups"
    yield f"intervals {percent(found.confidence)}, paired bootstrap over the groups; p: randomisation test, Holm"
    for one in found.runs[1:]:
        rest = (found.of(one.name, metric) for metric in HEADLINE[1:])
        told = "; ".join(f"{c.metric} {c.words}" for c in rest if c is not None)
        yield f"{one.name}: {told}"
