"""The systems that a run compares: BM25, dense search with either model at every dimension and number format, hybrids.

Knows how each of them answers queries over one corpus, and hands the answers to the scorer. Each text is encoded once
per model, whatever the number of systems. Knows no stage's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from jargonaut import evaluation, formats, retrieval
from jargonaut.encoders import uncached
from jargonaut.errors import InputError
from jargonaut.evaluation import Comparison, EvaluationOptions, Scores, SystemKind, SystemResult
from jargonaut.protocols import Encoder, Precision, Reranker, Vectors
from jargonaut.records import Pair, Query, Run, qrels, queries
from jargonaut.training import matryoshka_dims

TIMED = 11
"""Queries by which it is told how long one takes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system answered.

    Attributes:
        kind: What it is.
        dim: Length of its vectors; None for BM25.
        precision: How its passages' vectors are kept.
        run: The hits.
        storage: Bytes that a passage takes in what it searches.
    """

    kind: SystemKind
    dim: int | None
    precision: Precision
    run: Run
    storage: float

    @property
    def name(self) -> str:
        """Name of its files and rows."""
        return evaluation.slug(self.kind, self.dim, self.precision)


@dataclass(frozen=True, slots=True)
class Measured:
    """What all systems scored.

    Attributes:
        systems: Every system on every query.
        comparisons: Like with like.
        base: Answers and scores of the base at the deployed dimension.
        tuned: The same of the tuned model.
        groups: Document groups among the queries, the units that the bootstrap draws.
        clusters: Query id → its document group.
        weights: `weighted-base` and `weighted-tuned` → weight of dense search that dev chose; none without dev.
        runs: Answers of every system at the deployed dimension, and of BM25.
    """

    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    base: tuple[Run, Scores]
    tuned: tuple[Run, Scores]
    groups: int
    clusters: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)

    @property
    def plain(self) -> tuple[SystemResult, ...]:
        """BM25, dense search in float32 and both fused by rank: the systems of the short table."""
        kinds = ("bm25", "base", "tuned", "hybrid-base", "hybrid-tuned")
        return tuple(one for one in self.systems if one.kind in kinds and one.precision == "float32")

    @property
    def others(self) -> tuple[SystemResult, ...]:
        """The rest: other number formats, weighted hybrids, reranked search."""
        shown = {id(one) for one in self.plain}
        return tuple(one for one in self.systems if id(one) not in shown)


class Contenders:
    """Searches over one corpus.

    Args:
        texts: Passage id → the words that are searched.
        options: Of BM25.
    """

    def __init__(self, texts: Mapping[str, str], options: retrieval.BM25Options) -> None:
        self._ids, self._texts = list(texts), list(texts.values())
        self._options = options
        self._held: tuple[str, Vectors] | None = None

    def bm25(self, asked: Sequence[Query], k: int = evaluation.DEPTH) -> Run:
        """Search by words."""
        return self._words.search(asked, k)

    def dense(
        self, name: str, encoder: Encoder, asked: Sequence[Query], *, dim: int | None = None, k: int = evaluation.DEPTH
    ) -> Run:
        """Search by vectors cut to `dim` components (all when None)."""
        vectors = encoder.encode_queries([query.text for query in asked])
        return retrieval.dense_run(
            name, [query.id for query in asked], vectors, self._ids, self.vectors(encoder), k=k, dim=dim
        )

    def measure(
        self, folder: Path, base: Encoder, tuned: Encoder, part: tuple[Pair, ...], groups: Mapping[str, str],
        dims: Sequence[int], deployed: int, options: EvaluationOptions, *, dev: tuple[Pair, ...] = (),
        rerank: Reranker | None = None, names: tuple[str, str] = ("base", "tuned"),
    ) -> Measured:  # fmt: skip
        """Scores every system and compares like with like.

        Args:
            folder: Where TREC runs and qrels and per-query scores are written.
            base: The base model.
            tuned: The tuned model.
            part: The pairs whose queries are asked.
            groups: Passage id → group; the clusters of the bootstrap.
            dims: Dimensions to measure, the full one among them.
            deployed: Dimension of the hybrids, and of the answers that are handed back.
            options: How systems are compared.
            dev: Pairs on which the weights of the weighted hybrids are fitted; without them there are none.
            rerank: Orders the first hits anew; None where nothing does.
            names: What a reader calls the two models.
        """
        asked, judged = queries(part), qrels(part)
        clusters, known = evaluation.query_clusters(judged, groups), frozenset(self._ids)
        models = {
            role: _Model(self, name, encoder, asked)
            for role, name, encoder in zip(("base", "tuned"), names, (base, tuned), strict=True)
        }
        systems: dict[str, SystemResult] = {}
        shown: dict[SystemKind, tuple[Run, Scores]] = {}
        weights: dict[str, float] = {}
        runs: dict[str, Run] = {}
        for one in self._answers(models, dims, deployed, options, dev, rerank, weights):
            scores = evaluation.per_query(one.run, judged, asked, passages=known)
            systems[one.name] = SystemResult(
                one.run.name, one.kind, one.dim, scores, precision=one.precision, storage=one.storage,
                unjudged=evaluation.unjudged(scores, one.run),
            )  # fmt: skip
            if one.precision == "float32" or one.dim == deployed:
                formats.write_trec_run(folder / "trec" / f"{one.name}.run", one.run)
            if one.dim in (deployed, None) and one.precision == "float32":
                shown[one.kind], runs[one.kind] = (one.run, scores), one.run
        formats.write_trec_qrels(folder / "trec" / "test.qrels", judged)
        evaluation.write_per_query(folder / evaluation.PER_QUERY, {name: one.scores for name, one in systems.items()})
        shown_as = evaluation.with_intervals(tuple(systems.values()), clusters, options)
        measured = self._timed(shown_as, models, dims, options, rerank)
        compared = evaluation.compare(measured, clusters, options)
        return Measured(
            measured, compared, shown["base"], shown["tuned"], len(set(clusters.values())), clusters, weights, runs
        )

    def _answers(
        self, models: Mapping[str, _Model], dims: Sequence[int], deployed: int, options: EvaluationOptions,
        dev: tuple[Pair, ...], rerank: Reranker | None, weights: dict[str, float],
    ) -> Iterator[Answers]:  # fmt: skip
        """Every system's answers; hybrids and reranking at the deployed dimension. Fills `weights`."""
        asked = next(iter(models.values())).asked
        words = self.bm25(asked)
        word_bytes = self._words.bytes_per_passage
        yield Answers("bm25", None, "float32", words, word_bytes)
        of_dev = self.bm25(queries(dev)) if dev else None
        for role, model in models.items():
            name, runs = model.name, model.dense(dims)
            for dim, run in runs.items():
                yield Answers(_kind("", role), dim, "float32", run, retrieval.bytes_per_vector("float32", dim))
            found, size = runs[deployed], retrieval.bytes_per_vector("float32", deployed)
            hybrid = fused(f"{name} + BM25", found, words)
            yield Answers(_kind("hybrid-", role), deployed, "float32", hybrid, size + word_bytes)
            if of_dev is not None:
                kind, title = _kind("weighted-", role), f"{name} + BM25, weighted"
                weights[kind] = self._fitted(model.encoder, dev, of_dev, deployed)
                run = retrieval.weighted_fusion(title, found, words, weights[kind], k=evaluation.DEPTH)
                yield Answers(kind, deployed, "float32", run, size + word_bytes)
            if rerank is not None:
                run = self.reranked(f"{name}, reranked", found, asked, rerank, options.rerank_depth)
                yield Answers(_kind("reranked-", role), deployed, "float32", run, size)
            for dim in dims:
                for precision, run in model.quantised(dim, options.precisions).items():
                    yield Answers(_kind("", role), dim, precision, run, retrieval.bytes_per_vector(precision, dim))

    def _fitted(self, encoder: Encoder, dev: tuple[Pair, ...], words: Run, dim: int) -> float:
        """The weight of dense search that is best on dev; of equal ones the nearest to one half."""
        asked, judged = queries(dev), qrels(dev)
        found = self.dense("dev", encoder, asked, dim=dim)

        def scored(weight: float) -> float:
            run = retrieval.weighted_fusion("dev", found, words, weight, k=evaluation.DEPTH)
            return evaluation.per_query(run, judged, asked).mean("nDCG@10")

        return max(retrieval.DENSE_WEIGHTS, key=lambda weight: round(scored(weight), 9))

    def reranked(self, name: str, run: Run, asked: Sequence[Query], rerank: Reranker, depth: int) -> Run:
        """The first hits in a cross-encoder's order; those below keep theirs, below."""
        text = dict(zip(self._ids, self._texts, strict=True))
        first = retrieval.rescored(run, asked, text, rerank, depth)
        found: dict[str, dict[str, float]] = {}
        for query in asked:
            ordered = first.get(query.id, {})
            rest = [one for one in run.rankings.get(query.id, {}) if one not in ordered]
            # Ranks as scores: what was not looked at has no score of the same scale.
            found[query.id] = {passage_id: 1 / rank for rank, passage_id in enumerate([*ordered, *rest], start=1)}
        return Run(name, found)

    def _timed(
        self, systems: tuple[SystemResult, ...], models: Mapping[str, _Model], dims: Sequence[int],
        options: EvaluationOptions, rerank: Reranker | None,
    ) -> tuple[SystemResult, ...]:  # fmt: skip
        """The systems with the milliseconds that one query takes."""
        if not options.latency:
            return systems
        model = models["tuned"]
        some = model.asked[:TIMED]
        kept: list[Precision] = ["float32", *(one for one in options.precisions if one != "float32")]
        by_format = retrieval.search_milliseconds(
            model.vectors_of(some), self.vectors(model.encoder), evaluation.DEPTH, dims, kept
        )
        words = retrieval.milliseconds(lambda query: self.bm25([query]), some)
        encoding = {name: one.encoding_milliseconds(some) for name, one in models.items()}
        reranking = 0.0
        if rerank is not None:
            texts = self._texts[: options.rerank_depth]
            reranking = retrieval.milliseconds(lambda query: rerank.score(query.text, texts), some[:3])

        def of(one: SystemResult) -> float:
            if one.dim is None:
                return words
            stage, _, name = one.kind.rpartition("-")
            more = {"hybrid": words, "weighted": words, "reranked": reranking}.get(stage, 0.0)
            return encoding[name] + by_format[one.dim, one.precision] + more

        return tuple(replace(one, latency=of(one)) for one in systems)

    def vectors(self, encoder: Encoder) -> Vectors:
        """Vectors of all passages, in order; those of the encoder that was asked last are held."""
        if self._held is None or self._held[0] != encoder.fingerprint:
            self._held = None  # before the next are made: two corpora's worth need not fit in memory
            self._held = (encoder.fingerprint, encoder.encode_passages(self._texts))
        return self._held[1]

    def release(self) -> None:
        """Lets go of the vectors that are held."""
        self._held = None

    @property
    def word_bytes(self) -> float:
        """Bytes that a passage takes in what search by words looks at."""
        return self._words.bytes_per_passage

    @property
    def ids(self) -> Sequence[str]:
        """Passage ids, in the order of the vectors."""
        return self._ids

    @cached_property
    def _words(self) -> retrieval.BM25:
        return retrieval.BM25(self._ids, self._texts, self._options)


class _Model:
    """One model over the corpus, with the queries encoded once.

    Args:
        contenders: They hold the passages' vectors.
        name: What a reader calls it.
        encoder: The model.
        asked: The queries.
    """

    def __init__(self, contenders: Contenders, name: str, encoder: Encoder, asked: Sequence[Query]) -> None:
        self._contenders, self.name, self.encoder, self.asked = contenders, name, encoder, asked

    def dense(self, dims: Sequence[int]) -> dict[int, Run]:
        """Search at every dimension, in one pass over the passages."""
        found = retrieval.prefix_top_k(self._queries, self._contenders.vectors(self.encoder), evaluation.DEPTH, dims)
        return {dim: self._run(self.name, *found[dim]) for dim in dims}

    def quantised(self, dim: int, precisions: Sequence[Precision]) -> dict[Precision, Run]:
        """Search at one dimension in other number formats."""
        wanted = [precision for precision in precisions if precision != "float32"]
        passages = self._contenders.vectors(self.encoder)
        found = retrieval.quantised_top_k(self._queries, passages, evaluation.DEPTH, dim, wanted)
        return {precision: self._run(f"{self.name} {precision}", *hits) for precision, hits in found.items()}

    def vectors_of(self, some: Sequence[Query]) -> Vectors:
        """Vectors of some of the queries."""
        return self.encoder.encode_queries([query.text for query in some])

    def encoding_milliseconds(self, some: Sequence[Query]) -> float:
        """How long one query takes to encode, without what remembers vectors."""
        inner = uncached(self.encoder)
        return retrieval.milliseconds(lambda query: inner.encode_queries([query.text]), some)

    @cached_property
    def _queries(self) -> Vectors:
        return self.vectors_of(self.asked)

    def _run(self, name: str, rows: np.ndarray[tuple[int, int], np.dtype[np.int64]], scores: Vectors) -> Run:
        return retrieval.run_of(name, [query.id for query in self.asked], self._contenders.ids, rows, scores)


def _kind(stage: str, role: str) -> SystemKind:
    kind: SystemKind = f"{stage}{role}"  # type: ignore[assignment]  # the roles are "base" and "tuned"
    return kind


def fused(name: str, dense: Run, words: Run) -> Run:
    """Hybrid search by reciprocal rank fusion."""
    return retrieval.reciprocal_rank_fusion(name, [dense, words], k=evaluation.DEPTH)


def dimensions(options: EvaluationOptions, trained: Sequence[int], full: int) -> tuple[tuple[int, ...], int]:
    """Dimensions to measure, largest first, and the one that will serve users.

    Args:
        options: What the user asked for.
        trained: Matryoshka dimensions of the training; empty for the usual ones.
        full: Length of the base model's vectors.

    Raises:
        InputError: The model has no such dimension.
    """
    asked, deployed = options.dims, options.deployed_dim or full
    wrong = sorted(dim for dim in {*asked, deployed} if dim > full)
    if wrong:
        raise InputError(
            f"{', '.join(map(str, wrong))} dimensions were asked for, and the base model has {full}",
            where="[evaluate] dims, deployed_dim", remedy=f"choose from 1 to {full}",
        )  # fmt: skip
    measured = asked or matryoshka_dims(full, trained)
    return tuple(sorted({full, deployed, *measured}, reverse=True)), deployed
