"""Pinecone, through its own client.

A collection is an index; its state lies in the index's tags, which Pinecone changes in one step. Rows are read and
searched a while after they were written, so every write waits until it can be seen. Pinecone's search is approximate;
an exact one is made by reading all vectors once, which over a network is for checks only. Knows Pinecone's requests;
knows no rule of collections.
"""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.errors import InputError, SettingsError
from jargonaut.index.engine import (
    STATE,
    Row,
    WithoutAliases,
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
    from pinecone import Index, Pinecone

_NAMESPACE = "passages"
_FIELD = "_values"  # the name that the API gives to the vectors of an index with one kind of them
_TAG_LENGTH = 120  # Pinecone's limits of tags: 20 of 120 characters
_TAGS = 18
_LARGEST = 40_960  # bytes of a row's fields, Pinecone's limit
_FETCHED_AT_ONCE = 100  # ids are sent in the address, which must not grow too long
_MOST_HITS = 10_000


class PineconeEngine(WithoutAliases):
    """One project of Pinecone.

    Args:
        folder: Holds the lock of this workspace's builders.
        api_key: The project's key.
        url: The control plane, where it is not Pinecone's own.
        prefix: Put before the names of indexes.
        timeout: Seconds to wait for one answer, and for what was written to be seen.
        pause: Waits between two looks.

    Raises:
        JargonautError: The client is not installed.
        SettingsError: There is no key.
    """

    quantisations: frozenset[Quantisation] = frozenset({"float32"})
    writes_at_once = 100

    def __init__(
        self, folder: Path, api_key: str | None, *, url: str | None = None, prefix: str = "jargonaut",
        timeout: float = 60, pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        try:
            from pinecone import Pinecone
        except ImportError as error:
            raise missing_client("pinecone", error) from error
        if not api_key:
            raise SettingsError(
                "Pinecone needs a key", where="[index] api_key_env", remedy='api_key_env = "PINECONE_API_KEY"'
            )
        self.location = url or "https://api.pinecone.io"
        self._folder = folder
        self._prefix = prefix.replace("_", "-")
        self._timeout = timeout
        self._pause = pause
        self._client = Pinecone(api_key=api_key, host=url, timeout=timeout)
        self._indexes: dict[str, Index] = {}
        weakref.finalize(self, _close, self._client, self._indexes)

    def errors(self) -> AbstractContextManager[None]:
        """Turns the client's errors into a StoreUnavailableError."""
        import httpx
        from pinecone.errors import PineconeError

        return client_errors(self.location, PineconeError, httpx.HTTPError)

    def exclusive(self) -> AbstractContextManager[None]:
        """The workspace's lock: Pinecone has none."""
        return folder_lock(self._folder)

    def states(self) -> dict[str, str]:
        """Native name → state."""
        ours = (each for each in self._client.indexes.list() if each.name.startswith(f"{self._prefix}-"))
        known = {each.name.replace("-", "_"): _state(each.tags) for each in ours}
        return {name: state for name, state in known.items() if state is not None}

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        from pinecone.errors import NotFoundError

        try:
            return _state(self._client.indexes.describe(_name(native)).tags)
        except NotFoundError:
            return None

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """An index of dot products: the vectors are normalised. Returns when it is ready."""
        field = {"type": "dense_vector", "dimension": info.dimension, "metric": "dotproduct"}
        self._client.indexes.create(
            name=_name(native),
            schema={"fields": {_FIELD: field}},
            tags=_tags(state),
            timeout=max(1, round(self._timeout)),
        )

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the tags, in one request."""
        self._client.indexes.configure(_name(native), tags=_tags(state))

    def remove(self, native: str) -> None:
        """Removes an index, and waits until it is gone."""
        index = self._indexes.pop(native, None)  # one of the same name may get another address
        if index is not None:
            index.close()
        self._client.indexes.delete(_name(native), timeout=max(1, round(self._timeout)))

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Nothing: every write has waited until it was seen."""

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """One request, then looks until the last row is there."""
        del info
        put: dict[str, dict[str, Any]] = {}
        for row in rows:
            fields = payload_of(row)
            if len(json.dumps(fields, ensure_ascii=False).encode()) > _LARGEST:
                raise InputError(
                    f"the passage {row.passage.id!r} is longer than {_LARGEST} bytes, Pinecone's limit",
                    remedy="cut the documents into smaller passages: [chunk] max_tokens",
                )
            point = point_id(row.passage.id)
            put[point] = {"id": point, "values": row.stored.tolist(), "metadata": fields}
        index = self._index(native)
        index.upsert(vectors=list(put.values()), namespace=_NAMESPACE)

        def seen() -> bool:
            found = index.fetch(ids=list(put), namespace=_NAMESPACE).vectors
            return all(
                id_ in found and row_from(found[id_].metadata or {}) == row_from(each["metadata"])
                for id_, each in put.items()
            )

        self._wait(seen)

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """One request for every hundred, each followed by looks until they are gone."""
        index = self._index(native)
        for start in range(0, len(ids), _FETCHED_AT_ONCE):
            points = [point_id(id_) for id_ in ids[start : start + _FETCHED_AT_ONCE]]
            index.delete(ids=points, namespace=_NAMESPACE)
            self._wait(partial(_gone, index, points))

    def count(self, native: str) -> int:
        """As Pinecone's statistics say."""
        namespaces = self._index(native).describe_index_stats().namespaces
        return int(namespaces[_NAMESPACE].vector_count) if _NAMESPACE in namespaces else 0

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]] | None:
        """One request per query; None where an exact answer is wanted, which Pinecone cannot give."""
        del info
        if exact or k > _MOST_HITS:
            return None
        index = self._index(native)
        found = []
        for vector in vectors:
            answer = index.query(
                vector=vector.tolist(), top_k=k, namespace=_NAMESPACE, filter=_filter(where), include_metadata=True
            )
            found.append([ScoredPassage(str((hit.metadata or {})["id"]), float(hit.score)) for hit in answer.matches])
        return found

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Rows by id."""
        del info
        return self._rows(self._index(native), [point_id(id_) for id_ in ids], vectors=vectors)

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows in the order of their ids, so that changes on the way shift nothing."""
        del info
        index = self._index(native)
        for page in index.list(namespace=_NAMESPACE, limit=min(block, _FETCHED_AT_ONCE)):
            rows = self._rows(index, [item.id for item in page.vectors if item.id], vectors=vectors)
            if rows:
                yield rows

    def _index(self, native: str) -> Index:
        if native not in self._indexes:
            self._indexes[native] = self._client.index(_name(native))
        return self._indexes[native]

    def _rows(self, index: Index, points: list[str], *, vectors: bool) -> list[Row]:
        rows: list[Row] = []
        for start in range(0, len(points), _FETCHED_AT_ONCE):
            part = points[start : start + _FETCHED_AT_ONCE]
            found = index.fetch(ids=part, namespace=_NAMESPACE).vectors.values()
            rows += [row_from(each.metadata or {}, each.values if vectors else None) for each in found]
        return rows

    def _wait(self, seen: Callable[[], bool]) -> None:
        waited = 0.0
        while not seen():
            if waited >= self._timeout:
                raise StoreUnavailableError(f"what was written cannot be seen after {waited:.0f} s", self.location)
            self._pause(0.5)
            waited += 0.5


def _close(client: Pinecone, indexes: dict[str, Index]) -> None:
    for index in indexes.values():
        index.close()
    client.close()


def _gone(index: Index, points: list[str]) -> bool:
    return not index.fetch(ids=points, namespace=_NAMESPACE).vectors


def _name(native: str) -> str:
    """Pinecone takes hyphens where others take underscores."""
    return native.replace("_", "-")


def _tags(state: str) -> dict[str, str]:
    """A state in pieces; unused ones are emptied, which removes a tag."""
    pieces = [state[start : start + _TAG_LENGTH] for start in range(0, len(state), _TAG_LENGTH)]
    if len(pieces) > _TAGS:
        raise InputError(
            f"the notes of this collection take {len(state)} characters, Pinecone keeps {_TAGS * _TAG_LENGTH}",
            remedy="give shorter names",
        )
    numbered = {f"{STATE}-{number:02}": "" for number in range(_TAGS)}
    for number, piece in enumerate(pieces):
        numbered[f"{STATE}-{number:02}"] = piece
    return {STATE: str(len(pieces)), **numbered}


def _state(tags: dict[str, str] | None) -> str | None:
    if not tags or not tags.get(STATE, "").isdigit():
        return None
    return "".join(tags.get(f"{STATE}-{number:02}", "") for number in range(int(tags[STATE])))


def _filter(where: Filter | None) -> dict[str, Any] | None:
    conditions = where.conditions if where is not None else {}
    return {key: {"$in": list(values)} for key, values in conditions.items()} or None
