"""Stores that cannot be reached, that break off, and writers that die: an answer each time, and nothing half done."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from jargonaut.errors import InputError, JargonautError, SettingsError
from jargonaut.index import IndexOptions, LanceStore, StoreUnavailableError, VectorStore, open_store
from jargonaut.protocols import Vectors
from jargonaut.records import Passage
from tests.contracts import backends
from tests.contracts.pinecone_server import PineconeServer
from tests.contracts.weaviate_server import WeaviateServer

STEPS = 4  # attempts that Pinecone's client makes before it gives up


def unit(count: int, seed: int = 7) -> Vectors:
    """Random rows of length one."""
    rows = np.random.default_rng(seed).normal(size=(count, 8))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def many(count: int) -> list[Passage]:
    """Short passages."""
    return [Passage(f"p{n}", f"text {n}") for n in range(count)]


def listed(store: VectorStore, name: str = "c") -> set[str]:
    """Ids of a finished collection, as another program sees them."""
    return {id_ for page in store.open(name, "f").hashes() for id_ in page}


@pytest.mark.slow  # the client waits longer and longer before it asks again
@pytest.mark.parametrize("fault", ["drop", "after", "503"])
def test_a_server_that_breaks_off_is_an_answer_and_the_retry_is_whole(
    pinecone: PineconeServer, tmp_path: Path, fault: str
) -> None:
    """Nothing looks complete after it, and the same call again leaves what one call would have left."""
    store = backends.served("pinecone", pinecone.url, tmp_path, "KEY").open()
    collection = store.create("c", fingerprint="f", dimension=8)
    pinecone.faults = ["", *[fault] * STEPS]  # in the middle: the first of three requests is carried out
    with pytest.raises(StoreUnavailableError, match=r"(?s)127\.0\.0\.1.*repeat the command"):
        collection.add(many(250), unit(250))
    assert not pinecone.faults
    with pytest.raises(InputError, match="never finished"):
        store.open("c", "f")
    pinecone.faults = [fault] * STEPS
    with pytest.raises(StoreUnavailableError):
        collection.finish()
    collection.upsert(many(250), unit(250))
    collection.finish()
    assert listed(store) == {p.id for p in many(250)}
    store.open("c", "f").check()


def test_a_server_that_breaks_off_once_is_asked_again(pinecone: PineconeServer, tmp_path: Path) -> None:
    """One refusal costs nothing but time."""
    store = backends.served("pinecone", pinecone.url, tmp_path, "KEY").open()
    collection = store.create("c", fingerprint="f", dimension=8)
    pinecone.faults = ["503"]
    collection.add(many(3), unit(3))
    assert collection.count() == 3


def test_weaviate_that_breaks_off_is_an_answer(weaviate: WeaviateServer, tmp_path: Path) -> None:
    """Writing and deleting say so, and the retry is whole."""
    store = backends.served("weaviate", weaviate.url, tmp_path).open()
    collection = store.create("c", fingerprint="f", dimension=8)
    weaviate.faults = ["", "drop"]
    with pytest.raises(StoreUnavailableError, match="connection reset"):
        collection.add(many(900), unit(900))
    collection.upsert(many(900), unit(900))
    collection.finish()
    weaviate.faults = ["drop"]
    with pytest.raises(StoreUnavailableError):
        collection.delete(["p0"])
    collection.delete(["p0"])
    assert listed(store) == {p.id for p in many(900)} - {"p0"}


def test_a_wrong_key_is_said(pinecone: PineconeServer, tmp_path: Path) -> None:
    """With what the server said, and never with the key."""
    options = IndexOptions(store="pinecone", url=pinecone.url, api_key_env="KEY")
    with pytest.raises(StoreUnavailableError, match="wrong key") as raised:
        open_store(options, tmp_path, {"KEY": "other-key"}).collections()
    assert "other-key" not in str(raised.value)


def test_a_key_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The variable is named; a service that needs one says so."""
    with pytest.raises(SettingsError, match=r"(?s)no environment variable MY_KEY.*export MY_KEY"):
        open_store(IndexOptions(store="qdrant", api_key_env="MY_KEY"), tmp_path, {})
    backends.require("pinecone")
    with pytest.raises(SettingsError, match="needs a key"):
        open_store(IndexOptions(store="pinecone"), tmp_path, {})


@pytest.mark.parametrize(
    ("name", "url", "package"),
    [
        ("pgvector", "postgresql://me@127.0.0.1:9/db", "psycopg"),
        ("qdrant", "http://127.0.0.1:9", "qdrant_client"),
        ("chroma", "http://127.0.0.1:9", "chromadb"),
        ("milvus", "http://127.0.0.1:9", "pymilvus"),
        ("weaviate", "http://127.0.0.1:9", "weaviate"),
    ],
)
def test_a_server_that_is_not_there_is_an_answer(name: str, url: str, package: str, tmp_path: Path) -> None:
    """Within the time that the settings allow, with the address."""
    backends.require_working(package)
    options = IndexOptions(store=name, url=url, timeout=2)  # type: ignore[arg-type]
    importlib.import_module(package)  # which may take longer than the rest
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1"):
        open_store(options, tmp_path).collections()
    assert time.monotonic() - started < 30


@contextlib.contextmanager
def chroma_that_falls_silent() -> Iterator[str]:
    """The address of a server that says what Chroma says to a new client, and answers nothing else."""
    said = {
        "/api/v2/heartbeat": {"nanosecond heartbeat": 1},
        "/api/v2/auth/identity": {"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]},
        "/api/v2/tenants/default_tenant": {"name": "default_tenant"},
        "/api/v2/tenants/default_tenant/databases/default_database": {
            "id": str(uuid.UUID(int=1)), "name": "default_database", "tenant": "default_tenant",
        },
    }  # fmt: skip
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in said:
                over.wait(60)
                return
            body = json.dumps(said[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def test_a_chroma_that_falls_silent_is_an_answer(tmp_path: Path) -> None:
    """Its client waits for ever; `timeout` holds all the same, before the first answer and after."""
    backends.require("chromadb")
    with chroma_that_falls_silent() as url:
        store = open_store(IndexOptions(store="chroma", url=url, timeout=0.5), tmp_path)
        with pytest.raises(StoreUnavailableError, match=r"(?i)timed out"):
            store.collections()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(StoreUnavailableError, match=r"(?i)timed out"):
            open_store(IndexOptions(store="chroma", url=url, timeout=0.5), tmp_path)


@pytest.mark.parametrize(
    ("name", "url", "package"),
    [
        ("pgvector", "postgresql://x", "psycopg"),
        ("qdrant", None, "qdrant_client"),
        ("chroma", None, "chromadb"),
        ("milvus", None, "pymilvus"),
        ("pinecone", None, "pinecone"),
        ("weaviate", "http://127.0.0.1:9", "weaviate"),
    ],
)
def test_a_client_that_is_not_installed_is_named(
    name: str, url: str | None, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(JargonautError, match=rf"(?s){package}.*pip install 'jargonaut\[{name}\]'"):
        open_store(IndexOptions(store=name, url=url, api_key_env="KEY"), tmp_path, {"KEY": "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"store": "pgvector"}, "url"),
        ({"url": "http://x"}, "lancedb lies in the workspace"),
        ({"prefix": "Bad-Name"}, "prefix"),
        ({"quantisation": "int8", "search": "exact"}, "exact search"),
        ({"timeout": 0.0}, "above 0"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(options: dict[str, object], message: str) -> None:
    """Before anything is built."""
    with pytest.raises(SettingsError, match=message):
        IndexOptions(**options)  # type: ignore[arg-type]


def blocked(url: str, table: str) -> tuple[threading.Event, threading.Thread]:
    """Somebody who holds a lock on a table until the event is set."""
    import psycopg

    release, held = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(url) as connection:
            connection.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    return release, thread


def table_of(url: str, prefix: str) -> str:
    """The table of the only collection."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(url) as connection:
        states = sql.Identifier(f"{prefix}_collections")
        row = connection.execute(sql.SQL("SELECT name FROM {}").format(states)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("fault", ["time-out", "killed"])
def test_postgres_that_breaks_off_in_an_upsert_has_done_nothing(postgres: str, tmp_path: Path, fault: str) -> None:
    """The rows are not there; the same object goes on working, and the retry is whole."""
    import psycopg

    prefix = backends.prefix()
    options = IndexOptions(store="pgvector", url=postgres, prefix=prefix, timeout=1 if fault == "time-out" else 60)
    store = open_store(options, tmp_path)
    collection = store.create("c", fingerprint="f", dimension=8)
    collection.add(many(2), unit(2))
    collection.finish()
    release, thread = blocked(postgres, table_of(postgres, prefix))

    def kill() -> None:
        with psycopg.connect(postgres, autocommit=True) as connection:
            waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not connection.execute(waiting).fetchall():
                time.sleep(0.05)

    killer = threading.Thread(target=kill)
    if fault == "killed":
        killer.start()
    try:
        with pytest.raises(StoreUnavailableError, match="repeat the command"):
            collection.upsert(many(5), unit(5))
    finally:
        release.set()
        thread.join(30)
        if fault == "killed":
            killer.join(30)
    assert listed(store) == {"p0", "p1"}
    collection.upsert(many(5), unit(5))
    assert listed(store) == {p.id for p in many(5)}


def test_a_forgotten_postgres_is_left_without_a_warning(postgres: str, tmp_path: Path) -> None:
    """Its connection is closed, also where only the garbage collector finds it."""
    store = backends.served("pgvector", postgres, tmp_path).open()
    assert store.collections() == []
    circle: list[object] = [store]
    circle.append(circle)
    del store, circle
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(each.message) for each in told if "psycopg" in str(each.message)] == []


def test_postgres_cannot_hold_the_character_nul(postgres: str, tmp_path: Path) -> None:
    """The passage is named, and nothing of the call is stored."""
    store = backends.served("pgvector", postgres, tmp_path).open()
    collection = store.create("c", fingerprint="f", dimension=8)
    with pytest.raises(InputError, match="'bad' holds the character NUL"):
        collection.add([Passage("good", "x"), Passage("bad", "a\x00b")], unit(2))
    assert collection.count() == 0


HOLD = """
import sys, time
from pathlib import Path
from jargonaut.index import IndexOptions, open_store
store, url, folder, prefix = sys.argv[1:]
with open_store(IndexOptions(store=store, url=url or None, prefix=prefix), Path(folder)).exclusive():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["lancedb", "pgvector", "qdrant"])
def test_a_killed_builder_holds_nothing(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The next one begins at once."""
    url = request.getfixturevalue("postgres") if name == "pgvector" else ""
    if name == "qdrant":
        backends.require("qdrant_client")
    prefix = backends.prefix()
    command = [sys.executable, "-c", HOLD, name, url, str(tmp_path), prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait(30)
    started = time.monotonic()
    with open_store(IndexOptions(store=name, url=url or None, prefix=prefix), tmp_path).exclusive():  # type: ignore[arg-type]
        assert time.monotonic() - started < 20


def test_a_change_that_was_killed_is_not_seen_and_not_kept(tmp_path: Path) -> None:
    """What lies in a LanceDB table above its finished version is thrown away by the next change."""
    collection = LanceStore(tmp_path).create("c", fingerprint="f", dimension=8)
    collection.add(many(3), unit(3))
    collection.finish()

    def killed() -> None:
        with collection._changing() as table:
            table.delete("id = 'p0'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert listed(LanceStore(tmp_path)) == {"p0", "p1", "p2"} == {i for page in collection.hashes() for i in page}
    collection.upsert([Passage("p3", "x")], unit(1))
    assert listed(LanceStore(tmp_path)) == {"p0", "p1", "p2", "p3"}


def test_many_small_changes_stay_few_files(tmp_path: Path) -> None:
    """A LanceDB table that is changed often is put together again, and keeps every change."""
    collection = LanceStore(tmp_path).create("c", fingerprint="f", dimension=8)
    collection.finish()
    for number in range(70):
        collection.upsert([Passage(f"p{number}", "x")], unit(1, number))
    assert listed(LanceStore(tmp_path)) == {f"p{number}" for number in range(70)}
    assert collection._table.stats()["fragment_stats"]["num_fragments"] < 60
