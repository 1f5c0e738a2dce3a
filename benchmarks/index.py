"""Time and memory of an index against its size: build, sync, exact and approximate search with LanceDB.

    python -m benchmarks.index [--sizes 10000,100000,1000000] [--dimension 384] [--page docs/benchmarks.md]

Vectors are made up, in clusters and in fewer directions than they have numbers, as embeddings of passages lie: where
every neighbour is as far as any other, an approximate search has nothing to find. Each size runs in a process of its
own, since peak memory is a process's. Knows the store and nothing of models: what embedding takes is measured by
`benchmarks.engine`.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph, with_part
from jargonaut.artifacts import atomic_write, plain
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
from jargonaut.index.store import Collection
from jargonaut.protocols import Vectors
from jargonaut.records import Passage

SIZES = (10_000, 100_000, 1_000_000)
QUERIES = 100
CLUSTERS, INNER = 200, 32
CHANGED = 0.1
"""Share of the passages that a sync replaces."""
CHART = Path("docs/index.svg")


@dataclass(frozen=True, slots=True)
class Measured:
    """What an index of one size took.

    Attributes:
        passages: How many.
        dimension: Of their vectors.
        build_seconds: To write all of them, their vectors being there already.
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


def measured(count: int, dimension: int) -> Measured:
    """Builds, searches and syncs an index of one size."""
    with tempfile.TemporaryDirectory() as folder:
        store, encoder, corpus = LanceStore(Path(folder)), MadeUp(dimension), Corpus(count)
        options = BuildOptions()
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
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
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


def part(rows: Sequence[Measured]) -> str:
    """The measurements as a part of the benchmarks' page."""
    head = ("| passages | build | with an approximate index | sync of 10 % | sync of nothing | exact p50 / p95 "
            "| approximate p50 / p95 | recall@10 | peak memory | disk |")  # fmt: skip
    lines = [
        f"| {row.passages:,} | {row.build_seconds:.1f} s ({row.passages / row.build_seconds:,.0f}/s) "
        f"| {row.index_seconds:.1f} s | {row.sync_seconds:.1f} s | {row.nothing_seconds:.1f} s "
        f"| {row.exact_ms[0]:.1f} / {row.exact_ms[1]:.1f} ms | {row.approximate_ms[0]:.1f} / "
        f"{row.approximate_ms[1]:.1f} ms | {row.recall:.3f} | {row.peak_mb:,.0f} MB | {row.disk_mb:,.0f} MB |"
        for row in rows
    ]
    text = paragraph(
        f"LanceDB, vectors of {rows[0].dimension} dimensions made up in {CLUSTERS:,} clusters and {INNER} directions, "
        "passages of some 400 characters; what embedding takes is not in it. Latency is that of one query after "
        "another in one process."
    )
    table = "\n".join([head, "|" + "---:|" * 10, *lines])
    return f"{text}\n\n{table}\n\n![Time and memory against size]({CHART.name})"


def chart(rows: Sequence[Measured]) -> str:
    """Seconds to build and peak memory against size, as SVG."""
    import altair as alt

    series: tuple[tuple[str, str, Callable[[Measured], float]], ...] = (
        ("build", "seconds", lambda row: row.build_seconds),
        ("with an approximate index", "seconds", lambda row: row.index_seconds),
        ("sync of 10 %", "seconds", lambda row: row.sync_seconds),
        ("peak memory", "GB", lambda row: row.peak_mb / 1000),
    )
    values = [
        {"passages": row.passages, "value": value(row), "what": name, "unit": unit}
        for row in rows
        for name, unit, value in series
    ]
    panels = [
        alt.Chart(alt.InlineData(values=[one for one in values if one["unit"] == unit]))
        .mark_line(point=True)
        .encode(
            x=alt.X("passages:Q", scale=alt.Scale(type="log"), title="passages"),
            y=alt.Y("value:Q", scale=alt.Scale(type="log"), title=unit),
            color=alt.Color("what:N", title=None),
        )
        .properties(width=300, height=220)
        for unit in ("seconds", "GB")
    ]
    picture = alt.hconcat(*panels).resolve_scale(color="independent")
    stream = io.StringIO()
    picture.save(stream, format="svg")
    return stream.getvalue()


def main() -> None:
    """Measures each size, smallest first; writes the page and the chart where one is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--page", type=Path, help="its part `index` is written anew, and the chart beside it")
    arguments = parser.parse_args()
    rows = []
    for size in sorted(int(one) for one in arguments.sizes.split(",")):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            rows.append(pool.submit(measured, size, arguments.dimension).result())
        print(json.dumps(plain(rows[-1])), flush=True)
    print(part(rows), file=sys.stderr)
    if arguments.page is not None:
        page = with_part(arguments.page.read_text(encoding="utf-8"), "index", part(rows))
        with atomic_write(arguments.page) as temporary:
            temporary.write_text(page, encoding="utf-8")
        with atomic_write(arguments.page.parent / CHART.name) as temporary:
            temporary.write_text(chart(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
