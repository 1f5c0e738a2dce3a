"""reStructuredText → Markdown, as far as structure goes: headings, inline roles, labels.

Knows how titles are adorned. Is no parser of reStructuredText: directives and everything else stay as written.
"""

from __future__ import annotations

import re

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*$")
_ROLE = re.compile(r":(?:[a-z][\w+.-]*:){1,2}`!?~?([^`<\n]+?)(?:\s*<[^`>\n]*>)?`")
_REFERENCE = re.compile(r"`([^`<>\n]+?)\s*<([^`<>\s]+)>`__?")
_COMMENT = re.compile(r"^ {0,3}(?=#{1,6}(?:\s|$))")
"""A `#` line of indented code, which Markdown would take for a heading unless it stands four columns in."""
_LABEL = re.compile(r"^\.\. _[^\n]*:[ \t]*\n", re.MULTILINE)


def to_markdown(text: str) -> str:
    """Rewrites adorned titles as `#` headings, whose levels are those of first appearance, and inline roles as code."""
    lines = _LABEL.sub("", text).split("\n")
    levels: list[str] = []
    out: list[str] = []
    number = 0
    while number < len(lines):
        overline = _adornment(lines, number)
        title = number + 1 if overline else number
        below = _adornment(lines, title + 1)
        is_title = (
            title < len(lines)
            and bool(lines[title].strip())
            and not _ADORNMENT.match(lines[title])
            and below is not None
            and len(lines[title + 1].rstrip()) >= min(len(lines[title].strip()), 8)
            and (overline == below if overline else not lines[title][0].isspace())
            and (number == 0 or not lines[number - 1].strip())
        )
        if is_title and below is not None:
            style = f"{overline or ''}{below}"
            if style not in levels:
                levels.append(style)
            out += [f"{'#' * min(6, 1 + levels.index(style))} {lines[title].strip()}", ""]
            number = title + 2
        else:
            out.append(_COMMENT.sub("    ", lines[number]))
            number += 1
    return _REFERENCE.sub(r"[\1](\2)", _ROLE.sub(r"`\1`", "\n".join(out)))


def _adornment(lines: list[str], number: int) -> str | None:
    """The character that a line consists of, if it could adorn a title."""
    match = _ADORNMENT.match(lines[number]) if number < len(lines) else None
    return match[1] if match else None
