"""Curation: which pairs are worth learning from, what became of the others, and why.

`curate` is the entrance. Rankings, vectors and scores are handed in as `Evidence`; nothing here searches, encodes or
calls a model.
"""

from jargonaut.pairs.curation.curating import curate
from jargonaut.pairs.curation.evidence import Evidence, Scorer, Scores
from jargonaut.pairs.curation.merging import Merged, merge_queries
from jargonaut.pairs.curation.options import CurationOptions
from jargonaut.pairs.curation.outcome import RULES, Curated, Flag
from jargonaut.pairs.curation.standing import Hits, Places, Ranker, Standing, ranker, standing

__all__ = [
    "RULES",
    "Curated",
    "CurationOptions",
    "Evidence",
    "Flag",
    "Hits",
    "Merged",
    "Places",
    "Ranker",
    "Scorer",
    "Scores",
    "Standing",
    "curate",
    "merge_queries",
    "ranker",
    "standing",
]
