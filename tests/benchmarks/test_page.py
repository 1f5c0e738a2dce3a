"""Measured parts of a page, and the prose around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.page import with_part
from jargonaut.errors import InputError

PAGE = """# Benchmarks

Prose before.

<!-- engine: begin -->

old figures

<!-- engine: end -->

Prose between.

<!-- quality: begin -->
<!-- quality: end -->

Prose after.
"""
ROOT = Path(__file__).parents[2]


def test_prose_around_a_measured_part_stays() -> None:
    """Only what stands between the part's own markers is replaced."""
    page = with_part(PAGE, "engine", "new figures\n")
    assert page == PAGE.replace("old figures", "new figures")


def test_a_part_can_be_replaced_again() -> None:
    """The same text put in twice gives the same page."""
    once = with_part(PAGE, "quality", "| a | b |")
    assert "<!-- quality: begin -->\n\n| a | b |\n\n<!-- quality: end -->\n\nProse after.\n" in once
    assert with_part(once, "quality", "| a | b |") == once


@pytest.mark.parametrize(
    "page",
    [
        "no markers",
        "<!-- engine: begin --> and no end",
        "<!-- engine: end --> before <!-- engine: begin -->",
        PAGE + PAGE,
        PAGE + "<!-- engine: end -->",
    ],
)
def test_a_page_without_exactly_one_such_part_is_refused(page: str) -> None:
    """Nothing is overwritten where it is not clear what is meant."""
    with pytest.raises(InputError, match="engine: begin"):
        with_part(page, "engine", "figures")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_page_has_a_part_for_each_benchmark(name: str) -> None:
    """`make bench` finds where its figures go."""
    assert "figures" in with_part((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), name, "figures")
