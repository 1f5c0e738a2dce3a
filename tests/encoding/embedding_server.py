"""A real HTTP server on this machine that speaks the embedding APIs of OpenAI, Cohere and Voyage."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSION = 48
Answer = tuple[int, Any]
Behaviour = Callable[[str, dict[str, Any]], Answer | None]
"""(path, request) → status and body; None for the usual answer."""


def vector(text: str, dimension: int) -> list[float]:
    """A bag of hashed words, so that texts that share words lie near each other."""
    found = [0.01] * dimension
    for word in text.lower().split():
        found[zlib.crc32(word.strip("?.,").encode()) % dimension] += 1.0
    return found


def usual(path: str, body: dict[str, Any]) -> Answer:
    """What a healthy endpoint answers; OpenAI's and Voyage's rows come in another order, with their numbers."""
    if path == "/v2/embed":
        rows = [vector(text, body.get("output_dimension") or DIMENSION) for text in body["texts"]]
        return 200, {"embeddings": {"float": rows}, "meta": {"billed_units": {"input_tokens": 3 * len(rows)}}}
    asked = body.get("dimensions") or body.get("output_dimension") or DIMENSION
    data = [{"index": i, "embedding": vector(text, asked)} for i, text in enumerate(body["input"])]
    return 200, {"data": data[::-1], "usage": {"prompt_tokens": 3 * len(data), "total_tokens": 3 * len(data)}}


def reading(words: int, *, counting: bool = True) -> Behaviour:
    """An endpoint that reads so many words of a text and says nothing of the rest, nor, not `counting`, of tokens."""

    def answer(path: str, body: dict[str, Any]) -> Answer:
        field = "texts" if "texts" in body else "input"
        status, found = usual(path, {**body, field: [" ".join(text.split()[:words]) for text in body[field]]})
        return status, found if counting else {"data": found["data"]}

    return answer


class EmbeddingServer:
    """A running server.

    Attributes:
        url: Its address, without a version.
        requests: Path, body and `Authorization` header of all requests so far.
        behaviour: What it answers instead of the usual.
        heard: All headers of the last request.
        headers: What is said beside an answer.
        missing: Bytes at the end of an answer that are promised and never come.
        pause: Seconds between the head of an answer and the rest.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any], str]] = []
        self.behaviour: Behaviour = lambda _path, _body: None
        self.heard: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.missing = 0
        self.pause = 0.0
        self._server = _server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for _, body, _ in self.requests for text in body.get("texts") or body["input"]]


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """A server for the length of a test."""
    server = EmbeddingServer()
    try:
        yield server
    finally:
        server.close()


def _server(owner: EmbeddingServer) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            owner.heard = dict(self.headers)
            owner.requests.append((self.path, body, self.headers.get("Authorization", "")))
            status, answer = owner.behaviour(self.path, body) or usual(self.path, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content) + owner.missing))
            for name, value in owner.headers.items():
                self.send_header(name, value)
            self.end_headers()
            time.sleep(owner.pause)
            with contextlib.suppress(ConnectionError):  # whoever asked may be gone
                self.wfile.write(content)
            self.close_connection = self.close_connection or owner.missing > 0

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Says nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
