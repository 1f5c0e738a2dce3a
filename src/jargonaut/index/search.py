"""Queries → passages of one collection, with the encoder that built it and no other.

Knows the store's protocol and the fingerprint rule; ranks by dense similarity only.
"""

from __future__ import annotations

from collections.abc import Sequence

from jargonaut.errors import MismatchError
from jargonaut.index.store import Filter, VectorStore, check_encoder
from jargonaut.protocols import Encoder
from jargonaut.records import Passage, Query, Run, ScoredPassage


class IndexSearcher:
    """A `Searcher` over a finished collection.

    Args:
        store: Holds the collection.
        collection: Its name.
        encoder: Must be the one that built it.

    Raises:
        InputError: There is no finished collection of this name.
        MismatchError: Another encoder built it, or its vectors have another length.
    """

    def __init__(self, store: VectorStore, collection: str, encoder: Encoder) -> None:
        self.encoder = encoder
        self._collection = store.open(collection, encoder.fingerprint)
        self._check()

    def search(self, queries: Sequence[Query], k: int) -> Run:
        """The best `k` passages of every query, best first; scores are cosine similarities.

        Raises:
            MismatchError: The encoder is no longer the one that built the collection.
        """
        ids = [query.id for query in queries]
        hits = self.search_texts([query.text for query in queries], k)
        rankings = {id_: {hit.passage_id: hit.score for hit in row} for id_, row in zip(ids, hits, strict=True)}
        return Run(self.encoder.name, rankings)

    def search_texts(self, texts: Sequence[str], k: int, *, where: Filter | None = None) -> list[list[ScoredPassage]]:
        """The same for bare texts, one list per text, among the passages that `where` allows."""
        # Asked every time: an encoder whose model was exchanged behind its back must not search old vectors.
        self._check()
        if not texts:
            return []
        return self._collection.search(self.encoder.encode_queries(texts), k, where=where)

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """Text, title, headings and source of passages, to be shown; unknown ids are left out."""
        return self._collection.fetch(ids)

    def count(self) -> int:
        """How many passages are searched."""
        return self._collection.count()

    def _check(self) -> None:
        info = self._collection.info
        check_encoder(info, self.encoder.fingerprint, info.name)
        if info.dimension != self.encoder.dimension:
            raise MismatchError(
                f"the collection holds {info.dimension}-d vectors, the encoder makes {self.encoder.dimension}-d ones",
                where=info.name,
                remedy="cut the encoder's vectors to the collection's dimension, or search another collection",
            )
