"""The systems that a run compares: BM25, dense search with either model at every dimension, and both fused.

Knows how each of them answers queries over one corpus, and hands the answers to the scorer. Knows no stage's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from jargonaut import evaluation, formats, retrieval
from jargonaut.errors import InputError
from jargonaut.evaluation import Comparison, EvaluationOptions, Scores, SystemKind, SystemResult
from jargonaut.protocols import Encoder, Vectors
from jargonaut.records import Pair, Query, Run, positives, qrels, queries
from jargonaut.training import matryoshka_dims

DEPTH = 100
"""Hits kept per query, the deepest that a measure looks at."""
DEV_QUERIES = 500
"""Most dev queries by which an epoch is scored: scoring comes after every epoch and must stay a small part of it."""
DEV_POSITIVES = 1000
"""Most passages that answer them; queries that would bring more are left out."""
DEV_DISTRACTORS = 1000
"""Passages, besides dev's positives, against which an epoch is scored."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What all systems scored.

    Attributes:
        systems: Every system on every query.
        comparisons: Like with like.
        base: Answers and scores of the base at the deployed dimension.
        tuned: The same of the tuned model.
        groups: Document groups among the queries, the units that the bootstrap draws.
    """

    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    base: tuple[Run, Scores]
    tuned: tuple[Run, Scores]
    groups: int


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

    def bm25(self, asked: Sequence[Query], k: int = DEPTH) -> Run:
        """Search by words."""
        return self._words.search(asked, k)

    def dense(
        self, name: str, encoder: Encoder, asked: Sequence[Query], *, dim: int | None = None, k: int = DEPTH
    ) -> Run:
        """Search by vectors cut to `dim` components (all when None)."""
        vectors = encoder.encode_queries([query.text for query in asked])
        return retrieval.dense_run(
            name, [query.id for query in asked], vectors, self._ids, self.vectors(encoder), k=k, dim=dim
        )

    def untuned(self, base: Encoder, part: tuple[Pair, ...]) -> tuple[Scores, Scores, Scores]:
        """Scores of BM25, of the base, and of both fused: what there is before anything is trained."""
        asked, judged = queries(part), qrels(part)
        words, vectors = self.bm25(asked), self.dense("base", base, asked)
        runs = (words, vectors, fused("base + BM25", vectors, words))
        lexical, dense, hybrid = (evaluation.per_query(run, judged, asked) for run in runs)
        return lexical, dense, hybrid

    def measure(
        self, folder: Path, base: Encoder, tuned: Encoder, part: tuple[Pair, ...], groups: Mapping[str, str],
        dims: Sequence[int], deployed: int, options: EvaluationOptions,
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
        """
        asked, judged = queries(part), qrels(part)
        clusters = evaluation.query_clusters(judged, groups)
        systems: dict[str, SystemResult] = {}
        shown: dict[SystemKind, tuple[Run, Scores]] = {}
        for kind, dim, run in self.all(base, tuned, asked, dims, deployed):
            name = f"{kind}-{dim}" if dim else kind
            scores = evaluation.per_query(run, judged, asked)
            systems[name] = evaluation.summarise(run.name, kind, dim, scores, clusters=clusters, options=options)
            formats.write_trec_run(folder / "trec" / f"{name}.run", run)
            if dim == deployed:
                shown[kind] = (run, scores)
        formats.write_trec_qrels(folder / "trec" / "test.qrels", judged)
        evaluation.write_per_query(folder / "per_query.parquet", {name: one.scores for name, one in systems.items()})
        measured = tuple(systems.values())
        compared = evaluation.compare(measured, clusters, options)
        return Measured(measured, compared, shown["base"], shown["tuned"], len(set(clusters.values())))

    def all(
        self, base: Encoder, tuned: Encoder, asked: Sequence[Query], dims: Sequence[int], deployed: int
    ) -> Iterator[tuple[SystemKind, int | None, Run]]:
        """Every system with its kind and dimension; hybrids at the deployed dimension."""
        words = self.bm25(asked)
        yield "bm25", None, words
        models: tuple[tuple[SystemKind, SystemKind, str, Encoder], ...] = (
            ("base", "hybrid-base", "base", base), ("tuned", "hybrid-tuned", "tuned", tuned)
        )  # fmt: skip
        for kind, hybrid, name, encoder in models:
            for dim in dims:
                found = self.dense(name, encoder, asked, dim=dim)
                yield kind, dim, found
                if dim == deployed:
                    yield hybrid, dim, fused(f"{name} + BM25", found, words)

    def vectors(self, encoder: Encoder) -> Vectors:
        """Vectors of all passages, in order; those of the encoder that was asked last are held."""
        if self._held is None or self._held[0] != encoder.fingerprint:
            self._held = None  # before the next are made: two corpora's worth need not fit in memory
            self._held = (encoder.fingerprint, encoder.encode_passages(self._texts))
        return self._held[1]

    def release(self) -> None:
        """Lets go of the vectors that are held."""
        self._held = None

    @cached_property
    def _words(self) -> retrieval.BM25:
        return retrieval.BM25(self._ids, self._texts, self._options)


class DevJudge:
    """Scores a model in training: nDCG@10 of a sample of dev's queries over their positives and other passages.

    Args:
        dev: The pairs whose queries are asked.
        texts: Passage id → the words that are searched.
        dim: Components of the vectors that count.
        seed: Of the samples.
    """

    def __init__(self, dev: tuple[Pair, ...], texts: Mapping[str, str], dim: int, seed: int) -> None:
        dev = _sampled(dev, seed)
        self._asked, self._judged, self._texts, self._dim = queries(dev), qrels(dev), texts, dim
        wanted = list(dict.fromkeys(pair.passage_id for pair in positives(dev)))
        taken = set(wanted)
        others = [passage_id for passage_id in texts if passage_id not in taken]
        drawn = np.random.default_rng(seed).permutation(len(others))[:DEV_DISTRACTORS]
        self._pool = [*wanted, *(others[number] for number in drawn)]

    def __str__(self) -> str:
        return f"nDCG@10 of {len(self._asked):,} queries over {len(self._pool):,} passages, {self._dim} dimensions"

    def score(self, encoder: Encoder) -> float:
        """Mean nDCG@10 of a model's answers."""
        run = retrieval.dense_run(
            "dev", [query.id for query in self._asked], encoder.encode_queries([query.text for query in self._asked]),
            self._pool, encoder.encode_passages([self._texts[passage_id] for passage_id in self._pool]), k=10,
            dim=self._dim,
        )  # fmt: skip
        return evaluation.per_query(run, self._judged, self._asked).mean("nDCG@10")


def _sampled(dev: tuple[Pair, ...], seed: int) -> tuple[Pair, ...]:
    """The pairs of as many queries as are asked, whole queries, in their order."""
    answers: dict[str, set[str]] = {}
    for pair in positives(dev):
        answers.setdefault(pair.query_id, set()).add(pair.passage_id)
    ids, kept, passages = list(answers), set[str](), set[str]()
    for number in np.random.default_rng(seed).permutation(len(ids)):
        id_ = ids[number]
        if len(kept) == DEV_QUERIES:
            break
        if not kept or len(passages | answers[id_]) <= DEV_POSITIVES:
            kept.add(id_)
            passages |= answers[id_]
    return tuple(pair for pair in dev if pair.query_id in kept)


def fused(name: str, dense: Run, words: Run) -> Run:
    """Hybrid search by reciprocal rank fusion."""
    return retrieval.reciprocal_rank_fusion(name, [dense, words], k=DEPTH)


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
