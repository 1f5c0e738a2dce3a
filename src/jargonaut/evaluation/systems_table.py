"""Every system on one line for a terminal or a log: quality, bytes, milliseconds, difference to its counterpart.

Knows how to lay out systems in 120 columns; knows nothing of files.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import get_args

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jargonaut.evaluation.comparison import COUNTERPART, Comparison, SystemResult, find, key, pareto_front, system
from jargonaut.evaluation.measures import JUDGED
from jargonaut.protocols import Precision

WIDTH = 120
_COLUMNS = ("nDCG@10", "recall@10", JUDGED)
_FORMATS = get_args(Precision)


def systems_table(systems: Sequence[SystemResult], comparisons: Sequence[Comparison], confidence: float) -> str:
    """All systems as plain text without colour codes, counterparts one below the other.

    Args:
        systems: The systems.
        comparisons: From `compare`.
        confidence: Probability mass of the intervals.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("system", overflow="fold", max_width=24)
    table.add_column("dim", justify="right", no_wrap=True)
    table.add_column("vectors", no_wrap=True)
    for title in ("bytes", "ms", *_COLUMNS):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("nDCG@10 against counterpart", no_wrap=True)
    front = {key(one) for one in pareto_front(systems)}
    previous = None
    for one in sorted(systems, key=_place):
        section = _place(one)[:2]
        if previous is not None and section != previous:
            table.add_section()
        previous = section
        table.add_row(*map(Text, _cells(one, on_front=key(one) in front)), Text(_difference(one, systems, comparisons)))
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, force_terminal=False, emoji=False, highlight=False)
    console.print(table)
    lines = [line.rstrip() for line in stream.getvalue().rstrip().splitlines()]
    lines += [
        "bytes: per passage; ms: one query on this machine, its encoding included; *: nothing as small is better",
        f"intervals: {confidence:.0%}, paired bootstrap over document groups; p: randomisation test, Holm for them all",
    ]
    return "\n".join(lines)


def _place(one: SystemResult) -> tuple[int, int, int, str]:
    """Words first, then dense search by number format and dimension, then what is built on it; the base first."""
    stage, _, role = one.kind.rpartition("-")
    if one.dim is None:
        return (0, 0, 0, "")
    return (("", "hybrid", "weighted", "reranked").index(stage) + 1, _FORMATS.index(one.precision), -one.dim, role)


def _cells(one: SystemResult, *, on_front: bool) -> list[str]:
    size = "" if one.storage is None else f"{one.storage:,.0f}{'*' if on_front else ' '}"
    latency = "" if one.latency is None else f"{one.latency:.1f}"
    vectors = "" if one.dim is None else one.precision.replace("binary+rescore", "bin+rescore")
    return [
        one.name.removesuffix(f" {one.precision}"), "" if one.dim is None else str(one.dim), vectors, size, latency,
        *(f"{one.scores.mean(metric):.3f}" for metric in _COLUMNS),
    ]  # fmt: skip


def _difference(one: SystemResult, systems: Sequence[SystemResult], comparisons: Sequence[Comparison]) -> str:
    counterpart = COUNTERPART.get(one.kind)
    if counterpart is None:
        return ""
    found = find(comparisons, system(systems, counterpart, one.dim, one.precision), one, "nDCG@10")
    if found is None:
        return ""
    return found.words if found.p_holm is None or not found.excludes_zero else f"{found.words}, p {_p(found.p_holm)}"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0")
