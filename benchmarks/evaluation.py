"""A table of systems side by side with sentence-transformers' `InformationRetrievalEvaluator`, on made-up vectors.

    python -m benchmarks.evaluation [DATA/financial_qa] [--queries 1000] [--passages 100000] [--json]

Two models at eight Matryoshka dimensions: sixteen rows of nine measures. Both sides are handed the same vectors, those
of the mining benchmark, so encoding is not counted. Then one real model at the same dimensions on a few real passages,
from texts to table: the evaluator, which is called once for each row, encodes all texts each time, jargonaut once.
Both tables must agree. Knows how both are called.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.conditions import Conditions, LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.exam import Exam
from benchmarks.memory import resident_peak_mb
from benchmarks.mining import Load, make
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, load_model, quiet_libraries
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import paired_bootstrap, per_query
from jargonaut.protocols import Vectors
from jargonaut.records import Qrel, Query
from jargonaut.retrieval import prefix_top_k, run_of

if TYPE_CHECKING:
    import torch

QUERIES, PASSAGES = 1000, 100_000
READ_QUERIES, READ_PASSAGES = 200, 1000
"""Of the table that begins with texts."""
DIMS = (384, 320, 256, 192, 128, 96, 64, 32)
DEPTH = 100
_WARM = 50
RESAMPLES = 10_000
_CUTOFFS = [1, 5, 10, 20, 50, 100]
_NAMES = {
    **{f"cosine_recall@{k}": f"recall@{k}" for k in _CUTOFFS}, "cosine_ndcg@10": "nDCG@10", "cosine_mrr@10": "MRR@10",
    "cosine_accuracy@1": "success@1",
}  # fmt: skip
"""The evaluator's names → ours; its MAP is cut at a rank and ours is not."""
Table = Mapping[tuple[str, int], Mapping[str, float]]
"""(model, dimension) → measure → mean."""


@dataclass(frozen=True, slots=True)
class Task:
    """What both sides are asked.

    Attributes:
        queries: Id → text; where vectors are given, its number.
        passages: The same of the passages.
        judged: What answers.
    """

    queries: Mapping[str, str]
    passages: Mapping[str, str]
    judged: Sequence[Qrel]


@dataclass(frozen=True, slots=True)
class Side:
    """What one side took.

    Attributes:
        name: Whose.
        seconds: For the whole table.
        memory_mb: Memory that came on top of what there was before, at its peak.
        encodings: How often the passages are encoded for such a table.
    """

    name: str
    seconds: float
    memory_mb: float
    encodings: int


@dataclass(frozen=True, slots=True)
class Race:
    """One table by both sides.

    Attributes:
        queries: How many.
        passages: How many.
        models: How many.
        dims: Dimensions of each.
        furthest: The largest difference of a measure.
        sides: Ours, then the peer's.
    """

    queries: int
    passages: int
    models: int
    dims: int
    furthest: float
    sides: tuple[Side, ...]

    @property
    def faster(self) -> float:
        """How many times as fast jargonaut is."""
        ours, peer = self.sides
        return peer.seconds / ours.seconds

    def lines(self, what: str) -> Iterator[str]:
        """For the page."""
        models = f"{self.models} model{'s' if self.models > 1 else ''}"
        yield paragraph(
            f"{self.models * self.dims} systems ({models} × {self.dims} dimensions) on {self.queries:,} queries × "
            f"{self.passages:,} passages, {what}; the measures agree to {self.furthest:.0e}."
        )
        yield ""
        yield "| | seconds | | more memory | passages encoded |"
        yield "|---|---|---|---|---|"
        for side in self.sides:
            ratio = f"{self.faster:.1f} × faster" if side is self.sides[0] else ""
            times = "once" if side.encodings == 1 else f"{side.encodings} times"
            yield f"| {side.name} | {side.seconds:.1f} | {ratio} | {side.memory_mb:,.0f} MB | {times} |"


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """All figures, and what they were measured on.

    Attributes:
        conditions: Of the machine.
        given: The table of vectors that are there already.
        read: The table that begins with texts; None where no data was named.
        bootstrap: Seconds of a paired bootstrap over the queries of the first.
    """

    conditions: Conditions
    given: Race
    read: Race | None
    bootstrap: float

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        races = {name: race for name, race in (("given", self.given), ("read", self.read)) if race is not None}
        return {**plain(self), "faster": {name: race.faster for name, race in races.items()}}

    def to_markdown(self) -> str:
        """For the page."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield paragraph(self.conditions.sentence)
        yield ""
        yield from self.given.lines("the vectors given")
        if self.read is not None:
            yield ""
            yield from self.read.lines("from texts")
        yield ""
        yield paragraph(
            f"Paired bootstrap, {RESAMPLES:,} resamples over {self.given.queries:,} queries: {self.bootstrap:.2f} s."
        )


def ours(task: Task, models: Mapping[str, Callable[[Task], tuple[Vectors, Vectors]]], dims: Sequence[int]) -> Table:
    """The table by jargonaut: one pass over each model's passages."""
    table: dict[tuple[str, int], Mapping[str, float]] = {}
    queries = [Query(id_, "") for id_ in task.queries]
    for name, encode in models.items():
        for dim, hits in prefix_top_k(*encode(task), DEPTH, dims).items():
            run = run_of(name, list(task.queries), list(task.passages), *hits)
            table[name, dim] = per_query(run, list(task.judged), queries).means
    return table


def peer(task: Task, models: Mapping[str, Any], dims: Sequence[int]) -> Table:
    """The same by `InformationRetrievalEvaluator`, called once for each model and dimension."""
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    class Evaluator(InformationRetrievalEvaluator):
        """Without a model card, which a stand-in has not."""

        def store_metrics_in_model_card_data(self, *_: object, **__: object) -> None:
            pass

    relevant: dict[str, set[str]] = {}
    for one in task.judged:
        relevant.setdefault(one.query_id, set()).add(one.passage_id)
    table: dict[tuple[str, int], Mapping[str, float]] = {}
    for name, model in models.items():
        for dim in dims:
            evaluator = Evaluator(
                dict(task.queries), dict(task.passages), relevant, truncate_dim=dim, accuracy_at_k=[1],
                precision_recall_at_k=_CUTOFFS, map_at_k=[DEPTH], write_csv=False,
            )  # fmt: skip
            found = evaluator(model)
            table[name, dim] = {ours_: found[theirs] for theirs, ours_ in _NAMES.items()}
    return table


class _Given:
    """A model whose vectors are there already; for the peer a text is its number."""

    def __init__(self, asked: Vectors, passages: Vectors) -> None:
        from sentence_transformers.util import cos_sim

        self.similarity_fn_name, self.similarity = "cosine", cos_sim
        self._asked, self._passages = asked, passages

    def encoded(self, task: Task) -> tuple[Vectors, Vectors]:
        """For jargonaut: what the peer is handed too."""
        return self._asked[: len(task.queries)], self._passages[: len(task.passages)]

    def encode_query(self, texts: Sequence[str], truncate_dim: int | None = None, **_: object) -> torch.Tensor:
        return self._cut(self._asked, texts, truncate_dim)

    def encode_document(self, texts: Sequence[str], truncate_dim: int | None = None, **_: object) -> torch.Tensor:
        return self._cut(self._passages, texts, truncate_dim)

    @staticmethod
    def _cut(vectors: Vectors, texts: Sequence[str], dim: int | None) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(vectors[int(texts[0]) : int(texts[-1]) + 1, :dim]))


def given(queries: int, passages: int, dims: Sequence[int] = DIMS) -> Race:
    """Both tables of two models whose vectors are there."""
    with tempfile.TemporaryDirectory() as folder:
        load = Load(Path(folder), passages, queries)
        make(load)
        asked, kept = np.load(load.vectors("queries")), np.load(load.vectors("passages"))
        positives = load.positives().tolist()
    # Another model with as hard a task: the same vectors with their components the other way round.
    turned = np.ascontiguousarray(asked[:, ::-1]), np.ascontiguousarray(kept[:, ::-1])
    models = {"one": (asked, kept), "other": turned}
    task = Task(
        {f"q{i}": str(i) for i in range(queries)}, {f"p{i}": str(i) for i in range(passages)},
        [Qrel(f"q{i}", f"p{positive}", 1) for i, positive in enumerate(positives)],
    )  # fmt: skip
    stock = {name: _Given(*pair) for name, pair in models.items()}
    return _race(task, {name: one.encoded for name, one in stock.items()}, stock, dims)


def read(source: Path, queries: int = READ_QUERIES, passages: int = READ_PASSAGES, dims: Sequence[int] = DIMS) -> Race:
    """Both tables of the embedded model, from texts."""
    import torch

    folder, compute = find_model(EMBEDDED), ComputeOptions()
    exam = Exam.of(LabelledSet.read(source), "title", corpus=passages, queries=queries)
    task = Task(
        {query.id: query.text for query in exam.asked}, {one.id: exam.texts[one.id] for one in exam.passages},
        exam.judged,
    )  # fmt: skip
    with quiet_libraries():
        stock = load_model(folder, compute, dtype=torch.float32)
    encoder = LocalEncoder(folder, compute)

    def encoded(task: Task) -> tuple[Vectors, Vectors]:
        return encoder.encode_queries(list(task.queries.values())), encoder.encode_passages([*task.passages.values()])

    return _race(task, {folder.name: encoded}, {folder.name: stock}, dims)


def _race(
    task: Task, encoders: Mapping[str, Callable[[Task], tuple[Vectors, Vectors]]], stock: Mapping[str, Any],
    dims: Sequence[int],
) -> Race:  # fmt: skip
    """Runs both sides, ours first, so that its peak of memory is its own."""
    small = Task(_first(task.queries), _first(task.passages), task.judged)
    tables, sides = [], []
    for name, side, models, encodings in (
        ("jargonaut", ours, encoders, len(encoders)),
        ("InformationRetrievalEvaluator", peer, stock, len(stock) * len(dims)),
    ):
        side(small, models, dims[:1])  # what is loaded at the first call is not counted
        with contextlib.suppress(OSError):  # Linux alone lets the peak of memory begin anew
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before, started = resident_peak_mb(), time.perf_counter()
        tables.append(side(task, models, dims))
        took = time.perf_counter() - started
        sides.append(Side(name, took, max(0.0, resident_peak_mb() - before), encodings))
    furthest = max(
        abs(tables[0][row][measure_] - tables[1][row][measure_]) for row in tables[1] for measure_ in tables[1][row]
    )
    return Race(len(task.queries), len(task.passages), len(encoders), len(dims), furthest, tuple(sides))


def _first(texts: Mapping[str, str]) -> dict[str, str]:
    return dict(list(texts.items())[:_WARM])


def measure(queries: int, passages: int, source: Path | None = None, dims: Sequence[int] = DIMS) -> EvaluationReport:
    """Both races, the second where a labelled set is named, and the bootstrap."""
    race = given(queries, passages, dims)
    rng = np.random.default_rng(0)
    a, b, clusters = rng.random(queries), rng.random(queries), [str(i) for i in range(queries)]
    started = time.perf_counter()
    paired_bootstrap(a, b, clusters, resamples=RESAMPLES)
    spent = time.perf_counter() - started
    return EvaluationReport(Conditions.here(), race, None if source is None else read(source, dims=dims), spent)


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`."""
    return measure(QUERIES, PASSAGES, source).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = parser("benchmarks.evaluation", __doc__)
    line.add_argument("--passages", type=int, default=PASSAGES, help="made-up passages (default: %(default)s)")
    line.add_argument("--queries", type=int, default=QUERIES, help="made-up queries (default: %(default)s)")
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    arguments = line.parse_args()
    with sentences():
        report = measure(arguments.queries, arguments.passages, arguments.data)
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


if __name__ == "__main__":
    main()
