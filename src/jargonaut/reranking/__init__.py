"""Cross-encoders that order the first hits of a search anew: teaching, calibration, scoring."""

from jargonaut.reranking.calibration import Calibration, calibration_error, fitted, fold, probabilities
from jargonaut.reranking.model import PairScorer, Texts, has_head, head_of, is_cross_encoder, load_cross_encoder
from jargonaut.reranking.options import RerankerOptions
from jargonaut.reranking.reranker import LocalReranker
from jargonaut.reranking.teaching import VERSION, train_reranker

__all__ = [
    "VERSION",
    "Calibration",
    "LocalReranker",
    "PairScorer",
    "RerankerOptions",
    "Texts",
    "calibration_error",
    "fitted",
    "fold",
    "has_head",
    "head_of",
    "is_cross_encoder",
    "load_cross_encoder",
    "probabilities",
    "train_reranker",
]
