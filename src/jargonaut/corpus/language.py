"""Whether a corpus is in English, by evidence that a user can check.

Knows scripts and function words. Is no language detector: it only warns where an English-only model would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jargonaut.alphabets import script_of

MAX_NON_LATIN_SHARE = 0.3
MIN_WORDS = 50
"""Fewer words are no evidence."""
REMEDY = "Name a multilingual base model, for example `--base intfloat/multilingual-e5-small`."

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH_WORDS = """
    the of and to in is that it for was on are as with be by this which or from at an not have has but can will if when
    you your we they their its been were would should may must
"""
# Words of the languages most often met in Latin script, a line each: German, French, Spanish, Italian, Portuguese,
# Dutch, Scandinavian, Polish, Turkish. Words that are also English are left out.
_OTHER_WORDS = """
    der und nicht ist das ein eine einer mit für von den dem zu auf sich wird werden sind oder auch als bei
    le la les des est une dans pour que qui sur pas du et avec par sont ou au aux cette ces
    el los las una por con para es del se y como más pero su
    il di che della per sono gli nel alla delle non è più
    não os ao dos das em uma pelo são mais à
    het een van niet zijn voor met ook wordt deze bij naar
    och att är som inte för på av till det
    nie się jest na że oraz przez jak w z
    bir ve bu için ile olarak
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHER = frozenset(_OTHER_WORDS.split())


def language_notice(texts: Iterable[str], sample: int = 500) -> str | None:
    """A warning, with its figures, for a corpus that is mostly not in English.

    Args:
        texts: Passages or documents; evenly spaced ones are looked at.
        sample: How many at most.

    Returns:
        What was counted and what to do about it, or None where nothing speaks against English.
    """
    everything = list(texts)
    step = max(1, -(-len(everything) // max(1, sample)))
    looked_at = everything[::step]
    letters = non_latin = words = english = other = 0
    for text in looked_at:
        for word in _WORD.findall(text[:5000]):
            folded = word.lower()
            words += 1
            letters += len(word)
            non_latin += 0 if word.isascii() else sum(script_of(c) != "latin" for c in word)
            english += folded in _ENGLISH
            other += folded in _OTHER
    if not letters:
        return None
    seen = f"in {len(looked_at):,} sampled texts"
    if non_latin > MAX_NON_LATIN_SHARE * letters:
        return (
            f"The text is mostly not English: {seen}, {non_latin / letters:.0%} of the letters are not Latin. {REMEDY}"
        )
    if words >= MIN_WORDS and other > 2 * english and other > 0.05 * words:
        return (
            f"The text is mostly not English: {seen}, {english / words:.0%} of the words are common English function "
            f"words and {other / words:.0%} are those of other languages. {REMEDY}"
        )
    return None
