"""A table of systems side by side with sentence-transformers' `InformationRetrievalEvaluator`, on made-up vectors.

    python -m benchmarks.evaluation [--queries 1000] [--passages 100000] [--json]

Two models at eight Matryoshka dimensions: sixteen rows of nine measures. Both sides are handed the same vectors, so
encoding is not counted; the evaluator, which is called once for each row, would encode all texts each time, and
jargonaut once per model. The vectors are those of the mining benchmark. Both tables must agree. Knows how both are
called.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conditions import Conditions
from benchmarks.entrance import sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.mining import Load, make
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.evaluation import paired_bootstrap, per_query
from jargonaut.protocols import Vectors
from jargonaut.records import Qrel, Query
from jargonaut.retrieval import prefix_top_k, run_of

QUERIES, PASSAGES = 1000, 100_000
DIMS = (384, 320, 256, 192, 128, 96, 64, 32)
DEPTH = 100
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
class Side:
    """What one side took.

    Attributes:
        name: Whose.
        seconds: For the whole table.
        memory_mb: Memory that came on top of what there was before, at its peak.
        encodings: How often the passages would be encoded.
    """

    name: str
    seconds: float
    memory_mb: float
    encodings: int


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """All figures, and what they were measured on."""

    conditions: Conditions
    queries: int
    passages: int
    systems: int
    sides: tuple[Side, ...]
    furthest: float
    bootstrap: float

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {**plain(self), "faster": self.faster}

    @property
    def faster(self) -> float:
        """How many times as fast jargonaut is."""
        ours, peer = self.sides
        return peer.seconds / ours.seconds

    def to_markdown(self) -> str:
        """For the page."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield paragraph(self.conditions.sentence)
        yield ""
        yield paragraph(
            f"{self.systems} systems (two models × {self.systems // 2} dimensions) on {self.queries:,} queries × "
            f"{self.passages:,} passages, the vectors given; the measures agree to {self.furthest:.0e}."
        )
        yield ""
        yield "| | seconds | | more memory | passages encoded |"
        yield "|---|---|---|---|---|"
        for side in self.sides:
            ratio = f"{self.faster:.1f} × faster" if side is self.sides[0] else ""
            times = f"{side.encodings} times"
            yield f"| {side.name} | {side.seconds:.1f} | {ratio} | {side.memory_mb:,.0f} MB | {times} |"
        yield ""
        yield paragraph(
            f"Paired bootstrap, {RESAMPLES:,} resamples over {self.queries:,} queries: {self.bootstrap:.2f} s."
        )


def ours(models: Mapping[str, tuple[Vectors, Vectors]], positives: Sequence[int], dims: Sequence[int]) -> Table:
    """The table by jargonaut: one pass over each model's passages."""
    table: dict[tuple[str, int], Mapping[str, float]] = {}
    for name, (asked, passages) in models.items():
        queries = [Query(f"q{i}", "") for i in range(len(asked))]
        judged = [Qrel(f"q{i}", f"p{positive}", 1) for i, positive in enumerate(positives)]
        ids = [f"p{i}" for i in range(len(passages))]
        for dim, hits in prefix_top_k(asked, passages, DEPTH, dims).items():
            run = run_of(name, [query.id for query in queries], ids, *hits)
            table[name, dim] = per_query(run, judged, queries).means
    return table


def peer(models: Mapping[str, tuple[Vectors, Vectors]], positives: Sequence[int], dims: Sequence[int]) -> Table:
    """The same by `InformationRetrievalEvaluator`, called once for each model and dimension."""
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import cos_sim

    class Given:
        """A model whose vectors are there already; a text is its number."""

        similarity_fn_name, similarity = "cosine", staticmethod(cos_sim)

        def __init__(self, asked: Vectors, passages: Vectors) -> None:
            self.asked, self.passages = asked, passages

        def encode_query(self, texts: Sequence[str], truncate_dim: int | None = None, **_: object) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(self.asked[int(texts[0]) : int(texts[-1]) + 1, :truncate_dim]))

        def encode_document(self, texts: Sequence[str], truncate_dim: int | None = None, **_: object) -> torch.Tensor:
            part = self.passages[int(texts[0]) : int(texts[-1]) + 1, :truncate_dim]
            return torch.from_numpy(np.ascontiguousarray(part))

    class Evaluator(InformationRetrievalEvaluator):
        """Without a model card, which a stand-in has not."""

        def store_metrics_in_model_card_data(self, *_: object, **__: object) -> None:
            pass

    table: dict[tuple[str, int], Mapping[str, float]] = {}
    for name, (asked, passages) in models.items():
        texts: dict[str, Any] = {f"q{i}": str(i) for i in range(len(asked))}
        corpus: dict[str, Any] = {f"p{i}": str(i) for i in range(len(passages))}
        relevant = {f"q{i}": {f"p{positive}"} for i, positive in enumerate(positives)}
        for dim in dims:
            evaluator = Evaluator(
                texts, corpus, relevant, truncate_dim=dim, accuracy_at_k=[1], precision_recall_at_k=_CUTOFFS,
                map_at_k=[DEPTH], write_csv=False,
            )  # fmt: skip
            given: Any = Given(asked, passages)
            found = evaluator(given)
            table[name, dim] = {ours_: found[theirs] for theirs, ours_ in _NAMES.items()}
    return table


def measure(queries: int, passages: int, dims: Sequence[int] = DIMS) -> EvaluationReport:
    """Runs both sides, ours first, so that its peak of memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        load = Load(Path(folder), passages, queries)
        make(load)
        asked, kept = np.load(load.vectors("queries")), np.load(load.vectors("passages"))
        positives = load.positives().tolist()
    # Another model with as hard a task: the same vectors with their components the other way round.
    turned = np.ascontiguousarray(asked[:, ::-1]), np.ascontiguousarray(kept[:, ::-1])
    models = {"one": (asked, kept), "other": turned}
    tables, sides = [], []
    small = {name: (a[:50], p[:500]) for name, (a, p) in models.items()}
    for name, side, encodings in (("jargonaut", ours, len(models)), ("InformationRetrievalEvaluator", peer, 0)):
        side(small, [0] * 50, dims[:1])  # what is loaded at the first call is not counted
        with contextlib.suppress(OSError):  # Linux alone lets the peak of memory begin anew
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before, started = resident_peak_mb(), time.perf_counter()
        tables.append(side(models, positives, dims))
        took = time.perf_counter() - started
        sides.append(Side(name, took, max(0.0, resident_peak_mb() - before), encodings or len(models) * len(dims)))
    furthest = max(
        abs(tables[0][row][measure_] - tables[1][row][measure_]) for row in tables[1] for measure_ in tables[1][row]
    )
    rng = np.random.default_rng(0)
    a, b, clusters = rng.random(queries), rng.random(queries), [str(i) for i in range(queries)]
    started = time.perf_counter()
    paired_bootstrap(a, b, clusters, resamples=RESAMPLES)
    spent = time.perf_counter() - started
    return EvaluationReport(
        Conditions.here(), queries, passages, len(tables[0]), tuple(sides), furthest, spent
    )  # fmt: skip


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the vectors are made up, so no data is read."""
    del source
    return measure(QUERIES, PASSAGES).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    doc = (__doc__ or "").partition("\n")[0]
    line = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=doc)
    line.add_argument("--passages", type=int, default=PASSAGES, help="passages (default: %(default)s)")
    line.add_argument("--queries", type=int, default=QUERIES, help="queries (default: %(default)s)")
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    given = line.parse_args()
    with sentences():
        report = measure(given.queries, given.passages)
    print(json.dumps(report.to_json(), indent=1) if given.json else report.to_markdown())


if __name__ == "__main__":
    main()
