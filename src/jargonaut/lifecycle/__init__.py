"""The life of an index: built beside the live one, verified, switched to, kept up to date, rolled back, removed."""

from jargonaut.lifecycle.bridging import BridgeReport, BridgeRow, bridged_searcher, build_bridge
from jargonaut.lifecycle.indexes import IndexLifecycle
from jargonaut.lifecycle.outcomes import Built, IndexStatus, Removal, Synced
from jargonaut.lifecycle.passages import IndexedPassages, chunker_of, passages_of
from jargonaut.lifecycle.serving import Answer, AnsweredHit, LiveSearcher
from jargonaut.lifecycle.shadowing import (
    ShadowedSearcher,
    candidate_searcher,
    recorded_shadow,
    shadow_log,
    shadow_queries,
)

__all__ = [
    "Answer",
    "AnsweredHit",
    "BridgeReport",
    "BridgeRow",
    "Built",
    "IndexLifecycle",
    "IndexStatus",
    "IndexedPassages",
    "LiveSearcher",
    "Removal",
    "ShadowedSearcher",
    "Synced",
    "bridged_searcher",
    "build_bridge",
    "candidate_searcher",
    "chunker_of",
    "passages_of",
    "recorded_shadow",
    "shadow_log",
    "shadow_queries",
]
