"""What stands in one cell of a click log: a click, a rank, a time, an id, a list of ids.

Knows notations. Which column a cell stands in, and what the log is for, is not its business. Every function raises a
ValueError that says what is wrong with the cell.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

DayOrder = Literal["day", "month", "unknown"]
"""What the first number of a date such as 03/04/2024 is."""

_YES = frozenset({"true", "t", "yes", "y", "on", "clicked", "click"})
_NO = frozenset({"", "false", "f", "no", "n", "off", "none", "null", "nan", "na", "n/a", "-", "nat"})
_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 1e11, 1e14, 1e17
"""From these numbers on an epoch is counted in smaller units; 1e11 seconds lie in the year 5138."""
_LARGEST = 1e19
_MOST = 1e12
_SLASHED = re.compile(r"^\s*(\d{1,2})/(\d{1,2})/\d{4}")
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$")
_COMPACT = re.compile(r"^(?:19|20)\d{6}(?:\d{6})?$")
_ANY_ORDER = ("%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d-%m-%Y")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_WEB_SERVER = "%d/%b/%Y:%H:%M:%S %z"


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and value.strip().casefold() in ("", "null", "none", "nan", "nat")


def identifier(value: Any) -> str:
    """An id or an address as text; 12.0 is what a library made of 12."""
    if is_empty(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bool, list, dict)):
        raise ValueError(f"an id is wanted, this is {_shown(value)}")  # noqa: TRY004 - a fault of the data
    return str(value).strip()


def count(value: Any) -> int:
    """How many clicks a cell tells of: yes or no in any usual word, or a number. Nothing at all is none."""
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
    number = _number(value, "a rank")
    if number < 0 or (not rounded and not number.is_integer()):
        raise ValueError(f"a rank is a whole number from 0 or 1, this is {_shown(value)}")
    return round(number)


def moment(value: Any, order: DayOrder) -> float:
    """Seconds since 1970, UTC, of a time in any usual form; a time without a zone is taken as UTC.

    Args:
        value: ISO 8601, an epoch in seconds or smaller units, a web server's or a mail's time, or a usual date.
        order: What comes first in dates with slashes; `unknown` is read as the month.
    """
    if isinstance(value, datetime):
        return _seconds(value)
    if isinstance(value, date):
        return _seconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if not isinstance(value, str):
        return _epoch(_number(value, "a time"))
    text = value.strip()
    if _NUMBER.match(text) and not _COMPACT.match(text):
        return _epoch(float(text))
    return _seconds(_written(text, order))


def day_order(values: Iterable[Any]) -> DayOrder:
    """What some times of a log show of the order of day and month; `unknown` where none shows it."""
    for value in values:
        found = _SLASHED.match(value) if isinstance(value, str) else None
        if found and int(found[1]) > 12:
            return "day"
        if found and int(found[2]) > 12:
            return "month"
    return "unknown"


def is_slashed(value: Any) -> bool:
    """Whether a cell is a date of which the order of day and month has to be known."""
    return isinstance(value, str) and bool(_SLASHED.match(value))


def listed(value: Any) -> list[Any]:
    """The items of a list, as JSON, as Python prints one, or divided by `|`, `;`, `,` or white space."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if is_empty(value):
        return []
    if not isinstance(value, str):
        return [value]
    text = value.strip()
    if text.startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            text = text.strip("[]")
        else:
            return list(items)
    return [cell for part in _divided(text) if (cell := part.strip().strip("'\"").strip())]


def _divided(text: str) -> list[str]:
    if "|" in text:
        return text.split("|")
    if "://" in text and len(text.split()) > 1:  # an address may hold commas
        return [part.rstrip(",;") for part in text.split()]
    return text.split(";") if ";" in text else text.split(",") if "," in text else text.split()


def _number(value: Any, wanted: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{wanted} is wanted, this is {_shown(value)}")
    return number


def _epoch(number: float) -> float:
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"a time is wanted, this is {number}")
    for limit, unit in ((_NANOSECONDS, 1e9), (_MICROSECONDS, 1e6), (_MILLISECONDS, 1e3)):
        if number >= limit:
            return number / unit
    return number


def _seconds(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _written(text: str, order: DayOrder) -> datetime:
    """A time as people and servers write it."""
    slashed = "%d/%m/%Y" if order == "day" else "%m/%d/%Y"
    plain = re.sub(r"\s*(?:UTC|GMT|Z)$", "", text)
    attempts: tuple[Callable[[], datetime], ...] = (
        lambda: datetime.fromisoformat(text),
        lambda: _first(plain, ("%Y%m%d%H%M%S",)),
        lambda: _first(plain, [f"{day}{clock}" for day in (slashed, *_ANY_ORDER) for clock in _CLOCKS]),
        lambda: _first(text.strip("[]"), (_WEB_SERVER,)),
        lambda: datetime.fromisoformat(plain),
        lambda: parsedate_to_datetime(text),
    )
    for attempt in attempts:
        try:
            return attempt()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    raise ValueError(f"a time is wanted, this is {_shown(text)}")


def _first(text: str, forms: Iterable[str]) -> datetime:
    """What the first form that fits makes of a text."""
    for form in forms:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - `_seconds` gives it its zone
        except ValueError:
            continue
    raise ValueError("no form fits")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
