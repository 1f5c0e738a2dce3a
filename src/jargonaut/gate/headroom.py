"""What untrained systems score on dev: dense search, words, both, and whatever else the settings allow to be tried.

Knows how each answers, what it costs, and that one which fails does not stop the others. What follows is for the rules
of `evaluation` to say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from jargonaut import evaluation, retrieval
from jargonaut.adapters import Adapter
from jargonaut.encoders import paid
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.matryoshka import truncate
from jargonaut.encoding.remote import RemoteEncoder
from jargonaut.errors import InputError, JargonautError
from jargonaut.evaluation import Cost, Rival, Scores
from jargonaut.gate.adapter import tried_adapter
from jargonaut.gate.candidates import Candidate, encoded, open_candidate, parse_candidate
from jargonaut.gate.rates import Rates
from jargonaut.gate.rewriting import Rewritten, expected, rewrite
from jargonaut.gate.sample import Sample
from jargonaut.gate.weights import fitted
from jargonaut.layout import Layout
from jargonaut.llm.account import about_tokens
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Encoder, Reporter, Vectors
from jargonaut.records import Query, Run
from jargonaut.rerankers import named_reranker
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.writers import Writer, endpoint, open_writer

FEW_QUERIES = 20
"""Queries below which nothing is tried on some of them alone."""


@dataclass
class Tried:
    """What became of everything that was tried.

    Attributes:
        rivals: Measured systems, the base first.
        notes: What was left out, and why.
        failed: What could not be measured → why.
    """

    rivals: list[Rival] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Headroom:
    """Measures untrained systems on one sample.

    Args:
        sample: Queries and what they are searched in.
        base: The base model.
        dim: Components of its vectors that will be deployed.
        settings: What is tried, and how each part is set.
        layout: Where vectors and answers are kept.
        reporter: Hears of every system.
        taught: Corpus and pairs that a query adapter may be fitted on; without, none is tried.
    """

    def __init__(
        self, sample: Sample, base: CachedEncoder, dim: int, settings: Settings, layout: Layout, reporter: Reporter,
        taught: tuple[PreparedCorpus, PreparedPairs] | None = None,
    ) -> None:  # fmt: skip
        self.sample, self.base, self.dim = sample, base, dim
        self.settings, self.options, self.layout, self.reporter = settings, settings.assess, layout, reporter
        self.rates = Rates(layout.home / "rates.json")
        self.tried, self._taught = Tried(), taught

    def measure(self) -> Tried:
        """Everything, one after another."""
        self._try(
            "base dense", lambda: iter([Rival("base dense", self._score(self._dense), _RUNS_TODAY, "base")]), must=True
        )
        self._try("hybrids", self._hybrids, must=True)
        self._try("query adapter", self._adapter)
        self._try("contextual chunks", self._contextual)
        self._try("query rewriting", self._rewriting)
        self._try("reranking", self._reranking)
        for written in dict.fromkeys(self.options.candidates):
            self._try(written, lambda written=written: self._candidate(parse_candidate(written, self.settings.remote)))  # type: ignore[misc]  # a default binds the loop's value
        return self.tried

    @cached_property
    def vectors(self) -> Vectors:
        """The base's vectors of the passages."""
        return self.base.encode_passages(self.sample.texts)

    @cached_property
    def seconds_each(self) -> float:
        """Seconds that the base takes for a passage."""
        return self.rates.timed(self.base.encoder, self.sample.texts)

    def reindex_minutes(self, seconds_each: float) -> float:
        """Minutes that embedding the whole corpus takes."""
        return seconds_each * self.sample.depth.corpus / 60

    def _try(self, name: str, measure: Callable[[], Iterator[Rival]], *, must: bool = False) -> None:
        """Measures something; what fails is told, and the rest goes on."""
        started = time.monotonic()
        try:
            for rival in measure():
                self.tried.rivals.append(rival)
                means = f"recall@10 {rival.scores.mean('recall@10'):.3f}, nDCG@10 {rival.scores.mean('nDCG@10'):.3f}"
                self.reporter.line(f"      {rival.name}: {means} [{time.monotonic() - started:.1f} s]")
                started = time.monotonic()
        except (JargonautError, OSError) as error:
            if must:
                raise
            self.tried.failed[name] = " ".join(str(error).replace("\n  →", ":").split())
            self.reporter.warn(f"{name} could not be measured: {error}")

    def _score(self, run: Run, asked: tuple[Query, ...] | None = None) -> Scores:
        return evaluation.per_query(run, self.sample.judged, asked or self.sample.asked)

    @cached_property
    def _queries(self) -> Vectors:
        return self.base.encode_queries([query.text for query in self.sample.asked])

    @cached_property
    def _dense(self) -> Run:
        return self._search("base", self._queries, self.vectors, self.dim)

    @cached_property
    def _words(self) -> tuple[Run, float, float]:
        """BM25's hits, minutes of making its index for the whole corpus, milliseconds of one search."""
        started = time.monotonic()
        index = retrieval.BM25(self.sample.ids, self.sample.texts, self.settings.bm25)
        made = time.monotonic()
        run = index.search(self.sample.asked, evaluation.DEPTH)
        each = 1000 * (time.monotonic() - made) / len(self.sample.asked)
        return run, (made - started) * self.sample.share / 60, each * self.sample.share

    @cached_property
    def _hybrid(self) -> Run:
        return retrieval.reciprocal_rank_fusion("base + BM25", [self._dense, self._words[0]], k=evaluation.DEPTH)

    def _search(
        self, name: str, queries: Vectors, passages: Vectors, dim: int | None, asked: tuple[Query, ...] | None = None
    ) -> Run:
        ids = [query.id for query in asked or self.sample.asked]
        whole = dim is None or dim == passages.shape[1]
        return retrieval.dense_run(
            name, ids, queries, self.sample.ids, passages, k=evaluation.DEPTH, dim=None if whole else dim
        )

    def _hybrids(self) -> Iterator[Rival]:
        words, minutes, each = self._words
        yield Rival("BM25", self._score(words), Cost("no model, no GPU; a word index", minutes))
        both = "a word index beside the vectors; two searches per query"
        yield Rival("hybrid", self._score(self._hybrid), Cost(both, minutes, query_ms=each), "hybrid")
        sample = self.sample
        found = fitted(self._dense, words, sample.asked, sample.clusters, self._score, k=evaluation.DEPTH)
        cost = Cost(f"{both}; dense weighs {found.weight:g}, fitted on labelled queries", minutes, query_ms=each)
        yield Rival("weighted hybrid", found.scores, cost, "hybrid")

    def _adapter(self) -> Iterator[Rival]:
        if self._taught is None or not self.options.adapter or len(self.sample.asked) < FEW_QUERIES:
            return
        started, (corpus, prepared) = time.monotonic(), self._taught

        def score(adapter: Adapter) -> Scores:
            return self._score(self._search("adapter", adapter.mapped(self._queries, "query"), self.vectors, self.dim))

        found, used, known = tried_adapter(
            self.sample, corpus, prepared, self.base, self.vectors, score, self.settings.adapter
        )
        if not found.query_ids:
            self.tried.notes.append(f"a query adapter was not tried: {used:,} training queries are too few for one.")
            return
        some = f" of {known:,}" if used < known else ""
        words = f"a small map of query vectors, fitted on {used:,}{some} training queries; the index stays"
        yield Rival("query adapter", found, Cost(words, (time.monotonic() - started) / 60))

    def _contextual(self) -> Iterator[Rival]:
        sample, name = self.sample, "contextual chunks"
        texts = [passage.content("headings") for passage in sample.passages]
        if not self.options.contextual:
            return
        if texts == list(sample.texts):
            self.tried.notes.append(f"{name}: every passage has its title and headings before it already, or has none.")
            return
        rows = [row for row, query in enumerate(sample.asked) if query.id not in sample.structural]
        if len(rows) < min(FEW_QUERIES, len(sample.asked)):
            self.tried.notes.append(
                f"{name} were not tried: {len(sample.asked) - len(rows):,} of {len(sample.asked):,} dev queries are "
                "the documents' own titles and headings, which would stand in the passages that they look for."
            )
            return
        asked = tuple(sample.asked[row] for row in rows)
        run = self._search(name, self._queries[rows], self.base.encode_passages(texts), self.dim, asked)
        minutes = self.reindex_minutes(self.seconds_each)
        yield Rival(
            name, self._score(run, asked), Cost("title and headings before each passage", minutes, reindex=True)
        )

    def _rewriting(self) -> Iterator[Rival]:
        asked = self.sample.asked[: self.options.rewrites]
        known = endpoint(self.settings.llm)
        if known.base_url is None or not asked:
            return
        if known.model is None:
            self.tried.notes.append("query rewriting was not tried: the endpoint has an address and no model.")
            return
        writer = open_writer(self.settings, self.layout)
        prices, seed = self.settings.prices, self.options.seed
        told = expected(asked, 2 * len(asked), "", prices, seed).sentence
        self.reporter.line(f"      {writer.name} rewrites {len(asked):,} queries: {told}")
        started = time.monotonic()
        found = rewrite(asked, writer, seed, self.reporter)
        self.reporter.line(f"      {writer.name}: {writer.account.sentence(prices)}")
        if writer.account.calls:
            seconds = (time.monotonic() - started) * self.settings.llm.concurrency
            self.rates.remember(writer.identity, seconds, writer.account.calls)
        yield Rival("HyDE", self._score(self._hyde(asked, found), asked), self._written(writer, asked, "hyde"))
        run = self._wordings(asked, found)
        yield Rival("several wordings", self._score(run, asked), self._written(writer, asked, "wordings"))

    def _hyde(self, asked: tuple[Query, ...], found: Rewritten) -> Run:
        """A query is the mean of itself and of the passage that a language model would answer it with."""
        vectors = self._queries[: len(asked)].copy()
        rows = [row for row, query in enumerate(asked) if query.id in found.passages]
        if rows:
            vectors[rows] += self.base.encode_passages([found.passages[asked[row].id] for row in rows])
        vectors = truncate(vectors, vectors.shape[1])
        return self._search("HyDE", vectors, self.vectors, self.dim, asked)

    def _wordings(self, asked: tuple[Query, ...], found: Rewritten) -> Run:
        """The hits of a query and of its other wordings, fused."""
        runs = [self._search("as asked", self._queries[: len(asked)], self.vectors, self.dim, asked)]
        for number in range(max((len(some) for some in found.wordings.values()), default=0)):
            some = tuple(query for query in asked if len(found.wordings.get(query.id, ())) > number)
            vectors = self.base.encode_queries([found.wordings[query.id][number] for query in some])
            runs.append(self._search(f"wording {number}", vectors, self.vectors, self.dim, some))
        return retrieval.reciprocal_rank_fusion("several wordings", runs, k=evaluation.DEPTH)

    def _written(self, writer: Writer, asked: tuple[Query, ...], kind: str) -> Cost:
        prices = self.settings.prices
        price = expected(asked, 1000, kind, prices, self.options.seed).cost
        return Cost(
            f"{writer.name} writes before every search", query_ms=1000 * (self.rates.seconds(writer.identity) or 0.0),
            query_money=price, currency=prices.currency,
        )  # fmt: skip

    def _reranking(self) -> Iterator[Rival]:
        name, depth = self.settings.evaluate.cross_encoder, self.settings.evaluate.rerank_depth
        if not name:
            return
        asked = self.sample.asked[: self.options.rerank_queries]
        texts = dict(zip(self.sample.ids, self.sample.texts, strict=True))
        hits, reranker = self._hybrid, named_reranker(name, self.settings, self.layout)
        reranker.score(asked[0].text, self.sample.texts[:1])  # loaded before time is taken
        started = time.monotonic()
        run = Run("hybrid, reranked", retrieval.rescored(hits, asked, texts, reranker, depth))
        each = 1000 * (time.monotonic() - started) / max(1, len(asked))
        cost = Cost(f"{name} reads {depth} hits of every query", query_ms=each)
        yield Rival("hybrid, reranked", self._score(run, asked), cost)

    def _candidate(self, candidate: Candidate) -> Iterator[Rival]:
        remote = candidate.remote is not None
        encoder, inner = open_candidate(candidate, self.settings, self.layout, self.reporter)
        try:
            if encoder.fingerprint == self.base.fingerprint and not candidate.dims:
                self.tried.notes.append(f"{candidate.name} is the base itself.")
                return
            at_once = self.settings.remote.batch if remote else None
            started = time.monotonic()
            passages = encoded(encoder, self.sample.texts, self.reporter, at_once=at_once)
            if remote:
                self.rates.remember(encoder.fingerprint, time.monotonic() - started, encoder.misses)
            queries = encoder.encode_queries([query.text for query in self.sample.asked])
            if isinstance(inner, RemoteEncoder):
                self.reporter.line(f"      {candidate.name}: {paid(inner, self.settings)}")
            for dim in candidate.dims or (encoder.dimension,):
                if dim > encoder.dimension:
                    shown = f"{dim:,} dimensions were asked for, and it has {encoder.dimension:,}"
                    raise InputError(shown, where=candidate.written, remedy="ask for fewer")
                run = self._search(candidate.name, queries, passages, dim)
                scores = self._score(run)
                yield Rival(f"{candidate.name} @{dim}", scores, self._swap(candidate, encoder, inner))
        finally:
            encoder.close()

    def _swap(self, candidate: Candidate, encoder: CachedEncoder, inner: Encoder) -> Cost:
        """What it takes to use another base."""
        corpus, words = self.sample.depth.corpus, "another base model"
        if candidate.remote is None:
            here = self.rates.timed(inner, self.sample.texts)
            return Cost(words, self.reindex_minutes(here), reindex=True)
        price = self.settings.remote.price(candidate.remote.provider)
        seconds = self.rates.seconds(encoder.fingerprint) or 0.0
        tokens = math.fsum(map(about_tokens, self.sample.texts)) / len(self.sample.texts) * corpus
        asked = np.mean([about_tokens(query.text) for query in self.sample.asked])
        money, each = (None, None) if price is None else (tokens * price / 1e6, float(asked) * price / 1e3)
        return Cost(
            f"{words}, at an endpoint", self.reindex_minutes(seconds), money, self.settings.prices.currency,
            reindex=True, query_money=each,
        )  # fmt: skip


_RUNS_TODAY = Cost("nothing to train; what runs today")
