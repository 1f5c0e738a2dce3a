"""A small labelled set that a tiny cross-encoder learns and a random encoder does not: a topic's words, its passage."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from jargonaut.formats import write_beir
from jargonaut.records import Passage, Qrel, Query, SplitName

ASKED = (
    "horse dog cow sheep goat pig hen duck", "iron gold steel copper zinc lead tin silver",
    "rain snow wind storm cloud sun fog ice", "bread milk salt sugar rice soup cheese meat",
)  # fmt: skip
ANSWERS = ("the farm keeps animals", "metals are melted here", "today the weather changes", "food stands on a table")
OTHERS = tuple(
    f"{word} and nothing else is told"
    for word in ("music", "law", "paint", "history", "ships", "games", "stars", "maps")
)
COUNTS: Mapping[SplitName, int] = {"train": 14, "dev": 4, "test": 3}
"""Queries of each topic."""


def write_world(folder: Path) -> Path:
    """Writes it as a BEIR folder with its own split; gives the folder."""
    passages = [Passage(f"p{number}", text, f"p{number}") for number, text in enumerate((*ANSWERS, *OTHERS))]
    asked: list[Query] = []
    judged: dict[SplitName, list[Qrel]] = {"train": [], "dev": [], "test": []}
    for topic, words in enumerate(ASKED):
        parts = [part for part, count in COUNTS.items() for _ in range(count)]
        # Every third triple of words, so that no question is nearly another.
        triples = itertools.islice(itertools.combinations(words.split(), 3), 0, None, 2)
        for number, (part, triple) in enumerate(zip(parts, triples, strict=False)):
            query = Query(f"q{topic}-{number}", " ".join(triple))
            asked.append(query)
            judged[part].append(Qrel(query.id, f"p{topic}", 1))
    write_beir(folder, passages, asked, judged)
    return folder
