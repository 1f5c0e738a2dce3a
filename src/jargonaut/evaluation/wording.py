"""How figures and the user's own words are written for a reader: in a page, in Markdown, in a log.

Knows signs, units and what must be escaped; knows nothing of what is told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

_TEXT_LIMIT = 4_000  # characters of a passage that are shown
_SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")  # what Markdown or a table in it would take for its own


_MENTION = re.compile(r"(?<!\w)@")


def amount(value: object) -> str:
    """A count, share or word as a reader expects it."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        shown = f"{value:,.3f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    if isinstance(value, Mapping):
        return ", ".join(f"{words(key)} {amount(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(amount, value))
    return str(value)


def three(value: float) -> str:
    """A score with three decimals."""
    return f"{value:.3f}"


def significant(value: float) -> str:
    """A time or an amount with three significant digits, such as "0.618", "67.5" or "1,400"."""
    return f"{float(f'{value:.3g}'):,.12g}"


def percent(value: float) -> str:
    """A share as a whole percentage, or with one decimal where it is no whole one, such as a confidence of 99.5 %."""
    return f"{100 * value:.1f}".removesuffix(".0") + "%"


def size(count: float | None) -> str:
    """Bytes as "96 B", "1.5 kB", "9.7 MB", "1.5 GB"."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def duration(seconds: float) -> str:
    """Seconds as "0.4 s", "48 s" or "6 min 12 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def p_value(value: float | None) -> str:
    """A p-value as papers write it."""
    if value is None:
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def sentence(text: str) -> str:
    """A finding as a sentence of its own."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def words(name: object) -> str:
    """A field's name as words."""
    return str(name).replace("_", " ")


def cut(text: str) -> str:
    """The beginning of a text that is too long for a page."""
    return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT].rstrip() + " …"


def markdown(text: object, limit: int = 300) -> str:
    """The user's own words on one line of Markdown: shown as they are, never as markup, a mention or a link."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[:limit].rstrip() + " …"
    line = _SPECIAL.sub(r"\\\1", html.escape(line, quote=False)).replace("://", "&#58;//")
    line = _MENTION.sub("&#64;", line)
    return re.sub(r"^([-+>]|\d+[.)])", r"\\\1", line)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Lines of a Markdown table, or none where there is no row.

    Args:
        header: Column names.
        rows: Cells, escaped already.
        left: Columns of words; the others are figures, and are aligned to the right.
    """
    if not rows:
        return []
    marks = ["---" if number in left else "---:" for number in range(len(header))]
    return [f"| {' | '.join(cells)} |" for cells in (header, marks, *rows)] + [""]
