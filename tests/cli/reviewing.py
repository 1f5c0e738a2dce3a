"""A command line with nothing but `review`, over a handful of hostile pairs, to be run by tests."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from jargonaut.cli.review import Material, register
from jargonaut.records import Pair, Passage

LONG = "Nothing to see here. " * 60 + "The relief valve opens at nine bar. " + "More of nothing. " * 80
PASSAGES = {
    "p0": Passage(
        "p0", "The relief valve opens when pressure rises.\nThen it closes.", "Manual", ("Valves", "Relief"), "d"
    ),
    "p1": Passage(
        "p1", "\x1b]0;owned\x07\x1b[2Jclear \u202eevil\u202c [bold]x[/bold] Größe 日本語 \ud800", "T\x1b[31m"
    ),
    "p2": Passage("p2", LONG, "", (), "d2"),
    "p3": Passage("p3", "An empty tank is a full danger.", "Safety"),
}
PAIRS = (
    Pair("q0", "when does the relief valve open", "p0", 1, "llm:natural", 0.83, "train"),
    Pair("q1", "what clears \x1b[5mthe screen\x9b", "p1", 1, "llm:natural", None, "train"),
    Pair("q2", "relief valve pressure in bar", "p2", 1, "heading"),
    Pair("q3", "why are empty tanks dangerous", "p3", 1, "click", None, "dev"),
)

app = typer.Typer()


@app.callback()
def _main() -> None:
    pass


def opened(workspace: Path) -> Material:
    """The pairs above, with decisions in a folder."""
    return Material(PAIRS, PASSAGES, workspace / "reviews.db")


register(app, opened)

if __name__ == "__main__":
    if sys.stdin.isatty():
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    app()
