"""Vector collections that know their encoder: build, open, search."""

from jargonaut.index.build import BUILT, PASSAGES, IndexInfo, build_index
from jargonaut.index.lance import LanceStore
from jargonaut.index.search import IndexSearcher
from jargonaut.index.store import Collection, CollectionInfo, DamagedCollectionError, VectorStore

__all__ = [
    "BUILT",
    "PASSAGES",
    "Collection",
    "CollectionInfo",
    "DamagedCollectionError",
    "IndexInfo",
    "IndexSearcher",
    "LanceStore",
    "VectorStore",
    "build_index",
]
