"""Qdrant: a server, or its client's own engine in a folder.

A collection's state is in Qdrant's own metadata of the collection; second names are its aliases. The engine in a folder
serves one process at a time, compares with all vectors and rounds none; it is meant for small collections. Knows
Qdrant's requests; knows no rule of collections.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

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
from jargonaut.index.store import CollectionInfo, Filter, Quantisation, StoreUnavailableError
from jargonaut.protocols import Vectors
from jargonaut.records import ScoredPassage

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

_OVERSAMPLED = 4.0  # times k: that many are compared again with their vectors as they are
_LOCAL: WeakValueDictionary[str, QdrantClient] = WeakValueDictionary()  # a folder takes one client in a process
_OPENING = threading.Lock()


class QdrantEngine:
    """One Qdrant.

    Args:
        folder: Holds the embedded engine where there is no `url`, and the lock of this workspace's builders.
        url: The server, such as `http://localhost:6333`.
        api_key: Its key.
        prefix: Put before the names of collections.
        timeout: Seconds to wait for one answer.

    Raises:
        JargonautError: The client is not installed, or another process uses the folder.
    """

    native_aliases = True
    writes_at_once = 512

    def __init__(
        self, folder: Path, *, url: str | None = None, api_key: str | None = None, prefix: str = "jargonaut",
        timeout: float = 60,
    ) -> None:  # fmt: skip
        try:
            import qdrant_client
        except ImportError as error:
            raise missing_client("qdrant", error) from error
        self.location = url or str(folder)
        self._folder = folder
        self._prefix = prefix
        self._served = url is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a key goes over plain HTTP, and how old the server is
            if url is None:
                self._client = _local(folder)
            else:
                self._client = qdrant_client.QdrantClient(
                    url=url, api_key=api_key, timeout=max(1, round(timeout)), check_compatibility=False
                )

    @property
    def quantisations(self) -> frozenset[Quantisation]:
        """A server's; the embedded engine would take any, and round none."""
        return frozenset({"float32", "float16", "int8", "binary"} if self._served else {"float32"})

    def errors(self) -> AbstractContextManager[None]:
        """Turns the client's errors into a StoreUnavailableError."""
        from qdrant_client.http.exceptions import ApiException

        return client_errors(self.location, ApiException)

    def exclusive(self) -> AbstractContextManager[None]:
        """The workspace's lock: Qdrant has none."""
        return folder_lock(self._folder)

    def states(self) -> dict[str, str]:
        """Native name → state."""
        names = (each.name for each in self._client.get_collections().collections)
        known = {name: self.state(name) for name in names if name.startswith(f"{self._prefix}_")}
        return {name: state for name, state in known.items() if state is not None}

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        if not self._client.collection_exists(native):
            return None
        known = self._client.get_collection(native).config.metadata or {}
        state = known.get(STATE)
        return None if state is None else str(state)

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A collection of dot products: the vectors are normalised."""
        from qdrant_client import models

        half = models.Datatype.FLOAT16 if info.quantisation == "float16" else None
        quantised: Any = None
        if info.quantisation == "int8":
            kind = models.ScalarType.INT8
            quantised = models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=kind, always_ram=True))
        elif info.quantisation == "binary":
            quantised = models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        self._client.create_collection(
            native,
            vectors_config=models.VectorParams(size=info.dimension, distance=models.Distance.DOT, datatype=half),
            quantization_config=quantised,
            metadata={STATE: state},
        )
        if self._served:  # the embedded engine has no indexes of fields
            for field in ("document_id", "title"):
                self._client.create_payload_index(native, field, models.PayloadSchemaType.KEYWORD)

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the state."""
        self._client.update_collection(native, metadata={STATE: state})

    def remove(self, native: str) -> None:
        """Removes a collection, and the aliases that point at it."""
        self._client.delete_collection(native)

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Nothing: Qdrant builds its index while it is filled, and searches the rest exactly."""

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """One request, answered when it is done."""
        from qdrant_client import models

        del info
        points = [
            models.PointStruct(
                id=point_id(row.passage.id),
                vector=row.stored.tolist(),
                payload=payload_of(row),
            )
            for row in rows
        ]
        self._client.upsert(native, points, wait=True)

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """One request, answered when it is done."""
        self._client.delete(native, [point_id(id_) for id_ in ids], wait=True)

    def count(self, native: str) -> int:
        """An exact count."""
        return int(self._client.count(native, exact=True).count)

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]]:
        """All queries in one request."""
        from qdrant_client import models

        rounded = info.quantisation in ("int8", "binary")
        again = models.QuantizationSearchParams(ignore=exact, rescore=True, oversampling=_OVERSAMPLED)
        how: models.SearchParams | None = models.SearchParams(exact=exact, quantization=again if rounded else None)
        if not self._served:
            how = None  # the embedded engine compares with all, and warns where it is told to
        asked = [
            models.QueryRequest(query=vector.tolist(), limit=k, filter=_filter(where), params=how, with_payload=["id"])
            for vector in vectors
        ]
        answers = self._client.query_batch_points(native, requests=asked)
        return [[ScoredPassage((hit.payload or {})["id"], hit.score) for hit in each.points] for each in answers]

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Points by id."""
        del info
        points = [point_id(id_) for id_ in ids]
        found = self._client.retrieve(native, points, with_payload=True, with_vectors=vectors)
        return [row_from(point.payload or {}, point.vector) for point in found]

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All points in the order of their ids, so that changes on the way shift nothing."""
        del info
        offset: Any = None
        while True:
            found, offset = self._client.scroll(
                native, limit=block, offset=offset, with_payload=True, with_vectors=vectors
            )
            if found:
                yield [row_from(point.payload or {}, point.vector) for point in found]
            if offset is None:
                return

    def alias(self, name: str) -> str | None:
        """What an alias stands for."""
        for each in self._client.get_aliases().aliases:
            if each.alias_name == name:
                return str(each.collection_name)
        return None

    def set_alias(self, name: str, native: str) -> None:
        """Taken away and given in one request, which Qdrant carries out as one."""
        from qdrant_client import models

        steps: list[Any] = []
        if self.alias(name) is not None:
            steps.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name)))
        make = models.CreateAlias(collection_name=native, alias_name=name)
        self._client.update_collection_aliases([*steps, models.CreateAliasOperation(create_alias=make)])

    def drop_alias(self, name: str) -> None:
        """Forgets an alias."""
        from qdrant_client import models

        gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
        self._client.update_collection_aliases([gone])


def _filter(where: Filter | None) -> models.Filter | None:
    from qdrant_client import models

    conditions: list[Any] = []
    for field, values in (where.conditions if where is not None else {}).items():
        if field == "id":
            conditions.append(models.HasIdCondition(has_id=[point_id(value) for value in values]))
        else:
            conditions.append(models.FieldCondition(key=field, match=models.MatchAny(any=list(values))))
    return models.Filter(must=conditions) if conditions else None


def _local(folder: Path) -> QdrantClient:
    """The embedded engine of a folder; the same one for all who ask in this process."""
    from qdrant_client import QdrantClient

    path = str(folder.absolute() / "qdrant")
    with _OPENING:
        client = _LOCAL.get(path)
        if client is None:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                client = QdrantClient(path=path, force_disable_check_same_thread=True)
            except RuntimeError as error:
                raise StoreUnavailableError(
                    "another process uses this folder, and Qdrant's embedded engine serves one; run a server and set "
                    "[index] url",
                    path,
                ) from error
            _LOCAL[path] = client
        return client
