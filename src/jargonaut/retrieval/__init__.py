"""Queries → ranked passages: dense, BM25, and their fusion."""

from jargonaut.retrieval.dense import dense_run, top_k
from jargonaut.retrieval.fusion import reciprocal_rank_fusion
from jargonaut.retrieval.lexical import BM25, BM25Options

__all__ = ["BM25", "BM25Options", "dense_run", "reciprocal_rank_fusion", "top_k"]
