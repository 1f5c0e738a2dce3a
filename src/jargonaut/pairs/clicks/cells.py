"""What stands in one cell of a click log: a click, a rank, an id, a list of ids. Times stand in `times`.

Knows notations. Which column a cell stands in, and what the log is for, is not its business. Every function raises a
ValueError that says what is wrong with the cell.
"""

from __future__ import annotations

import json
import math
from typing import Any

_YES = frozenset({"true", "t", "yes", "y", "on", "clicked", "click", "ja", "oui", "si", "sí", "sì", "sim"})
_NO = frozenset(
    {"", "false", "f", "no", "n", "off", "none", "null", "nan", "na", "n/a", "-", "nat", "nein", "non", "não"}
)
_NOTHING = frozenset({"", "null", "none", "nan", "nat"})
_LARGEST = 1e19
_MOST = 1e12


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and value.strip().casefold() in _NOTHING


def text(value: Any) -> str:
    """What somebody typed, white space tidied; `null` may be a query."""
    return identifier(value) or (" ".join(value.split()) if isinstance(value, str) else "")


def identifier(value: Any) -> str:
    """An id or an address as text; 12.0 is what a library made of 12."""
    if isinstance(value, str):  # nearly always
        stripped = value.strip()
        return "" if stripped.casefold() in _NOTHING else stripped
    if is_empty(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bool, list, dict)):
        raise ValueError(f"an id is wanted, this is {_shown(value)}")  # noqa: TRY004 - a fault of the data
    return str(value).strip()


def count(value: Any) -> int:
    """How many clicks a cell tells of: yes or no in any usual word, or a number. Nothing at all is none."""
    if value in ("0", "1"):  # nearly always
        return int(value)
    if isinstance(value, bool):
        return int(value)
    if is_empty(value):
        return 0
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _YES or word in _NO:
            return int(word in _YES)
    number = _number(value, "yes, no or a number of clicks")
    if not 0 <= number <= _MOST or not number.is_integer():
        raise ValueError(f"a number of clicks is wanted, this is {_shown(value)}")
    return int(number)


def rank(value: Any, *, rounded: bool = False) -> int:
    """The place at which a result was shown, as the log counts.

    Args:
        value: The cell.
        rounded: Whether a fraction may stand here, as an average over many pages does.
    """
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:  # nearly always
        return int(value)
    number = _number(value, "a rank")
    if number < 0 or (not rounded and not number.is_integer()):
        raise ValueError(f"a rank is a whole number from 0 or 1, this is {_shown(value)}")
    return round(number)


def listed(value: Any) -> list[Any]:
    """The items of a list, as JSON, as Python prints one, or divided by `|`, `;`, `,` or white space."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if is_empty(value):
        return []
    if not isinstance(value, str):
        return [value]
    whole = value.strip()
    if whole.startswith("["):
        try:
            items = json.loads(whole)
        except (ValueError, RecursionError):
            whole = whole.strip("[]")
        else:
            return list(items)
    return [cell for part in _divided(whole) if (cell := part.strip().strip("'\"").strip())]


def _divided(whole: str) -> list[str]:
    if "|" in whole:
        return whole.split("|")
    if "://" in whole and len(whole.split()) > 1:  # an address may hold commas
        return [part.rstrip(",;") for part in whole.split()]
    return whole.split(";") if ";" in whole else whole.split(",") if "," in whole else whole.split()


def _number(value: Any, wanted: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{wanted} is wanted, this is {_shown(value)}")
    return number


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
