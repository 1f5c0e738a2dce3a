"""A small set of general knowledge that ships with the package: what a model should still find after it was tuned.

300 English passages about everyday topics, five to a topic, and questions that share few words with their passage. They
were written for this project, so its licence covers them, and tell what does not change with the years. Knows files and
records; how a model is searched with and scored is not its business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jargonaut.records import Pair

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class GeneralKnowledge:
    """A retrieval set.

    Attributes:
        texts: Passage id → text.
        topics: Passage id → topic; each has five passages.
        pairs: Every question with the one passage that answers it.
    """

    texts: Mapping[str, str]
    topics: Mapping[str, str]
    pairs: tuple[Pair, ...]


@cache
def general_knowledge() -> GeneralKnowledge:
    """The set, read once."""
    passages, asked = _rows("passages.jsonl"), _rows("queries.jsonl")
    return GeneralKnowledge(
        {row["id"]: row["text"] for row in passages},
        {row["id"]: row["topic"] for row in passages},
        tuple(Pair(row["id"], row["text"], row["passage_id"]) for row in asked),
    )


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines()]
