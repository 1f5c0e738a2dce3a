"""Pairs as columns of numbers, so that a million of them are counted in a moment.

Knows which pair stands in which part and names which query and passage; measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.wording import normalised
from jargonaut.records import SPLITS, Pair, PairSplits, Passage, source_of

Codes = NDArray[np.int64]
PairsByPart = PairSplits | Mapping[str, Sequence[Pair]]
UNKNOWN = -1
"""Stands for a passage that the corpus does not hold."""


@dataclass(frozen=True)
class Columns:
    """Pairs by number; row i of every array is about pair i.

    Attributes:
        parts: Names of the parts, in reading order.
        provenances: Every provenance, sorted.
        queries: The distinct texts of queries in normal form, in order of first appearance.
        wordings: Each of them as it was first written.
        passages: The corpus.
        part: Number of the part.
        provenance: Number of the provenance.
        query: Number of the query's text.
        passage: Position in the corpus, or `UNKNOWN`.
        relevance: Grade.
        query_ids: How many distinct query ids there are; more than texts where two ids ask the same words.
        language: Snowball's name of the stemmer's language, for word overlap and vocabulary.
    """

    parts: tuple[str, ...]
    provenances: tuple[str, ...]
    queries: tuple[str, ...]
    wordings: tuple[str, ...]
    passages: Sequence[Passage]
    part: Codes
    provenance: Codes
    query: Codes
    passage: Codes
    relevance: Codes
    query_ids: int
    language: str = "english"

    @cached_property
    def positive(self) -> NDArray[np.bool_]:
        """Which pairs are relevant."""
        return self.relevance > 0

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Source of each provenance."""
        return tuple(source_of(name) for name in self.provenances)

    @cached_property
    def source_names(self) -> tuple[str, ...]:
        """Every source that occurs, sorted."""
        return tuple(sorted(set(self.sources)))

    @cached_property
    def source(self) -> Codes:
        """Number, in `source_names`, of each pair's source."""
        of = np.array([self.source_names.index(name) for name in self.sources], dtype=np.int64)
        return of[self.provenance] if len(of) else self.provenance

    @cached_property
    def document_names(self) -> tuple[str, ...]:
        """Every document of the corpus, in order."""
        return tuple(dict.fromkeys(_document(passage) for passage in self.passages))

    @cached_property
    def document(self) -> Codes:
        """Number, in `document_names`, of each passage of the corpus."""
        numbers = {name: number for number, name in enumerate(self.document_names)}
        return np.array([numbers[_document(passage)] for passage in self.passages], dtype=np.int64)

    def of_sources(self, *names: str) -> NDArray[np.bool_]:
        """Which pairs come from one of these sources."""
        wanted = [number for number, name in enumerate(self.source_names) if name in names]
        return np.isin(self.source, wanted)


def columns(pairs: PairsByPart, passages: Sequence[Passage], language: str = "english") -> Columns:
    """Numbers pairs.

    Args:
        pairs: Splits, or part → pairs under any names.
        passages: The corpus.
        language: Snowball's name of its language.
    """
    parts = {name: pairs.part(name) for name in SPLITS} if isinstance(pairs, PairSplits) else dict(pairs)
    places = {passage.id: position for position, passage in enumerate(passages)}
    queries: dict[str, int] = {}
    wordings: list[str] = []
    known: dict[str, int] = {}  # as written, since most queries occur more than once and folding costs
    provenances: dict[str, int] = {}
    ids: set[str] = set()
    rows: list[tuple[int, int, int, int, int]] = []
    for number, members in enumerate(parts.values()):
        for pair in members:
            ids.add(pair.query_id)
            query = known.get(pair.query)
            if query is None:
                query = known[pair.query] = queries.setdefault(normalised(pair.query), len(queries))
                if query == len(wordings):
                    wordings.append(pair.query)
            provenance = provenances.setdefault(pair.provenance, len(provenances))
            rows.append((number, provenance, query, places.get(pair.passage_id, UNKNOWN), pair.relevance))
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    names = sorted(provenances)
    sorted_place = np.zeros(len(names), dtype=np.int64)
    for place, name in enumerate(names):
        sorted_place[provenances[name]] = place
    provenance_codes = sorted_place[table[:, 1]] if names else table[:, 1]
    return Columns(
        tuple(parts), tuple(names), tuple(queries), tuple(wordings), passages,
        table[:, 0], provenance_codes, table[:, 2], table[:, 3], table[:, 4], len(ids), language,
    )  # fmt: skip


def _document(passage: Passage) -> str:
    return passage.document_id or passage.id
