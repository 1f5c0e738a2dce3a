"""The same questions as other people would type them: with typos, shorter, as keywords, in other words.

Rules over text, with a seed; every variant depends on the seed and the query's own words alone. Knows letters, words
and English turns of phrase. Which words are stop words is handed in, and what a model makes of a variant is measured
elsewhere. A rule that changes nothing gives no variant: a query that stays as it was would flatter every model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jargonaut.errors import require_limits
from jargonaut.records import Query

PerturbationName = Literal["typos", "shorter", "keywords", "paraphrase"]
PERTURBATIONS: tuple[PerturbationName, ...] = ("typos", "shorter", "keywords", "paraphrase")

_TYPED = re.compile(r"[^\W\d_]{4,}")
"""Words that get typos: a slip in a short one leaves another word."""
_TOKEN = re.compile(r"\w+(?:[-'’./&]\w+)*")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FEWEST_KEPT = 2
_NOUNS = {
    "difference": "distinction", "differences": "distinctions", "purpose": "aim", "method": "approach",
    "methods": "approaches", "main": "chief", "type": "kind", "types": "kinds", "total": "overall",
    "amount": "quantity", "reason": "ground", "reasons": "grounds", "benefit": "advantage", "benefits": "advantages",
    "drawback": "downside", "drawbacks": "downsides", "cost": "price", "costs": "prices", "requirement": "condition",
    "requirements": "conditions", "change": "shift", "changes": "shifts", "role": "part", "important": "significant",
    "definition": "meaning", "symptoms": "signs", "treatment": "therapy", "treatments": "therapies",
    "result": "outcome", "results": "outcomes", "effect": "impact", "effects": "impacts", "way": "manner",
    "ways": "manners", "error": "fault", "errors": "faults", "big": "large", "buy": "purchase", "begin": "start",
    "often": "frequently", "quickly": "fast", "fix": "repair", "remove": "delete", "create": "make",
    "show": "display", "explain": "describe",
}  # fmt: skip
"""Everyday words that mean about the same in any domain; names and terms of a domain are left alone."""

_TURNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"what (?:is|are) the differences? between (.+)", r"how do \1 differ"),
        (r"what does (.+) (?:mean|stand for)", r"meaning of \1"),
        (r"what (is|are|was|were) (.+)", r"can you tell me what \2 \1"),
        (r"how (?:do|can|should|would|could) (?:i|you|we|one) (.+)", r"what do I have to do to \1"),
        (r"how to (.+)", r"what is the right way to \1"),
        (r"why (.+)", r"for what reason \1"),
        (r"(?:please )?(?:explain|describe|list|show|name|tell me|give me) (.+)", r"I would like to know about \1"),
        (r"(how|what|when|where|which|who|whose|whom) (.+)", r"I need to find out \1 \2"),
        (
            r"(is|are|was|were|do|does|did|can|could|should|will|would|has|have|had|may|must) (.+)",
            r"please tell me, \1 \2",
        ),
    )
)
_ANY_TOPIC = r"I am looking for information on \1"


@dataclass(frozen=True, slots=True)
class PerturbationOptions:
    """The same questions as other people would type them.

    Attributes:
        queries: Test queries that are rewritten at most; they are drawn once and serve every rule. 0 rewrites none.
        typo_rate: Share of a query's longer words that get a typo, at least one.
        paraphrase_by_llm: Whether the language model of `[llm]` writes the paraphrases, asked once for each query;
            otherwise rules do.
        seed: Which queries, which words, which typos.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    queries: int = 1000
    typo_rate: float = 0.25
    paraphrase_by_llm: bool = False
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "perturb",
            self,
            (
                ("queries", self.queries >= 0, "0 or more"),
                ("typo_rate", 0 < self.typo_rate <= 1, "above 0 and at most 1, such as 0.25"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )


def drawn_queries(queries: Sequence[Query], options: PerturbationOptions) -> list[Query]:
    """The queries that are rewritten, in their order; a larger sample holds the smaller one of the same seed."""
    if len(queries) <= options.queries:
        return list(queries)
    ranked = sorted(queries, key=lambda query: (_draw(options.seed, "sample", query.text), query.id))
    kept = {query.id for query in ranked[: options.queries]}
    return [query for query in queries if query.id in kept]


def perturbed(
    name: PerturbationName, queries: Sequence[Query], options: PerturbationOptions, stop_words: Collection[str] = ()
) -> list[Query]:
    """The queries that a rule changes, changed, under their own ids.

    Args:
        name: The rule.
        queries: As they were asked.
        options: Rate and seed.
        stop_words: Words without a topic, case folded; without any, `keywords` and `shorter` know none.
    """
    stops = frozenset(stop_words)
    rules: dict[PerturbationName, Callable[[str], str]] = {
        "typos": lambda text: with_typos(text, options.typo_rate, options.seed),
        "shorter": lambda text: shortened(text, stops),
        "keywords": lambda text: " ".join(keywords(text, stops)),
        "paraphrase": paraphrased,
    }
    rule = rules[name]
    changed = ((query, rule(query.text)) for query in queries)
    return [Query(query.id, text) for query, text in changed if differs(text, query.text)]


def with_typos(text: str, rate: float, seed: int) -> str:
    """Slips of the finger in a share of the longer words: a neighbouring key, two letters swapped, one left out.

    The first letter stays, as it nearly always does (Damerau 1964, "A technique for computer detection and correction
    of spelling errors", for the kinds of slips). Words with fewer than four letters, and numbers, stay.

    Args:
        text: A query.
        rate: Share of the words of four letters and more, at least one.
        seed: With the text it decides which words, and which slips.
    """
    words = list(_TYPED.finditer(text))
    if not words:
        return text
    rng = np.random.default_rng(_draw(seed, "typos", text))
    count = max(1, round(rate * len(words)))
    chosen = {int(place) for place in rng.permutation(len(words))[:count]}
    parts, end = [], 0
    for place, word in enumerate(words):
        parts.append(text[end : word.start()])
        parts.append(_slipped(word[0], rng) if place in chosen else word[0])
        end = word.end()
    return "".join((*parts, text[end:]))


def keywords(text: str, stop_words: Collection[str]) -> list[str]:
    """The words with a topic, in lower case and in order."""
    return [word for word in (token[0].casefold() for token in _TOKEN.finditer(text)) if word not in stop_words]


def shortened(text: str, stop_words: Collection[str]) -> str:
    """Half of the words with a topic, at least two, in order: the longest, which are the rarest (Zipf 1935)."""
    words = keywords(text, stop_words)
    count = max(_FEWEST_KEPT, -(-len(words) // 2))
    if len(words) <= count:
        return text
    longest = sorted(range(len(words)), key=lambda place: (-len(words[place]), place))[:count]
    return " ".join(words[place] for place in sorted(longest))


def paraphrased(text: str) -> str:
    """Another turn of phrase, and other everyday words; English. The terms of the domain stay.

    A mild change: what somebody would call by another name, only a person or a language model knows.
    """
    asked = text.strip()
    question = asked.endswith("?")
    asked = asked.rstrip(" ?.!")
    if not asked or not asked.isascii():
        return text  # a rule for English makes nonsense of another language
    for pattern, words in _TURNS:
        found = pattern.fullmatch(asked)
        if found:
            asked = found.expand(words)
            break
    else:
        asked = re.sub("(.+)", _ANY_TOPIC, asked, count=1, flags=re.DOTALL)
    asked = re.sub(r"[a-z]+", lambda word: _NOUNS.get(word[0], word[0]), asked)
    return asked + ("?" if question else "")


def differs(text: str, other: str) -> bool:
    """Whether a variant has other words, or the same in another order; case and punctuation are no difference."""
    return bool(text.strip()) and _words(text) != _words(other)


def _words(text: str) -> list[str]:
    return [token[0].casefold() for token in _TOKEN.finditer(text)]


def _slipped(word: str, rng: np.random.Generator) -> str:
    """A word with one slip behind its first letter."""
    place = int(rng.integers(1, len(word)))
    kind = int(rng.integers(3))
    neighbours = _neighbours(word[place])
    if kind == 0 and neighbours:
        letter = neighbours[int(rng.integers(len(neighbours)))]
        return word[:place] + letter + word[place + 1 :]
    if kind == 1:
        swaps = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
        if swaps:
            i = swaps[int(rng.integers(len(swaps)))]
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return word[:place] + word[place + 1 :]


def _neighbours(letter: str) -> str:
    """Keys left, right, above and below on a QWERTY keyboard, in the letter's case; none for other letters."""
    plain = letter.lower()
    for number, row in enumerate(_ROWS):
        place = row.find(plain)
        if place >= 0:
            near = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            near += "".join(other[place] for other in _ROWS[max(0, number - 1) : number] if place < len(other))
            near += "".join(other[place] for other in _ROWS[number + 1 : number + 2] if place < len(other))
            return near.upper() if letter.isupper() else near
    return ""


def _draw(seed: int, purpose: str, text: str) -> int:
    """A number that depends on the seed, what it is for and the text alone."""
    digest = hashlib.blake2b(f"{seed}:{purpose}:{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
