"""Queries → ranked passages: dense at every dimension and number format, BM25, and their fusion."""

from jargonaut.retrieval.dense import dense_run, run_of, top_k
from jargonaut.retrieval.fusion import DENSE_WEIGHTS, reciprocal_rank_fusion, weighted_fusion
from jargonaut.retrieval.lexical import BM25, BM25Options
from jargonaut.retrieval.prefixes import prefix_top_k
from jargonaut.retrieval.quantised import PRECISIONS, bytes_per_vector, quantised_top_k
from jargonaut.retrieval.reranking import reordered, rescored
from jargonaut.retrieval.scan import pair_scores
from jargonaut.retrieval.shortlist import Shortlist
from jargonaut.retrieval.single import SingleSearch, milliseconds, search_milliseconds

__all__ = [
    "BM25",
    "DENSE_WEIGHTS",
    "PRECISIONS",
    "BM25Options",
    "Shortlist",
    "SingleSearch",
    "bytes_per_vector",
    "dense_run",
    "milliseconds",
    "pair_scores",
    "prefix_top_k",
    "quantised_top_k",
    "reciprocal_rank_fusion",
    "reordered",
    "rescored",
    "run_of",
    "search_milliseconds",
    "top_k",
    "weighted_fusion",
]
