"""The ladder as a table for a terminal and as a page: quality against cost.

Knows columns, words and pictures; what is advised, its neighbour `ladder` knows.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from jargonaut.evaluation import charts
from jargonaut.evaluation.ladder import WORDS, Advice, Rung, RungKind
from jargonaut.evaluation.report_page import page_template
from jargonaut.evaluation.wording import duration, significant, three

if TYPE_CHECKING:
    from jinja2 import Template

_TONES: Mapping[RungKind, str] = {
    "bm25": "bm25", "base": "base", "hybrid": "hybrid-base", "encoder": "tuned", "adapter": "hybrid-tuned",
    "static": "good", "reranker": "even",
}  # fmt: skip
_LABEL = 20


def _minutes(one: Rung) -> float:
    return -1.0 if one.minutes is None else one.minutes  # below what costs nothing: not known


_COSTS: tuple[tuple[str, str, str, Callable[[Rung], float]], ...] = (
    ("Quality against time", "milliseconds per query", ".2~r", lambda one: one.milliseconds),
    ("Quality against memory", "bytes of index per passage", ",d", lambda one: one.bytes_per_passage),
    ("Quality against training", "minutes of training", ".2~r", _minutes),
)
"""Heading of a picture, name of its axis, how the axis is written, and what lies on it."""
_WIDTH = 120


def ladder_text(rungs: Sequence[Rung], advice: Advice) -> str:
    """Every rung, the best first, as plain text of at most 120 columns; the advised one is marked."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("rung", overflow="fold", min_width=12, max_width=26)
    table.add_column("what", no_wrap=True)
    for name in ("dim", "nDCG@10", "against the base", "ms/query", "GB/million", "training", "re-index"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in _ordered(rungs):
        mark = "→" if one.name == advice.rung else ""
        dim, score, _, *costs = _cells(one)
        against = "" if one.kind == "base" and one.against_base.difference == 0 else one.against_base.verdict_words
        table.add_row(*(Text(cell) for cell in (mark, one.name, one.kind, dim, score, against, *costs)))
    stream = io.StringIO()
    Console(file=stream, width=_WIDTH, color_system=None, force_terminal=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())


def ladder_html(
    rungs: Sequence[Rung], advice: Advice, *, title: str, source: str, queries: int, passages: int,
    confidence: float, notices: Sequence[str], machine: str,
) -> str:  # fmt: skip
    """The ladder as one HTML document that needs nothing else.

    Args:
        rungs: All of them.
        advice: Which to take.
        title: Of the page.
        source: What they were tested on.
        queries: How many were asked.
        passages: How many were searched.
        confidence: Probability mass of the intervals.
        notices: What a reader must know before trusting the numbers.
        machine: Where the times were measured.
    """
    ordered = _ordered(rungs)
    return _page().render(
        rungs=[(one, _cells(one)) for one in ordered], advice=advice, title=title,
        source=source, queries=queries, passages=passages, confidence=confidence, notices=notices, machine=machine,
        words=WORDS, kinds={one.kind: _TONES[one.kind] for one in ordered}, tones=_TONES, bars=_bars(ordered),
        costs=_costs(ordered),
    ).lstrip()  # fmt: skip


@cache
def _page() -> Template:
    return page_template("ladder.html.j2")


def _ordered(rungs: Sequence[Rung]) -> list[Rung]:
    return sorted(rungs, key=lambda one: (-one.score.difference, one.cost))


def _cells(one: Rung) -> list[str]:
    """Everything but its name and kind."""
    spent = "–" if one.minutes is None else duration(60 * one.minutes) if one.minutes else "none"
    return [
        "" if one.dim is None else str(one.dim), three(one.score.difference),
        f"{three(one.score.low)} to {three(one.score.high)}", significant(one.milliseconds),
        significant(one.bytes_per_passage / 1000), spent, "yes" if one.reindex else "no",
    ]  # fmt: skip


def _bars(rungs: Sequence[Rung]) -> str:
    items = [
        charts.Bar(_short(one.name), one.score.difference, one.score.low, one.score.high, _TONES[one.kind])
        for one in rungs
    ]
    told = ", ".join(f"{bar.label} {bar.value:.3f}" for bar in items)
    return charts.bars(items, f"nDCG@10: {told}")


def _costs(rungs: Sequence[Rung]) -> list[tuple[str, str]]:
    """Quality against time, bytes and training, where these differ; square where all passages are embedded anew."""
    drawn = []
    for heading, axis, form, of in _COSTS:
        shown = [one for one in rungs if of(one) > 0]
        if len({of(one) for one in shown}) < 2:
            continue
        # What costs nothing has no place on a logarithmic axis, but may beat what is drawn.
        front = _front([one for one in rungs if of(one) >= 0], of)
        marks = [
            charts.Mark(of(one), one.score.difference, one.score.low, one.score.high, _TONES[one.kind],
                        _short(one.name) if one.name in front else "", one.reindex)
            for one in shown
        ]  # fmt: skip
        told = "; ".join(f"{one.name} {one.score.difference:.3f} at {significant(of(one))}" for one in shown)
        drawn.append((heading, charts.cost(marks, f"nDCG@10 against {axis}: {told}", x_title=axis, x_format=form)))
    return drawn


def _front(rungs: Sequence[Rung], of: Callable[[Rung], float]) -> set[str]:
    """Names of those that nothing beats in both."""
    front: set[str] = set()
    best = -1.0
    for one in sorted(rungs, key=lambda one: (of(one), -one.score.difference)):
        if one.score.difference > best:
            front.add(one.name)
            best = one.score.difference
    return front


def _short(name: str) -> str:
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1].rstrip()}…"
