"""The picture: whole, safe, offline."""

from __future__ import annotations

import pytest

from jargonaut.pairs import RemovedPair
from jargonaut.pairs.statistics import StatisticsOptions, statistics, to_html
from jargonaut.records import Pair
from tests.pages import Page

from .samples import asked, corpus

ATTACK = '<script>alert("x")</script>&\'"'
OPTIONS = StatisticsOptions(permutations=19, gap_queries=60, topics=3)
PASSAGES = corpus(120, per_document=2)


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
