"""Weaviate 1.32 or newer, through its own client: HTTP for collections and aliases, gRPC for rows and searches.

A collection's state is its description; second names are Weaviate's aliases. Its search goes through an HNSW index; an
exact one is made by reading all vectors once, in blocks. Documents and titles are filtered by hashes of them, which no
tokenizer takes apart. Knows Weaviate's requests; knows no rule of collections.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jargonaut.errors import SettingsError
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

_TEXTS = ("passage_id", "text", "title", "headings", "document_id", "hash")
_NUMBERS = ("start", "end")
_KEYS = {"document_id": "document_key", "title": "title_key"}
_GRPC_PORT = 50051
_NOT_FOUND = 404
_MARK = f"{STATE} "  # begins a description of ours


class WeaviateEngine:
    """One Weaviate.

    Args:
        folder: Holds the lock of this workspace's builders.
        url: The server, such as `http://localhost:8080`; `?grpc=50052` names another gRPC port than 50051.
        api_key: Its key.
        prefix: Put before the names of collections.
        timeout: Seconds to wait for one answer.

    Raises:
        JargonautError: The client is not installed, or the server does not answer.
        SettingsError: The address cannot be read.
    """

    quantisations: frozenset[Quantisation] = frozenset({"float32", "int8", "binary"})
    native_aliases = True
    writes_at_once = 500

    def __init__(
        self, folder: Path, url: str, *, api_key: str | None = None, prefix: str = "jargonaut", timeout: float = 60
    ) -> None:
        try:
            import weaviate
            from weaviate.classes.init import AdditionalConfig, Auth, Timeout
        except ImportError as error:
            raise missing_client("weaviate", error) from error
        address = urlsplit(url)
        if not address.hostname:
            raise SettingsError(f"{url} is no address", where="[index] url", remedy="write it as http://host:8080")
        self.location = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
        self._folder = folder
        self._prefix = prefix
        secure = address.scheme == "https"
        with self.errors():
            self._client = weaviate.connect_to_custom(
                http_host=address.hostname,
                http_port=address.port or (443 if secure else 8080),
                http_secure=secure,
                grpc_host=address.hostname,
                grpc_port=int(parse_qs(address.query).get("grpc", [str(_GRPC_PORT)])[0]),
                grpc_secure=secure,
                auth_credentials=Auth.api_key(api_key) if api_key else None,
                additional_config=AdditionalConfig(timeout=Timeout(init=timeout, query=timeout, insert=timeout)),
                skip_init_checks=True,  # they ask a package index whether there is a newer client
            )
        weakref.finalize(self, self._client.close)

    def errors(self) -> AbstractContextManager[None]:
        """Turns the client's errors into a StoreUnavailableError."""
        import grpc
        import httpx
        from weaviate.exceptions import WeaviateBaseError

        return client_errors(self.location, WeaviateBaseError, httpx.HTTPError, grpc.RpcError)

    def exclusive(self) -> AbstractContextManager[None]:
        """The workspace's lock: Weaviate has none."""
        return folder_lock(self._folder)

    def states(self) -> dict[str, str]:
        """Native name → state."""
        found: dict[str, str] = {}
        for name, config in self._client.collections.list_all(simple=True).items():
            state = _state(config.description)
            if state is not None and name.startswith(_class(f"{self._prefix}_")):
                found[name[0].lower() + name[1:]] = state
        return found

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        from weaviate.exceptions import UnexpectedStatusCodeError

        try:
            return _state(self._client.collections.use(_class(native)).config.get(simple=True).description)
        except UnexpectedStatusCodeError as error:
            if error.status_code == _NOT_FOUND:
                return None
            raise

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A collection of dot products: the vectors are normalised. No text is taken apart, for nothing searches it."""
        from weaviate.classes import config

        quantizer: Any = None
        if info.quantisation == "int8":
            quantizer = config.Configure.VectorIndex.Quantizer.sq(rescore_limit=200)
        elif info.quantisation == "binary":
            quantizer = config.Configure.VectorIndex.Quantizer.bq(rescore_limit=200)
        near = config.Configure.VectorIndex.hnsw(
            distance_metric=config.VectorDistances.DOT, ef_construction=200, max_connections=16, quantizer=quantizer
        )
        hidden: dict[str, Any] = {"index_filterable": False, "index_searchable": False}
        keys = [
            config.Property(
                name=name, data_type=config.DataType.TEXT, tokenization=config.Tokenization.FIELD,
                index_filterable=True, index_searchable=False,
            )
            for name in _KEYS.values()
        ]  # fmt: skip
        self._client.collections.create(
            _class(native),
            description=_MARK + state,
            vector_config=config.Configure.Vectors.self_provided(vector_index_config=near),
            properties=[
                *(config.Property(name=name, data_type=config.DataType.TEXT, **hidden) for name in _TEXTS),
                *(
                    config.Property(name=name, data_type=config.DataType.INT, index_filterable=False)
                    for name in _NUMBERS
                ),
                *keys,
            ],
        )

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the description."""
        self._client.collections.use(_class(native)).config.update(description=_MARK + state)

    def remove(self, native: str) -> None:
        """Removes a collection; its second names go first, or they would point at nothing."""
        for name, each in self._client.alias.list_all(collection=_class(native)).items():
            if each.collection == _class(native):
                self._client.alias.delete(alias_name=name)
        self._client.collections.delete(_class(native))

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Nothing: Weaviate builds its index while it is filled."""

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """One request; a row of the same id is replaced."""
        from weaviate.classes.data import DataObject

        del info
        put = [
            DataObject(uuid=point_id(row.passage.id), properties=_properties(row), vector=row.stored.tolist())
            for row in rows
        ]
        answer = self._client.collections.use(_class(native)).data.insert_many(put)
        if answer.has_errors:
            reason = next(iter(answer.errors.values())).message
            raise StoreUnavailableError(f"{len(answer.errors)} of {len(put)} rows: {reason}", self.location)

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """One request."""
        from weaviate.classes.query import Filter as Condition

        points = Condition.by_id().contains_any([point_id(id_) for id_ in ids])
        answer = self._client.collections.use(_class(native)).data.delete_many(where=points)
        if answer.failed:
            raise StoreUnavailableError(f"{answer.failed} rows could not be deleted", self.location)

    def count(self, native: str) -> int:
        """How many rows."""
        return int(self._client.collections.use(_class(native)).aggregate.over_all(total_count=True).total_count or 0)

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]] | None:
        """One request per query; None where an exact answer is wanted, which Weaviate cannot give."""
        from weaviate.classes.query import MetadataQuery

        del info
        if exact:
            return None
        query = self._client.collections.use(_class(native)).query
        found = []
        for vector in vectors:
            answer = query.near_vector(
                vector.tolist(),
                limit=k,
                filters=_filter(where),
                return_metadata=MetadataQuery(distance=True),
                return_properties=["passage_id"],
            )
            found.append(
                [
                    ScoredPassage(str(o.properties["passage_id"]), -float(o.metadata.distance or 0))
                    for o in answer.objects
                ]
            )
        return found

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Rows by id."""
        from weaviate.classes.query import Filter as Condition

        del info
        query = self._client.collections.use(_class(native)).query
        points = Condition.by_id().contains_any([point_id(id_) for id_ in ids])
        answer = query.fetch_objects(filters=points, limit=len(ids), include_vector=vectors)
        return [_row(each) for each in answer.objects]

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows in the order of their ids, so that changes on the way shift nothing."""
        del info
        query = self._client.collections.use(_class(native)).query
        after: Any = None
        while objects := query.fetch_objects(limit=block, after=after, include_vector=vectors).objects:
            yield [_row(each) for each in objects]
            after = objects[-1].uuid

    def alias(self, name: str) -> str | None:
        """What an alias stands for."""
        found = self._client.alias.get(alias_name=_class(name))
        return None if found is None else found.collection[0].lower() + found.collection[1:]

    def set_alias(self, name: str, native: str) -> None:
        """Moved in one request."""
        if self.alias(name) is None:
            self._client.alias.create(alias_name=_class(name), target_collection=_class(native))
        else:
            self._client.alias.update(alias_name=_class(name), new_target_collection=_class(native))

    def drop_alias(self, name: str) -> None:
        """Forgets an alias."""
        self._client.alias.delete(alias_name=_class(name))


def _class(native: str) -> str:
    """Weaviate's names begin with a capital letter."""
    return native[0].upper() + native[1:]


def _state(description: str | None) -> str | None:
    return description.removeprefix(_MARK) if description and description.startswith(_MARK) else None


def _properties(row: Row) -> dict[str, Any]:
    fields = payload_of(row)
    fields["passage_id"] = fields.pop("id")  # Weaviate keeps `id` for itself
    return {**fields, **{key: point_id(fields[field]) for field, key in _KEYS.items()}}


def _row(found: Any) -> Row:
    return row_from({**found.properties, "id": found.properties["passage_id"]}, found.vector.get("default") or None)


def _filter(where: Filter | None) -> Any:
    from weaviate.classes.query import Filter as Condition

    terms: list[Any] = []
    for field, values in (where.conditions if where is not None else {}).items():
        points = [point_id(value) for value in values]
        target: Any = Condition.by_id() if field == "id" else Condition.by_property(_KEYS[field])
        terms.append(target.contains_any(points))
    return Condition.all_of(terms) if terms else None
