"""The stores, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jargonaut.index import VectorStore
from jargonaut.records import Passage
from tests.contracts import backends
from tests.contracts.backends import Backend
from tests.contracts.pinecone_server import PineconeServer, pinecone_server
from tests.contracts.weaviate_server import WeaviateServer, weaviate_server

EMBEDDED = {
    "lancedb": ["lancedb"],
    "qdrant": ["qdrant_client"],
    "chroma": ["chromadb"],
    "milvus": ["pymilvus", "milvus_lite"],
}
STORES = ["lancedb", "pgvector", "qdrant", "chroma", "milvus", "pinecone", "weaviate"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server."""
    # Not below pytest's folder: every pytest that starts takes it away from all but its owner, and a server that root
    # starts runs as somebody else.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, backends.postgres(Path(folder)) as url:
        yield url


@pytest.fixture(scope="session")
def pinecone() -> Iterator[PineconeServer]:
    """A server that speaks Pinecone's HTTP."""
    backends.require("pinecone")
    with pinecone_server() as server:
        yield server


@pytest.fixture(scope="session")
def weaviate() -> Iterator[WeaviateServer]:
    """A server that speaks Weaviate's HTTP and gRPC."""
    backends.require_working("weaviate")
    with weaviate_server() as server:
        yield server


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is such a thing: some engines wait for the disk after every row."""
    memory = Path("/dev/shm")  # noqa: S108
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest, tmp_path: Path, quick: Path) -> Backend:
    """One store, empty."""
    name: str = request.param
    if name == "pgvector":
        return backends.served(name, request.getfixturevalue("postgres"), tmp_path)
    if name in ("pinecone", "weaviate"):
        server: PineconeServer | WeaviateServer = request.getfixturevalue(name)
        return backends.served(name, server.url, tmp_path, "KEY")
    backends.require(*EMBEDDED[name])
    return backends.embedded(name, quick / "index")


@pytest.fixture
def store(backend: Backend) -> VectorStore:
    """The store, opened once."""
    return backend.open()


@pytest.fixture
def passages() -> list[Passage]:
    """Six passages of four documents, with the characters that break naive stores."""
    rows = [
        ("icd/1", "Fracture of the lower end of the radius", ("Injuries", "Forearm"), "icd.md", "ICD"),
        ("icd/2", "Acute myocardial infarction\nof the anterior wall", ("Heart",), "icd.md", "ICD"),
        ("o'brien", 'Type 2 "diabetes" \\ mellitus; DROP TABLE x; --', (), "people's.md", 'O\'Brien "& co"'),
        ("mk-1", "Net revenue rose by twelve percent", ("Results",), "10k.md", "10-K"),
        ("mk-2", "Goodwill is tested for impairment once a year", ("Notes", "Goodwill"), "10k.md", "10-K"),
        ("ünï 漢字", "Die Patientin klagt über Kopfschmerzen 🤕", (), "ordner/größe.md", ""),
    ]
    return [Passage(id_, text, title, path, document, 3, 3 + len(text)) for id_, text, path, document, title in rows]
