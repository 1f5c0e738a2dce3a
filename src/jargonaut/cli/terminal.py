"""What long work looks like: a progress bar on a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")
EXIT_DONT = 3
"""Exit code of what is done and came to "don't"."""
PLAIN_EVERY = 30.0
"""Seconds between two plain progress lines."""
_WHOLE = 2.0
"""Width of an interval that holds every difference."""


class TerminalReporter:
    """A `Reporter` on stderr.

    Args:
        quiet: Whether to keep everything but warnings to itself.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._quiet = quiet

    def line(self, text: str) -> None:
        """One plain line."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """A line that stands out."""
        self._console.print(f"  ! {text}", style="yellow", markup=False)

    def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """Passes `items` through with a bar, or with a plain line now and then."""
        if self._quiet:
            yield from items
        elif self._console.is_terminal:
            columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=self._console, transient=True) as progress:
                yield from progress.track(items, total=total, description=description)
        else:
            yield from self._plain(items, description, total)

    def _plain(self, items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
        started = shown = time.monotonic()
        for count, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if now - shown >= PLAIN_EVERY:
                rate = count / (now - started)
                left = f", {(total - count) / rate:.0f} s left" if total else ""
                self.line(f"  … {description}: {count:,}{f' of {total:,}' if total else ''} ({rate:.1f}/s{left})")
                shown = now


def say(text: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(text + "\n")


def interval(low: float, high: float) -> str:
    """The bounds of a difference; from −1 to 1 it says nothing."""
    return f"{low:+.4f} to {high:+.4f}" if high - low < _WHOLE else "too few document groups for an interval"
