"""Definitions and FAQ entries in Markdown text: who says what, and where.

Knows how people write them, by lines. Knows nothing of passages or pairs; offsets are characters of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Statement = tuple[str, int, int]
"""(the term or question as written, start, end): what explains it begins between the two offsets."""

_MAX_TERM_CHARS = 120
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")
_OPTION = re.compile(r"[\[`*_ ]*-{1,2}\w")
"""`--verbose` alone asks nothing: a hundred programs have it."""
_LIST_DEFINITION = re.compile(r"^ {0,3}:[ \t]+\S")
_BOLD_DEFINITION = re.compile(
    r"^[ \t]*(?:[-+*][ \t]+)?(?:\*\*(?P<a>[^*\n]+?)(?P<inside>[:：])?\*\*|__(?P<b>[^_\n]+?)(?P<inside2>:)?__)"
    r"[ \t]*(?P<mark>[:：]|--?|[–—])?[ \t]+(?=\S{2})"
)
_DASH_DEFINITION = re.compile(
    r"^[ \t]*(?:[-+*][ \t]+)?(?P<term>[^\s\-+*#>|:][^\n|:;,.!?—–]{1,80}?)[ \t]+(?:—|–|--)[ \t]+(?=\S+[ \t]+\S+[ \t]+\S)"
)
_BOLD_QUESTION = re.compile(
    r"^[ \t]*(?:[-+*][ \t]+|\d{1,3}[.)][ \t]+)?(?:\*\*|__)(?:Q(?:uestion)?[ \t]*\d{0,3}[ \t]*[.:)][ \t]*)?"
    r"(?P<text>[^*\n]{5,200}?[?？])(?:\*\*|__)[ \t]*"
)
_MARKED_QUESTION = re.compile(
    r"^[ \t]*(?:[-+*][ \t]+)?(?:\*\*|__)?Q(?:uestion)?[ \t]*\d{0,3}[ \t]*[.:)]"
    r"(?:\*\*|__)?[ \t]*(?P<text>\S[^\n]{4,200})$"
)


def faq_entries(text: str) -> Iterator[Statement]:
    """Questions that are no headings: `**Is it fast?**`, `Q: …`, `**Q:** …`; the answer is what follows."""
    for start, line in _prose_lines(text):
        match = _BOLD_QUESTION.match(line) or _MARKED_QUESTION.match(line)
        if match:
            begin = start + match.end()
            answer = re.compile(r"\S").search(text, begin)
            if answer and text[answer.start()] != "#":
                yield match["text"].strip("* _"), answer.start(), answer.start() + 1


def definitions(text: str) -> Iterator[Statement]:
    """Terms that are explained: definition lists (`term`, then `: …`), `**term**: …` and `term — …`."""
    above: list[tuple[int, str]] = []  # the lines of the paragraph so far
    for start, line in _prose_lines(text):
        if not line.strip():
            above = []
            continue
        if _LIST_DEFINITION.match(line):
            explained = start + line.index(":") + 1
            for _, term in above:
                yield from _statement(_without_arguments(term), text, explained)
            above = [] if above else above
            continue
        match = _BOLD_DEFINITION.match(line)
        if match and (match["inside"] or match["inside2"] or match["mark"]):
            yield from _statement(match["a"] or match["b"], text, start + match.end())
        elif not above and (match := _DASH_DEFINITION.match(line)):
            yield from _statement(match["term"], text, start + match.end())
        above.append((start, line))


def _statement(term: str, text: str, begin: int) -> Iterator[Statement]:
    term = term.strip()
    explained = re.compile(r"\S").search(text, begin)
    if explained and 0 < len(term) <= _MAX_TERM_CHARS and not term.endswith(("?", "？")) and not _OPTION.match(term):
        yield term, explained.start(), explained.start() + 1


def _without_arguments(term: str) -> str:
    """`os.path.abspath(path)` is looked up as `os.path.abspath`."""
    match = re.match(
        r"^(?:(?:async|await|class|def|exception|static|abstract|classmethod)\s+)*([\w.:]+)\s?\(.*$", term.strip()
    )
    return match[1] if match else term


def _prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields (offset, line without its end), code blocks left out."""
    fence = ""
    start = 0
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        elif not fence:
            yield start, line.rstrip("\r\n")
        start += len(line)
