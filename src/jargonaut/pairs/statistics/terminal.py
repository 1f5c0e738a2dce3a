"""The figures of a set of pairs as lines for a terminal, at most 100 columns wide.

Knows how to lay them out as plain text; a user's words are cut and stripped of control characters.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import set_cell_size

from jargonaut.pairs.statistics.counts import Count
from jargonaut.pairs.statistics.gap import Gap
from jargonaut.pairs.statistics.notices import shown
from jargonaut.pairs.statistics.two_samples import WordShift

if TYPE_CHECKING:
    from jargonaut.pairs.statistics.summary import PairStatistics

WIDTH = 100
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR = 20


def terminal_lines(found: PairStatistics) -> tuple[str, ...]:
    """Every section with a blank line between them, notices last."""
    sections = [list(section(found)) for section in (
        _sizes, _lengths, _overlap, _duplicates, _coverage, _gap, _removed, _notices
    )]  # fmt: skip
    lines: list[str] = []
    for section in sections:
        if section:
            lines += [*([""] if lines else []), *section]
    return tuple(lines)


def _sizes(found: PairStatistics) -> Iterator[str]:
    counts = found.counts
    parts = list(counts.by_split)
    yield f"{'PAIRS':<24}{'queries':>10}{'positives':>11}{'negatives':>11}" + "".join(
        " " + _cell(part, 10, right=True) for part in parts[:3]
    )
    for name, is_part, count in counts.rows:
        split = {} if is_part else counts.positives_by_source_and_split[name]
        yield _row(f"  {name}" if is_part else name, count, [split.get(part, 0) for part in parts[:3]] if split else [])
    yield _row("all", counts.total, [counts.by_split[part].positives for part in parts[:3]])
    per_query = ", ".join(f"{name}: {n:,}" for name, n in counts.positives_per_query.items() if n)
    if per_query:
        yield f"positives per query   {per_query}"
    if set(counts.grades) - {"0", "1"}:
        yield f"grades                {', '.join(f'{grade}: {n:,}' for grade, n in counts.grades.items())}"


def _row(name: str, count: Count, parts: Sequence[int]) -> str:
    numbers = f"{count.queries:>10,}{count.positives:>11,}{count.negatives:>11,}"
    indent = "  " if name.startswith(" ") else ""
    return f"{indent}{_cell(name, 24 - len(indent))}{numbers}" + "".join(f"{number:>11,}" for number in parts)


def _lengths(found: PairStatistics) -> Iterator[str]:
    if not found.lengths.queries:
        return
    yield f"{'LENGTH IN WORDS':<21}{'5%':>6}{'25%':>6}{'median':>8}{'75%':>6}{'95%':>6}  histogram"
    rows = [(f"queries, {source}", spread) for source, spread in found.lengths.queries.items()]
    for name, spread in [*rows, ("positives", found.lengths.positives)]:
        if spread.measured:
            figures = (spread.low, spread.quarter, spread.median, spread.three_quarters, spread.high)
            cells = "".join(f"{value:>{width}.0f}" for value, width in zip(figures, (6, 6, 8, 6, 6), strict=True))
            edges = spread.histogram.edges
            yield (
                f"{_cell(name, 21)}{cells}  {edges[0]:.0f} {_blocks(spread.histogram.counts)} {edges[-1]:.0f}"
                f"{_sample(spread.measured, spread.of)}"
            )


def _overlap(found: PairStatistics) -> Iterator[str]:
    if not found.overlap:
        return
    yield f"{'WORDS COPIED':<24}{'mean':>6}{'median':>8}{'≥ 80%':>8}  histogram"
    for source, measured in found.overlap.items():
        its = measured.overlap
        if its.pairs:
            cells = f"{its.mean:>6.0%}{its.median:>8.0%}{its.high_share:>8.0%}"
            yield f"{source:<24}{cells}  0 {_blocks(its.histogram)} 1{_sample(its.pairs, measured.of)}"


def _duplicates(found: PairStatistics) -> Iterator[str]:
    twice = found.duplicates
    if not found.counts.total.positives:
        return
    yield "REPEATS"
    yield (
        f"pairs there twice {twice.repeated_pairs:,} · same words under another id {twice.same_words:,} · "
        f"nearly repeated queries {twice.near_queries:,}"
    )
    yield (
        f"queries in several parts {twice.in_several_parts:,} (nearly: {twice.near_in_several_parts:,}) · "
        f"crowded passages {twice.crowded_passages:,}"
    )
    for one, other in twice.near_examples[:1]:
        yield f'  such as "{_cell(one, 40).rstrip()}" and "{_cell(other, 40).rstrip()}"'


def _coverage(found: PairStatistics) -> Iterator[str]:
    coverage = found.coverage
    if not coverage.passages:
        return
    yield f"{'COVERAGE':<24}{'passages':>20}{'documents':>22}"
    for name, its in [*coverage.by_split.items(), ("all", coverage.overall)]:
        passages = f"{its.passages:,} ({its.passages / coverage.passages:.0%})"
        documents = f"{its.documents:,} ({its.documents / coverage.documents:.0%})"
        yield f"{_cell(name, 24)}{passages:>20}{documents:>22}"
    yield f"{'the corpus':<24}{coverage.passages:>20,}{coverage.documents:>22,}"
    topics = coverage.topics
    if topics.all:
        sample = _sample(topics.measured, topics.of)
        name = "least covered" if topics.all[0].share < 1 else "every passage is covered in each"
        yield f"{name} of {len(topics.all)} topics, by {topics.based_on}{sample}"
        for topic in [topic for topic in topics.all if topic.covered < topic.passages][:5]:
            bar = "█" * round(topic.share * _BAR)
            yield f"  {topic.share:>4.0%} {bar:░<{_BAR}} {_cell(topic.name, 46)} {topic.passages:>7,} passages"


def _gap(found: PairStatistics) -> Iterator[str]:
    gap = found.gap
    if gap is None:
        return
    yield "GENERATED AND REAL QUERIES"
    yield from textwrap.wrap(gap.sentence, WIDTH)
    if gap.classifier is None:
        return
    yield f"{'':<24}{'generated':>11}{'real':>11}  apart"
    made, real = gap.generated, gap.real
    words = f"{gap.length.wasserstein:.1f} words, KS {gap.length.ks:.2f}"
    copied = f"{gap.overlap.wasserstein:.2f}, KS {gap.overlap.ks:.2f}"
    yield f"{'words (median)':<24}{made.length.median:>11.0f}{real.length.median:>11.0f}  {words}"
    yield f"{'words copied (mean)':<24}{made.overlap.mean:>11.0%}{real.overlap.mean:>11.0%}  {copied}"
    yield f"{'end in ?':<24}{made.question_marks:>11.0%}{real.question_marks:>11.0%}"
    yield f"{'begin with what, how …':<24}{made.question_words:>11.0%}{real.question_words:>11.0%}"
    yield f"{'vocabulary':<24}{'':>22}  {gap.vocabulary:.2f} of 1 ({gap.vocabulary_by_chance:.2f} by chance)"
    yield from _word_lists(gap)
    yield f"compared: {made.compared:,} of each" + (", about the same documents" if gap.same_documents else "")


def _word_lists(gap: Gap) -> Iterator[str]:
    for name, shifts in (("more generated", gap.more_generated), ("more real", gap.more_real)):
        if shifts:
            yield f"{name:<24}{_cell(_listed(shifts), WIDTH - 24).rstrip()}"


def _listed(shifts: Sequence[WordShift]) -> str:
    return ", ".join(shift.word for shift in shifts)


def _removed(found: PairStatistics) -> Iterator[str]:
    if not found.removed:
        return
    yield f"{'LEFT OUT':<24}{'pairs':>10}  such as"
    for removal in found.removed:
        first = removal.examples[0] if removal.examples else None
        detail = f" ({shown(first.detail, 24)})" if first and first.detail else ""
        example = f'"{_cell(first.query, 60 - len(detail)).rstrip()}"{detail}' if first else ""
        yield f"{_cell(removal.rule, 24)}{removal.pairs:>10,}  {example}"


def _notices(found: PairStatistics) -> Iterator[str]:
    if found.notices:
        yield "LOOK AT"
    for notice in found.notices:
        yield from textwrap.wrap(shown(notice, 2000), WIDTH, initial_indent="! ", subsequent_indent="  ")


def _cell(text: str, width: int, *, right: bool = False) -> str:
    """A user's text in exactly so many columns, of which wide letters take two."""
    fitted = set_cell_size(shown(text, width), width)
    return " " * (len(fitted) - len(fitted.rstrip())) + fitted.rstrip() if right else fitted


def _blocks(counts: Sequence[int]) -> str:
    """A histogram one line high; a bin that holds anything shows something."""
    most = max(counts, default=0)
    return "".join(_BLOCKS[-(-count * (len(_BLOCKS) - 1) // most)] if most else " " for count in counts)


def _sample(measured: int, of: int) -> str:
    return f"  ({measured:,} of {of:,})" if measured < of else ""
