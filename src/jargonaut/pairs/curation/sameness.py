"""Whether two queries ask the same in other words, told from their words alone.

Jargon turns on a digit, a letter or an order: `hepatitis A`, `C++`, `list to string`. So only what never changes a
question is disregarded: articles, auxiliaries, polite words, `of` and `for`, closing punctuation, and the order of
words where nothing relates one to another. Numbers, units, codes, negations and all words with a topic stay. The lists
are English; in other languages only the normal form counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from jargonaut.pairs.wording import stemmer

_ENGLISH = ("english", "porter", "lovins")
_EDGES = " \t,.;:!?\"'`()[]{}“”‘’«»…¿¡"
_LEAST_STEMMED = 4
"""Shorter words may be units and abbreviations."""
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})[-‐‑](?=[^\W\d_]{2})")
_DASHES = frozenset({"-", "–", "—", "--", "|", "/", ":"})
_NEGATED = re.compile(r"(?:n't|nt)$")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEGATED_VERBS = _listed("do does did is are was were has have had can could would should must ca wo might need")
_SHORTENED = ("'s", "'re", "'ve", "'ll", "'d", "'m")
_SAYS_NOTHING = _listed("an the is are be been please of for and my your our does kindly what which")
_ASKS = _listed("how what where when why which who if")
_AUXILIARIES = _listed("do does did can could will would should may might must have had")
_SPEAKERS = _listed("i you we one someone")
_BEFORE_A = _listed("""
    is are was were be of for in on at to from with by as into does do did can has have had get make what if
""")
_BEFORE_TO = _listed("how way ways want need like able trying try order best")
# One of these relates what stands before it to what stands behind it, so the order counts.
_RELATES = _listed("""
    to from into onto in on at with without by as than then over under above below before after between through during
    via per vs versus against or nor not no never except but if unless until while when because since who whom whose why
    do does did can could will would should may might must has have had that which where cause causes caused causing
    affect affects
""")


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a query that make what it asks.

    Attributes:
        words: In their order where that counts, else sorted.
        codes: Whether each is a code: it has a digit or a sign, or is written in capitals.
        in_order: Whether the order counts.
    """

    words: tuple[str, ...]
    codes: tuple[bool, ...]
    in_order: bool

    def stems(self, language: str) -> tuple[str, ...]:
        """The words' stems, codes as they are, in an order by the same rule."""
        stem = stemmer(language).stemWord
        stems = [
            word if code or len(word) < _LEAST_STEMMED else stem(word)
            for word, code in zip(self.words, self.codes, strict=True)
        ]
        return tuple(stems if self.in_order else sorted(stems))


def gist(text: str, language: str = "english") -> Hashable:
    """What queries that ask the same have in common; queries with one gist may still differ in what they mean.

    Args:
        text: As somebody typed it.
        language: Snowball's name of its language.
    """
    read = wording(text, language)
    return (read.in_order, read.stems(language)) if read.words else text


def wording(text: str, language: str = "english") -> Wording:
    """Reads a query.

    Args:
        text: As somebody typed it.
        language: Snowball's name of its language.
    """
    meant = not (text.isupper() or text.istitle())  # then capitals say something of a word
    tokens = [token for raw in text.split() for token in _tokens(raw, meant)]
    if language not in _ENGLISH:
        return Wording(tuple(word for word, _ in tokens), tuple(code for _, code in tokens), in_order=True)
    has_digit = any(map(str.isdigit, text))
    kept: list[tuple[str, bool]] = []
    in_order = False
    for i, (word, code) in enumerate(tokens):
        before = tokens[i - 1][0] if i else ""
        behind = tokens[i + 1][0] if i + 1 < len(tokens) else ""
        silent = (not code or word == "i") and _says_nothing(word, before, behind)
        in_order |= _is_relating(word, before, behind) and not code
        if not silent and not (word in _DASHES and not has_digit):
            kept.append((word, code))
    in_order &= len(kept) > 1
    if not in_order:
        kept.sort()
    return Wording(tuple(word for word, _ in kept), tuple(code for _, code in kept), in_order)


@lru_cache(maxsize=65_536)  # words come again and again
def _tokens(raw: str, capitals_meant: bool) -> tuple[tuple[str, bool], ...]:  # noqa: FBT001 - a pair of plain arguments
    """A blank-separated piece as words, each with whether it is a code."""
    raw = raw.replace("’", "'")
    # NFKC would make 10² into 102.
    piece = raw if any(unicodedata.category(c) == "No" for c in raw) else unicodedata.normalize("NFKC", raw)
    bare = piece.rstrip(_EDGES).lstrip(_EDGES.replace(".", ""))
    if not bare.removeprefix(".")[:1].isalnum():  # .net and .5 keep their dot
        bare = bare.lstrip(".")
    if not bare:
        return ()
    folded = bare.casefold()
    verb = _NEGATED.sub("", folded)
    if folded == "cannot" or (verb != folded and verb in _NEGATED_VERBS):
        return (("not", False),)
    for ending in _SHORTENED:
        if folded.endswith(ending) and len(folded) > len(ending):
            return _tokens(bare[: -len(ending)], capitals_meant)
    if any(not c.isalpha() and c not in "'-‐‑" for c in bare):
        return ((folded, True),)
    return tuple((word, capitals_meant and bare.isupper()) for word in _HYPHEN.split(folded) if word)


def _says_nothing(word: str, before: str, behind: str) -> bool:
    """Whether a word may be left out without another question coming of it."""
    match word:
        case "a":
            silent = bool(behind) and (not before or before in _BEFORE_A)
        case "i" | "you" | "we":
            silent = bool(behind) and (before in _AUXILIARIES or before in _ASKS)
        case "how":
            silent = behind in _RELATES or behind in ("is", "are") or behind in _SPEAKERS
        case "to":
            silent = before in _BEFORE_TO
        case "do" | "can" | "could" | "would":
            silent = before in _ASKS or behind in _SPEAKERS
        case _:
            silent = word in _SAYS_NOTHING
    return silent


def _is_relating(word: str, before: str, behind: str) -> bool:
    """Whether the order of the words around it counts."""
    if word == "to":
        return before not in _BEFORE_TO
    if word in ("what", "which"):
        return behind not in ("is", "are")
    if word in ("do", "can", "could", "would", "should"):
        return not (before in _ASKS and behind in _SPEAKERS)  # how do i …
    return word in _RELATES
