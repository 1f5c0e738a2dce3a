"""CSV files that people open in a spreadsheet, fill in and send back.

Knows cells. A cell that a spreadsheet would run as a formula is written with a `'` before it, and read back without.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jargonaut.artifacts import atomic_write, legible

LONGEST_CELL = 32_000
"""Characters; a spreadsheet cuts a cell at 32,767."""

_FORMULA = "=+-@＝＋－＠"
"""What a formula begins with; some spreadsheets take the wide forms, too."""
_PASSED_OVER = "' \t\r\n"


def write_spreadsheet(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Writes a CSV atomically, UTF-8 with the mark by which spreadsheets know it; returns how many rows.

    Args:
        path: The file.
        columns: Names, in order.
        rows: Column → text; a missing one is empty.
    """
    count = 0
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([inert(legible(row.get(column, "")).replace("\0", "")) for column in columns])
            count += 1
    return count


def inert(text: str) -> str:
    """A cell's text as no spreadsheet runs it; `as_written` is the way back."""
    return f"'{text}" if _runs(text) else text


def as_written(cell: str) -> str:
    """The text of a cell that `inert` made; other texts are themselves."""
    return cell[1:] if cell.startswith("'") and _runs(cell[1:]) else cell


def _runs(text: str) -> bool:
    return text.lstrip(_PASSED_OVER)[:1] in _FORMULA if text.strip(_PASSED_OVER) else False
