"""Times in any usual form → seconds: ISO 8601, epochs, dates as people, web servers and mails write them.

Knows notations and remembers which one a log uses. What happened at a time is not its business.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

DayOrder = Literal["day", "month", "unknown"]
"""What the first number of a date such as 03/04/2024 is."""

_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 1e11, 1e14, 1e17
"""From these numbers on an epoch is counted in smaller units; 1e11 seconds lie in the year 5138."""
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$")
_COMPACT = re.compile(r"^(?:19|20)\d{6}(?:\d{6})?$")
_SLASHED = re.compile(r"^\s*(\d{1,2})/(\d{1,2})/\d{4}")
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$")
_DATES = ("%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d-%m-%Y")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_OTHERS = ("%Y%m%d%H%M%S", "%d/%b/%Y:%H:%M:%S %z")
_ISO, _MAIL = "ISO 8601", "RFC 2822"
_PATIENCE = 50
"""Texts of one shape that no form fits, after which the next ones are not tried."""


class Times:
    """Reads a log's times.

    Trying every form takes milliseconds, so the form that fitted a text is taken for every text of its shape.

    Args:
        order: What comes first in dates with slashes; `unknown` is read as the month.
    """

    def __init__(self, order: DayOrder = "unknown") -> None:
        slashed = "%d/%m/%Y" if order == "day" else "%m/%d/%Y"
        self._forms = (*(day + clock for day in (slashed, *_DATES) for clock in _CLOCKS), *_OTHERS, _ISO, _MAIL)
        self._fitting: dict[str, str] = {}
        self._failed: Counter[str] = Counter()

    def seconds(self, value: Any) -> float:
        """Seconds since 1970, UTC; a time without a zone is taken as UTC.

        Args:
            value: Text, a number, or what a typed file holds.

        Raises:
            ValueError: It is no time.
        """
        if isinstance(value, datetime):
            return _seconds(value)
        if isinstance(value, date):
            return _seconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _epoch(float(value))
        if not isinstance(value, str):
            raise _no_time(value)
        text = value.strip()
        if _NUMBER.match(text) and not _COMPACT.match(text):
            return _epoch(float(text))
        try:
            return _seconds(datetime.fromisoformat(text))
        except ValueError:
            return self._written(text)

    def _written(self, text: str) -> float:
        shape = re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "0", text[:60]))
        known = self._fitting.get(shape)
        if known is None and self._failed[shape] > _PATIENCE:
            raise _no_time(text)
        for form in self._forms if known is None else (known,):
            try:
                found = _seconds(_parsed(text, form))
            except (ValueError, TypeError, IndexError):
                continue
            self._fitting[shape] = form
            return found
        if len(self._failed) < 1000:  # texts without end have shapes without end
            self._failed[shape] += 1
        raise _no_time(text)


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


def _parsed(text: str, form: str) -> datetime:
    plain = _ZONE.sub("", text.strip("[]"))
    if form == _ISO:
        return datetime.fromisoformat(plain)
    if form == _MAIL:
        return parsedate_to_datetime(text)
    return datetime.strptime(plain, form)  # noqa: DTZ007 - `_seconds` gives it its zone


def _epoch(number: float) -> float:
    if not math.isfinite(number) or number < 0:
        raise _no_time(number)
    for limit, unit in ((_NANOSECONDS, 1e9), (_MICROSECONDS, 1e6), (_MILLISECONDS, 1e3)):
        if number >= limit:
            return number / unit
    return number


def _seconds(when: datetime) -> float:
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except OverflowError as error:
        raise _no_time(when) from error


def _no_time(value: Any) -> ValueError:
    text = repr(value)
    return ValueError(f"a time is wanted, this is {text if len(text) <= 40 else text[:37] + '...'}")
