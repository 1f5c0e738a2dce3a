"""Whether a query is in another language than its passage, by evidence that a user can check: letters and words.

A query is often a few words, a name or a code, and there statistics of letters guess wildly. So this rule needs proof:
a script that the passage does not have, or several function words of another language that the passage does not use.
Without proof the pair stays. Knows scripts and the function words that bm25s lists; detects no language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jargonaut.alphabets import script_of
from jargonaut.pairs.provenance import is_gold
from jargonaut.records import Pair

_WORD = re.compile(r"[^\W\d_]+")
_LANGUAGES = (
    "german",
    "french",
    "spanish",
    "italian",
    "portuguese",
    "dutch",
    "swedish",
    "norwegian",
    "danish",
    "turkish",
)
# Function words elsewhere, but in English words, abbreviations or parts of names as well: no proof by themselves.
_FALSE_FRIENDS = """
    ad al alt am ben bin com con da dan das dat de dei del den der des di die dig din do dog dos du ed ej el em end era
    es et ha ham han has hat hem hun il ins ja kan kim kom la las le les li lo los man mas med men met mi min mit mod
    mot na non nos om op opp os par per pour sa sans se sea sen si sin sit son sta sue sui sur ta te ter ti tot ton tu
    ud un una up uit van var via vi von war wat will wo zu
"""
_READ = 3000
"""Characters of a passage that are looked at."""
_LEAST_LETTERS = {"han": 2, "kana": 2, "hangul": 2}
"""Letters of a script that are proof; 4 of one that is not named here."""
_SCRIPTS = {"cjk": "han", "hiragana": "kana", "katakana": "kana"}
"""What counts as one script here."""
_TRACE = 0.02
"""A passage has the scripts of at least this share of its letters."""
_LATIN = 0.3
"""With a smaller share of Latin letters a passage is in another script."""
_PROOF = 2
"""Function words that prove a query's language, if one of them is no false friend; else twice as many."""
_SHARE = 0.3
"""They are at least this share of its words."""
_PASSAGE_PROOF = 5
"""Function words that prove a passage's language. Languages with a third as many may be it as well."""
_DISTINCT = 3
"""So many of them differ and are no false friends: code repeats `min`, which is Norwegian."""


@dataclass(frozen=True, slots=True)
class _Home:
    """What a passage may be asked in: languages that it is in, if proven, and its scripts."""

    languages: frozenset[str]
    scripts: frozenset[str]


def foreign(pairs: Sequence[Pair], texts: Mapping[str, str]) -> dict[int, str]:
    """Finds positives whose query is in another language than their passage; what people judged is passed over.

    Args:
        pairs: Any pairs.
        texts: Passage id → text; pairs of other passages are passed over.

    Returns:
        Row of a pair → what proves it.
    """
    homes: dict[str, _Home] = {}
    known: dict[_Home, _Home] = {}  # there are few, so that each passage costs only a reference
    found: dict[int, str] = {}
    for row, pair in enumerate(pairs):
        text = texts.get(pair.passage_id)
        if text is None or pair.relevance <= 0 or is_gold(pair):
            continue
        script = _main_script(pair.query)
        spoken = _spoken(pair.query) if script == "latin" else {}
        if script is None or (script == "latin" and all(len(words) < _PROOF for words in spoken.values())):
            continue
        if pair.passage_id not in homes:
            home = _home(text[:_READ])
            homes[pair.passage_id] = known.setdefault(home, home)
        home = homes[pair.passage_id]
        proof = _by_words(pair.query, spoken, text, home) if script == "latin" else _by_script(script, home)
        if proof:
            found[row] = proof
    return found


def _by_script(script: str, home: _Home) -> str | None:
    """Why a query that is not in Latin letters is foreign to a passage."""
    if not home.scripts or script in home.scripts:
        return None
    return f"query in {script} script, passage in {' and '.join(sorted(home.scripts))}"


def _by_words(query: str, spoken: Mapping[str, frozenset[str]], text: str, home: _Home) -> str | None:
    """Why a query in Latin letters is foreign to a passage."""
    if not home.languages or home.languages & spoken.keys():
        return None
    inside = set(_WORD.findall(text.lower()))
    proofs = {name: words - inside for name, words in spoken.items()}
    language = max(sorted(proofs), key=lambda name: len(proofs[name]))
    proof = proofs[language]
    fewest = _PROOF if proof - _false_friends() else 2 * _PROOF
    if len(proof) < max(fewest, _SHARE * len(_WORD.findall(query))):
        return None
    return f"query in {language} ({', '.join(sorted(proof))}), passage in {' or '.join(sorted(home.languages))}"


def _home(text: str) -> _Home:
    letters = _letters(text)
    total = sum(letters.values())
    scripts = frozenset(name for name, number in letters.items() if number >= _TRACE * total)
    if total and letters.get("latin", 0) < _LATIN * total:
        return _Home(scripts - {"latin"}, scripts)
    listed = _function_words()
    words = Counter(word for word in _WORD.findall(text.lower()) if word in listed)
    often = Counter[str]()
    distinct = Counter[str]()
    for word, number in words.items():
        for name in listed[word]:
            often[name] += number
            distinct[name] += word not in _false_friends()
    most = max((number for name, number in often.items() if distinct[name] >= _DISTINCT), default=0)
    near = {name for name, number in often.items() if 3 * number >= most} if most >= _PASSAGE_PROOF else set()
    return _Home(frozenset(near), scripts)


def _main_script(text: str) -> str | None:
    """The script of most of a query's letters; None where there are too few of it to say."""
    if text.isascii():
        return "latin"
    letters = _letters(text)
    name = max(sorted(letters), key=lambda script: letters[script], default="latin")
    if name == "han" and letters.get("kana", 0) >= _LEAST_LETTERS["kana"]:
        return "kana"  # Chinese has none, Japanese has both
    if name == "latin" or (letters[name] >= _LEAST_LETTERS.get(name, 4) and 2 * letters[name] > sum(letters.values())):
        return name
    return None


def _spoken(text: str) -> dict[str, frozenset[str]]:
    """Language → its function words in a query."""
    listed = _function_words()
    found: dict[str, set[str]] = {}
    for word in _WORD.findall(text.lower()):
        for name in listed.get(word, ()):
            found.setdefault(name, set()).add(word)
    return {name: frozenset(words) for name, words in found.items()}


def _letters(text: str) -> dict[str, int]:
    """Script → how many letters of it; of pure ASCII only that it is Latin."""
    if text.isascii():
        return {"latin": 1} if any(map(str.isalpha, text)) else {}
    found: dict[str, int] = {}
    for letter, number in Counter(text).items():
        if letter.isalpha():
            script = _SCRIPTS.get(script_of(letter), script_of(letter))
            found[script] = found.get(script, 0) + number
    return found


@lru_cache(maxsize=1)
def _false_friends() -> frozenset[str]:
    return frozenset(_FALSE_FRIENDS.split())


@lru_cache(maxsize=1)
def _function_words() -> dict[str, tuple[str, ...]]:
    """Word → the languages that it is a function word of. What English shares with another one proves nothing."""
    from bm25s import stopwords

    english = {word for word in stopwords.STOPWORDS_EN_PLUS if len(word) > 1}
    found: dict[str, tuple[str, ...]] = {}
    for language in _LANGUAGES:
        for word in getattr(stopwords, f"STOPWORDS_{language.upper()}"):
            if len(word) > 1:
                found[word] = (*found.get(word, ()), language)
    shared = english & found.keys()
    return {word: names for word, names in found.items() if word not in shared} | dict.fromkeys(
        english - shared, ("english",)
    )
