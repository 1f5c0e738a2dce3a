"""What a language model answered → questions that can be used, or what is wrong with them.

Tolerant of the envelope (fences, prose around the JSON, half a JSON, other keys, numbered lists), strict about what is
in it. Calls nothing; every reason is in words that can be shown to a user and to the model.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from jargonaut.markdown import inline_text
from jargonaut.pairs.questions.plan import KINDS, Assignment, Kind
from jargonaut.pairs.questions.scripts import agree
from jargonaut.pairs.wording import content_stems, normalised, words

_QUESTION_MARKS = ("?", "？", "؟")
_MAX_CHARS = 300
_MAX_WORDS = 60
_MAX_KEYWORDS = 12
"""Words of a query that neither asks nor ends with a question mark; a longer one is a statement."""
_COPIED_RUN = 7
"""Words in a row that also stand in the passage."""
_FEW_WORDS = 4
"""Content words below which nothing is called copied: two names have to be the passage's own."""

_CLOSING = str.maketrans("{[", "}]")
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\s*(.*?)(?:```|\Z)", re.DOTALL)
_MARK = re.compile(r"^\s*(?:[-+*•–]|(?:Q(?:uestion|uery)?\s*)?\d{1,2}\s*[.):])\s+", re.IGNORECASE)
_KIND_MARK = re.compile(rf"^\**\(?({'|'.join(KINDS)})\)?\**\s*[:–-]\s*", re.IGNORECASE)
_QUOTES = "\"'`“”„«»‘’*_ \t"
_TEXT_KEYS = ("text", "question", "query", "q", "content", "title")
_REFUSAL = re.compile(
    r"^(?:i['’]?m\s+sorry|sorry,|i\s+(?:can(?:no|['’])t|am\s+unable|am\s+sorry|do\s*n['’]t\s+have|cannot)|as\s+an?\s+(?:ai|language)"
    r"|unfortunately\b|i\s+apologi[sz]e)",
    re.IGNORECASE,
)
_SOURCE = r"(?:passage|text|document|article|excerpt|paragraph|snippet|section|context|author)s?"
_PASSAGE = r"(?:passage|text|excerpt|snippet)s?"
_GIVEN = r"(?:above|given|provided|following|two)"
_SAYS = r"(?:say|mention|describe|state|discuss|explain|suggest|refer|provide|list)"
_MENTIONS = re.compile(
    rf"\baccording\s+to\s+(?:the|this|that)\s+(?:\w+\s+)?{_SOURCE}\b"
    rf"|\b(?:in|from|of|by)\s+(?:the|this|that|these)\s+(?:{_GIVEN}\s+)?{_PASSAGE}\b"
    rf"|\b(?:the|this|these|both)\s+(?:{_GIVEN}\s+)?(?:passage|excerpt|snippet)s?\b"
    rf"|\b{_GIVEN}[\s-]+(?:mentioned\s+)?{_SOURCE}\b"
    rf"|\b(?:above|afore)[\s-]*mentioned\b"
    rf"|\b(?:the|this)\s+{_SOURCE}\s+(?:{_SAYS}s?|about)\b"
    rf"|\b{_SAYS}e?d?\s+(?:in|by)\s+(?:the|this)\s+{_SOURCE}\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"^(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|can|could|should|would|will|may|must"
    r"|has|have|am|need|i\b|my\b|we\b|our\b)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^(?:[.…\s]+|<[^>]*>|\[[^\]]*\]|string|text|query\s*\d*|question\s*\d*|example)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be used."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer holds.

    Attributes:
        questions: Those that can be used, each once.
        rejected: (text, reason) of those that cannot.
        fault: Why the answer is of no use at all, for the model and for the user; empty when it is of use.
    """

    questions: tuple[Question, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def parse(
    answer: str,
    assignment: Assignment,
    *,
    max_overlap: float = 1.0,
    same_script: bool = True,
    known: Collection[str] = frozenset(),
) -> Parsed:
    """Reads an answer.

    Args:
        answer: The model's words.
        assignment: What it was asked for.
        max_overlap: Share of a question's content words in the passage above which it is copied.
        same_script: Whether the passage's script is wanted; not where another language was asked for.
        known: Normal forms of the examples in the prompt, which are no new questions.
    """
    found = list(candidates(answer))
    if not found:
        return Parsed(fault=_nothing(answer))
    passage = "\n".join(each.content("headings") for each in assignment.passages)
    copied = _Copied(passage, max_overlap)
    left = Counter(assignment.kinds)
    questions: list[Question] = []
    rejected: list[tuple[str, str]] = []
    seen: set[str] = set()
    for written, kind in found:
        text = _clean(written)
        reason = _unusable(text, passage, same_script=same_script) or copied.reason(text)
        same = normalised(text)
        if not reason and (same in seen or same in known):
            reason = "the same as another one"
        if not reason and len(questions) == len(assignment.kinds):
            reason = "more than were asked for"
        if reason:
            rejected.append((text, reason))
            continue
        seen.add(same)
        questions.append(Question(_kind(kind, text, left), text))
    if questions:
        return Parsed(tuple(questions), tuple(rejected))
    reasons = Counter(reason for _, reason in rejected)
    listed = "; ".join(f"{reason} ({count}×)" if count > 1 else reason for reason, count in reasons.most_common(3))
    return Parsed((), tuple(rejected), f"no query in it can be used: {listed}")


def candidates(answer: str) -> Iterator[tuple[str, str]]:
    """(text, kind as written or "") of everything in an answer that is meant as a question."""
    text = _THINKING.sub(" ", answer).strip()
    fenced = _FENCE.search(text)
    body = fenced[1].strip() if fenced and ("{" in fenced[1] or "[" in fenced[1]) else text
    value = json_in(body)
    if value is not None:
        found = list(_walk(value, ""))
        if found or not _listed(text):
            yield from found
            return
    for line in _listed(text):
        mark = _KIND_MARK.match(line)
        yield (line[mark.end() :], mark[1].lower()) if mark else (line, "")


def json_in(text: str) -> Any:
    """The JSON in a text, mended where it can be; None where there is none.

    Where it breaks off, what was not written to its end is left out: half a question is none.
    """
    start = next((position for position, letter in enumerate(text) if letter in "{["), None)
    if start is None:
        return None
    piece = _whole_part(text[start:])
    try:
        return json.loads(piece)
    except (ValueError, RecursionError):
        pass
    from json_repair import repair_json

    try:
        mended = repair_json(piece, return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    return mended if isinstance(mended, (dict, list)) and mended else None


def _whole_part(text: str) -> str:
    """The JSON value that a text begins with; one that breaks off is closed after its last whole part."""
    open_brackets: list[str] = []
    whole, still_open = 0, ""
    value = inside = escaped = False
    for position, letter in enumerate(text):
        if inside:
            inside = escaped or letter != '"'
            escaped = not escaped and letter == "\\"
            if not inside and (value or open_brackets[-1] == "["):
                whole, still_open, value = position + 1, "".join(open_brackets), False
        elif letter == '"':
            inside = True
        elif letter in "{[":
            open_brackets.append(letter)
            value = False
        elif letter in "}]":
            open_brackets.pop()
            whole, still_open, value = position + 1, "".join(open_brackets), False
            if not open_brackets:
                break
        elif letter in ":,":
            value = letter == ":"
    return text[:whole] + still_open[::-1].translate(_CLOSING)


def _walk(value: Any, kind: str) -> Iterator[tuple[str, str]]:
    """Questions anywhere in a JSON value, under whatever keys."""
    if isinstance(value, str):
        yield value, kind
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, kind)
    elif isinstance(value, dict):
        written = next((value[key] for key in ("kind", "type", "category") if isinstance(value.get(key), str)), kind)
        by_kind = len(value) > 1 and {str(key).lower() for key in value} <= set(KINDS)
        named = None if by_kind else next((key for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
        if named:
            yield value[named], written
            return
        for key, item in value.items():
            if key not in {"kind", "type", "category", "persona", "language", "explanation", "reasoning", "notes"}:
                yield from _walk(item, str(key).lower() if str(key).lower() in KINDS else written)


def _listed(text: str) -> list[str]:
    """The entries of a numbered or bulleted list; where there is none, the lines that ask."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [_MARK.sub("", line) for line in lines if _MARK.match(line)]
    return marked or [line for line in lines if '":' not in line and line.rstrip(_QUOTES).endswith(_QUESTION_MARKS)]


def _clean(written: str) -> str:
    text = " ".join(_MARK.sub("", inline_text(written)).split()).strip(_QUOTES)
    return _KIND_MARK.sub("", text).strip(_QUOTES)


def _nothing(answer: str) -> str:
    text = _THINKING.sub(" ", answer).strip()
    if not text:
        return "the answer is empty"
    if _REFUSAL.match(text):
        return "the answer is a refusal"
    if re.search(r"\[\s*\]|\{\s*\}", text):
        return "the list of queries is empty"
    return "the answer holds no list of queries" if "{" not in text else "the JSON breaks off before the first query"


def _unusable(text: str, passage: str, *, same_script: bool) -> str:
    """What is wrong with one question by itself; empty when nothing is."""
    asks = text.endswith(_QUESTION_MARKS) or bool(_ASKS.match(text))
    count = len(words(text))
    checks = (
        (bool(_PLACEHOLDER.match(text)), "it is a placeholder"),
        (not any(letter.isalpha() for letter in text), "it has no words"),
        ("\ufffd" in text or any(ord(letter) < 32 for letter in text), "it holds broken characters"),
        (bool(_REFUSAL.match(text)), "it is a refusal"),
        (len(text) > _MAX_CHARS or count > _MAX_WORDS, "it is too long for a query"),
        (count > _MAX_KEYWORDS and text.isascii() and not asks, "it is a statement, not a query"),
        (bool(_MENTIONS.search(text)), "it speaks of the passage, which whoever asks has never seen"),
        (same_script and not agree(text, passage), "it is in another language than the passage"),
    )
    return next((reason for broken, reason in checks if broken), "")


class _Copied:
    """Says of questions whether they copy a passage.

    Args:
        passage: Its text.
        max_overlap: Share of content words above which a question is copied.
    """

    def __init__(self, passage: str, max_overlap: float) -> None:
        self._passage = passage
        self._limit = max_overlap
        told = words(passage)
        runs = range(len(told) - _COPIED_RUN + 1) if max_overlap < 1 else range(0)
        self._runs = {tuple(told[start : start + _COPIED_RUN]) for start in runs}

    def reason(self, text: str) -> str:
        """Why a question is copied; empty when it is not."""
        if self._limit >= 1:
            return ""
        asked = words(text)
        if any(tuple(asked[start : start + _COPIED_RUN]) in self._runs for start in range(len(asked))):
            return f"it copies {_COPIED_RUN} or more words in a row"
        stems = content_stems(text)
        if len(stems) < _FEW_WORDS:
            return ""
        share = len(stems & self._stems) / len(stems)
        return "nearly all its words are the passage's" if share > self._limit else ""

    @cached_property
    def _stems(self) -> frozenset[str]:
        return content_stems(self._passage)


def _kind(written: str, text: str, left: Counter[Kind]) -> Kind:
    """The kind that a question says it is if that was asked for, else what it looks like among those still missing."""
    named = cast("Kind", written.strip().lower())
    if left[named] <= 0:
        open_kinds = [kind for kind, count in left.items() if count > 0]
        looks: Kind = "keyword" if not text.endswith(_QUESTION_MARKS) and not _ASKS.match(text) else "question"
        named = looks if looks in open_kinds else open_kinds[0]
    left[named] -= 1
    return named
