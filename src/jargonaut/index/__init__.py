"""Vector collections that know their encoder: build, open, search."""

from jargonaut.index.build import BUILT, PASSAGES, IndexInfo, build_index
from jargonaut.index.lance import LanceStore
from jargonaut.index.options import IndexOptions, open_store
from jargonaut.index.search import IndexSearcher
from jargonaut.index.store import (
    Collection,
    CollectionInfo,
    DamagedCollectionError,
    Filter,
    Quantisation,
    StoreUnavailableError,
    VectorStore,
    passage_hash,
)

__all__ = [
    "BUILT",
    "PASSAGES",
    "Collection",
    "CollectionInfo",
    "DamagedCollectionError",
    "Filter",
    "IndexInfo",
    "IndexOptions",
    "IndexSearcher",
    "LanceStore",
    "Quantisation",
    "StoreUnavailableError",
    "VectorStore",
    "build_index",
    "open_store",
    "passage_hash",
]
