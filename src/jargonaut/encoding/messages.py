"""What goes through the pipes between an encoder and its worker processes: a line of JSON, then bytes.

Nothing is pickled, so nothing that is received can be executed. Knows streams; knows nothing of models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any


def send(stream: IO[bytes], head: Mapping[str, Any], body: bytes = b"") -> None:
    """Writes one message and flushes it; text may hold lone surrogates.

    Raises:
        OSError: Nobody reads any more.
    """
    stream.write(json.dumps({**head, "bytes": len(body)}).encode("ascii") + b"\n")
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Reads one message: its head and its body.

    Raises:
        EOFError: The other side is gone; it may have ended in the middle of a message.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    head: dict[str, Any] = json.loads(line)
    body = stream.read(head["bytes"])
    if len(body) < head["bytes"]:
        raise EOFError
    return head, body
