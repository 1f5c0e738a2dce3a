"""BM25 (Robertson & Zaragoza 2009) through bm25s, with Snowball stems and the stop words of the same language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import SettingsError
from jargonaut.records import Query, Run

# Stemmers that bm25s does not call its stop words after.
_STOP_WORDS = {"english": "EN", "porter": "EN", "dutch_porter": "DUTCH"}


@dataclass(frozen=True, slots=True)
class BM25Options:
    """Lexical search.

    Attributes:
        k1: Term saturation: how much a repeated word counts.
        b: Length normalisation, from 0 (none) to 1 (full).
        language: Language of stems and stop words, in English, such as `german`. A language without stop words here
            keeps all its words.

    Raises:
        SettingsError: There is no stemmer for the language.
    """

    k1: float = 1.2
    b: float = 0.75
    language: str = "english"

    def __post_init__(self) -> None:
        import Stemmer

        known = Stemmer.algorithms()
        if self.language not in known:
            raise SettingsError(
                f"language is {self.language!r}, for which there is no stemmer",
                where="[bm25] language",
                remedy=f"choose one of: {', '.join(known)}",
            )


class BM25:
    """A BM25 index in memory; a `Searcher`.

    Args:
        passage_ids: Ids of the passages.
        texts: Their texts, in the same order.
        options: Parameters.
    """

    def __init__(self, passage_ids: Sequence[str], texts: Sequence[str], options: BM25Options | None = None) -> None:
        import bm25s
        import Stemmer

        self._options = options or BM25Options()
        self._ids = list(passage_ids)
        self._stemmer = Stemmer.Stemmer(self._options.language)
        self._stop_words = stop_words(self._options.language)
        self._index = bm25s.BM25(k1=self._options.k1, b=self._options.b, method="lucene")
        tokens = bm25s.tokenize(list(texts), stopwords=self._stop_words, stemmer=self._stemmer, show_progress=False)
        self._empty = not tokens.vocab or not any(len(ids) for ids in tokens.ids)
        if not self._empty:
            self._index.index(tokens, show_progress=False)

    @property
    def bytes_per_passage(self) -> float:
        """What the index takes for each passage; the words themselves are left out."""
        if self._empty:
            return 0.0
        kept = self._index.scores
        return float(sum(kept[part].nbytes for part in ("data", "indices", "indptr"))) / len(self._ids)

    def search(self, queries: Sequence[Query], k: int, *, name: str = "BM25") -> Run:
        """The best `k` passages of every query that share a term with it, best first."""
        rows, scores = self.search_rows([query.text for query in queries], k)
        return Run(
            name,
            {
                query.id: {self._ids[row]: float(score) for row, score in zip(hits, values, strict=True) if row >= 0}
                for query, hits, values in zip(queries, rows, scores, strict=True)
            },
        )

    def search_rows(self, texts: Sequence[str], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The same by row of the passages.

        Args:
            texts: Queries.
            k: Hits of each; fewer when there are fewer passages.

        Returns:
            Rows and scores, both (queries, min(k, passages)), best first; row -1 where no further passage shares a
            term.
        """
        import bm25s

        k = min(k, len(self._ids))
        if self._empty or not texts:
            return np.full((len(texts), k), -1, np.int64), np.zeros((len(texts), k), np.float32)
        tokens = bm25s.tokenize(
            list(texts), stopwords=self._stop_words, stemmer=self._stemmer, show_progress=False, return_ids=False
        )
        rows, scores = self._index.retrieve(tokens, k=k, show_progress=False)
        order = np.lexsort((rows, -scores), axis=1)
        rows, scores = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
        return np.where(scores > 0, rows, -1).astype(np.int64), scores.astype(np.float32)


def stop_words(language: str) -> list[str]:
    """The stop words of a stemmer's language; none where bm25s has no list of them."""
    from bm25s import stopwords

    return list(getattr(stopwords, f"STOPWORDS_{_STOP_WORDS.get(language, language.upper())}", ()))
