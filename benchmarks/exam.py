"""The test queries of a labelled set over a corpus of bounded size: the exam that trained models sit.

Knows how a model is scored; knows nothing of how it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.conditions import LabelledSet
from jargonaut.artifacts import content_hash
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import per_query, query_clusters
from jargonaut.records import Context, Passage, Qrel, Query
from jargonaut.retrieval import dense_run

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

MEASURE = "nDCG@10"
_DEPTH = 10


@dataclass(frozen=True)
class Exam:
    """Test queries and the passages that are searched.

    Attributes:
        passages: What is searched.
        texts: Passage id → the words that are embedded, of the whole set.
        asked: The queries.
        judged: What answers them.
    """

    passages: tuple[Passage, ...]
    texts: Mapping[str, str]
    asked: tuple[Query, ...]
    judged: tuple[Qrel, ...]

    @classmethod
    def of(
        cls, source: LabelledSet, context: Context, *, corpus: int | None = None, queries: int | None = None
    ) -> Exam:
        """Test's own passages and others, drawn by hash.

        Args:
            source: The set.
            context: What stands before a passage's text.
            corpus: Most passages; those that judgements name are always among them. All when None.
            queries: Most queries, drawn by hash; all when None.
        """
        ids = sorted(dict.fromkeys(q.query_id for q in source.test), key=content_hash)[:queries]
        kept = set(ids)
        judged = tuple(q for q in source.test if q.query_id in kept)
        named = {q.passage_id for q in judged}
        ordered = sorted(source.passages, key=lambda p: (p.id not in named, content_hash(p.id)))
        texts = {p.id: p.content(context) for p in source.passages}
        passages = tuple(ordered if corpus is None else ordered[: max(corpus, len(named))])
        return cls(passages, texts, tuple(Query(id_, source.queries[id_]) for id_ in ids), judged)

    @cached_property
    def clusters(self) -> Sequence[str]:
        """The unit of the bootstrap, of each query."""
        of = query_clusters(self.judged, {})
        return [of[query.id] for query in self.asked]

    def unseen(self, train: Sequence[Qrel]) -> list[bool]:
        """Of each query, whether none of its answers answers one of train's."""
        taught = {one.passage_id for one in train}
        met = {one.query_id for one in self.judged if one.passage_id in taught}
        return [query.id not in met for query in self.asked]

    def scores(self, model: SentenceTransformer, dims: Sequence[int | None] = (None,)) -> list[NDArray[np.float64]]:
        """nDCG@10 of each query, shape (queries,), for vectors cut to each of `dims` (whole ones for None)."""
        encoder = LocalEncoder.around(find_model(EMBEDDED), model, ComputeOptions())
        queries = encoder.encode_queries([query.text for query in self.asked])
        passages = encoder.encode_passages([self.texts[p.id] for p in self.passages])
        return [self._scored(queries, passages, dim) for dim in dims]

    def _scored(
        self, queries: NDArray[np.float32], passages: NDArray[np.float32], dim: int | None
    ) -> NDArray[np.float64]:
        run = dense_run(
            "model", [q.id for q in self.asked], queries, [p.id for p in self.passages], passages, k=_DEPTH, dim=dim
        )
        scores = per_query(run, self.judged, self.asked)
        row = {id_: number for number, id_ in enumerate(scores.query_ids)}
        return np.array([scores.values[MEASURE][row[query.id]] for query in self.asked])
