"""Which store holds the collections, and how they are searched; from settings to an open store.

Knows the stores by name and imports only the one that is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jargonaut.errors import SettingsError, require_limits
from jargonaut.index.engine_store import EngineStore
from jargonaut.index.store import Quantisation, VectorStore

StoreName = Literal["lancedb", "pgvector", "qdrant", "chroma", "milvus", "weaviate", "pinecone"]
_APPROXIMATE_ONLY = frozenset({"chroma", "weaviate", "pinecone"})
_NEEDS_URL = frozenset({"pgvector", "weaviate"})


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Where the vectors of the passages lie, and how they are searched.

    Attributes:
        store: `lancedb`, `qdrant`, `chroma` and `milvus` can lie in a folder of the workspace; `pgvector` and
            `weaviate` are servers at `url`, `pinecone` is a service. All but `lancedb` are extras:
            `pip install 'jargonaut[pgvector]'`.
        url: The server: `postgresql://user@host/database`, or `http://host:port` (Weaviate's gRPC port, where it is not
            50051: `http://host:8080?grpc=50052`). Not set takes a folder of the workspace, and Pinecone's own address.
        api_key_env: The environment variable that holds the server's key or password; the key itself never stands in a
            file. Not set sends none.
        prefix: Put before the names of collections in a store that others use too: letters, digits and `_`.
        search: `exact` compares a query with every vector; `approximate` builds an index when a collection is finished,
            which is faster from some 100,000 passages on and may miss some of the nearest. Not set takes `exact` where
            the store can do that itself; `chroma`, `weaviate` and `pinecone` cannot, so all vectors would be fetched.
        quantisation: How an approximate search compares vectors: `float32` as they are, or rounded to `float16`,
            `int8` or `binary`, which takes a half, a quarter or a thirtieth of the memory. Not every store has each.
        timeout: Seconds to wait for one answer of a server.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    store: StoreName = "lancedb"
    url: str | None = None
    api_key_env: str | None = None
    prefix: str = "jargonaut"
    search: Literal["exact", "approximate"] | None = None
    quantisation: Quantisation = "float32"
    timeout: float = 60.0

    def __post_init__(self) -> None:
        require_limits(
            "index",
            self,
            [
                ("url", bool(self.url) or self.store not in _NEEDS_URL, f"set: {self.store} is a server"),
                ("url", not self.url or self.store != "lancedb", "not set: lancedb lies in the workspace"),
                (
                    "prefix",
                    re.fullmatch(r"[a-z][a-z0-9_]{0,19}", self.prefix) is not None,
                    "up to 20 of the letters a to z, digits and `_`, a letter first",
                ),
                (
                    "quantisation",
                    self.quantisation == "float32" or self.approximate,
                    'float32 unless search = "approximate": an exact search reads the vectors as they are',
                ),
                ("timeout", self.timeout > 0, "above 0"),
            ],
        )

    @property
    def approximate(self) -> bool:
        """Whether collections get an approximate index."""
        if self.search is None:
            return self.store in _APPROXIMATE_ONLY
        return self.search == "approximate"


def open_store(options: IndexOptions, folder: Path, environment: Mapping[str, str] | None = None) -> VectorStore:
    """The store that the settings name; nothing is created in it yet.

    Args:
        options: Which one, and where.
        folder: Where an embedded one lies, such as `layout.index`.
        environment: Holds the key; the process's own when None.

    Raises:
        SettingsError: The key is not in the environment.
        JargonautError: The store's client is not installed, or the server cannot be reached.
    """
    environment = os.environ if environment is None else environment
    key = None
    if options.api_key_env:
        key = environment.get(options.api_key_env)
        if not key:
            raise SettingsError(
                f"there is no environment variable {options.api_key_env}",
                where="[index] api_key_env",
                remedy=f"export {options.api_key_env}=...",
            )
    return _OPENERS[options.store](options, folder, key)


def _lancedb(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.lance import LanceStore

    del options, key
    return LanceStore(folder)


def _pgvector(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.pgvector import PgvectorEngine

    del folder
    engine = PgvectorEngine(options.url or "", password=key, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


def _qdrant(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.qdrant import QdrantEngine

    engine = QdrantEngine(folder, url=options.url, api_key=key, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


def _chroma(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.chroma import ChromaEngine

    engine = ChromaEngine(folder, url=options.url, api_key=key, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


def _milvus(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.milvus import MilvusEngine

    engine = MilvusEngine(folder, url=options.url, token=key, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


def _weaviate(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.weaviate import WeaviateEngine

    engine = WeaviateEngine(folder, options.url or "", api_key=key, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


def _pinecone(options: IndexOptions, folder: Path, key: str | None) -> VectorStore:
    from jargonaut.index.stores.pinecone import PineconeEngine

    engine = PineconeEngine(folder, key, url=options.url, prefix=options.prefix, timeout=options.timeout)
    return EngineStore(engine, options.prefix)


_OPENERS: Mapping[StoreName, Callable[[IndexOptions, Path, str | None], VectorStore]] = {
    "lancedb": _lancedb,
    "pgvector": _pgvector,
    "qdrant": _qdrant,
    "chroma": _chroma,
    "milvus": _milvus,
    "weaviate": _weaviate,
    "pinecone": _pinecone,
}
