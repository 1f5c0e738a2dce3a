"""A process that loads everything once and then forks one that does something with an index, which may be killed.

Reads one JSON object a line from its standard input, `{"do": [operation, argument], "kill": seconds}`, and answers each
with `{"killed": …, "code": …, "seconds": …}`. Starting a new Python for each kill would take most of the time.

    python mortal.py WORKSPACE DOCS BASE
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

os.environ["LANCE_LOG"] = "error"
import lancedb  # noqa: F401 - so that the forked ones need not
import torch

from jargonaut import Workspace
from jargonaut.errors import InputError, MismatchError
from jargonaut.settings import Settings, override

QUERIES = ("ledger of the valve", "tendon", "second edition of the invoice", "section 7")
ROOT, DOCS, BASE = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]


def opened() -> Workspace:
    """The workspace, both models loaded."""
    changes = {
        "base.model": BASE, "build.block": 6, "verify.sample": 6, "build.most_removed": 1.0,
        "verify.golden_tolerance": 1.0,  # the made-up documents change more than any answers survive
    }  # fmt: skip
    workspace = Workspace(ROOT, settings=override(Settings(), changes))
    for version in workspace.models():
        workspace._encoder(version).encode_queries(["warm"])
    return workspace


def act(workspace: Workspace, name: str, argument: object) -> None:
    """One operation; an answer that there is nothing to do is an answer."""
    index = workspace.index(DOCS)
    try:
        match name:
            case "build":
                version, dimension = argument  # type: ignore[misc]
                index.build(version, dimension=dimension)
            case "switch":
                index.switch(argument)  # type: ignore[arg-type]
            case "promote":
                workspace.promote(str(argument))
            case "rollback":
                index.rollback()
            case "sync":
                index.sync()
            case "gc":
                index.gc(keep=2)
    except (InputError, MismatchError) as error:
        told = (
            "nothing to go back to", "no other index", "has no index", "was removed", "no collection or version",
            "begun and not ended",  # of a collection that is not live any more
        )  # fmt: skip
        if not any(one in str(error) for one in told):
            raise


def hammer(workspace: Workspace, seen: Path) -> None:
    """Searches without a pause and writes down what it is told, until a file says that it is enough."""
    searcher = workspace.serving()
    with seen.open("w", encoding="utf-8") as stream:
        while not (ROOT / "enough").exists():
            try:
                for answer in searcher.search(QUERIES, 5):
                    hits = [(hit.passage.id, hit.passage.text, hit.score) for hit in answer.hits]
                    row = {
                        "query": answer.query,
                        "version": answer.version,
                        "collection": answer.collection,
                        "hits": hits,
                    }
                    stream.write(json.dumps(row) + "\n")
            except BaseException as error:  # noqa: BLE001 - any at all is what the test looks for
                stream.write(json.dumps({"error": repr(error)}) + "\n")
            stream.flush()


def forked(workspace: Workspace, name: str, argument: object) -> int:
    """The id of a process that does it."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if name == "hammer":
            hammer(workspace, Path(str(argument)))
        else:
            act(workspace, name, argument)
        code = 0
    except BaseException:  # noqa: BLE001 - it must not go on as its parent
        (ROOT / "failures").mkdir(exist_ok=True)
        (ROOT / "failures" / f"{os.getpid()}.txt").write_text(f"{name} {argument}\n{traceback.format_exc()}")
    finally:
        os._exit(code)


def watched(child: int, kill: float | None) -> dict[str, object]:
    """Waits for a process, and kills it after so many seconds."""
    started = time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            killed = os.WIFSIGNALED(status)
            code = None if killed else os.WEXITSTATUS(status)
            return {"killed": killed, "code": code, "seconds": time.monotonic() - started}
        if kill is not None and time.monotonic() - started >= kill:
            os.kill(child, signal.SIGKILL)
            kill = None
        time.sleep(0.001)


def say(text: str) -> None:
    """A line for whoever asked."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serves until its input ends."""
    warnings.simplefilter("ignore")  # lancedb says that forking is an experiment
    torch.set_num_threads(1)
    workspace = opened()
    say("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        child = forked(workspace, *asked["do"])
        answer = {"pid": child} if asked["do"][0] == "hammer" else watched(child, asked.get("kill"))
        say(json.dumps(answer))


if __name__ == "__main__":
    main()
