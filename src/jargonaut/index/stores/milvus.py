"""Milvus: a server, or Milvus Lite in a folder.

A collection's state is one of Milvus' own properties of the collection; second names are its aliases. Every request is
answered from all that was written before it (consistency level "Strong"). Where a collection has an approximate index,
an exact search is made by reading all vectors once, in blocks. Knows Milvus' requests; knows no rule of collections.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from jargonaut.errors import InputError
from jargonaut.index.engine import (
    STATE,
    Row,
    client_errors,
    folder_lock,
    missing_client,
    payload_of,
    point_id,
    row_from,
)
from jargonaut.index.store import CollectionInfo, Filter, Quantisation
from jargonaut.protocols import Vectors
from jargonaut.records import ScoredPassage

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_TEXTS = ("id", "text", "title", "headings", "document_id", "hash")
_NUMBERS = ("start", "end")
_LONGEST = 65535  # bytes of one text, Milvus' own limit
_NOT_FOUND = 100
_MOST_HITS = 16384  # Milvus' own limit
_SEEN = 200
# kind of index, how it is built, how it is searched
_INDEXES: dict[Quantisation, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "float32": ("HNSW", {"M": 16, "efConstruction": _SEEN}, {"ef": _SEEN}),
    "int8": ("IVF_SQ8", {"nlist": 1024}, {"nprobe": 64}),
    "binary": ("IVF_RABITQ", {"nlist": 1024, "refine": True, "refine_type": "FP32"}, {"nprobe": 64, "refine_k": 10}),
}
_LOCAL: WeakValueDictionary[str, MilvusClient] = WeakValueDictionary()
_OPENING = threading.Lock()


class MilvusEngine:
    """One Milvus.

    Args:
        folder: Holds Milvus Lite's file where there is no `url`, and the lock of this workspace's builders.
        url: The server, such as `http://localhost:19530`.
        token: `user:password`, or a key.
        prefix: Put before the names of collections.
        timeout: Seconds to wait for one answer.

    Raises:
        JargonautError: The client is not installed, or the server does not answer.
    """

    quantisations: frozenset[Quantisation] = frozenset(_INDEXES)
    native_aliases = True
    writes_at_once = 1000

    def __init__(
        self, folder: Path, *, url: str | None = None, token: str | None = None, prefix: str = "jargonaut",
        timeout: float = 60,
    ) -> None:  # fmt: skip
        try:
            import pymilvus

            if url is None:
                import milvus_lite as _  # noqa: F401  (missing is said here, in our own words)
        except ImportError as error:
            raise missing_client("milvus", error) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs what it raises, with its traceback
        self.location = url or str(folder)
        self._folder = folder
        self._prefix = prefix
        # What a client is told at its start holds for its start alone. An engine in this folder is no server.
        self._wait = timeout if url is not None else None
        with self.errors(), _OPENING:
            if url is not None:
                self._client = pymilvus.MilvusClient(uri=url, token=token or "", timeout=timeout)
                return
            folder.mkdir(parents=True, exist_ok=True)
            path = str(folder.absolute() / "milvus.db")
            client = _LOCAL.get(path)
            if client is None:
                client = _LOCAL[path] = pymilvus.MilvusClient(uri=path)
            self._client = client

    def errors(self) -> AbstractContextManager[None]:
        """Turns the client's errors into a StoreUnavailableError."""
        import grpc
        from pymilvus import MilvusException

        return client_errors(self.location, MilvusException, grpc.RpcError)

    def exclusive(self) -> AbstractContextManager[None]:
        """The workspace's lock: Milvus has none."""
        return folder_lock(self._folder)

    def states(self) -> dict[str, str]:
        """Native name → state."""
        ours = [
            name for name in self._client.list_collections(timeout=self._wait) if name.startswith(f"{self._prefix}_")
        ]
        known = {name: self.state(name) for name in ours}
        return {name: state for name, state in known.items() if state is not None}

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        if not self._client.has_collection(native, timeout=self._wait):
            return None
        state = self._client.describe_collection(native, timeout=self._wait).get("properties", {}).get(STATE)
        return None if state is None else str(state)

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A collection of inner products (the vectors are normalised), with its index from the start."""
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("point", DataType.VARCHAR, is_primary=True, max_length=36)
        for name in _TEXTS:
            schema.add_field(name, DataType.VARCHAR, max_length=_LONGEST)
        for name in _NUMBERS:
            schema.add_field(name, DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=info.dimension)
        kind, built, _ = _INDEXES[info.quantisation] if info.approximate else ("FLAT", {}, {})
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type=kind, metric_type="IP", params=built)
        self._client.create_collection(
            native, schema=schema, index_params=index, consistency_level="Strong", properties={STATE: state}
        )

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the state."""
        self._client.alter_collection_properties(native, {STATE: state}, timeout=self._wait)

    def remove(self, native: str) -> None:
        """Removes a collection; its second names go first, or Milvus refuses."""
        for name in self._client.list_aliases(native).get("aliases", []):
            self._client.drop_alias(name)
        self._client.drop_collection(native)

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Puts what is still in memory into segments, which is what an index is built over."""
        del info
        self._client.flush(native)

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """One request."""
        del info
        put = []
        for row in rows:
            fields = payload_of(row)
            long = next((name for name in _TEXTS if len(fields[name].encode()) > _LONGEST), None)
            if long is not None:
                raise InputError(
                    f"the {long} of passage {row.passage.id!r} is longer than {_LONGEST} bytes, Milvus' limit",
                    remedy="cut the documents into smaller passages: [chunk] max_tokens",
                )
            put.append({"point": point_id(row.passage.id), **fields, "vector": row.stored.tolist()})
        self._client.upsert(native, put, timeout=self._wait)

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """One request."""
        self._client.delete(native, ids=[point_id(id_) for id_ in ids], timeout=self._wait)

    def count(self, native: str) -> int:
        """An exact count."""
        (answer,) = self._client.query(native, filter="", output_fields=["count(*)"], timeout=self._wait)
        return int(answer["count(*)"])

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]] | None:
        """Through the index; None where that is not exact but has to be."""
        if (exact and info.approximate) or k > _MOST_HITS:
            return None
        searched = dict(_INDEXES[info.quantisation][2]) if info.approximate else {}
        if "ef" in searched:
            searched["ef"] = max(searched["ef"], k)  # Milvus refuses fewer
        answer = self._client.search(
            native,
            data=vectors.tolist(),
            limit=k,
            filter=_expression(where),
            output_fields=["id"],
            search_params={"metric_type": "IP", "params": searched},
            timeout=self._wait,
        )
        return [[ScoredPassage(hit["entity"]["id"], float(hit["distance"])) for hit in hits] for hits in answer]

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Rows by id."""
        del info
        points = [point_id(id_) for id_ in ids]
        found = self._client.get(native, points, output_fields=_fields(vectors=vectors), timeout=self._wait)
        return [row_from(each, each.get("vector")) for each in found]

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows in the order of their ids, each page a request of its own, so that changes shift nothing."""
        del info
        if self.count(native) == 0:
            return
        pages = self._client.query_iterator(
            native, batch_size=min(block, _MOST_HITS), output_fields=_fields(vectors=vectors), timeout=self._wait
        )
        try:
            while found := pages.next():
                yield [row_from(each, each.get("vector")) for each in found]
        finally:
            pages.close()

    def alias(self, name: str) -> str | None:
        """What an alias stands for."""
        from pymilvus import MilvusException

        try:
            return str(self._client.describe_alias(name, timeout=self._wait)["collection_name"])
        except MilvusException as error:
            if error.code in (_NOT_FOUND, 1600):  # 1600: the server's own "alias not found"
                return None
            raise

    def set_alias(self, name: str, native: str) -> None:
        """Moved in one request."""
        if self.alias(name) is None:
            self._client.create_alias(native, name)
        else:
            self._client.alter_alias(native, name)

    def drop_alias(self, name: str) -> None:
        """Forgets an alias."""
        self._client.drop_alias(name)


def _fields(*, vectors: bool) -> list[str]:
    return [*_TEXTS, *_NUMBERS, *(["vector"] if vectors else [])]


def _expression(where: Filter | None) -> str:
    terms = []
    for key, values in (where.conditions if where is not None else {}).items():
        field, listed = ("point", [point_id(v) for v in values]) if key == "id" else (key, list(values))
        terms.append(f"{field} in {json.dumps(listed, ensure_ascii=False)}")
    return " and ".join(terms)
