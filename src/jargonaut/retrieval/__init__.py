"""Queries → ranked passages: dense, BM25, and their fusion."""

from jargonaut.retrieval.dense import dense_run, top_k
from jargonaut.retrieval.fusion import reciprocal_rank_fusion
from jargonaut.retrieval.lexical import BM25, BM25Options
from jargonaut.retrieval.scan import pair_scores
from jargonaut.retrieval.shortlist import Shortlist

__all__ = ["BM25", "BM25Options", "Shortlist", "dense_run", "pair_scores", "reciprocal_rank_fusion", "top_k"]
