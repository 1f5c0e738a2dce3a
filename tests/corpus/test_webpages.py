"""Promises of cutting a web page to its content."""

from __future__ import annotations

import pytest

from jargonaut.corpus.webpages import declared_charset, page_text
from jargonaut.markdown import links, sections

PAGE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>
<html><head><title>Config — Docs 1.0</title><style>p {}</style></head><body>
<nav><ul><li><a href="x.html">Elsewhere</a></li></ul></nav>
<div class="sphinxsidebar"><h4>Previous topic</h4><a href="y.html">Y</a></div>
<div role="main">
<h1>Config<a class="headerlink" href="#config" title="Permalink">¶</a></h1>
<p>Reads <em>INI</em> files
over two lines, see <a class="reference" href="json.html#x" title="long title"><code><span>json</span></code></a>.</p>
<table><tr><td> </td></tr></table>
<h2><a href="#q">Quick</a> start<a href="#quick-start">#</a></h2>
<pre><span>x = 1</span>
# not a heading
<span>y = 2</span></pre>
<dl><dt>max_size</dt><dd><p>The limit.</p><pre>a = 1</pre></dd></dl>
<p>Another <a href="toml.html">json</a>.</p><p># no heading</p>
</div>
<footer>Copyright</footer><script>track()</script></body></html>"""


def test_only_the_main_content_is_kept() -> None:
    """Navigation, sidebars, footers, scripts, permalinks and empty tables are gone."""
    _, text = page_text(PAGE)
    for junk in ("Elsewhere", "Previous topic", "Copyright", "track", "¶", "|", "long title"):
        assert junk not in text


def test_title_is_the_first_heading_of_the_content() -> None:
    """The page's own heading is preferred to the site's `<title>`."""
    assert page_text(PAGE)[0] == "Config"


def test_headings_are_sections_and_comments_in_code_are_not() -> None:
    """Headings survive without marks; `#` in code and at the start of a paragraph opens no section."""
    assert [s.path for s in sections(page_text(PAGE)[1])] == [("Config",), ("Config", "Quick start")]


def test_links_keep_their_targets_out_of_the_sentence() -> None:
    """A sentence reads as words; the target of each link can still be found."""
    _, text = page_text(PAGE)
    assert "Reads INI files over two lines, see [`json`]." in text
    assert [(found.text, found.target) for found in links(text)] == [("json", "json.html#x"), ("json", "toml.html")]


def test_definitions_and_code_are_not_indented() -> None:
    """A definition list is `term`, then `: definition`, and code in it keeps its fence at the margin."""
    assert "max_size\n: The limit.\n\n```\na = 1\n```" in page_text(PAGE)[1]


@pytest.mark.parametrize(
    "page",
    [
        "<body><nav>menu</nav><main><p>content words</p></main></body>",
        "<body><div class=navbar>menu</div><article><header><h1>content</h1></header>words</article></body>",
        "<body><header>menu</header><p>content words</p><aside>menu</aside></body>",
        "<p>content words<nav>menu</nav>",
        "<body><main></main><div><p>content words</p></div></body>",
    ],
)
def test_content_is_found_however_the_page_is_built(page: str) -> None:
    """`main`, `article` or the whole body; an empty `main` does not hide the page."""
    _, text = page_text(page)
    assert "content" in text
    assert "menu" not in text


@pytest.mark.parametrize("page", ["", "<!-- only a comment -->", "<html></html>", "<body><nav>menu</nav></body>"])
def test_page_without_words_is_empty_text(page: str) -> None:
    """Nothing in, nothing out, no error."""
    assert page_text(page)[1] == ""


def test_deeply_nested_page_is_read_as_plain_words() -> None:
    """Hundreds of nested elements end in words, not in a recursion error."""
    assert "deep words" in page_text("<div>" * 600 + "<p>deep words</p>" + "</div>" * 600)[1]


def test_declared_charset_is_found() -> None:
    """The `meta` tag names the encoding."""
    assert declared_charset(b'<meta http-equiv="x" content="text/html; charset=koi8-r">') == "koi8-r"
