"""Time and memory of an index against its size: build, sync, exact and approximate search with LanceDB.

    python -m benchmarks.index [--sizes 10000 100000 1000000] [--dimension 384] [--json]

Vectors are made up, in clusters and in fewer directions than they have numbers, as embeddings of passages lie: where
every neighbour is as far as any other, an approximate search has nothing to find. Each size runs in a process of its
own, since peak memory is a process's. Knows the stores' protocol and nothing of models: what embedding takes is
measured by `benchmarks.engine`.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.conditions import Conditions
from benchmarks.curve import COLOURS, styled
from benchmarks.entrance import sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph, score
from jargonaut.artifacts import plain
from jargonaut.index import (
    BuildOptions,
    LanceStore,
    apply_sync,
    build_index,
    content_of,
    content_of_passages,
    overlap_of,
    plan_sync,
)
from jargonaut.index.store import Collection, VectorStore
from jargonaut.protocols import Vectors
from jargonaut.records import Passage

if TYPE_CHECKING:
    import altair as alt

SIZES = (10_000, 100_000, 1_000_000)
QUERIES = 100
CLUSTERS, INNER = 200, 32
CHANGED = 0.1
"""Share of the passages that a sync replaces."""
DIMENSION = 384
TARGET_GB = 4.0
"""What a million passages may take."""
CHART = Path("docs/index.svg")


@dataclass(frozen=True, slots=True)
class Measured:
    """What an index of one size took.

    Attributes:
        passages: How many.
        dimension: Of their vectors.
        build_seconds: To write all of them. Making them and their vectors up is in it, some 6 s for a million.
        index_seconds: The same with an approximate index.
        sync_seconds: To find and replace a tenth.
        nothing_seconds: To find that nothing changed.
        exact_ms: Median and 95th percentile of one query that compares all vectors, milliseconds.
        approximate_ms: The same with the approximate index.
        recall: Share of the exact 10 nearest that the approximate search finds.
        peak_mb: Most memory of the process, in MB of 1,000,000 bytes.
        disk_mb: Bytes of the collection with its index.
    """

    passages: int
    dimension: int
    build_seconds: float
    index_seconds: float
    sync_seconds: float
    nothing_seconds: float
    exact_ms: tuple[float, float]
    approximate_ms: tuple[float, float]
    recall: float
    peak_mb: float
    disk_mb: float


class MadeUp:
    """An encoder whose vectors are drawn: a text names its number and its edition."""

    name, fingerprint = "made up", "made-up"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        chance = np.random.default_rng(1)
        self._centres = chance.normal(size=(CLUSTERS, INNER)).astype(np.float32)
        self._outwards = chance.normal(size=(INNER, dimension)).astype(np.float32) / np.float32(INNER**0.5)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One vector per text, near one of the centres; the same for the same texts together."""
        seeds = np.array([int(text.split()[1]) for text in texts], dtype=np.uint64)
        chance = np.random.default_rng(int(seeds[0]) if len(seeds) else 0)
        inner = self._centres[seeds % CLUSTERS] + chance.normal(size=(len(texts), INNER)).astype(np.float32)
        noise = chance.normal(size=(len(texts), self.dimension)).astype(np.float32)
        vectors = inner @ self._outwards + np.float32(0.1) * noise
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    encode_queries = encode_passages


class Corpus:
    """Passages that are made as they are read, so that the benchmark's own memory is flat.

    Args:
        count: How many.
        changed: From which on their words are of the second edition.
    """

    def __init__(self, count: int, changed: int | None = None) -> None:
        self._count, self._changed = count, count if changed is None else changed

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Passage]:
        for number in range(self._count):
            edition = "second" if number >= self._changed else "first"
            text = f"Passage {number} of the {edition} edition. " + "It says what passages of this length say. " * 8
            yield Passage(f"p{number}", text, "A title", ("A heading",), f"d{number // 10}")


class Contents:
    """The words of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def __len__(self) -> int:
        return len(self._corpus)

    def __iter__(self) -> Iterator[str]:
        return (passage.text for passage in self._corpus)


def measured(store: VectorStore, folder: Path, count: int, dimension: int) -> Measured:
    """Builds, searches and syncs an index of one size.

    Args:
        store: Where; empty.
        folder: Where the store keeps its files, to see how many bytes they take.
        count: How many passages.
        dimension: Of their vectors.
    """
    encoder, corpus, options = MadeUp(dimension), Corpus(count), BuildOptions()
    contents = Contents(corpus)
    few = Corpus(10)
    store.drop(build_index(store, "first", few, Contents(few), encoder).collection)  # which loads the library
    started = time.monotonic()
    plain_index = build_index(store, "plain", corpus, contents, encoder, options=options)
    build = time.monotonic() - started
    exact = store.open(plain_index.collection, encoder.fingerprint)
    queries = encoder.encode_queries([f"q {number}" for number in range(7, 7 + QUERIES)])
    exact_ms, best = _searched(exact, queries, approximate=False)
    store.drop(plain_index.collection)
    started = time.monotonic()
    made = build_index(store, "quick", corpus, contents, encoder, options=options, approximate=True)
    indexed = time.monotonic() - started
    quick = store.open(made.collection, encoder.fingerprint)
    approximate_ms, found = _searched(quick, queries, approximate=True)
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    nothing = _synced(quick, corpus, encoder, options)
    sync = _synced(quick, Corpus(count, round(count * (1 - CHANGED))), encoder, options)
    return Measured(
        count, dimension, build, indexed, sync, nothing, exact_ms, approximate_ms, overlap_of(found, best),
        resident_peak_mb(), disk,
    )  # fmt: skip


def _searched(
    collection: Collection, queries: Vectors, *, approximate: bool
) -> tuple[tuple[float, float], list[list[str]]]:
    """Milliseconds of one query at a time (median, 95th percentile), and what was found."""
    collection.search(queries[:1], 10, approximate=approximate)  # what the first one loads, later ones have
    times, found = [], []
    for row in range(len(queries)):
        started = time.perf_counter()
        (hits,) = collection.search(queries[row : row + 1], 10, approximate=approximate)
        times.append((time.perf_counter() - started) * 1000)
        found.append([hit.passage_id for hit in hits])
    return (float(np.median(times)), float(np.percentile(times, 95))), found


def _synced(collection: Collection, corpus: Corpus, encoder: MadeUp, options: BuildOptions) -> float:
    started = time.monotonic()
    contents = Contents(corpus)
    plan = plan_sync(collection, corpus, contents, content_of_passages(corpus, contents))
    if not plan.nothing:
        apply_sync(collection, plan, corpus, contents, encoder, options=options)
    if content_of(collection) != plan.target:
        raise AssertionError("the sync did not end where it should")
    return time.monotonic() - started


def measure(sizes: Sequence[int], dimension: int) -> list[Measured]:
    """Measures each size with LanceDB, smallest first; each is told as soon as it is known."""
    rows = []
    for size in sorted(sizes):
        rows.append(apart(_lancedb, size, dimension))
        print(json.dumps(plain(rows[-1])), file=sys.stderr, flush=True)
    return rows


def apart(work: Callable[..., Measured], *arguments: object) -> Measured:
    """Measures in a process of its own, since peak memory is a process's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _lancedb(count: int, dimension: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return measured(LanceStore(Path(folder)), Path(folder), count, dimension)


def to_markdown(rows: Sequence[Measured], conditions: Conditions) -> str:
    """The measurements as a part of the benchmarks' page."""
    head = ("| passages | build | with an approximate index | sync of 10 % | sync of nothing | exact p50 / p95 "
            "| approximate p50 / p95 | recall@10 | peak memory | disk |")  # fmt: skip
    lines = [
        f"| {row.passages:,} | {row.build_seconds:.1f} s ({row.passages / row.build_seconds:,.0f}/s) "
        f"| {row.index_seconds:.1f} s | {row.sync_seconds:.1f} s | {row.nothing_seconds:.1f} s "
        f"| {latency(row.exact_ms)} | {latency(row.approximate_ms)} | {score(row.recall)} | {row.peak_mb:,.0f} MB "
        f"| {row.disk_mb:,.0f} MB |"
        for row in rows
    ]
    table = "\n".join([head, "|" + "---:|" * 10, *lines])
    parts = [paragraph(f"{conditions.sentence} {described(rows[0])} LanceDB {metadata.version('lancedb')}."), table]
    return "\n\n".join([*parts, *_verdict(rows), f"![Time and memory against size]({CHART.name})"])


def described(row: Measured) -> str:
    """What was put in and asked, in sentences."""
    return (
        f"Vectors of {row.dimension} dimensions, made up in {CLUSTERS:,} clusters and {INNER} directions; passages of "
        f"some 400 characters; what embedding takes is not in it. Latency is that of {QUERIES} queries, one after "
        "another in one process."
    )


def latency(milliseconds: tuple[float, float]) -> str:
    """Median and 95th percentile."""
    return f"{milliseconds[0]:,.1f} / {milliseconds[1]:,.1f} ms"


def _verdict(rows: Sequence[Measured]) -> Iterator[str]:
    """Whether the largest size kept to the memory that was asked for a million."""
    largest = rows[-1]
    if largest.passages >= SIZES[-1]:
        met = "met" if largest.peak_mb <= TARGET_GB * 1000 else "missed"
        yield f"Asked for were {SIZES[-1]:,} passages in {TARGET_GB:.0f} GB: {met}."


def chart(rows: Sequence[Measured]) -> str:
    """Seconds and peak memory against size, as SVG; equal steps mean equal factors on every axis."""
    import altair as alt

    panels = (
        ("seconds", {
            "build": lambda row: row.build_seconds,
            "build with an approximate index": lambda row: row.index_seconds,
            "sync of 10 %": lambda row: row.sync_seconds,
        }),
        ("peak memory, MB", {"measured": lambda row: row.peak_mb, "asked for": lambda _: TARGET_GB * 1000}),
        ("a query, median, ms", {
            "exact": lambda row: row.exact_ms[0], "approximate": lambda row: row.approximate_ms[0],
        }),
    )  # fmt: skip
    picture = alt.hconcat(*(_panel(rows, title, lines) for title, lines in panels)).resolve_scale(color="independent")
    stream = io.StringIO()
    styled(picture).save(stream, format="svg")
    return stream.getvalue()


def _panel(rows: Sequence[Measured], title: str, lines: Mapping[str, Callable[[Measured], float]]) -> alt.Chart:
    import altair as alt

    values = [{"x": row.passages, "y": value(row), "what": name} for row in rows for name, value in lines.items()]
    sizes = alt.Axis(values=[row.passages for row in rows], format="~s", title="passages", grid=False)
    steps = alt.Axis(title=title, format=",~g", tickCount=5)
    colours = alt.Scale(domain=list(lines), range=list(COLOURS[: len(lines)]))
    panel: alt.Chart = (
        alt.Chart(alt.InlineData(values=values), width=220, height=220)
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=alt.X("x:Q", scale=alt.Scale(type="log"), axis=sizes),
            y=alt.Y("y:Q", scale=alt.Scale(type="log"), axis=steps),
            color=alt.Color("what:N", scale=colours, legend=alt.Legend(title=None, orient="bottom", columns=1)),
        )
    )
    return panel


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`, and the chart beside the page; no data set is needed."""
    del source
    conditions, rows = Conditions.here(), measure(SIZES, DIMENSION)
    CHART.write_text(chart(rows), encoding="utf-8")
    return to_markdown(rows, conditions)


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.index", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="passages (default: %(default)s)")
    line.add_argument("--dimension", type=int, default=DIMENSION, help="of the vectors (default: %(default)s)")
    line.add_argument("--chart", type=Path, help="where the chart goes (default: nowhere)")
    arguments = line.parse_args()
    with sentences():
        rows = measure(arguments.sizes, arguments.dimension)
    if arguments.chart:
        arguments.chart.write_text(chart(rows), encoding="utf-8")
    if arguments.json:
        print(json.dumps([plain(row) for row in rows], indent=1))
    else:
        print(to_markdown(rows, Conditions.here()))


if __name__ == "__main__":
    main()
