"""What a reviewer types: single keys on a terminal, whole lines elsewhere.

Knows keyboards and streams. What a key means is not its business.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import IO, Protocol

import click

END = ""
"""What is read when nothing more comes."""


class Keys(Protocol):
    """Where answers come from."""

    def answer(self) -> str:
        """One key, or one line without its end (a blank one is " "); `END` when nothing more comes."""

    def text(self, initial: str = "") -> str | None:
        """A line of free text, which may start as `initial`; None when nothing more comes."""


class LineKeys:
    """Answers from a stream, one a line, so that a review can be scripted.

    Args:
        stream: What is read.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def answer(self) -> str:
        """The next line."""
        line = self._stream.readline()
        return line.strip() or " " if line else END

    def text(self, initial: str = "") -> str | None:
        """The next line; nothing can be shown in it beforehand."""
        del initial
        line = self._stream.readline()
        return line.strip() if line else None


class TerminalKeys:
    """Answers from a keyboard."""

    def answer(self) -> str:
        """The next key; Ctrl-C and Ctrl-D end the review, which is saved at every step."""
        try:
            return click.getchar() or END
        except (KeyboardInterrupt, EOFError):
            return END

    def text(self, initial: str = "") -> str | None:
        """A line, edited as the shell's are where Python can."""
        try:
            with _filled_in(initial):
                return input()
        except (KeyboardInterrupt, EOFError):
            return None


def keys_of(stream: IO[str] | None) -> Keys:
    """Single keys where somebody sits at a terminal, lines otherwise."""
    if stream is None:  # started without a standard input
        return LineKeys(io.StringIO())
    if stream is sys.stdin and stream.isatty():
        return TerminalKeys()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return LineKeys(stream)


@contextlib.contextmanager
def _filled_in(initial: str) -> Iterator[None]:
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(initial))
    try:
        yield
    finally:
        readline.set_startup_hook()
