"""The picture of a set of pairs: one HTML file without script or network, light and dark, paper and phone.

Knows which figures stand where; words and look are in `page.html.j2`, which escapes everything that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.pairs.statistics import charts
from jargonaut.pairs.statistics.distributions import Distribution, Histogram
from jargonaut.pairs.statistics.notices import shown
from jargonaut.pairs.statistics.summary import PairStatistics
from jargonaut.pictures import template

if TYPE_CHECKING:
    from jinja2 import Template

_TONES = {
    "label": "tuned", "click": "hybrid-tuned", "recent-click": "hybrid-base", "llm": "bm25", "structure": "base",
    "train": "tuned", "dev": "bm25", "test": "hybrid-tuned",
}  # fmt: skip
_OTHERS = ("tuned", "bm25", "hybrid-tuned", "base", "hybrid-base")
_COVERED = 0.5
_LEAST_COVERED = 5
_OVERLAP_EDGES = tuple(number / 10 for number in range(11))


def to_html(statistics: PairStatistics, title: str = "Pairs") -> str:
    """The figures as one HTML document that needs nothing else.

    Args:
        statistics: What was measured.
        title: What the reader calls the set.
    """
    return (
        _template()
        .render(
            title=title,
            it=statistics,
            made=_made(statistics),
            copied=_copied(statistics),
            long=_long(statistics),
            topics=_topics(statistics),
            least=[topic for topic in statistics.coverage.topics.all if topic.share < _COVERED][:_LEAST_COVERED],
            gap=_gap(statistics),
        )
        .lstrip()
    )


@cache
def _template() -> Template:
    return template(
        Path(__file__).with_name("page.html.j2"),
        {
            "count": lambda value: f"{value:,}", "percent": lambda value: f"{value:.0%}",
            "shown": lambda text: shown(text, 160),
        },
    )  # fmt: skip


def _made(it: PairStatistics) -> dict[str, Any] | None:
    """Positives by source, coloured by part."""
    cells = it.counts.positives_by_source_and_split
    parts = list(it.counts.by_split)
    tone = {part: _tone(part, number) for number, part in enumerate(parts)}
    pieces = [
        charts.Piece(source, part, split.get(part, 0), tone[part]) for source, split in cells.items() for part in parts
    ]
    if not any(piece.value for piece in pieces):
        return None
    told = "; ".join(f"{p.bar} in {p.kind}: {p.value:,}" for p in pieces if p.value)
    return {"svg": charts.stacked(pieces, f"Positives by source and part. {told}"), "legend": list(tone.items())}


def _copied(it: PairStatistics) -> dict[str, Any] | None:
    measured = {source: one.overlap for source, one in it.overlap.items() if one.overlap.pairs}
    items = [
        charts.Spread(source, Histogram(_OVERLAP_EDGES, one.histogram), _tone(source, number))
        for number, (source, one) in enumerate(measured.items())
    ]
    told = "; ".join(f"{source}: mean {one.mean:.0%}" for source, one in measured.items())
    return _spreads(items, f"Share of a query's words that its positive holds. {told}", "words copied", as_share=True)


def _long(it: PairStatistics) -> dict[str, Any] | None:
    items = [
        charts.Spread(source, one.histogram, _tone(source, number))
        for number, (source, one) in enumerate(it.lengths.queries.items())
        if one.measured
    ]
    told = "; ".join(f"{source}: median {one.median:.0f} words" for source, one in it.lengths.queries.items())
    return _spreads(items, f"Length of queries. {told}", "words")


def _topics(it: PairStatistics) -> str:
    if not it.coverage.topics.all:
        return ""
    items = [
        charts.Share(shown(topic.name), topic.share, f"{topic.share:.0%} of {topic.passages:,}")
        for topic in it.coverage.topics.all
    ]
    least = it.coverage.topics.all[0]
    told = f"Share of each topic's passages with a pair. Least: {shown(least.name)}, {least.share:.0%}"
    return charts.shares(items, told, "tuned")


def _gap(it: PairStatistics) -> list[tuple[str, dict[str, Any]]]:
    """Lengths and overlaps of generated and real queries over each other."""
    if it.gap is None or it.gap.classifier is None:
        return []
    drawn = []
    pairs = (
        ("Length", "words", it.gap.generated.length, it.gap.real.length),
        ("Words copied from the positive", "words copied", it.gap.generated.overlap, it.gap.real.overlap),
    )
    for name, x_title, made, real in pairs:
        if not made.measured or not real.measured:
            continue
        items = [charts.Spread("generated", made.histogram, "bm25"), charts.Spread("real", real.histogram, "tuned")]
        told = f"{name}. Generated: {_told(made)}; real: {_told(real)}"
        chart = _spreads(items, told, x_title, as_share=x_title == "words copied")
        if chart is not None:
            drawn.append((name, chart))
    return drawn


def _told(spread: Distribution) -> str:
    return f"mean {spread.mean:.2g}, median {spread.median:.2g}"


def _spreads(
    items: Sequence[charts.Spread], told: str, x_title: str, *, as_share: bool = False
) -> dict[str, Any] | None:
    if not items:
        return None
    svg = charts.spreads(items, told, x_title=x_title, as_share=as_share)
    return {"svg": svg, "legend": [(item.name, item.tone) for item in items]}


def _tone(name: str, number: int) -> str:
    return _TONES.get(name, _OTHERS[number % len(_OTHERS)])
