"""Telling somebody: within a time that is known, whatever the other side does."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from jargonaut.monitoring import WatchOptions, channels, deliver

MESSAGE = {"alarm": "recall fell", "text": "ärger"}


def _quickly(_: float) -> None:
    """No waiting between attempts."""


class _Hook(BaseHTTPRequestHandler):
    taken: ClassVar[list[dict[str, str]]] = []
    answers: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        _Hook.taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(_Hook.answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Dripping(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1000:
            try:
                self.request.sendall(bytes([byte]))
            except OSError:
                return
            time.sleep(0.05)


@pytest.fixture
def hook() -> Iterator[str]:
    """A webhook that answers as it is told."""
    _Hook.taken, _Hook.answers = [], []
    with HTTPServer(("127.0.0.1", 0), _Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_webhook_that_is_busy_is_tried_again(hook: str) -> None:
    """A 503 and then a 200 is told once more, and no fault is left."""
    options = WatchOptions(webhook=hook)
    _Hook.answers = [503, 200]
    assert deliver(channels(options)["webhook"], MESSAGE, options, _quickly) == ""
    assert _Hook.taken == [MESSAGE, MESSAGE]


def test_a_webhook_that_refuses_is_a_fault_in_words(hook: str) -> None:
    """After its tries the last answer is what is told."""
    options = WatchOptions(webhook=hook, alert_tries=2)
    _Hook.answers = [500, 404]
    assert deliver(channels(options)["webhook"], MESSAGE, options, _quickly) == "it answered 404"


def test_a_webhook_that_drips_holds_nobody() -> None:
    """A server that sends a byte now and then is given up after the timeout, which its bytes do not renew."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Dripping) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        options = WatchOptions(
            webhook=f"http://127.0.0.1:{server.server_address[1]}/", alert_timeout=0.3, alert_tries=1
        )
        started = time.monotonic()
        fault = deliver(channels(options)["webhook"], MESSAGE, options, _quickly)
        taken = time.monotonic() - started
        server.shutdown()
        thread.join()
    assert "no answer within" in fault
    assert taken < 5


def test_an_address_where_nobody_listens_is_a_fault() -> None:
    """No connection is no exception."""
    options = WatchOptions(webhook="http://127.0.0.1:9/", alert_tries=1)
    assert deliver(channels(options)["webhook"], MESSAGE, options, _quickly)


def test_a_command_gets_the_message_and_its_failure_is_told(tmp_path: Path) -> None:
    """The JSON is on its standard input; an exit status, a hang and a missing program are faults in words."""
    program = tmp_path / "told.py"
    program.write_text("import sys; open(sys.argv[1], 'w', encoding='utf-8').write(sys.stdin.buffer.read().decode())")

    def told(command: str, **changes: object) -> str:
        options = WatchOptions(command=command, alert_tries=1, **changes)  # type: ignore[arg-type]
        return deliver(channels(options)["command"], MESSAGE, options, _quickly)

    assert told(f"{sys.executable} {program} {tmp_path / 'out.json'}", alert_timeout=30) == ""
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == MESSAGE
    assert told("sh -c 'echo no >&2; exit 3'") == "it ended with 3: no"
    assert "did not end" in told("sleep 30", alert_timeout=0.2)
    assert told("/no/such/program")
