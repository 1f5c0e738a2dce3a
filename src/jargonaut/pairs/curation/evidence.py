"""What curation may know beyond the pairs. All of it is handed in; none of it is computed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jargonaut.errors import InputError
from jargonaut.pairs.curation.standing import Ranker
from jargonaut.protocols import Vectors
from jargonaut.records import Pair

Scores = Mapping[tuple[str, str], float | None]
"""(query id, passage id) → a score from 0 to 1; None, or a missing one, is unknown."""
Scorer = Callable[[Sequence[Pair]], Sequence[float | None]]
"""Positives → a score from 0 to 1 of each, in order; None is unknown."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of passages and pairs. A rule that lacks its evidence is not applied, and that is said.

    What costs much (rankings, scores) may be given as a function. It is called once, when cheaper rules have had their
    say, and is asked about what is left only.

    Attributes:
        texts: Passage id → text, as it is embedded.
        documents: Passage id → document id; a passage that is missing is a document of its own.
        topics: Passage id → topic; passages that are missing have none.
        rank: Where positives stand in one or more rankings.
        encode: Texts of queries → their vectors, one row each. Only asked about queries of the same stems.
        judge: What an LLM thinks of the positives.
        cross_encoder: What a cross-encoder thinks of them.
        stemmer: Snowball's name of the corpus' language.
    """

    texts: Mapping[str, str]
    documents: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    rank: Ranker | None = None
    encode: Callable[[Sequence[str]], Vectors] | None = None
    judge: Scores | Scorer | None = None
    cross_encoder: Scores | Scorer | None = None
    stemmer: str = "english"


def scored(scores: Scores | Scorer, pairs: Sequence[Pair], source: str) -> list[float | None]:
    """The score of each pair; what is no number counts as unknown.

    Args:
        scores: As they were handed in.
        pairs: Positives.
        source: What to call it in a message.

    Raises:
        InputError: A score lies outside 0 to 1, or there is not one for each pair.
    """
    found = scores(pairs) if callable(scores) else [scores.get((p.query_id, p.passage_id)) for p in pairs]
    if len(found) != len(pairs):
        raise InputError(f"it gave {len(found):,} scores for {len(pairs):,} pairs", where=source)
    known = [None if score is None or math.isnan(score) else float(score) for score in found]
    for pair, score in zip(pairs, known, strict=True):
        if score is not None and not 0 <= score <= 1:
            raise InputError(
                f"it scored query {pair.query_id!r} with passage {pair.passage_id!r} {score:g}",
                where=source,
                remedy="bring its scores to a scale from 0 to 1, for example with a sigmoid",
            )
    return known
