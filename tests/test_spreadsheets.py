"""Cells that spreadsheets do not run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.formats.spreadsheets import as_written, inert


@given(st.text(alphabet="=+-@'＝ \t\r\nab", max_size=6) | st.text())
def test_a_cell_comes_back_as_it_was_and_never_begins_a_formula(text: str) -> None:
    """The way there and back is the identity, and what is written begins no formula after white space."""
    assert as_written(inert(text)) == text
    assert inert(text).lstrip()[:1] not in {"=", "+", "-", "@", "＝"}


def test_ordinary_texts_are_left_alone() -> None:
    """Apostrophes and dashes inside a text are nothing to a spreadsheet."""
    for text in ("", "'tis", "it's - fine", "a=b", "'"):
        assert inert(text) == text
