"""A small corpus with pairs of several kinds, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from jargonaut.records import Pair, Passage

KINDS = ("llm:keyword", "llm:natural", "heading", "click")


def clock() -> datetime:
    """Noon, always."""
    return datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def passages() -> Mapping[str, Passage]:
    """Sixty passages about valves."""
    return {
        f"p{n}": Passage(f"p{n}", f"Valve {n} opens when the pump {n} starts.", "Valves", ("Opening",), f"d{n % 7}")
        for n in range(60)
    }


@pytest.fixture(scope="session")
def pairs() -> tuple[Pair, ...]:
    """Three queries for every passage, of four kinds and three splits, of which some repeat the passage's words."""
    words = ("how do I start pump {}", "valve {} opens", "what happens to steam in unit {}")
    return tuple(
        Pair(f"q{n}-{w}", text.format(n), f"p{n}", 1, KINDS[(n * w + n) % 4], None, ("train", "train", "dev")[n % 3])
        for n in range(60)
        for w, text in enumerate(words)
    )
