"""Pairs of a query and the passage that answers it: where they come from, which are kept, how they are split."""

from jargonaut.pairs.filters import (
    Filtered,
    FilterOptions,
    RemovedPair,
    known_positives,
    length_filter,
)
from jargonaut.pairs.given import given_splits, is_divided
from jargonaut.pairs.grouping import question
from jargonaut.pairs.labels import LabelledPairs, pairs_from_qrels
from jargonaut.pairs.leakage import Leakage, leakage
from jargonaut.pairs.overlap import Overlap, overlap
from jargonaut.pairs.splits import CountedSplits, SplitOptions, held_out, require_enough, split_pairs
from jargonaut.pairs.structure import StructuralPairs, StructureOptions, structural_pairs
from jargonaut.pairs.wording import normalised, query_id

__all__ = [
    "CountedSplits",
    "FilterOptions",
    "Filtered",
    "LabelledPairs",
    "Leakage",
    "Overlap",
    "RemovedPair",
    "SplitOptions",
    "StructuralPairs",
    "StructureOptions",
    "given_splits",
    "held_out",
    "is_divided",
    "known_positives",
    "leakage",
    "length_filter",
    "normalised",
    "overlap",
    "pairs_from_qrels",
    "query_id",
    "question",
    "require_enough",
    "split_pairs",
    "structural_pairs",
]
