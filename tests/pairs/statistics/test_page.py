"""The picture: whole, safe, offline."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from jargonaut.pairs import RemovedPair
from jargonaut.pairs.statistics import StatisticsOptions, statistics, to_html
from jargonaut.records import Pair

from .samples import asked, corpus

ATTACK = '<script>alert("x")</script>&\'"'
OPTIONS = StatisticsOptions(permutations=19, gap_queries=60, topics=3)
PASSAGES = corpus(120, per_document=2)


class Page(HTMLParser):
    """What a browser would find."""

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


@pytest.fixture(scope="module")
def page() -> str:
    """A page of a set whose texts try to break out of it."""
    train = [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "llm:" + ATTACK, "how do {} and {} fit?", 2)]
    train += [Pair(f"a{i}", ATTACK, f"p{i}") for i in range(30)]
    removed = [RemovedPair(train[-1].__class__("r", ATTACK, "p0"), ATTACK, ATTACK)]
    found = statistics({ATTACK: train, "test": train[-2:]}, PASSAGES, removed=removed, options=OPTIONS)
    return to_html(found, ATTACK)


def test_page_is_whole_and_loads_nothing(page: str) -> None:
    """Every tag is closed; no script, no link, no address outside."""
    read = Page(page)
    assert read.balanced
    assert read.open == []
    assert "script" not in read.tags
    assert read.loads == []
    assert page.startswith("<!doctype html>")


def test_what_users_write_is_text(page: str) -> None:
    """Queries, names of parts and provenances, the title: all are escaped."""
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_chart_names_itself(page: str) -> None:
    """A screen reader hears what each chart shows."""
    titles = Page(page).titles
    assert len(titles) == 6
    assert [title.split(".")[0].split(":")[0] for title in titles] == [
        "Positives by source and part", "Share of a query's words that its positive holds", "Length of queries",
        "Length", "Words copied from the positive", "Share of each topic's passages with a pair",
    ]  # fmt: skip


def test_light_dark_and_paper(page: str) -> None:
    """Colours follow the reader's choice and the printer."""
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "var(--tuned)" in page


def test_a_set_without_pairs_has_a_page() -> None:
    """Nothing to draw is no error."""
    read = Page(to_html(statistics({"train": []}, [], options=OPTIONS)))
    assert read.balanced
    assert "svg" not in read.tags
