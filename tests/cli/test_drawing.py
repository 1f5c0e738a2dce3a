"""What a terminal is given to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from jargonaut.cli.drawing import FOLD_AT, fold, marked, visible
from jargonaut.pairs.wording import shared_words


@given(
    st.text(alphabet=st.characters(), max_size=50) | st.text(alphabet="\x1b[]\x07\x9b\u202e\u2066\ud800\r\n\t\x7fab")
)
def test_nothing_but_text_reaches_the_terminal(text: str) -> None:
    """No control character but the line end, no change of direction, no half of a character."""
    shown = visible(text)
    assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\n"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff\U000e0041")
    shown.encode("utf-8")


def test_what_is_hidden_is_shown() -> None:
    """Escapes have a sign, others their number; joiners of scripts and emoji stay."""
    assert visible("\x1b[2J\x7f\x9b\u200b\u202e\r\n\t|\ud83d") == "␛[2J<U+007F><U+009B><U+200B><U+202E>\n    |\ufffd"
    assert visible("क्\u200dष 👩\u200d🔬 الله") == "क्\u200dष 👩\u200d🔬 الله"


def test_marks_are_brackets_without_colour() -> None:
    """Words that the query has are in brackets, or in a style, and the text is otherwise the same."""
    text = "Valves open. The opened [valve] leaks."
    marks = shared_words("How is a valve opened?", text)
    assert [text[start:end] for start, end in marks] == ["Valves", "open", "opened", "valve"]
    assert marked(text, marks, (0, len(text)), brackets=True).plain == "[Valves] [open]. The [opened] [[valve]] leaks."
    drawn = marked(text, marks, (0, len(text)), brackets=False)
    assert drawn.plain == text
    assert len(drawn.spans) == 4


def test_a_stop_word_is_no_mark_and_scripts_without_spaces_are_joined() -> None:
    """Only content words are marked; touching characters make one mark."""
    assert shared_words("what is the pump", "what the pump is") == ((9, 13),)
    assert shared_words("日本語の弁", "これは日本語です") == ((3, 6),)


@given(st.text(alphabet="ab \n", min_size=FOLD_AT + 1, max_size=3 * FOLD_AT), st.data())
def test_a_fold_is_a_part_of_the_text_with_its_marks(text: str, data: st.DataObject) -> None:
    """It is shorter than the text's limit, lies in it, and holds a mark if there is one."""
    place = data.draw(st.integers(0, len(text) - 2))
    start, end = fold(text, [(place, place + 2)])
    assert 0 <= start <= place < place + 2 <= end <= len(text)
    assert end - start <= FOLD_AT


def test_the_fold_holds_the_most_marks() -> None:
    """Of two places the one with more marks is shown; a short text is not folded."""
    text = "x " * 2000
    start, end = fold(text, [(10, 11), (3000, 3001), (3010, 3011)])
    assert start <= 3000
    assert end >= 3011
    assert fold("short", []) == (0, 5)
    assert fold(text, [])[0] == 0
    assert isinstance(marked(text, [(10, 11), (3000, 3001)], (start, end), brackets=True), Text)
