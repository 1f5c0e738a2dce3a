"""Vector collections that know their encoder: build, open, search."""

from jargonaut.index.build import BUILT, PASSAGES, IndexInfo, build_index
from jargonaut.index.lance import LanceStore
from jargonaut.index.search import IndexSearcher
from jargonaut.index.store import Collection, CollectionInfo, VectorStore

__all__ = [
    "BUILT",
    "PASSAGES",
    "Collection",
    "CollectionInfo",
    "IndexInfo",
    "IndexSearcher",
    "LanceStore",
    "VectorStore",
    "build_index",
]
