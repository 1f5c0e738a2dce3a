"""Promises of reading Markdown's structure."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.markdown import anchors, inline_text, links, sections, slug


def paths(text: str) -> list[tuple[str, ...]]:
    """The heading path of every section."""
    return [section.path for section in sections(text)]


def test_sections_carry_their_path_and_their_own_body() -> None:
    """A section ends at the next heading of any level; its path begins at the outermost."""
    text = "intro\n\n# A\n\none\n\n### B ##\ntwo\n\nC\n---\nthree\n"
    found = list(sections(text))
    assert [(s.level, s.path) for s in found] == [(0, ()), (1, ("A",)), (3, ("A", "B")), (2, ("A", "C"))]
    assert [text[s.body_start : s.end].strip() for s in found] == ["intro", "one", "two", "three"]
    assert [text[s.start :][:3] for s in found[1:]] == ["# A", "###", "C\n-"]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# comment\n```\n",
        "~~~~\n# comment\n~~~\n# still\n~~~~\n",
        "- item\n\n  ```\n# comment\n  ```\n",
        "#hashtag\n",
        "| a | b |\n---\n",
        "- item\n---\n",
        "para one\nline two\n---\n",
        "---\ntitle: x\n---\n\ntext\n",
        "# " + "long words " * 60,
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    """Comments in code, hashtags, tables, rules, front matter and long lines open no section."""
    assert paths(text) == [()]


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("# [`json`](json.html) — *encoder*", "json — encoder"),
        ("# 3. An introduction", "3. An introduction"),
        ("# What's `a_b_c`? {#id}", "What's a_b_c?"),
        ("# C#", "C#"),
        ("# Escaped \\*star\\* &amp; more", "Escaped *star* & more"),
    ],
)
def test_title_is_words_without_markup(heading: str, title: str) -> None:
    """Links, code marks, emphasis and attributes go; numbers and names stay."""
    assert paths(heading + "\n\ntext") == [(title,)]


def test_definitions_at_the_end_belong_to_no_section() -> None:
    """Link definitions are not text."""
    text = "# A\n\nsee [b].\n\n[b]: http://x\n[c]: y\n"
    (section,) = sections(text)
    assert text[section.body_start : section.end].strip() == "see [b]."


@given(st.text(alphabet="#=-`~ \n\tab[]():>|*_\\<!", max_size=200))
def test_sections_are_ordered_and_never_overlap(text: str) -> None:
    """Any text at all is cut into spans that follow one another."""
    at = 0
    for section in sections(text):
        assert at <= section.start <= section.body_start <= section.end <= len(text)
        at = section.end


def test_links_of_every_form_are_found_with_their_place() -> None:
    """Inline, reference and shortcut links count; images, code, footnotes and plain brackets do not."""
    text = "[a `b`](x_(y).md 'T') ![i](p.png) `[no](x)` a[0] [one][r] [Two words] [^1] [plain]\n\n"
    text += "[r]: u\n[two  WORDS]: <v>\n"
    found = list(links(text))
    assert [(found_link.text, found_link.target) for found_link in found] == [
        ("a b", "x_(y).md"),
        ("one", "u"),
        ("Two words", "v"),
    ]
    assert all(text[found_link.start] == "[" for found_link in found)


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ('see [`x`](http://y "t") and [z][1] and [w]', "see x and z and w"),
        ("**bold** *it* _it_ ~~no~~ snake_case_name 2*3*4", "bold it it no snake_case_name 2*3*4"),
        ("```py\na[0] = b['c']  # *x*\n```", "a[0] = b['c'] # *x*"),
        ("index a[i] and `d['k']`", "index a[i] and d['k']"),
        ("![alt words](p.png) <b>html</b> <!-- gone -->&lt;", "alt words html <"),
        ("*args and **kwargs", "*args and **kwargs"),
    ],
)
def test_inline_text_is_the_words(markdown: str, words: str) -> None:
    """Marks go, code and names stay as they are."""
    assert inline_text(markdown) == words


def test_inline_text_keeps_a_number_that_begins_a_title() -> None:
    """A title is no list item."""
    assert inline_text("3. *Lists*\nand more") == "3. Lists and more"


def test_slugs_are_the_anchors_that_generators_make() -> None:
    """GitHub's form, and docutils' beside it."""
    assert slug("What's new in `C++`?") == "whats-new-in-c"
    assert anchors("What's new in `C++`?") == {"whats-new-in-c", "what-s-new-in-c"}
    assert slug("Größe & Maß_x") == "größe-maß_x"


@pytest.mark.parametrize(
    "junk", ["[", "`", "``` ", "![", "*", "_", "<!--", "[a](", "# ", "---\n", "x\n---\n", "\\", "<a"]
)
def test_cost_grows_with_length_whatever_the_text(junk: str) -> None:
    """Repeated marks do not make the expressions backtrack."""
    text = junk * (40_000 // len(junk))
    started = time.process_time()
    list(sections(text))
    list(links(text))
    inline_text(text)
    assert time.process_time() - started < 2
