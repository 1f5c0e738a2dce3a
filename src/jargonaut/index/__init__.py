"""Vector collections that know their encoder: build, open, search, verify, bring up to date."""

from jargonaut.index.bridge import Bridge, BridgedEncoder, fit_bridge, load_bridge, save_bridge
from jargonaut.index.build import BUILT, PASSAGES, BuildOptions, IndexInfo, build_index
from jargonaut.index.content import Many, Sample, content_of, content_of_passages
from jargonaut.index.lance import LanceStore
from jargonaut.index.options import IndexOptions, open_store
from jargonaut.index.plan import IndexPlan, Planned, PlanOptions, plan_index
from jargonaut.index.search import IndexSearcher
from jargonaut.index.shadow import ShadowedQuery, ShadowSummary, chosen, overlap_of, summarise
from jargonaut.index.store import (
    Collection,
    CollectionInfo,
    DamagedCollectionError,
    Filter,
    Quantisation,
    StoreUnavailableError,
    VectorStore,
    passage_hash,
    unknown_collection,
)
from jargonaut.index.sync import SyncPlan, apply_sync, plan_sync
from jargonaut.index.verification import (
    DEPTH,
    GOLDEN,
    INTEGRITY,
    Check,
    GoldenQueries,
    VerifyOptions,
    examine,
    recall_at,
)

__all__ = [
    "BUILT",
    "DEPTH",
    "GOLDEN",
    "INTEGRITY",
    "PASSAGES",
    "Bridge",
    "BridgedEncoder",
    "BuildOptions",
    "Check",
    "Collection",
    "CollectionInfo",
    "DamagedCollectionError",
    "Filter",
    "GoldenQueries",
    "IndexInfo",
    "IndexOptions",
    "IndexPlan",
    "IndexSearcher",
    "LanceStore",
    "Many",
    "PlanOptions",
    "Planned",
    "Quantisation",
    "Sample",
    "ShadowSummary",
    "ShadowedQuery",
    "StoreUnavailableError",
    "SyncPlan",
    "VectorStore",
    "VerifyOptions",
    "apply_sync",
    "build_index",
    "chosen",
    "content_of",
    "content_of_passages",
    "examine",
    "fit_bridge",
    "load_bridge",
    "open_store",
    "overlap_of",
    "passage_hash",
    "plan_index",
    "plan_sync",
    "recall_at",
    "save_bridge",
    "summarise",
    "unknown_collection",
]
