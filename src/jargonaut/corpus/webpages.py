"""HTML → title and Markdown of a page's main content.

Knows how pages are built: where the content is, what is navigation, what permalinks look like. Knows nothing of files
or records. Links are written as Markdown's shortcut references (`[text]`, with `[text]: target` at the end), so that
passages carry words and not addresses.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from lxml import etree, html  # type: ignore[import-untyped]
from markdownify import MarkdownConverter

from jargonaut.markdown import inline_text

_NOISE_TAGS = ("script", "style", "nav", "aside", "footer", "noscript", "template", "iframe", "svg", "canvas", "object",
               "button", "input", "select", "textarea", "dialog", "video", "audio", "colgroup")  # fmt: skip
_NOISE_CLASSES = frozenset({
    "sphinxsidebar", "related", "breadcrumb", "breadcrumbs", "toc", "toctree-wrapper", "table-of-contents", "contents",
    "navbar", "navigation", "nav", "sidebar", "pagination", "pager", "skip-link", "sr-only", "headerlink", "edit-link",
    "copybtn", "linenos", "linenodiv", "cookie-banner", "genindextable", "indextable", "modindextable",
    "mw-editsection",
})  # fmt: skip
_NOISE_ROLES = frozenset({"navigation", "search", "banner", "contentinfo", "complementary"})
_PERMALINK = re.compile(r"^(?:\s|¶|#|§|🔗||)*$")
_FLAT_TAGS = ("span", "font", "abbr", "tt", "small", "big", "ins", "time", "bdi", "bdo", "wbr", "u", "center")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_MAX_DEPTH = 150
"""Deeper pages would exceed Python's recursion limit in the converter; they are read as plain words."""
_MIN_MAIN_SHARE = 0.1
_NO_PLACE = re.compile(r"(?:javascript|data|mailto|tel):", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)


def declared_charset(data: bytes) -> str | None:
    """The encoding that a page names in its `meta` tag."""
    match = _CHARSET.search(data[:4096])
    return match[1].decode("ascii", "ignore") if match else None


def page_text(source: str) -> tuple[str, str]:
    """Cuts a page to its main content.

    Args:
        source: A whole HTML page, decoded.

    Returns:
        The page's title (first `h1` of the content, else `<title>`, else "") and its content as Markdown; both are
        empty where the page has no words.
    """
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(_XML_DECLARATION.sub("", source), parser=parser)
    except etree.ParserError:  # nothing but white space and comments
        return "", ""
    main, whole = _main_content(root)
    _remove_noise(main, drop_headers=whole)
    _flatten(main)
    heading = next((_words(h) for h in main.iter("h1") if _words(h)), "")
    title = heading or _words(root.find(".//title"))
    if _depth(main) > _MAX_DEPTH:
        return title, re.sub(r"\s*\n\s*", "\n\n", main.text_content()).strip()
    soup = BeautifulSoup(etree.tostring(main, encoding="unicode", method="html"), "lxml")
    return title, _PageConverter().page(soup)


class _PageConverter(MarkdownConverter):
    """Markdown without decoration: no escapes, no emphasis, no images, definition lists that are not indented."""

    def __init__(self) -> None:
        super().__init__(
            heading_style="atx", bullets="-", strip=["em", "i", "sub", "cite", "dfn", "var", "q"], wrap=True,
            wrap_width=None, escape_asterisks=False, escape_underscores=False, table_infer_header=True,
        )  # fmt: skip
        self._targets: dict[str, tuple[str, str]] = {}  # words folded → (words, target)
        self._others: dict[str, str] = {}  # target → label, for words that already stand for another target

    def page(self, soup: BeautifulSoup) -> str:
        """The whole page, link definitions last."""
        text = "\n".join(line.rstrip() for line in self.convert_soup(soup).splitlines())
        text = re.sub(r"\n{3,}", "\n\n", text).strip()
        definitions = "\n".join(f"[{label}]: {target}" for label, target in self._targets.values())
        return f"{text}\n\n{definitions}\n" if text and definitions else text

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Only a `#` at the start of a text could be taken for structure."""
        text = super().escape(text, parent_tags)  # type: ignore[misc]  # its stub leaves the method out
        return "\\" + text if re.match(r"#{1,6}\s", text) else text

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """`[text]`, its target kept for the end; `[text][link 2]` where the same words lead elsewhere."""
        href = re.sub(r"[\s<>]", "", str(el.get("href") or ""))
        words = " ".join(text.split())
        if not words or not href or "_noformat" in parent_tags or not parent_tags.isdisjoint(_HEADINGS):
            return text
        if _NO_PLACE.match(href) or len(words) > 200 or any(c in words for c in "[]"):
            return text
        before, after = " " * text[:1].isspace(), " " * text[-1:].isspace()
        if words.isdigit():  # a footnote's mark
            return f"{before}[{words}]{after}"
        label = inline_text(words).casefold()
        known = self._targets.setdefault(label, (words, href))
        if known[1] == href:
            return f"{before}[{words}]{after}"
        other = self._others.setdefault(href, f"link {len(self._others) + 2}")
        self._targets[other] = (other, href)
        return f"{before}[{words}][{other}]{after}"

    def convert_hr(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A rule is decoration, and under a line of text it would make that a heading."""
        del el, text, parent_tags
        return "\n\n"

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """An image's words are its alternative text."""
        del text, parent_tags
        return str(el.get("alt") or "")

    def convert_dd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """`: definition`, not indented, so that code and lists in it stay what they are."""
        del el
        text = text.strip()
        if "_inline" in parent_tags:
            return f" {text} "
        return f": {text}\n" if text else "\n"

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A fenced block whose fence is longer than any in the code."""
        del el, parent_tags
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
        code = text.strip("\n")
        return f"\n\n{fence}\n{code}\n{fence}\n\n" if code.strip() else ""


def _main_content(root: html.HtmlElement) -> tuple[html.HtmlElement, bool]:
    """The element that holds the content, and whether it is the whole body."""
    body = root.find("body")
    body = root if body is None else body
    articles = body.xpath(".//article")
    for found in (*body.xpath(".//main | .//*[@role='main']")[:1], *(articles if len(articles) == 1 else [])):
        if len(_words(found)) > _MIN_MAIN_SHARE * len(_words(body)):
            return found, False
    return body, True


def _remove_noise(main: html.HtmlElement, *, drop_headers: bool) -> None:
    """Drops navigation, scripts, permalinks and empty tables from an element, in place."""
    etree.strip_elements(main, *_NOISE_TAGS, with_tail=False)
    for element in list(main.iter(etree.Element)):
        if element is main or element.getparent() is None:
            continue
        classes = frozenset((element.get("class") or "").split())
        noise = (
            not classes.isdisjoint(_NOISE_CLASSES)
            or element.get("role") in _NOISE_ROLES
            or element.get("hidden") is not None
            or element.get("aria-hidden") == "true"
            or (element.tag == "a" and element.find(".//img") is None and _PERMALINK.match(element.text_content()))
            or (element.tag == "header" and (drop_headers or not any(True for _ in element.iter(*_HEADINGS))))
            or (element.tag == "table" and not _words(element))
        )
        if noise:
            element.drop_tree()


def _flatten(main: html.HtmlElement) -> None:
    """Removes tags that carry no structure, so that the slow converter meets few; in place."""
    for quote in main.iter("blockquote"):
        quote.tag = "div"  # often mere indentation, and its `>` would stand before every line
    for code in list(main.iter("pre", "code", "kbd", "samp")):
        for line_break in code.iter("br"):
            line_break.tail = "\n" + (line_break.tail or "")
        words, tail = code.text_content(), code.tail
        if code.tag == "pre" or code.getparent() is not None:
            for child in list(code):
                code.remove(child)
            code.text, code.tail = words, tail
    etree.strip_tags(main, *_FLAT_TAGS)


def _words(element: html.HtmlElement) -> str:
    return "" if element is None else " ".join(element.text_content().split())


def _depth(element: html.HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(element, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest
