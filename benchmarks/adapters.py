"""Query adapters against their base: quality on test with paired intervals, and what fitting takes.

    python -m benchmarks.adapters [--sets financial_qa cosqa] [--seeds 13] [--corpus 1500] [--tokens 128]

Nothing is fine-tuned: train's queries and passages are embedded once by the embedded base model and kept in the work
folder. One row beside the three forms is not learned at all: `nudged` moves each passage towards the train queries that
it answers (after NUDGE, Zeighami et al. 2024, arXiv:2409.02343), by as much as dev likes best.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.conditions import LabelledSet
from benchmarks.entrance import sentences
from benchmarks.exam import Exam
from jargonaut.adapters import KINDS, Adapter, AdapterOptions, Lesson, fit_adapter, identity
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import paired_bootstrap, per_query
from jargonaut.protocols import Vectors
from jargonaut.records import Qrel, Query
from jargonaut.retrieval import dense_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path("../shared/data")
SETS = ("financial_qa", "cosqa", "scifact", "nfcorpus")
DIMS = (384, 256, 128, 64)
DEV_DISTRACTORS = 1000
NUDGES = (0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Ground:
    """One set, embedded.

    Attributes:
        exam: Test queries and what they are searched in.
        queries: Query id → row of `asked`.
        asked: Vectors of all queries.
        rows: Passage id → row of `passages`.
        passages: Vectors of the passages that anything here needs.
        train: Judgements to learn from.
        dev: Judgements to choose by.
        pool: Ids of what dev is searched in.
    """

    exam: Exam
    queries: Mapping[str, int]
    asked: Vectors
    rows: Mapping[str, int]
    passages: Vectors
    train: tuple[Qrel, ...]
    dev: tuple[Qrel, ...]
    pool: tuple[str, ...]

    @classmethod
    def of(cls, name: str, data: Path, corpus: int | None, encoder: CachedEncoder) -> Ground:
        """Reads and embeds a set. All answers of train teach, as in the product, even where test asks for them, too."""
        source = LabelledSet.read(data / name)
        exam = Exam.of(source, "title", corpus=corpus)
        train, dev = tuple(source.train), tuple(source.dev)
        answers = {q.passage_id for q in dev}
        away = answers | {q.passage_id for q in exam.judged}
        others = [p.id for p in exam.passages if p.id not in away]
        pool = (*sorted(answers), *others[:DEV_DISTRACTORS])
        ids = list(dict.fromkeys([*(p.id for p in exam.passages), *pool, *(q.passage_id for q in train)]))
        asked = sorted({q.query_id for q in (*train, *dev)} | {q.id for q in exam.asked})
        return cls(
            exam, {id_: row for row, id_ in enumerate(asked)},
            encoder.encode_queries([source.queries[id_] for id_ in asked]), {id_: row for row, id_ in enumerate(ids)},
            encoder.encode_passages([exam.texts[id_] for id_ in ids]), train, dev, pool,
        )  # fmt: skip

    def lesson(self) -> Lesson:
        """What an adapter learns from."""
        known: dict[str, set[str]] = {}
        for one in self.train:
            known.setdefault(one.query_id, set()).add(one.passage_id)
        ids = list(dict.fromkeys(q.passage_id for q in self.train))
        asked = list(known)
        return Lesson.of(asked, self.asked[[self.queries[q] for q in asked]], ids,
                         self.passages[[self.rows[p] for p in ids]], known, {})  # fmt: skip

    def dev_score(self, adapter: Adapter, passages: Vectors | None = None) -> float:
        """Mean nDCG@10 on dev."""
        asked = dict.fromkeys(one.query_id for one in self.dev)
        return float(self._scored(adapter, list(asked), self.dev, self.pool, 384, passages).mean())

    def test_scores(self, adapter: Adapter, dim: int, passages: Vectors | None = None) -> NDArray[np.float64]:
        """nDCG@10 of each test query in the exam's order, which is that of its clusters, shape (queries,)."""
        asked, pool = [q.id for q in self.exam.asked], [p.id for p in self.exam.passages]
        return self._scored(adapter, asked, self.exam.judged, pool, dim, passages)

    def _scored(
        self, adapter: Adapter, ids: Sequence[str], judged: Sequence[Qrel], pool: Sequence[str], dim: int,
        passages: Vectors | None,
    ) -> NDArray[np.float64]:  # fmt: skip
        asked = [Query(id_, "") for id_ in ids]
        queries = adapter.mapped(self.asked[[self.queries[q.id] for q in asked]], "query")
        among = (self.passages if passages is None else passages)[[self.rows[id_] for id_ in pool]]
        run = dense_run("r", [q.id for q in asked], queries, pool, among, k=10, dim=dim)
        found = per_query(run, judged, asked).of("nDCG@10")
        return np.asarray([found[id_] for id_ in ids], dtype=np.float64)


def nudged(ground: Ground) -> tuple[Vectors, float]:
    """The passages, moved towards their train queries as far as dev likes best; and how far."""
    toward = np.zeros_like(ground.passages)
    for one in ground.train:
        toward[ground.rows[one.passage_id]] += ground.asked[ground.queries[one.query_id]]
    lengths = np.linalg.norm(toward, axis=1, keepdims=True)
    toward = np.divide(toward, lengths, out=np.zeros_like(toward), where=lengths > 0)
    nothing = identity("linear", "query", "b", "b", ground.passages.shape[1])

    def moved(step: float) -> Vectors:
        found = ground.passages + step * toward
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    best = max((0.0, *NUDGES), key=lambda step: (ground.dev_score(nothing, moved(step)), -step))
    return moved(best), best


def rows(name: str, ground: Ground, seeds: Sequence[int], options: AdapterOptions) -> Iterator[str]:
    """The table's rows of one set."""
    clusters = ground.exam.clusters
    nothing = identity("linear", "query", "b", "b", ground.passages.shape[1])
    base = {dim: ground.test_scores(nothing, dim) for dim in (384, 64)}
    taught = ground.lesson()
    yield _row(name, "base", base, base, clusters, f"{len(taught.queries):,} queries", "")
    for kind in KINDS:
        found: dict[int, list[NDArray[np.float64]]] = {384: [], 64: []}
        seconds, processor, epochs = list[float](), list[float](), list[str]()
        for seed in seeds:
            own = replace(options, kind=kind, seed=seed)
            started = time.process_time()
            fitted = fit_adapter(taught, "b", "b", DIMS, ground.dev_score, own)
            seconds.append(fitted.seconds)
            processor.append(time.process_time() - started)
            epochs.append(str(fitted.best_epoch))
            for dim, each in found.items():
                each.append(ground.test_scores(fitted.adapter, dim))
        mean = {dim: np.mean(each, axis=0) for dim, each in found.items()}
        took = f"{np.mean(seconds):.0f} ({np.mean(processor):.0f} of processor time)"
        yield _row(name, kind, mean, base, clusters, f"kept epoch {', '.join(epochs)}", took)
    passages, step = nudged(ground)
    moved = {dim: ground.test_scores(nothing, dim, passages) for dim in (384, 64)}
    yield _row(name, "nudged", moved, base, clusters, f"step {step:g}", "")


def _row(
    name: str, what: str, scores: Mapping[int, NDArray[np.float64]], base: Mapping[int, NDArray[np.float64]],
    clusters: Sequence[str], how: str, took: str,
) -> str:  # fmt: skip
    against = ""
    if what != "base":
        found = paired_bootstrap(base[384], scores[384], clusters)
        against = f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    return f"| {name} | {what} | {scores[384].mean():.4f} | {against} | {scores[64].mean():.4f} | {how} | {took} |"


def main() -> None:
    """Prints the table."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.adapters", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("--data", type=Path, default=DATA, help="folder of the sets (default: %(default)s)")
    line.add_argument("--work", type=Path, help="folder of the vectors (default: a temporary one)")
    line.add_argument("--sets", nargs="+", default=list(SETS))
    line.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15])
    line.add_argument("--corpus", type=int, help="most passages of an exam; all if not said")
    line.add_argument("--tokens", type=int, help="most tokens of a text")
    arguments = line.parse_args()
    with sentences(), tempfile.TemporaryDirectory() as folder:
        inner = LocalEncoder(find_model(EMBEDDED), ComputeOptions(), max_tokens=arguments.tokens)
        encoder = CachedEncoder(inner, arguments.work or Path(folder))
        print("| set | adapter | 384-d | against the base | 64-d | | fitted in s |\n|---|---|---|---|---|---|---|")
        for name in arguments.sets:
            ground = Ground.of(name, arguments.data, arguments.corpus, encoder)
            for row in rows(name, ground, arguments.seeds, AdapterOptions()):
                print(row, flush=True)


if __name__ == "__main__":
    main()
