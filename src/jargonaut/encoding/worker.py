"""A process that encodes on one device for another process: `python -m jargonaut.encoding.worker JOB`.

Texts come in on standard input and vectors go out on standard output; what libraries print there goes to standard
error. It ends as soon as its input is closed, in the middle of its work too, so it never outlives whoever started it.
Knows one encoder; knows nothing of other workers.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from jargonaut.artifacts import plain
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.messages import receive, send
from jargonaut.encoding.models import ModelFolder
from jargonaut.errors import JargonautError, ModelError


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker encodes with: the arguments of its `LocalEncoder`.

    Attributes:
        folder: The model.
        options: One device, and a precision that says the same on every device.
        max_tokens: Texts are cut to this many tokens; the model's own limit when None.
        trust_remote_code: Whether code that lies in the model folder may run.
    """

    folder: ModelFolder
    options: ComputeOptions
    max_tokens: int | None = None
    trust_remote_code: bool = False

    def to_json(self) -> str:
        """As one argument of a command line."""
        return json.dumps(plain(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """What `to_json` wrote."""
        row = json.loads(text)
        folder = ModelFolder(row["folder"]["name"], Path(row["folder"]["path"]), Prompts(**row["folder"]["prompts"]))
        return cls(folder, ComputeOptions(**row["options"]), row["max_tokens"], row["trust_remote_code"])

    def encoder(self) -> LocalEncoder:
        """Its encoder; the model is loaded when the first text has to be encoded."""
        return LocalEncoder(
            self.folder, self.options, max_tokens=self.max_tokens, trust_remote_code=self.trust_remote_code
        )


def main() -> None:
    """Answers requests until the input is closed."""
    inbox, outbox = _pipes()
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, requests), daemon=True).start()
    encoder = Job.from_json(sys.argv[1]).encoder()
    with contextlib.suppress(BrokenPipeError):
        while True:
            send(outbox, *_answer(encoder, requests.get()))


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output as this module's own; libraries find an empty input, and standard error as output."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return inbox, outbox


def _listen(inbox: IO[bytes], requests: SimpleQueue[dict[str, Any]]) -> None:
    """Takes requests, and ends the process when no more can come."""
    try:
        while True:
            requests.put(receive(inbox)[0])
    finally:
        os._exit(0)


def _answer(encoder: LocalEncoder, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The vectors that were asked for as a message, or why there are none."""
    encode = encoder.encode_queries if request["kind"] == "query" else encoder.encode_passages
    trace = ""
    try:
        vectors = encode(request["texts"])
        return {"shape": vectors.shape}, vectors.astype("<f4", copy=False).tobytes()
    except JargonautError as told:
        error = told
    except Exception as bug:  # noqa: BLE001 - whoever asked is told, instead of waiting for ever
        reason = f"{type(bug).__name__}: {(str(bug).splitlines() or [''])[0]}"
        error, trace = ModelError(f"encoding failed ({reason})", where=encoder.options.device), traceback.format_exc()
    kind = type(error).__name__
    return {"error": kind, "what": error.what, "where": error.where, "remedy": error.remedy, "trace": trace}, b""


if __name__ == "__main__":
    main()
