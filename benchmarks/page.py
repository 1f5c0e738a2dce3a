"""The parts of a page that are measured, between markers; what stands around them is a writer's and stays.

A part is marked `<!-- name: begin -->` … `<!-- name: end -->`, each on a line of its own.
"""

from __future__ import annotations

import textwrap

from jargonaut.errors import InputError

WIDTH = 138


def paragraph(text: str) -> str:
    """A paragraph of a page, its lines no longer than the page's others."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def score(value: float, digits: int = 3) -> str:
    """As the field writes it: .465."""
    return f"{value:.{digits}f}".removeprefix("0")


def with_part(page: str, name: str, text: str) -> str:
    """The page with another text in one of its marked parts.

    Args:
        page: The whole page.
        name: Of the part.
        text: What is put there; line breaks around it are left out.

    Raises:
        InputError: The page does not have exactly one such part.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed or begin in after or end in before + after:
        raise InputError(f"the page must have one part from {begin!r} to {end!r}", remedy="put the two lines back")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
