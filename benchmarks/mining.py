"""Hard negatives side by side with sentence-transformers' `mine_hard_negatives`, on made-up vectors of growing number.

    python -m benchmarks.mining [--passages 10000 100000 1000000] [--queries 10000] [--minutes 60] [--gb 16] [--json]

Both sides are handed the same texts and the same vectors, made before, so encoding is not counted: ours reads a `.npy`
file, the peer finds the same file in its own `cache_folder` under the name that its first call would have given it. The
vectors have the spectrum of all-MiniLM-L6-v2 on financial_qa, and every query lies near its positive. Both look at 50
ranks, take three negatives and apply the 95 % rule. The peer runs as it is called by default and with the smaller
blocks that its `faiss_batch_size` allows. Each runs in a process of its own, which is ended at a limit of time or
memory. Knows how vectors are made up and how both are called.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.conditions import Conditions
from benchmarks.entrance import sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.protocols import Reporter, SilentReporter, Vectors

SIZES = (10_000, 100_000, 1_000_000)
QUERIES = 10_000
"""Queries, or as many as there are passages where those are fewer."""
MINUTES = 60.0
GB = 16.0
DIMENSION = 384
DEPTH, NEGATIVES, PERCENT = 50, 3, 0.95
BLOCK, SMALL_BLOCK = 16_384, 1024
"""Queries that the peer compares at once: its own default, and a number that takes a sixteenth of the memory."""

_SPECTRUM = {0: 3.66, 1: 1.0, 2: 0.725, 4: 0.372, 8: 0.283, 16: 0.175, 32: 0.105, 64: 0.0597, 128: 0.0288, 256: 0.00725,
             383: 0.0005}  # fmt: skip
"""Eigenvalues of the second moments of real vectors, by number; those between lie on a straight line of logarithms."""
_TOPICS = 500
_AT_ONCE = 65_536
_WORDS = 24
_SEED = 13
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Mining:
    """What one way did with one size.

    Attributes:
        way: Its name.
        passages: How many.
        queries: How many.
        seconds: Wall time; None where it did not finish.
        cpu_seconds: The time of all its threads, which does not depend on what else the machine does.
        peak_mb: Most resident memory of its process, texts and libraries included.
        before_mb: The same before it began.
        negatives: How many it found.
        stopped: Why it did not finish; empty where it did.
        same: Share of its negatives that the first way found too; None where one of them did not finish.
    """

    way: str
    passages: int
    queries: int
    seconds: float | None
    cpu_seconds: float | None
    peak_mb: float
    before_mb: float = 0.0
    negatives: int = 0
    stopped: str = ""
    same: float | None = None


@dataclass(frozen=True, slots=True)
class MiningReport:
    """All sizes and ways, and where they were measured."""

    rows: tuple[Mining, ...]
    conditions: Conditions

    def to_json(self) -> dict[str, Any]:
        """Figures and conditions."""
        return {"rows": [plain(row) for row in self.rows], **plain(self.conditions)}

    def to_markdown(self) -> str:
        """A table, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield paragraph(
            f"{self.conditions.sentence} Made-up vectors of {DIMENSION} dimensions with the spectrum of real ones; "
            f"{DEPTH} ranks, {NEGATIVES} negatives for each query, {PERCENT:.0%} of the positive's score."
        )
        yield ""
        head = "passages | queries | | time | against the peer | of all threads | peak memory | against the peer"
        yield f"| {head} | negatives that exact search finds too |"
        yield "|---|---|---|---|---|---|---|---|---|"
        finished = [row for row in reversed(self.rows) if row.way.startswith(PEER) and row.seconds is not None]
        peers = {(row.passages, row.queries): row for row in finished}
        for row in self.rows:
            peer = peers.get((row.passages, row.queries))
            took = f"{row.seconds:,.1f} s" if row.seconds is not None else row.stopped
            cpu = "" if row.cpu_seconds is None else f"{row.cpu_seconds:,.1f} s"
            same = "" if row.same is None else f"{row.same:.1%}"
            yield (
                f"| {row.passages:,} | {row.queries:,} | {row.way} | {took} | {_faster(row, peer)} "
                f"| {cpu} | {row.peak_mb:,.0f} MB | {_smaller(row, peer)} | {same} |"
            )


Took: TypeAlias = tuple[float, float]
"""Wall time, and that of all threads, in seconds."""


@dataclass(frozen=True, slots=True)
class Load:
    """Where the vectors of one size lie, and how many they are."""

    folder: Path
    passages: int
    queries: int

    def vectors(self, name: str) -> Path:
        """The file of `passages` or `queries`."""
        return self.folder / f"{name}.npy"

    def passage_texts(self) -> list[str]:
        """All different."""
        return [_text("passage", n) for n in range(self.passages)]

    def query_texts(self) -> list[str]:
        """All different."""
        return [_text("query", n) for n in range(self.queries)]

    def positives(self) -> NDArray[np.int64]:
        """Row of the passage that answers each query."""
        return np.random.default_rng(_SEED + 1).permutation(self.passages)[: self.queries]


def make(load: Load) -> None:
    """Writes the vectors of a load."""
    rng = np.random.default_rng(_SEED)
    known = sorted(_SPECTRUM)
    deviations = np.exp(np.interp(np.arange(DIMENSION), known, [np.log(_SPECTRUM[n]) for n in known]) / 2)
    topics = rng.standard_normal((_TOPICS, DIMENSION), dtype=np.float32)
    passages = np.lib.format.open_memmap(
        load.vectors("passages"), "w+", dtype=np.float32, shape=(load.passages, DIMENSION)
    )
    for start in range(0, load.passages, _AT_ONCE):
        size = min(_AT_ONCE, load.passages - start)
        own = rng.standard_normal((size, DIMENSION), dtype=np.float32)
        passages[start : start + size] = _vectors(0.6 * topics[rng.integers(0, _TOPICS, size)] + 0.8 * own, deviations)
    positive = np.asarray(passages[load.positives()])
    noise = _vectors(rng.standard_normal((load.queries, DIMENSION), dtype=np.float32), deviations)
    np.save(load.vectors("queries"), _normalised(positive + 0.8 * noise))
    passages.flush()


def ours(load: Load, search: str) -> tuple[dict[int, set[int]], Took, float]:
    """Our mining: query → negatives, seconds, and memory before it began."""
    from jargonaut import negatives, retrieval
    from jargonaut.hardness import searched
    from jargonaut.pairs import normalised
    from jargonaut.records import Pair

    texts, asked_texts = load.passage_texts(), load.query_texts()
    ids, asked_ids, right = (
        [f"p{n}" for n in range(load.passages)],
        [f"q{n}" for n in range(load.queries)],
        load.positives(),
    )
    pairs = [Pair(asked_ids[n], asked_texts[n], ids[row]) for n, row in enumerate(right.tolist())]
    text_of = dict(zip(ids, texts, strict=True))
    before, began = resident_peak_mb(), _now()
    asked: Vectors = np.load(load.vectors("queries"))
    in_file = 4 * DIMENSION * load.passages > negatives.MiningOptions().memory_gib * 2**30 / 2
    vectors: Vectors = np.load(load.vectors("passages"), mmap_mode="r" if in_file else None)
    options = negatives.MiningOptions(per_pair=NEGATIVES, depth=DEPTH, max_percent=PERCENT, fall_back=False)
    answer = _exact(retrieval.top_k, asked, vectors)
    if search == "approximate":
        shortlist = retrieval.Shortlist.fitted(asked, vectors, DEPTH)
        answer = lambda start, end: shortlist.search(asked[start:end], vectors, DEPTH)  # noqa: E731
    ranking = searched(answer, load.queries, DEPTH, load.folder / search, SilentReporter(), "")
    found = negatives.mine(
        pairs,
        negatives.Candidates(
            asked_ids, ids, ranking, lambda one, other: retrieval.pair_scores(asked, one, vectors, other),
            {pair.query_id: frozenset((pair.passage_id,)) for pair in pairs}, lambda id_: normalised(text_of[id_]), {},
            np.ones(load.passages, np.bool_),
        ),
        options,
    )  # fmt: skip
    took = _since(began)
    return {n: {int(id_[1:]) for id_ in one.negative_ids} for n, one in enumerate(found.triplets)}, took, before


def peer(load: Load, block: int) -> tuple[dict[int, set[int]], Took, float]:
    """The peer's mining."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from sentence_transformers.util import mine_hard_negatives

    texts, asked = load.passage_texts(), load.query_texts()
    right = load.positives()
    datasets: Any = importlib.import_module("datasets")  # untyped, and not there in every environment
    dataset = datasets.Dataset.from_dict({"query": asked, "answer": [texts[row] for row in right.tolist()]})
    model = SentenceTransformer(modules=[StaticEmbedding(_tokenizer(), embedding_dim=DIMENSION)], device="cpu")
    cache = load.folder / "peer"
    cache.mkdir(exist_ok=True)
    for name, held in (("query", asked), ("corpus", texts)):
        key = (model.model_card_data.base_model or "", None, None, held)
        digest = hashlib.sha256(repr(key).encode(), usedforsecurity=False).hexdigest()
        with contextlib.suppress(FileExistsError):
            file = "queries" if name == "query" else "passages"
            (cache / f"{name}_embeddings_{digest}.npy").symlink_to(load.vectors(file))
    row_of = {text: row for row, text in enumerate(texts)}
    number_of = {text: number for number, text in enumerate(asked)}
    before, began = resident_peak_mb(), _now()
    found = mine_hard_negatives(
        dataset, model, corpus=texts, range_max=DEPTH, relative_margin=1 - PERCENT, num_negatives=NEGATIVES,
        cache_folder=str(cache), verbose=False, faiss_batch_size=block,
    )  # fmt: skip
    took = _since(began)
    negatives: dict[int, set[int]] = {number: set() for number in range(load.queries)}
    for one in found:
        negatives[number_of[one["query"]]].add(row_of[one["negative"]])
    return negatives, took, before


PEER = "sentence-transformers"
Way = Callable[[Load], tuple[dict[int, set[int]], Took, float]]
WAYS: Mapping[str, Way] = {
    "jargonaut, exact": lambda load: ours(load, "exact"),
    "jargonaut, approximate": lambda load: ours(load, "approximate"),
    PEER: lambda load: peer(load, BLOCK),
    f"{PEER}, blocks of {SMALL_BLOCK:,}": lambda load: peer(load, SMALL_BLOCK),
}
"""Name → what is measured; the first one's negatives are what the others' are compared with."""


def measure(load: Load, way: str, limit_s: float, limit_mb: float) -> tuple[Mining, dict[int, set[int]]]:
    """Runs one way in a process of its own.

    Args:
        load: The vectors.
        way: Its name in `WAYS`.
        limit_s: Seconds after which it is ended.
        limit_mb: Resident memory at which it is ended, before the system ends others.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(load, way, there), daemon=True)
    process.start()
    there.close()
    deadline, peak, stopped = time.monotonic() + limit_s, 0.0, ""
    while not here.poll(_POLL):
        peak = max(peak, _resident_mb(process.pid))
        if not process.is_alive():
            break
        if peak > limit_mb:
            stopped = f"ended at {limit_mb / 1000:,.0f} GB"
        elif time.monotonic() > deadline:
            stopped = f"ended after {limit_s / 60:,.0f} min"
        if stopped:
            process.kill()
            break
    answer: Any = None
    with contextlib.suppress(EOFError):
        answer = here.recv() if not stopped else None
    process.join()
    if answer is None:
        stopped = stopped or f"its process ended ({process.exitcode})"
    if isinstance(answer, str):  # its last line says what it was; want of memory is an outcome
        stopped = answer.strip().splitlines()[-1]
    if stopped:
        return Mining(way, load.passages, load.queries, None, None, peak, stopped=stopped), {}
    found, (seconds, cpu), before, most = answer
    count = sum(map(len, found.values()))
    return Mining(way, load.passages, load.queries, seconds, cpu, most, before, count), found


def measure_all(
    sizes: Sequence[int], queries: int, reporter: Reporter, *, minutes: float = MINUTES, gb: float = GB,
    ways: Sequence[str] = tuple(WAYS),
) -> MiningReport:  # fmt: skip
    """Measures every way at every size."""
    rows: list[Mining] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            load = Load(Path(folder), size, min(queries, size))
            make(load)
            first: dict[int, set[int]] = {}
            for way in ways:
                row, found = measure(load, way, 60 * minutes, 1000 * gb)
                first = first or found
                rows.append(_compared(row, first, found))
                told = f"{row.seconds:,.1f} s, {row.cpu_seconds:,.1f} s of all threads" if row.seconds else row.stopped
                reporter.line(f"  {size:,} passages, {load.queries:,} queries, {way}: {told}, {row.peak_mb:,.0f} MB")
    return MiningReport(tuple(rows), Conditions.here())


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the vectors are made up, so no data is read."""
    del source
    return measure_all(SIZES, QUERIES, TerminalReporter()).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.mining", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("--passages", type=int, nargs="+", default=list(SIZES), help="sizes (default: %(default)s)")
    line.add_argument("--queries", type=int, default=QUERIES, help="most queries (default: %(default)s)")
    line.add_argument("--minutes", type=float, default=MINUTES, help="limit of each run (default: %(default)s)")
    line.add_argument("--gb", type=float, default=GB, help="limit of each run's memory (default: %(default)s)")
    line.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="only these")
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    given = line.parse_args()
    with sentences():
        report = measure_all(
            given.passages, given.queries, TerminalReporter(), minutes=given.minutes, gb=given.gb, ways=given.ways
        )
    print(json.dumps(report.to_json(), indent=1) if given.json else report.to_markdown())


def _run(load: Load, way: str, pipe: Connection) -> None:
    """In the process: answers with what was found, or with the text of an exception."""
    import traceback

    with tempfile.TemporaryFile() as said:  # the peer shows progress
        os.dup2(said.fileno(), 2)
    try:
        found, took, before = WAYS[way](load)
        pipe.send((found, took, before, resident_peak_mb()))
    except Exception:  # noqa: BLE001 - whatever it is, the parent shows it
        pipe.send(traceback.format_exc())


def _now() -> Took:
    return time.perf_counter(), time.process_time()


def _since(began: Took) -> Took:
    now = _now()
    return now[0] - began[0], now[1] - began[1]


def _exact(top_k: Callable[..., Any], asked: Vectors, vectors: Vectors) -> Callable[[int, int], Any]:
    return lambda start, end: top_k(asked[start:end], vectors, DEPTH)


def _compared(row: Mining, first: Mapping[int, set[int]], found: Mapping[int, set[int]]) -> Mining:
    """With the share of negatives that the first way found too."""
    if not found or not row.negatives:
        return row
    shared = sum(len(found[number] & first.get(number, set())) for number in found)
    return replace(row, same=shared / row.negatives)


def _faster(row: Mining, peer: Mining | None) -> str:
    if peer is None or peer is row or peer.seconds is None or row.seconds is None:
        return ""
    return f"{peer.seconds / row.seconds:.1f} ×"


def _smaller(row: Mining, peer: Mining | None) -> str:
    return "" if peer is None or peer is row else f"{row.peak_mb / peer.peak_mb:.2f} ×"


def _vectors(drawn: Vectors, deviations: NDArray[np.float64]) -> Vectors:
    """Normalised vectors of the spectrum; the first component is what all have in common."""
    shaped = drawn * deviations
    shaped[:, 0] = deviations[0]
    return _normalised(shaped)


def _normalised(vectors: NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _text(kind: str, number: int) -> str:
    """A text of its own for each number."""
    return " ".join([kind, str(number), *(f"word{(number * 31 + place * 17) % 9973}" for place in range(_WORDS))])


def _tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return Tokenizer(WordLevel({"word": 0}, unk_token="word"))  # noqa: S106 - no secret; nothing is ever encoded


def _resident_mb(pid: int | None) -> float:
    """Most resident memory of a process so far."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
    return 0.0


if __name__ == "__main__":
    main()
