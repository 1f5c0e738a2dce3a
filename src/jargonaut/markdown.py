"""Markdown's structure as plain values: sections, links, words, anchors.

Knows the parts of CommonMark that carry structure, by lines and regular expressions whose cost grows with the text's
length. Renders nothing, and knows nothing of documents, passages or where a text came from.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_TITLE_CHARS = 300
"""A longer "heading" line is a paragraph that happens to begin with `#`."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_SETEXT = re.compile(r" {0,3}(={3,}|-{3,})[ \t]*$")
_NO_SETEXT_TITLE = re.compile(r" {4}|\t| {0,3}(?:[>|<]|[-+*] |\d{1,9}[.)] |[-*_=`~]{3,})")
_FENCE = re.compile(r"[ \t]*(`{3,}+|~{3,}+)([^\n]*)")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:(?!---)[^\n]*\n){0,200}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_DEFINITION = re.compile(r"^ {0,3}\[([^\]\[\n^][^\]\[\n]{0,300})\]:[ \t]*(<[^>\n]*>|\S+)[^\n]*$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"[ \t]*\{[#.:][^{}\n]*\}[ \t]*$")

_LABEL = r"(?:[^\[\]\\]|\\.|\[[^\[\]]{0,200}\]){1,500}?"
_TARGET = r"(?:<[^<>\n]*>|[^\s()<]*(?:\([^\s()]*\)[^\s()]*)*)"
_INLINE = re.compile(
    r"(?P<fence>^[ \t]*(?P<mark>`{3,}+|~{3,}+)[^\n]*+\n(?P<block>.*?)(?:^[ \t]*(?P=mark)[`~]*[ \t]*$|\Z))"
    r"|(?P<code>(?<!`)``(?!`)[^\n]{1,1000}?(?<!`)``(?!`)|(?<!`)`[^`\n]+`(?!`))"
    rf"|(?P<image>!)?\[(?P<text>{_LABEL})\]"
    rf"(?:\([ \t]*(?P<target>{_TARGET})(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*\)"
    r"|\[(?P<label>[^\[\]\n]{0,300})\])?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the text that stands directly under it, up to the next heading of any level.

    Attributes:
        level: 1 to 6; 0 for text before the first heading.
        title: The heading's words, without markup.
        path: Titles from the outermost heading to this one.
        start: Character offset of the heading line.
        body_start: Offset of the first character after the heading.
        end: One past the last character of the body.
    """

    level: int
    title: str
    path: tuple[str, ...]
    start: int
    body_start: int
    end: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link in running text.

    Attributes:
        text: The words that are linked, without markup.
        target: Where it points, as written.
        start: Character offset of its opening bracket.
    """

    text: str
    target: str
    start: int


def sections(text: str) -> Iterator[Section]:
    """Cuts a Markdown text at its headings, ATX (`## x`) and setext (`x` over `---`).

    A `#` inside a fenced code block is no heading. YAML front matter and the link definitions at the end belong to no
    section. Text without headings is one section of level 0; blank text has none.
    """
    begin, end = front_matter_end(text), _content_end(text)
    path: list[tuple[int, str]] = []
    level, title, start, body_start = 0, "", begin, begin
    for next_level, next_title, heading_start, next_body in _headings(text, begin, end):
        if level or text[body_start:heading_start].strip():
            yield Section(level, title, tuple(t for _, t in path), start, body_start, heading_start)
        level, title, start, body_start = next_level, next_title, heading_start, next_body
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, title))
    if level or text[body_start:end].strip():
        yield Section(level, title, tuple(t for _, t in path), start, body_start, max(body_start, end))


def links(text: str) -> Iterator[Link]:
    """The links of a text in order: `[a](b)`, `[a][b]` and `[a]` whose definition `[a]: b` is in the same text.

    Images and anything inside code are skipped.
    """
    targets = {_label(m[1]): m[2].strip("<>") for m in _DEFINITION.finditer(text)}
    for match in _INLINE.finditer(text):
        if match["text"] is None or match["image"]:
            continue
        target = match["target"]
        if target is None:
            if text[match.end() : match.end() + 1] == ":":
                continue
            target = targets.get(_label(match["label"] or match["text"]), "")
        words = inline_text(match["text"])
        if words and target:
            yield Link(words, target.strip("<>"), match.start())


def inline_text(markdown: str) -> str:
    """The words of a heading or a link's text: link, emphasis and HTML marks are removed, code is kept."""
    return " ".join(_words(markdown).split())


def _words(markdown: str) -> str:
    kept: list[str] = []

    def keep(words: str) -> str:
        kept.append(words)
        return f"\x00{len(kept) - 1}\x00"

    def replace(match: re.Match[str]) -> str:
        if match["fence"] is not None:
            return keep(match["block"].strip("\n"))
        if match["code"] is not None:
            return keep(match["code"].strip("`").strip())
        if match["image"]:
            return match["text"] if match["target"] is not None else match[0]
        bare = match["target"] is None and match["label"] is None
        inner: str = _INLINE.sub(replace, match["text"])
        if bare and (_touches_word(match) or not any(c.isalpha() for c in inner)):
            return f"[{inner}]"
        return inner

    text = _INLINE.sub(replace, markdown.replace("\x00", ""))
    for pattern, replacement in _INLINE_MARKS:
        text = pattern.sub(replacement, text)
    text = html.unescape(text)
    for _ in range(3):  # code may stand inside a link's text, which may stand inside another
        text = re.sub(r"\x00(\d+)\x00", lambda m: kept[int(m[1])], text)
    return text.strip()


_INLINE_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL), ""),
    (re.compile(r"</?[A-Za-z][^<>\n]{0,300}>"), ""),
    (re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])([^*\n]{1,500}?)(?<=[^\s\\])\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<![\w\\])(_{1,2})(?=[^\s_])([^_\n]{1,500}?)(?<=[^\s\\])\1(?!\w)"), r"\2"),
    (re.compile(r"~~([^~\n]{1,500}?)~~"), r"\1"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def slug(title: str) -> str:
    """The anchor that GitHub and most site generators give a heading: `What's new?` → `whats-new`."""
    words = re.sub(r"[^\w\s-]", "", unicodedata.normalize("NFC", inline_text(title)).lower())
    return re.sub(r"[\s-]+", "-", words).strip("-")


def anchors(title: str) -> frozenset[str]:
    """Every anchor by which a heading may be linked: GitHub's, and docutils' and Sphinx's (`what-s-new`)."""
    plain = unicodedata.normalize("NFKD", inline_text(title)).encode("ascii", "ignore").decode().lower()
    return frozenset({slug(title), re.sub(r"[^a-z0-9]+", "-", plain).strip("-")} - {""})


def front_matter_end(text: str) -> int:
    """Offset of the first character after YAML front matter; 0 when there is none."""
    match = _FRONT_MATTER.match(text) if text.startswith("---") else None
    return match.end() if match else 0


def _headings(text: str, begin: int, end: int) -> Iterator[tuple[int, str, int, int]]:
    """Yields (level, title, start of the heading, start of its body)."""
    fence = ""
    above: tuple[int, str] | None = None  # the line above, where it could be a setext title
    blank = True
    for found in _LINE.finditer(text, begin, end):
        line = found[0].rstrip("\r\n")
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
            continue
        heading = _ATX.match(line)
        underline = _SETEXT.match(line) if above else None
        start = found.start()
        if mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence, above, blank = mark[1], None, False
        elif heading and (title := _title(line[heading.end() :])):
            yield len(heading[1]), title, start, found.end()
            above, blank = None, True
        elif underline and above and (title := _title(above[1])):
            yield 1 if underline[1][0] == "=" else 2, title, above[0], found.end()
            above, blank = None, True
        else:
            above = (start, line) if blank and line.strip() and not _NO_SETEXT_TITLE.match(line) else None
            blank = not line.strip()


def _title(written: str) -> str:
    """The words of a heading, or nothing if it is none."""
    title = written.strip()
    closed = title.rstrip("#")
    if closed != title and (not closed or closed[-1] in " \t"):
        title = closed.rstrip()
    if len(title) > MAX_TITLE_CHARS:
        return ""
    return inline_text(_ATTRIBUTES.sub("", title))


def _content_end(text: str) -> int:
    """Offset where the link definitions at the end of the text begin."""
    end = len(text)
    while end:
        start = text.rfind("\n", 0, end - 1) + 1
        line = text[start:end]
        if line.strip() and not _DEFINITION.match(line):
            return end
        end = start
    return end


def _label(text: str) -> str:
    return inline_text(text).casefold()


def _touches_word(match: re.Match[str]) -> bool:
    """Whether a bracket follows a word directly, as an index does: `a[i]`."""
    return bool(re.match(r"[\w)\]]", match.string[match.start() - 1 : match.start()] or " "))
