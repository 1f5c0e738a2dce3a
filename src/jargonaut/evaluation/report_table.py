"""The verdict table for a terminal or a log.

Knows how to lay out a report's systems in 100 columns; knows nothing of files.
"""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jargonaut.evaluation.comparison import Comparison, SystemResult
from jargonaut.evaluation.report import RunReport

WIDTH = 100
_COLUMNS = ("nDCG@10", "recall@10", "MRR@10", "recall@5")


def verdict_table(report: RunReport) -> Table:
    """One row per system, with its difference to the untuned system of the same dimension."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("system", overflow="fold", max_width=26)
    table.add_column("dim", justify="right", no_wrap=True)
    for metric in _COLUMNS:
        table.add_column(metric, justify="right", no_wrap=True)
    table.add_column("nDCG@10 against base, same dim", no_wrap=True)
    previous: tuple[bool, bool] | None = None
    for one in report.ordered_systems():
        section = (one.kind == "bm25", one.kind.startswith("hybrid"))
        if previous is not None and section != previous:
            table.add_section()
        previous = section
        comparison = report.against_base(one)
        table.add_row(*_cells(one), _difference(comparison), style="bold" if one.kind == "tuned" else None)
    return table


def table_text(report: RunReport) -> str:
    """The verdict table and what smaller tuned vectors are worth, as plain text without colour codes."""
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, force_terminal=False, emoji=False, highlight=False)
    console.print(verdict_table(report))
    lines = [line.rstrip() for line in stream.getvalue().rstrip().splitlines()]
    for ndcg, recall in zip(report.smaller_against_full(), report.smaller_against_full("recall@10"), strict=True):
        sizes = f"tuned {ndcg.candidate_dim}-d against base {ndcg.baseline_dim}-d"
        lines.append(f"{sizes}: nDCG@10 {ndcg.words}; recall@10 {recall.words}")
    lines.append(f"intervals: {report.confidence:.0%}, paired bootstrap over document groups")
    return "\n".join(lines)


def _cells(one: SystemResult) -> list[Text]:
    metrics = one.metrics
    dim = "" if one.dim is None else str(one.dim)
    return [Text(one.name), Text(dim), *(Text(f"{metrics[name]:.3f}") for name in _COLUMNS)]


def _difference(comparison: Comparison | None) -> Text:
    if comparison is None:
        return Text("")
    colour = "green" if comparison.is_gain else "red" if comparison.is_loss else "dim"
    return Text(comparison.words, style=colour)
