"""A real HTTP server on this machine that speaks the OpenAI chat API, as badly as a test wants it to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What the server sends.

    Attributes:
        status: HTTP status.
        body: JSON value, or bytes as they are.
        headers: Further headers.
        after: Seconds before it is sent.
        cut: Bytes of the body after which the connection is dropped; None sends all.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    cut: int | None = None


Behaviour = Callable[[Body, int], Response]
"""(request, how many came before it, from 0) → response."""


def said(text: str, *, usage: bool = True, finish: str = "stop") -> Body:
    """The body of a successful response."""
    counted = {"usage": {"prompt_tokens": 100, "completion_tokens": 20}} if usage else {}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "model": "m", "created": 1, "choices": [choice], **counted}


def error(status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """A refusal in OpenAI's form."""
    return Response(status, {"error": {"message": message, "type": "x", "code": code}}, headers or {})


def echo(body: Body, number: int) -> Response:
    """Answers with what was asked."""
    del number
    return Response(body=said(f"re: {body['messages'][-1]['content']}"))


class Endpoint:
    """A running server.

    Attributes:
        base_url: Its address.
        requests: Bodies of all requests so far, in order of arrival.
        keys: The `Authorization` headers.
        most_at_once: Most requests that were open at one time.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[Body] = []
        self.answered: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.most_at_once = 0
        self._open = 0
        self._lock = threading.Lock()
        self._server = _server(self)
        host, port = self._server.server_address[:2]
        self.base_url = f"http://{host!s}:{port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked(self) -> Counter[str]:
        """Last message of the requests that were answered with 200 → how often."""
        with self._lock:
            return Counter(self.answered)

    def take(self, body: Body, key: str) -> Response:
        """Notes a request and chooses the response."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
            self.keys.add(key)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            response = self.behaviour(body, number)
            time.sleep(response.after)
        finally:
            with self._lock:
                self._open -= 1
        return response

    def note(self, body: Body) -> None:
        """Notes that a request was answered well."""
        with self._lock:
            self.answered[body["messages"][-1]["content"]] += 1


@contextmanager
def endpoint(behaviour: Behaviour = echo) -> Iterator[Endpoint]:
    """A server for the length of a test."""
    server = Endpoint(behaviour)
    try:
        yield server
    finally:
        server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


def _server(owner: Endpoint) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            response = owner.take(body, self.headers.get("Authorization", ""))
            content = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
            self.send_response(response.status)
            if "Content-Type" not in response.headers:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content if response.cut is None else content[: response.cut])
            self.wfile.flush()
            if response.cut is not None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            elif response.status == 200:
                owner.note(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Says nothing."""

    return _Server(("127.0.0.1", 0), Handler)
