"""What curation is told of pairs: where their passages stand for BM25 and the base model, and what they are about.

Joins searchers and vectors with the rules that ask for them. Rankings are made block by block and forgotten again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.clusters import fitted
from jargonaut.pairs.curation import Hits, Places, Ranker, Standing, standing
from jargonaut.pairs.curation.options import RIVALS
from jargonaut.protocols import Encoder
from jargonaut.records import Pair, queries
from jargonaut.retrieval import BM25, BM25Options, top_k

MOST_TOPICS = 24
_PER_TOPIC = 20
"""Passages that a topic has in the mean, at least."""
_FITTED_ON = 50_000
_BLOCK = 1024
Search = Callable[[Sequence[str], int], tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Texts of queries, hits wanted → rows and scores of the hits, best first."""


def ranker(
    texts: Mapping[str, str],
    documents: Mapping[str, str],
    near_duplicates: Mapping[str, str],
    encoder: Encoder,
    bm25: BM25Options,
    depth: int,
) -> Ranker:
    """Finds where positives stand in the rankings of the base model and of BM25.

    Args:
        texts: Passage id → text, as it is embedded.
        documents: Passage id → document id.
        near_duplicates: Passage id → near-duplicate group.
        encoder: The base model.
        bm25: Lexical search.
        depth: How far down a positive is looked for.
    """
    ids = list(texts)
    places = Places(ids, documents, near_duplicates)

    def ranked(positives: Sequence[Pair]) -> Sequence[Standing]:
        asked = queries(tuple(positives))
        vectors = encoder.encode_passages(list(texts.values()))
        lexical = BM25(ids, list(texts.values()), bm25)

        def dense(block: Sequence[str], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            return top_k(encoder.encode_queries(block), vectors, k)

        def hits(search: Search) -> Iterator[Hits]:
            for start in range(0, len(asked), _BLOCK):
                block = asked[start : start + _BLOCK]
                rows, scores = search([query.text for query in block], depth + RIVALS)
                yield Hits([query.id for query in block], rows, scores)

        searchers: dict[str, Search] = {"base": dense, "BM25": lexical.search_rows}
        return [standing(name, positives, hits(search), places) for name, search in searchers.items()]

    return ranked


def topics_of(encoder: Encoder, texts: Mapping[str, str], seed: int = 13) -> dict[str, str]:
    """Passage id → its topic: clusters of the base model's vectors.

    Args:
        encoder: The base model.
        texts: Passage id → text, as it is embedded. With fewer than 40 there are no topics.
        seed: Of the first centres.
    """
    count = min(MOST_TOPICS, len(texts) // _PER_TOPIC)
    if count < 2:
        return {}
    vectors = encoder.encode_passages(list(texts.values()))
    drawn = np.random.default_rng(seed).permutation(len(vectors))[:_FITTED_ON]
    clusters = fitted(vectors[np.sort(drawn)], count, seed)
    return {passage: f"topic-{topic}" for passage, topic in zip(texts, clusters.predict(vectors), strict=True)}
