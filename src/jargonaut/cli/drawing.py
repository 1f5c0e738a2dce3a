"""A card of a review as a terminal shows it: safe, marked, folded.

Knows texts and styles. What is said of a card, and by which key, is not its business.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rich.text import Text

FOLD_AT = 900
"""Characters; a longer passage is shown in part."""
_WINDOW = 600
_LONGEST_WORD = 40
_MARK = "bold black on yellow"
_JOINERS = "\u200c\u200d"
"""Invisible, but scripts and emoji need them."""
_VISIBLE_FORMATS = range(0x600, 0x900)
"""Arabic and Syriac signs that Unicode counts as format characters."""

Span = tuple[int, int]


def visible(text: str) -> str:
    """Text that a terminal only shows: control, format and other invisible characters as signs for them.

    Line ends stay, a tab becomes spaces. So no escape sequence, no change of direction and no hidden text reaches the
    terminal.
    """
    return "".join(_sign(character) for character in text.replace("\r\n", "\n"))


def fold(text: str, marks: Sequence[Span]) -> Span:
    """The part of a long text that holds the most marks: (start, end), at white space where there is some."""
    if len(text) <= FOLD_AT:
        return 0, len(text)
    best, first, count = 0, 0, 0
    for last, (_, end) in enumerate(marks):
        while end - marks[first][0] > _WINDOW:
            first += 1
        if last - first + 1 > count:
            count, best = last - first + 1, (marks[first][0] + end) // 2
    start = min(max(0, best - _WINDOW // 2), len(text) - _WINDOW) if count else 0
    return _word_start(text, start), _word_end(text, start + _WINDOW)


def marked(text: str, marks: Sequence[Span], part: Span, *, brackets: bool) -> Text:
    """A part of a text with its marked words in colour or in brackets.

    Args:
        text: The whole text.
        marks: Spans of the whole text, in order.
        part: What is shown of it.
        brackets: Whether marks are brackets, for where there is no colour.
    """
    drawn = Text()
    place, stop = part
    for start, end in marks:
        if start < place or end > stop:
            continue
        drawn.append(visible(text[place:start]))
        word = visible(text[start:end])
        drawn.append(f"[{word}]" if brackets else word, style="" if brackets else _MARK)
        place = end
    drawn.append(visible(text[place:stop]))
    return drawn


def _word_start(text: str, place: int) -> int:
    """Where the word at `place` begins; `place` itself in a script without spaces."""
    first = max(0, place - _LONGEST_WORD)
    found = max(text.rfind(space, first, place) for space in " \n")
    return found + 1 if found >= 0 else place


def _word_end(text: str, place: int) -> int:
    found = [text.find(space, place, place + _LONGEST_WORD) for space in " \n"]
    return min((one for one in found if one >= 0), default=min(place, len(text)))


def _sign(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if character == "\n" or character in _JOINERS or (category == "Cf" and code in _VISIBLE_FORMATS):
        return character
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(0x2400 + code)
    if category == "Cs":
        return "\ufffd"
    if category in {"Cc", "Cf", "Zl", "Zp"}:
        return f"<U+{code:04X}>"
    return character
