"""In which script a text is written.

Tells scripts apart, not languages: English questions about a German passage pass.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from jargonaut.alphabets import script_of

_MAIN_SHARE = 0.6
_JAPANESE = {"HIRAGANA", "KATAKANA"}
_IN_WORDS = {
    "CJK": "Chinese",
    "JAPANESE": "Japanese",
    "HANGUL": "Korean",
    "THAI": "Thai",
    "GREEK": "Greek",
    "HEBREW": "Hebrew",
    "GEORGIAN": "Georgian",
    "ARMENIAN": "Armenian",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "BENGALI": "Bengali",
}
_SHOWN = 2000


@lru_cache(maxsize=256)  # a passage is asked about for each of its questions
def script(text: str) -> str:
    """The script that most letters are in, by Unicode's name (`LATIN`, `CYRILLIC`, `JAPANESE` …); "" if none is."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    letters = [letter for letter in text[:_SHOWN] if letter.isalpha()]
    if not letters:
        return ""
    counts = Counter(script_of(letter).upper() for letter in letters)
    if sum(counts[name] for name in _JAPANESE) > 0.05 * len(letters):
        japanese = sum(counts[name] for name in (*_JAPANESE, "CJK"))
        return "JAPANESE" if japanese >= _MAIN_SHARE * len(letters) else ""
    name, count = max(counts.items(), key=lambda entry: (entry[1], entry[0]))
    return name if count >= _MAIN_SHARE * len(letters) else ""


def agree(question: str, passage: str) -> bool:
    """Whether a question may be in the passage's language: its letters are in the same script.

    Terms in Latin letters are usual everywhere, so a passage that mixes scripts allows either.
    """
    asked, told = script(question), script(passage)
    if not asked or not told or asked == told:
        return True
    # Han characters alone may be Japanese: a keyword query often has no kana.
    if {asked, told} == {"CJK", "JAPANESE"}:
        return True
    # A passage in another script often names a product in Latin letters; the bare name is a fair keyword query.
    return asked == "LATIN" and len(question.split()) <= 2 and question.casefold() in passage.casefold()


def language_in_words(passage: str) -> str:
    """What to write in, for a prompt: a language where the script tells, else "the language of the passage"."""
    name = script(passage)
    if name in _IN_WORDS:
        return _IN_WORDS[name]
    if name in {"", "LATIN"}:
        return "the language of the passage"
    return f"the language of the passage ({name.capitalize()} letters)"
