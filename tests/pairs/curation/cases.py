"""A small corpus and standings for tests of curation."""

from __future__ import annotations

from collections.abc import Mapping

from jargonaut.pairs.curation import Evidence, Places, Ranker, ranker
from jargonaut.records import Pair, Run

TEXT = "Insulin lowers the blood sugar of people who have diabetes, and it is given before meals."


def pair(query: str, passage: str = "p", provenance: str = "llm", relevance: int = 1, **more: object) -> Pair:
    """A pair whose query's id is its text."""
    return Pair(query, query, passage, relevance, provenance, **more)  # type: ignore[arg-type]


def evidence(*passages: str, **more: object) -> Evidence:
    """Evidence with passages that differ in their last word only."""
    return Evidence({passage: f"{TEXT} {passage}" for passage in passages or ("p",)}, **more)  # type: ignore[arg-type]


def ranked(
    rankings: Mapping[str, Mapping[str, Mapping[str, float]]], documents: Mapping[str, str] | None = None,
    near_duplicates: Mapping[str, str] | None = None, known: Mapping[str, list[str]] | None = None,
) -> Ranker:  # fmt: skip
    """Standings from rankings: name → query id → passage id → score."""
    ids = sorted({passage for run in rankings.values() for hits in run.values() for passage in hits})
    places = Places(ids, documents or {}, near_duplicates or {})
    return ranker([Run(name, run) for name, run in rankings.items()], places, known)
