"""A page as a browser would find it, for the tests of all rooms that write one."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags, titles of pictures, what would be loaded or run, and whether every tag was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.loads: list[str] = []
        self.titles: list[str] = []
        self.balanced = True
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag and what it would load or run."""
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")]
        self.titles += [value or "" for name, value in attrs if tag == "svg" and name == "aria-label"]
        if tag not in ("meta", "link", "br", "img", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Checks that the right tag is closed."""
        self.balanced &= bool(self.open) and self.open.pop() == tag
