"""What an index of so many passages would take: hours, bytes and dollars, by dimension and number format.

Arithmetic on measured or assumed rates; every assumption is a setting and is printed with the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jargonaut.errors import InputError, require_limits
from jargonaut.index.store import Quantisation

BITS: dict[Quantisation, int] = {"float32": 32, "float16": 16, "int8": 8, "binary": 1}
"""Bits for each component of a vector."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What `jargonaut index plan` assumes where nothing was measured, and what things cost.

    Attributes:
        passages_per_second: How fast one machine embeds; used only where this workspace has measured nothing.
        writes_per_second: How fast a store takes vectors that are there already.
        text_bytes: Bytes of a passage's words, ids and headings on disk; used only where nothing was measured.
        machine_dollars: For an hour of the machine that embeds.
        memory_dollars: For a gigabyte of memory and month; vectors that are searched quickly lie in memory.
        disk_dollars: For a gigabyte of disk and month; the words and the vectors as they are lie on disk.
        neighbours: Links for each passage of an approximate index, 4 bytes each, in memory.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    passages_per_second: float = 300.0
    writes_per_second: float = 20_000.0
    text_bytes: float = 800.0
    machine_dollars: float = 0.5
    memory_dollars: float = 3.0
    disk_dollars: float = 0.1
    neighbours: int = 32

    def __post_init__(self) -> None:
        fields = ("machine_dollars", "memory_dollars", "disk_dollars", "text_bytes", "neighbours")
        require_limits(
            "plan",
            self,
            [
                ("passages_per_second", self.passages_per_second > 0, "above 0"),
                ("writes_per_second", self.writes_per_second > 0, "above 0"),
                *((name, getattr(self, name) >= 0, "0 or more") for name in fields),
            ],
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """One way to keep the vectors.

    Attributes:
        dimension: Of the vectors.
        quantisation: How they are compared.
        hours: To embed and write all passages once.
        memory_bytes: What a search wants in memory: the vectors in their format, and the links between them.
        disk_bytes: The words, and the vectors as they are.
        build_dollars: To embed them once.
        month_dollars: To keep them for a month.
    """

    dimension: int
    quantisation: Quantisation
    hours: float
    memory_bytes: float
    disk_bytes: float
    build_dollars: float
    month_dollars: float


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What an index would take.

    Attributes:
        passages: How many.
        rows: Each way to keep them, the longest vectors first.
        assumptions: What the figures rest on, one sentence each.
    """

    passages: int
    rows: tuple[Planned, ...]
    assumptions: tuple[str, ...]


def plan_index(
    passages: int,
    dimensions: Sequence[int],
    *,
    measured_rate: float | None = None,
    measured_bytes: float | None = None,
    options: PlanOptions | None = None,
) -> IndexPlan:
    """What an index of so many passages takes for each dimension and number format.

    Args:
        passages: How many.
        dimensions: Lengths of vectors; embedding takes as long for each.
        measured_rate: Passages a second that this workspace's model embedded here; None where nobody measured.
        measured_bytes: Bytes of this workspace's passages, on average.
        options: Assumptions and prices.

    Raises:
        InputError: There is no passage to plan for, or no dimension.
    """
    options = options or PlanOptions()
    if passages < 1:
        raise InputError(f"{passages} passages cannot be planned for", where="--passages", remedy="such as 50e6")
    if not dimensions or min(dimensions) < 1:
        raise InputError("a vector has at least one dimension", where="--dim")
    rate, size = measured_rate or options.passages_per_second, measured_bytes or options.text_bytes
    hours = passages * (1 / rate + 1 / options.writes_per_second) / 3600
    rows = tuple(_rows(passages, sorted(set(dimensions), reverse=True), hours, size, options))
    return IndexPlan(passages, rows, tuple(_assumptions(measured_rate, rate, measured_bytes, size, options)))


def _rows(
    passages: int, dimensions: Sequence[int], hours: float, size: float, options: PlanOptions
) -> Iterator[Planned]:
    for dimension in dimensions:
        for quantisation, bits in BITS.items():
            memory = passages * (dimension * bits / 8 + 4 * options.neighbours)
            disk = passages * (4 * dimension + size)
            month = memory / 1e9 * options.memory_dollars + disk / 1e9 * options.disk_dollars
            yield Planned(dimension, quantisation, hours, memory, disk, hours * options.machine_dollars, month)


def _assumptions(
    measured_rate: float | None, rate: float, measured_bytes: float | None, size: float, options: PlanOptions
) -> Iterator[str]:
    how = "measured in this workspace" if measured_rate else "assumed: [plan] passages_per_second"
    yield f"{rate:,.0f} passages/s are embedded on one machine ({how}); two machines take half the hours"
    yield f"{options.writes_per_second:,.0f} vectors/s are written ([plan] writes_per_second)"
    how = "measured in this workspace" if measured_bytes else "assumed: [plan] text_bytes"
    yield f"{size:,.0f} bytes of words and ids for each passage ({how})"
    yield f"in memory: vectors in their format and {options.neighbours} links of 4 bytes ([plan] neighbours)"
    yield (
        f"${options.machine_dollars:g} for an hour of the machine, ${options.memory_dollars:g} for a GB of memory and "
        f"${options.disk_dollars:g} for a GB of disk and month ([plan])"
    )
