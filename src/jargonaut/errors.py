"""The error tree: every message says what is wrong, where it is, and what to do about it.

An error here is an answer to the user, so the entrances print it without a traceback. Anything else that escapes is a
bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, ClassVar


class JargonautError(Exception):
    """Something the user can understand and act on.

    Args:
        what: What is wrong, in one sentence.
        where: File, `file:line`, setting or argument that it is about.
        remedy: What the user can do next.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"


class InputError(JargonautError):
    """The user's documents, labels or arguments cannot be used as they are."""


class SettingsError(JargonautError):
    """`jargonaut.toml` or a flag holds a value that means nothing."""


class ModelError(JargonautError):
    """A model cannot be found, loaded or trusted."""


class MismatchError(JargonautError):
    """Two things that must agree do not: an index and an encoder, a manifest and its files."""


def require_limits(section: str, options: object, limits: Iterable[tuple[str, bool, str]]) -> None:
    """Refuses options of which one lies outside its limits.

    Args:
        section: Their section in `jargonaut.toml`.
        options: They themselves; the value at fault is shown.
        limits: (key, whether its value is within its limits, what the value must be), the first broken one is told.

    Raises:
        SettingsError: A value lies outside its limits.
    """
    for key, holds, limit in limits:
        if not holds:
            raise SettingsError(
                f"{key} is {getattr(options, key)}", where=f"[{section}] {key}", remedy=f"{key} must be {limit}"
            )


def unless_used(options: Any, uses: Iterable[tuple[bool, str, Sequence[str]]]) -> Iterator[tuple[str, bool, str]]:
    """Limits of settings that change nothing unless another one is set: there, they must be the defaults.

    Whoever changes such a setting believes that it counts. Said as `require_limits` takes limits.

    Args:
        options: A dataclass with defaults.
        uses: (whether they are used, where they are, their keys).
    """
    defaults = {each.name: each.default for each in fields(options)}
    for used, where, keys in uses:
        for key in keys:
            holds = used or getattr(options, key) == defaults[key]
            yield key, holds, f"left out: it only counts {where}"
