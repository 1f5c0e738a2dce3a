"""In which script a letter is written, by Unicode's own name for it. Knows letters; knows no languages and no texts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LATIN = frozenset({"micro", "feminine", "masculine"})
"""First words of names of letters that stand in Latin text: µ, ª, º."""
_WIDTHS = frozenset({"fullwidth", "halfwidth"})


@lru_cache(maxsize=65_536)
def script_of(letter: str) -> str:
    """The script of a letter: `latin`, `cyrillic`, `cjk`, `hiragana` …; `latin` for one without a name."""
    if letter.isascii():
        return "latin"
    words = unicodedata.name(letter, "LATIN").replace("-", " ").lower().split()
    if words[0] in _WIDTHS and len(words) > 1:
        del words[0]
    return "latin" if words[0] in _LATIN else words[0]
