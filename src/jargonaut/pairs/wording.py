"""The words of queries: normal form, identity, tidy spelling, content words.

Knows text only. What a query is asked for, and where it comes from, is not its business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from jargonaut.artifacts import content_hash
from jargonaut.errors import SettingsError
from jargonaut.markdown import inline_text
from jargonaut.pairs.phrases import STOP_WORDS

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Scripts written without spaces (Thai, kana, Han): each character counts as a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_NUMBERING = re.compile(
    r"^(?:(?:chapter|section|appendix|part)\s+[\dIVXA-Z]{1,4}\s*[.:–—-]\s+"
    r"|§+\s*\d[\d.]*\s+|\d{1,3}(?:\.\d{1,3})+\.?\s+|\d{1,3}[.)]\s+|[A-Z](?:\.\d{1,3})+\.?\s+|\(?[a-zA-Z]\)\s+)",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"(?<!\w)\[([^\[\]]+)\](?:\[[^\[\]]*\])?")
_PERMALINK = re.compile(r"\[[¶#§🔗\s]*\]\([^)]*\)|[¶🔗]|\s[#§]+\s*$")


def normalised(text: str) -> str:
    """One spelling for texts that differ only in case, width, white space or closing punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(" .,:;!?\"'`“”‘’")


def query_id(text: str) -> str:
    """The identity of a query without one of its own: equal for texts whose normal form is equal."""
    return f"q-{content_hash(normalised(text))[:16]}"


def tidy(text: str) -> str:
    """A heading's or term's words as somebody would type them: without markup, numbering and permalink signs."""
    words = _BRACKETS.sub(r"\1", inline_text(_PERMALINK.sub(" ", text))).strip(" \t:–—-")
    return _NUMBERING.sub("", words).strip(" \t:–—-") or words


def words(text: str) -> list[str]:
    """The words of a text in any script, case folded."""
    return _WORD.findall(text.casefold())


@lru_cache(maxsize=8)
def stemmer(language: str) -> Any:  # PyStemmer has no types
    """Snowball's stemmer of a language; made once.

    Raises:
        SettingsError: There is none.
    """
    import Stemmer

    try:
        return Stemmer.Stemmer(language)
    except KeyError as error:
        raise SettingsError(
            f"there is no stemmer for {language!r}",
            where="language",
            remedy=f"choose one of: {', '.join(Stemmer.algorithms())}",
        ) from error


def content_stems(text: str, language: str = "english", stop_words: Collection[str] = STOP_WORDS) -> frozenset[str]:
    """The distinct stems of a text's words, stop words left out.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    kept = [word for word in words(text) if word not in stop_words]
    return frozenset(stemmer(language).stemWords(kept))


def stemmed(written: Sequence[str], language: str = "english") -> list[str]:
    """The stem of each word, in order.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    stems: list[str] = stemmer(language).stemWords(list(written))
    return stems


def shared_words(query: str, text: str, language: str = "english") -> tuple[tuple[int, int], ...]:
    """Where a text repeats the query's content words: (start, end) in characters, in order, neighbours joined.

    Only letters that touch are joined, as in scripts without spaces, where each character is a word.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    asked = content_stems(query, language)
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        if asked.isdisjoint(content_stems(match[0], language)):
            continue
        if spans and spans[-1][1] == match.start():
            spans[-1] = (spans[-1][0], match.end())
        else:
            spans.append(match.span())
    return tuple(spans)
