"""The script of a letter."""

from __future__ import annotations

import pytest

from jargonaut.alphabets import script_of


@pytest.mark.parametrize(
    ("letters", "script"),
    [
        ("azßéłµªºＡ", "latin"), ("жЯ", "cyrillic"), ("漢語", "cjk"), ("ひ", "hiragana"), ("カｶ", "katakana"),
        ("한ㄱ", "hangul"), ("ωΩ", "greek"), ("اب", "arabic"), ("\x80\ue000", "latin"),
    ],
)  # fmt: skip
def test_letters_have_the_script_of_their_name(letters: str, script: str) -> None:
    """Whatever their width; what has no name proves nothing, so it counts as Latin."""
    assert {script_of(letter) for letter in letters} == {script}
