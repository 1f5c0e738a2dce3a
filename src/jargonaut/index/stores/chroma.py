"""Chroma: in a folder, or a server.

A collection's state is in Chroma's own metadata of the collection. Chroma always searches through its HNSW index; an
exact search is made by reading all vectors once, in blocks. It has no second names. Knows Chroma's requests; knows no
rule of collections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from jargonaut.errors import SettingsError
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
from jargonaut.index.store import CollectionInfo, Filter, Quantisation
from jargonaut.protocols import Vectors
from jargonaut.records import ScoredPassage

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_LISTED_AT_ONCE = 500
_SEEN = 200  # candidates that the index keeps in view


class ChromaEngine(WithoutAliases):
    """One Chroma.

    Args:
        folder: Holds the collections where there is no `url`, and the lock of this workspace's builders.
        url: The server, such as `http://localhost:8000`.
        api_key: Sent as `X-Chroma-Token`.
        prefix: Put before the names of collections.
        timeout: Seconds to wait for one answer of a server.

    Raises:
        JargonautError: The client is not installed, or the server does not answer.
    """

    quantisations: frozenset[Quantisation] = frozenset({"float32"})
    writes_at_once = 2000

    def __init__(
        self, folder: Path, *, url: str | None = None, api_key: str | None = None, prefix: str = "jargonaut",
        timeout: float = 60,
    ) -> None:  # fmt: skip
        try:
            import chromadb
            from chromadb.config import Settings
        except ImportError as error:
            raise missing_client("chroma", error) from error
        self.location = url or str(folder)
        self._folder = folder
        self._prefix = prefix
        quiet = Settings(anonymized_telemetry=False)
        if url is None:
            folder.mkdir(parents=True, exist_ok=True)
            self._client: ClientAPI = chromadb.PersistentClient(path=str(folder / "chroma"), settings=quiet)
            return
        address = urlsplit(url)
        if not address.hostname:
            raise SettingsError(f"{url} is no address", where="[index] url", remedy="write it as http://host:8000")
        secure = address.scheme == "https"
        host, port = address.hostname, address.port or (443 if secure else 8000)
        with self.errors(), client_errors(self.location, ValueError):  # what it raises where nobody answers
            _require_answer(host, port, timeout, secure=secure)
            self._client = chromadb.HttpClient(
                host=host,
                port=port,
                ssl=secure,
                headers={"X-Chroma-Token": api_key} if api_key else None,
                settings=quiet,
            )
        _limit(self._client, timeout)

    def errors(self) -> AbstractContextManager[None]:
        """Turns the client's errors into a StoreUnavailableError."""
        import httpx
        from chromadb.errors import ChromaError

        return client_errors(self.location, ChromaError, httpx.HTTPError)

    def exclusive(self) -> AbstractContextManager[None]:
        """The workspace's lock: Chroma has none."""
        return folder_lock(self._folder)

    def states(self) -> dict[str, str]:
        """Native name → state."""
        found: dict[str, str] = {}
        offset = 0
        while page := self._client.list_collections(limit=_LISTED_AT_ONCE, offset=offset):
            offset += len(page)
            for each in page:
                if each.name.startswith(f"{self._prefix}_") and STATE in (each.metadata or {}):
                    found[each.name] = str(each.metadata[STATE])
        return found

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        from chromadb.errors import NotFoundError

        try:
            state = (self._collection(native).metadata or {}).get(STATE)
        except NotFoundError:
            return None
        return None if state is None else str(state)

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A collection of inner products: the vectors are normalised."""
        del info
        self._client.create_collection(
            native,
            metadata={STATE: state},
            configuration={"hnsw": {"space": "ip", "ef_construction": _SEEN, "ef_search": _SEEN}},
            embedding_function=None,
        )

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the state."""
        self._collection(native).modify(metadata={STATE: state})

    def remove(self, native: str) -> None:
        """Removes a collection."""
        self._client.delete_collection(native)

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Nothing: Chroma builds its index while it is filled."""

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """One request."""
        del info
        self._collection(native).upsert(
            ids=[point_id(row.passage.id) for row in rows],
            embeddings=np.stack([row.stored for row in rows]),
            metadatas=[payload_of(row) for row in rows],
        )

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """One request."""
        self._collection(native).delete(ids=[point_id(id_) for id_ in ids])

    def count(self, native: str) -> int:
        """How many rows."""
        return int(self._collection(native).count())

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]] | None:
        """Through the index; None where an exact answer is wanted, which Chroma cannot give."""
        del info
        collection = self._collection(native)
        count = collection.count()
        if count == 0:
            return [[] for _ in vectors]
        # Below what the index keeps in view it would be asked for nearly all rows, and filters may leave it too few.
        if exact or k > _SEEN // 2 or count <= _SEEN:
            return None
        more: dict[str, Any] = {}
        if where is not None and where.ids:
            more["ids"] = [point_id(id_) for id_ in where.ids]
        answer = collection.query(
            query_embeddings=vectors, n_results=k, where=_where(where), include=["distances", "metadatas"], **more
        )
        found = zip(answer["metadatas"] or [], answer["distances"] or [], strict=True)
        return [
            [ScoredPassage(str(meta["id"]), 1.0 - distance) for meta, distance in zip(metas, distances, strict=True)]
            for metas, distances in found
        ]

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Rows by id."""
        del info
        return self._rows(self._collection(native), [point_id(id_) for id_ in ids], vectors=vectors)

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows. The ids are listed first, for Chroma's pages shift when rows are deleted: some 100 bytes each."""
        del info
        collection = self._collection(native)
        ids = collection.get(include=[])["ids"]
        for start in range(0, len(ids), block):
            rows: list[Row] = []
            for part in range(start, min(start + block, len(ids)), _LISTED_AT_ONCE):
                rows += self._rows(collection, ids[part : min(part + _LISTED_AT_ONCE, start + block)], vectors=vectors)
            if rows:
                yield rows

    def _collection(self, native: str) -> Collection:
        return self._client.get_collection(native, embedding_function=None)

    def _rows(self, collection: Collection, points: list[str], *, vectors: bool) -> list[Row]:
        if not points:
            return []
        found = collection.get(ids=points, include=["metadatas", "embeddings"] if vectors else ["metadatas"])
        metadatas = found["metadatas"] or []
        embeddings: Any = found["embeddings"] if vectors else [None] * len(metadatas)
        return [row_from(meta, vector) for meta, vector in zip(metadatas, embeddings, strict=True)]


def _where(where: Filter | None) -> Any:
    conditions = {key: values for key, values in (where.conditions if where else {}).items() if key != "id"}
    terms = [{key: {"$in": list(values)}} for key, values in conditions.items()]
    return {"$and": terms} if len(terms) > 1 else next(iter(terms), None)


def _require_answer(host: str, port: int, timeout: float, *, secure: bool) -> None:
    """Asks the server for a sign of life; its client would wait for one for ever."""
    import httpx

    name = f"[{host}]" if ":" in host else host
    httpx.get(f"{'https' if secure else 'http'}://{name}:{port}/api/v2/heartbeat", timeout=timeout)


def _limit(client: ClientAPI, timeout: float) -> None:
    """Lets the client wait so many seconds for one answer; it has no setting for that, and waits for ever."""
    session: Any = client._server._session  # noqa: SLF001  # it offers no other way
    session.timeout = timeout
