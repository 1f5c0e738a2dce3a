"""What `--help` says."""

from __future__ import annotations

from collections.abc import Iterator

import typer.main
from rich.text import Text

from jargonaut.cli.main import app


def said(command: object) -> Iterator[str]:
    """Every help text of a command and of those below it."""
    yield getattr(command, "help", None) or ""
    for one in [*getattr(command, "params", []), *getattr(command, "commands", {}).values()]:
        yield from said(one)


def test_no_help_text_loses_words_to_markup() -> None:
    """A section's name in square brackets would be taken for a colour and left out."""
    texts = list(said(typer.main.get_command(app)))
    assert len(texts) > 100
    assert [text for text in texts if Text.from_markup(text).plain != text] == []
