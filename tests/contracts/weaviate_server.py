"""A small server that speaks Weaviate's documented HTTP and gRPC, as its own client calls them."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np


class WeaviateServer(ThreadingHTTPServer):
    """Collections, rows and aliases in memory.

    Attributes:
        faults: What happens to the next writes: `drop` breaks off before anything is done.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.classes: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, dict[str, Any]] = {}  # class → id → the object as it came
        self.aliases: dict[str, str] = {}
        self.faults: list[str] = []
        self.lock = threading.RLock()
        self.grpc_port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}?grpc={self.grpc_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for the client to acknowledge its headers
    server: WeaviateServer

    def log_message(self, *_: object) -> None:  # quiet
        pass

    def _do(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        address = urlsplit(self.path)
        parts = address.path.removeprefix("/v1/").strip("/").split("/")
        with self.server.lock:
            if parts == ["meta"]:
                status, answer = 200, {"version": "1.33.0", "hostname": "test", "modules": {}}
            elif parts[0] == "schema":
                status, answer = self._schema(parts[1:], body)
            elif parts[0] == "aliases":
                status, answer = self._aliases(parts[1:], body, parse_qs(address.query))
            else:
                status, answer = 404, {}
        content = b"" if status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815  (the library's names)

    def _schema(self, rest: list[str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = self.server.classes
        if not rest:
            if self.command == "GET":
                return 200, {"classes": list(known.values())}
            if body["class"] in known:
                return 422, {"error": [{"message": "class exists"}]}
            known[body["class"]] = _with_defaults(body)
            self.server.rows[body["class"]] = {}
            return 200, known[body["class"]]
        if rest[0] not in known:
            return (200 if self.command == "DELETE" else 404), {"error": [{"message": "no such class"}]}
        if self.command == "DELETE":
            del known[rest[0]], self.server.rows[rest[0]]
        elif self.command == "PUT":
            known[rest[0]] = body
        return 200, known.get(rest[0], {})

    def _aliases(
        self, rest: list[str], body: dict[str, Any], query: dict[str, list[str]]
    ) -> tuple[int, dict[str, Any]]:
        known = self.server.aliases
        shown = [{"alias": name, "class": target} for name, target in known.items()]
        if not rest:
            if self.command == "POST":
                known[body["alias"]] = body["class"]
                return 200, body
            wanted = query.get("class", [""])[0]
            return 200, {"aliases": [each for each in shown if not wanted or each["class"] == wanted]}
        if rest[0] not in known:
            return 404, {}
        if self.command == "DELETE":
            del known[rest[0]]
            return 204, {}
        if self.command == "PUT":
            known[rest[0]] = body["class"]
        return 200, {"alias": rest[0], "class": known[rest[0]]}


def _with_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """What the real server adds to a class before it shows it."""
    stemming = {"indexNullState": False, "indexPropertyLength": False, "indexTimestamps": False}
    inverted = {"bm25": {"b": 0.75, "k1": 1.2}, "cleanupIntervalSeconds": 60, **stemming}
    inverted["stopwords"] = {"preset": "en", "additions": None, "removals": None}
    index = {
        "skip": False, "cleanupIntervalSeconds": 300, "maxConnections": 16, "efConstruction": 200, "ef": -1,
        "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8, "vectorCacheMaxObjects": 10**12,
        "flatSearchCutoff": 40000, "distance": "dot", "filterStrategy": "sweeping",
        "pq": {"enabled": False}, "bq": {"enabled": False}, "sq": {"enabled": False}, "rq": {"enabled": False},
    }  # fmt: skip
    for each in body["properties"]:
        each.setdefault("indexFilterable", True)
        each.setdefault("indexSearchable", each["dataType"] == ["text"])
        each.setdefault("indexRangeFilters", False)
    for config in body.get("vectorConfig", {}).values():
        config["vectorIndexConfig"] = {**index, **config.get("vectorIndexConfig", {})}
        config.setdefault("vectorIndexType", "hnsw")
    return {
        "invertedIndexConfig": inverted,
        "multiTenancyConfig": {"enabled": False, "autoTenantActivation": False, "autoTenantCreation": False},
        "replicationConfig": {"factor": 1, "asyncEnabled": False, "deletionStrategy": "NoAutomatedResolution"},
        "shardingConfig": {
            "virtualPerPhysical": 128, "desiredCount": 1, "actualCount": 1, "desiredVirtualCount": 128,
            "actualVirtualCount": 128, "key": "_id", "strategy": "hash", "function": "murmur3",
        },
        **body,
    }  # fmt: skip


def _numbers(content: bytes) -> Any:
    return np.frombuffer(content, dtype="<f4")


def _allowed(row: Any, filters: Any) -> bool:
    from weaviate.proto.v1 import base_pb2

    operators = base_pb2.Filters.Operator
    if filters.operator == operators.OPERATOR_AND:
        return all(_allowed(row, each) for each in filters.filters)
    assert filters.operator == operators.OPERATOR_CONTAINS_ANY, filters
    field = filters.target.property
    value = row.uuid if field == "_id" else row.properties.non_ref_properties[field]
    return value in filters.value_text_array.values


def _servicer(server: WeaviateServer) -> Any:
    import grpc
    from weaviate.proto.v1 import (
        aggregate_pb2,
        base_pb2,
        batch_delete_pb2,
        batch_pb2,
        properties_pb2,
        search_get_pb2,
        weaviate_pb2_grpc,
    )

    def value_of(value: Any) -> Any:
        return (
            properties_pb2.Value(int_value=int(value))
            if isinstance(value, float)
            else properties_pb2.Value(text_value=value)
        )

    def result(row: Any, request: Any, score: float | None) -> Any:
        wanted = list(request.properties.non_ref_properties)
        all_ = not request.HasField("properties") or request.properties.return_all_nonref_properties
        fields = {
            name: value_of(value)
            for name, value in dict(row.properties.non_ref_properties).items()
            if all_ or name in wanted
        }
        metadata = search_get_pb2.MetadataResult(id=row.uuid, id_as_bytes=uuid.UUID(row.uuid).bytes)
        if score is not None:
            metadata.distance, metadata.distance_present = -score, True
        if request.metadata.vector or request.metadata.vectors:
            kind = base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
            metadata.vectors.append(base_pb2.Vectors(name="default", vector_bytes=row.vector_bytes, type=kind))
        properties = search_get_pb2.PropertiesResult(non_ref_props=properties_pb2.Properties(fields=fields))
        return search_get_pb2.SearchResult(properties=properties, metadata=metadata)

    class Servicer(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
        def _fail(self, context: Any) -> None:
            with server.lock:
                fault = server.faults.pop(0) if server.faults else ""
            if fault:
                context.abort(grpc.StatusCode.ABORTED, "connection reset")

        def BatchObjects(self, request: Any, context: Any) -> Any:  # noqa: N802
            self._fail(context)
            with server.lock:
                for each in request.objects:
                    server.rows[each.collection][each.uuid] = each
            return batch_pb2.BatchObjectsReply()

        def BatchDelete(self, request: Any, context: Any) -> Any:  # noqa: N802
            self._fail(context)
            with server.lock:
                rows = server.rows[request.collection]
                gone = [id_ for id_, row in rows.items() if _allowed(row, request.filters)]
                for id_ in gone:
                    del rows[id_]
            return batch_delete_pb2.BatchDeleteReply(matches=len(gone), successful=len(gone))

        def Aggregate(self, request: Any, context: Any) -> Any:  # noqa: N802
            del context
            single = aggregate_pb2.AggregateReply.Single(objects_count=len(server.rows[request.collection]))
            return aggregate_pb2.AggregateReply(single_result=single)

        def Search(self, request: Any, context: Any) -> Any:  # noqa: N802
            del context
            with server.lock:
                rows = [row for _, row in sorted(server.rows[request.collection].items()) if row.uuid > request.after]
            if request.HasField("filters"):
                rows = [row for row in rows if _allowed(row, request.filters)]
            scores: list[float | None] = [None] * len(rows)
            if request.HasField("near_vector"):
                near = request.near_vector
                content = near.vectors[0].vector_bytes if near.vectors else near.vector_bytes
                scored = [(float(np.dot(_numbers(row.vector_bytes), _numbers(content))), row) for row in rows]
                scored.sort(key=lambda pair: -pair[0])
                scores, rows = [score for score, _ in scored], [row for _, row in scored]
            answered = zip(rows[: request.limit], scores, strict=False)
            return search_get_pb2.SearchReply(results=[result(row, request, score) for row, score in answered])

    return Servicer()


@contextmanager
def weaviate_server() -> Iterator[WeaviateServer]:
    """A server that runs until the end of the block."""
    import grpc
    from weaviate.proto.v1 import weaviate_pb2_grpc

    with WeaviateServer() as server:
        rpc = grpc.server(ThreadPoolExecutor(4))
        weaviate_pb2_grpc.add_WeaviateServicer_to_server(_servicer(server), rpc)
        server.grpc_port = rpc.add_insecure_port("127.0.0.1:0")
        rpc.start()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
            rpc.stop(0).wait(5)
