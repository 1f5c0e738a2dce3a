"""A small server that speaks Pinecone's documented HTTP, as its own client calls it, and can be made to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np


class PineconeServer(ThreadingHTTPServer):
    """Indexes and rows in memory.

    Attributes:
        faults: What happens to the next requests: `drop` closes the connection before anything is done, `after` does
            the work and closes it before answering, `late` answers too late, `503` refuses.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.indexes: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.faults: list[str] = []
        self.lock = threading.RLock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for the client to acknowledge its headers
    server: PineconeServer

    def log_message(self, *_: object) -> None:  # quiet
        pass

    def _do(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        parts = [unquote(part) for part in address.path.strip("/").split("/")]
        with self.server.lock:
            writes = parts[-1] in ("upsert", "delete") or (self.command in ("PATCH", "POST") and parts[0] == "indexes")
            fault = self.server.faults.pop(0) if self.server.faults and writes else ""
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if fault == "503":
            self._answer(503, {"error": {"code": "UNAVAILABLE", "message": "try later"}})
            return
        if self.headers.get("Api-Key") != "secret":
            self._answer(401, {"error": {"code": "UNAUTHENTICATED", "message": "wrong key"}})
            return
        with self.server.lock:
            status, answer = self._control(parts, body) if parts[0] == "indexes" else self._data(parts, body, query)
        if fault == "after":
            self.close_connection = True
            self.connection.close()
            return
        self._answer(status, answer)

    do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815  (the library's names)

    def _answer(self, status: int, answer: object) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _control(self, parts: list[str], body: dict[str, Any]) -> tuple[int, object]:
        known = self.server.indexes
        if len(parts) == 1:
            if self.command == "GET":
                return 200, {"indexes": list(known.values())}
            name = body["name"]
            if name in known:
                return 409, {"error": {"code": "ALREADY_EXISTS", "message": f"{name} exists"}}
            known[name] = {
                "name": name,
                "host": f"{self.server.url}/data/{name}",
                "status": {"ready": True, "state": "Ready"},
                "schema": body["schema"],
                "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
                "deletion_protection": "disabled",
                "tags": {key: value for key, value in (body.get("tags") or {}).items() if value},
            }
            self.server.rows[name] = {}
            return 201, known[name]
        name = parts[1]
        if name not in known:
            return 404, {"error": {"code": "NOT_FOUND", "message": f"no index {name}"}}
        if self.command == "DELETE":
            del known[name], self.server.rows[name]
            return 202, {}
        if self.command == "PATCH":
            tags = {**known[name]["tags"], **(body.get("tags") or {})}
            known[name]["tags"] = {key: value for key, value in tags.items() if value}
        return 200, known[name]

    def _data(self, parts: list[str], body: dict[str, Any], query: dict[str, list[str]]) -> tuple[int, object]:
        rows = self.server.rows.get(parts[1])
        if rows is None:
            return 404, {"error": {"code": "NOT_FOUND", "message": "no index"}}
        what = "/".join(parts[2:])
        answer: dict[str, Any] = {}
        if what == "vectors/upsert":
            rows.update({each["id"]: each for each in body["vectors"]})
            answer = {"upsertedCount": len(body["vectors"])}
        elif what == "vectors/delete":
            for id_ in body["ids"]:
                rows.pop(id_, None)
        elif what == "vectors/fetch":
            found = {id_: rows[id_] for id_ in query["ids"] if id_ in rows}
            answer = {"vectors": found, "namespace": "passages", "usage": {"readUnits": 1}}
        elif what == "vectors/list":
            answer = _listed(sorted(rows), query)
        elif what == "describe_index_stats":
            spaces = {"passages": {"vectorCount": len(rows)}} if rows else {}
            answer = {"namespaces": spaces, "dimension": 0, "indexFullness": 0, "totalVectorCount": len(rows)}
        elif what == "query":
            answer = _nearest(rows, body)
        else:
            return 404, {"error": {"code": "NOT_FOUND", "message": self.path}}
        return 200, answer


def _listed(ids: list[str], query: dict[str, list[str]]) -> dict[str, Any]:
    after = query.get("paginationToken", [""])[0]
    page = [id_ for id_ in ids if id_ > after][: int(query["limit"][0])]
    more = page and page[-1] != ids[-1]
    answer: dict[str, Any] = {"vectors": [{"id": id_} for id_ in page], "namespace": "passages"}
    return {**answer, "pagination": {"next": page[-1]}} if more else answer


def _nearest(rows: dict[str, dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    wanted = (body.get("filter") or {}).items()
    allowed = [row for row in rows.values() if all(row["metadata"][key] in term["$in"] for key, term in wanted)]
    scores = [float(np.dot(row["values"], body["vector"])) for row in allowed]
    best = sorted(zip(scores, allowed, strict=True), key=lambda pair: -pair[0])[: body["topK"]]
    matches = [{"id": row["id"], "score": score, "metadata": row["metadata"], "values": []} for score, row in best]
    return {"matches": matches, "namespace": "passages", "usage": {"readUnits": 1}}


@contextmanager
def pinecone_server() -> Iterator[PineconeServer]:
    """A server that runs until the end of the block."""
    with PineconeServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
