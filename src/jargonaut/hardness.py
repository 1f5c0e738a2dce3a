"""Hard negatives of a prepared corpus and its pairs, as a content-addressed artifact.

Joins the stage `negatives` with those that give it candidates: dense search and BM25 over train passages, neighbours in
the documents, a judge. Searching is done in blocks of queries that stay on disk until the artifact is whole, so a run
that was killed searches only the rest. Knows nothing of training, but that it may ask for negatives anew.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jargonaut import formats, negatives, pairs, retrieval
from jargonaut.artifacts import MANIFEST, Artifact, atomic_write, content_hash, ensure, read
from jargonaut.encoders import named_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import choose_device
from jargonaut.encoding.stream import encode_to_file
from jargonaut.gathering import language_judge
from jargonaut.layout import Layout
from jargonaut.negatives import Candidates, Judge, MinedNegatives, MiningOptions, Neighbours, Ranking
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Encoder, Reporter, Vectors
from jargonaut.records import Pair, Triplet, queries
from jargonaut.rerankers import cross_scorer, reranker_identity
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus

if TYPE_CHECKING:
    import torch

SEARCH_BLOCK = 4096
"""Queries whose hits are written together; a kill loses at most these."""
SHOWN_CHARS = 300
"""Characters of a text that are kept beside a removed candidate."""
_BASE = "base"
VectorsOf: TypeAlias = Callable[[Encoder], Vectors]
"""A model → vectors of all passages, which may be shared with others who want them."""
_Search: TypeAlias = Callable[[int, int], tuple[NDArray[np.int64], Vectors]]
"""Queries from, to → rows and scores of their hits."""


@dataclass(frozen=True, slots=True)
class RemovedCandidate:
    """A candidate that was taken out, with its texts, for people to read.

    Attributes:
        rule: The first rule that it broke.
        score: Its similarity to the query.
        positive_score: The positive's.
        query: What was asked.
        positive: The beginning of the positive.
        candidate: The beginning of the candidate.
        query_id: Id of the query.
        positive_id: Id of the positive.
        passage_id: Id of the candidate.
    """

    rule: str
    score: float
    positive_score: float
    query: str
    positive: str
    candidate: str
    query_id: str
    positive_id: str
    passage_id: str


class PreparedNegatives:
    """A negatives artifact; its files are read when first asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @cached_property
    def triplets(self) -> tuple[Triplet, ...]:
        """Pairs with their hard negatives."""
        return tuple(formats.read_records(self.artifact.path / "triplets.jsonl", Triplet))

    @cached_property
    def removed(self) -> tuple[RemovedCandidate, ...]:
        """A sample of what was taken out, by rule."""
        return tuple(formats.read_records(self.artifact.path / "removed.jsonl", RemovedCandidate))

    @cached_property
    def relabelled(self) -> tuple[Pair, ...]:
        """Positives that a judge found among the candidates."""
        return tuple(formats.read_records(self.artifact.path / "relabelled.jsonl", Pair))

    def known_positives(self, prepared: PreparedPairs) -> dict[str, frozenset[str]]:
        """Train query id → every passage that is known to answer it, those that a judge found included."""
        return _known(prepared, self.relabelled)

    @property
    def sentence(self) -> str:
        """What mining came to."""
        c = self.artifact.counts
        told = f"{c['negatives']:,} hard negatives; {c['false_negatives']:,} candidates left out as likely answers"
        if c["fell_back"]:
            told += f"; for {c['fell_back']:,} pairs {'all' if c['per_pair'] == 1 else 'nearly all'} were, and the "
            told += "least similar was taken" if c["per_pair"] == 1 else "least similar were taken"
        if c["relabelled"]:
            told += f"; {c['relabelled']:,} became second positives"
        return told


def prepare_negatives(
    corpus: PreparedCorpus,
    prepared: PreparedPairs,
    base: CachedEncoder,
    vectors_of: VectorsOf,
    settings: Settings,
    layout: Layout,
    reporter: Reporter,
) -> PreparedNegatives:
    """Mines hard negatives for the train pairs, or finds that it was done.

    Args:
        corpus: The passages.
        prepared: The pairs.
        base: The base model.
        vectors_of: Gives vectors of all passages where they fit into memory.
        settings: Sections `mine`, `bm25`, `judge`, `llm` and `compute`.
        layout: Where artifacts are kept.
        reporter: Shows the progress.

    Raises:
        ModelError: The model or the cross-encoder that the settings name cannot be used.
        SettingsError: A language model is to judge, and there is no endpoint.
    """
    options = settings.mine
    encoder = base
    if options.model != _BASE:
        named = named_encoder(options.model, settings, layout)
        encoder = CachedEncoder(named, layout.vectors, reporter)
    inputs = {
        "pairs": prepared.artifact.key, "corpus": corpus.artifact.key, "base": base.fingerprint,
        "miner": encoder.fingerprint, **reranker_identity(options.cross_encoder, settings, layout),
    }  # fmt: skip
    # What takes another way to the same negatives is no part of their name.
    told: dict[str, Any] = {"mine": replace(options, memory_gib=1.0, remine=False, model=_BASE)}
    if options.wants_words:
        told["bm25"] = settings.bm25
    if options.judge:
        told |= {"judge": settings.judge, "llm": settings.llm.model}
    work = layout.stage("searching") / content_hash(inputs, settings.bm25, options.depth, options.search)

    def build(folder: Path) -> Mapping[str, Any]:
        ground = Ground(corpus, prepared, settings, layout, work, reporter)
        found = ground.mine(encoder, vectors_of, language=_judge(corpus, settings, layout, reporter))
        formats.write_jsonl(folder / "triplets.jsonl", found.triplets)
        formats.write_jsonl(folder / "relabelled.jsonl", found.relabelled)
        formats.write_jsonl(folder / "removed.jsonl", ground.readable(found))
        return {**_counts(found, options), "model": encoder.name, "search": ground.searched}

    artifact = ensure(
        layout.stage("negatives"), "mine", version=negatives.VERSION, inputs=inputs, options=told, build=build
    )
    shutil.rmtree(work, ignore_errors=True)
    return PreparedNegatives(artifact)


def found_negatives(corpus: str, prepared: str, base: str, layout: Layout) -> PreparedNegatives | None:
    """What was mined before for these pairs, for others than a run to use; None where nothing was.

    Args:
        corpus: Key of the corpus artifact.
        prepared: Key of the pairs artifact.
        base: Fingerprint of the base model then.
        layout: Where artifacts are kept.
    """
    wanted = {"pairs": prepared, "corpus": corpus, "base": base}
    root = layout.stage("negatives")
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        artifact = None if folder.name.startswith(".") else read(folder)
        if artifact is None or artifact.changed_files:
            continue
        inputs = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["inputs"]
        if wanted.items() <= inputs.items():
            return PreparedNegatives(artifact)
    return None


def mined_again(
    corpus: PreparedCorpus,
    prepared: PreparedPairs,
    before: PreparedNegatives,
    encoder: Encoder,
    settings: Settings,
    layout: Layout,
    folder: Path,
    reporter: Reporter,
) -> list[Triplet]:
    """The same pairs with the negatives that another model finds hard, such as the one in training.

    Args:
        corpus: The passages.
        prepared: The pairs.
        before: What was mined for them.
        encoder: The model.
        settings: As for `prepare_negatives`.
        layout: Where a language model's answers are kept.
        folder: Keeps the triplets: asked again, as a training that goes on does, it gives the same ones.
        reporter: Shows the progress.
    """
    kept = folder / "remined.jsonl"
    if not kept.exists():
        work = folder / "remining"
        ground = Ground(corpus, prepared, settings, layout, work, reporter, before.relabelled)
        found = ground.mine(
            encoder, lambda model: model.encode_passages(list(corpus.texts.values())),
            language=_judge(corpus, settings, layout, reporter),
        )  # fmt: skip
        reporter.line(f"  mined again: {found.negatives:,} hard negatives with the model as it is now")
        known = {(triplet.query_id, triplet.positive_id): triplet for triplet in found.triplets}
        formats.write_jsonl(kept, [known[t.query_id, t.positive_id] for t in before.triplets])
        shutil.rmtree(work, ignore_errors=True)
    return list(formats.read_records(kept, Triplet))


class Ground:
    """Where candidates are looked for: train passages, for the queries of train pairs.

    Args:
        corpus: The passages.
        prepared: The pairs.
        settings: As for `prepare_negatives`.
        layout: Where versions are registered.
        work: Folder for what is done by blocks.
        reporter: Shows the progress.
        more: Positives beside those of the train pairs.

    Attributes:
        searched: How dense search was done: exactly, or by so many components with which recall.
    """

    def __init__(
        self, corpus: PreparedCorpus, prepared: PreparedPairs, settings: Settings, layout: Layout, work: Path,
        reporter: Reporter, more: Sequence[Pair] = (),
    ) -> None:  # fmt: skip
        self._corpus, self._prepared, self._settings = corpus, prepared, settings
        self._layout, self._options, self._work, self._reporter = layout, settings.mine, work, reporter
        self._pairs = (*prepared.splits.train, *more)
        self._more = more
        self._asked = queries(self._pairs)
        self._ids = list(corpus.texts)
        held = pairs.held_out(prepared.splits)
        self._allowed = np.array([id_ not in held for id_ in self._ids], dtype=np.bool_)
        self._rows: NDArray[np.int64] = np.flatnonzero(self._allowed)
        self.searched: dict[str, Any] = {"how": "exact"}

    def mine(self, encoder: Encoder, vectors_of: VectorsOf, *, language: Judge | None = None) -> MinedNegatives:
        """Hard negatives by this model; where none are wanted, nothing is searched."""
        if not self._options.per_pair:
            relevant = (pair for pair in self._pairs if pair.relevance > 0)
            return MinedNegatives(tuple(Triplet(pair.query_id, pair.passage_id) for pair in relevant), {}, 0)
        asked = encoder.encode_queries([query.text for query in self._asked])
        vectors = self._vectors(encoder, vectors_of)
        options, sources = self._options, set(self._options.sources)
        candidates = Candidates(
            [query.id for query in self._asked],
            self._ids,
            self._dense(asked, vectors),
            lambda one, other: retrieval.pair_scores(asked, one, vectors, other),
            _known(self._prepared, self._more),
            lambda id_: pairs.normalised(self._corpus.texts[id_]),
            self._corpus.near_duplicates,
            self._allowed,
            self._words() if options.wants_words else None,
            self._neighbours("section") if "section" in sources else None,
            self._neighbours("document") if "document" in sources else None,
        )
        judge = language
        if options.cross_encoder:
            where = "[mine] cross_encoder"
            judge = cross_scorer(
                options.cross_encoder, self._corpus.texts, self._settings, self._layout, self._reporter, where
            )
        return negatives.mine(self._pairs, candidates, options, judge)

    def readable(self, found: MinedNegatives) -> list[RemovedCandidate]:
        """What was removed, with texts."""
        texts, asked = self._corpus.texts, {query.id: query.text for query in self._asked}
        return [
            RemovedCandidate(
                one.rule, one.score, one.positive_score, asked[one.query_id], texts[one.positive_id][:SHOWN_CHARS],
                texts[one.passage_id][:SHOWN_CHARS], one.query_id, one.positive_id, one.passage_id,
            )
            for one in found.sample
        ]  # fmt: skip

    def _vectors(self, encoder: Encoder, vectors_of: VectorsOf) -> Vectors:
        """Vectors of all passages: in memory if they take no more than half of what is allowed, else in a file."""
        texts = self._corpus.texts.values()
        if 4 * encoder.dimension * len(texts) <= self._options.memory_gib * 2**30 / 2:
            return vectors_of(encoder)
        return encode_to_file(encoder, texts, self._work / "passages.npy", total=len(texts), reporter=self._reporter)

    def _dense(self, asked: Vectors, vectors: Vectors) -> Ranking:
        """The model's answers."""
        depth, device = min(self._options.depth, len(self._rows)), _gpu(self._settings)
        rows = None if self._allowed.all() else self._rows

        def exact(start: int, end: int) -> tuple[NDArray[np.int64], Vectors]:
            return retrieval.top_k(asked[start:end], vectors, depth, rows=rows, device=device)

        search: _Search = exact
        if self._options.search == "approximate" and depth:
            shortlist = retrieval.Shortlist.fitted(asked, vectors, depth, rows=rows, device=device)
            self.searched = {"how": "approximate" if shortlist.components else "exact",
                             "components": shortlist.components, "recall": round(shortlist.recall, 4)}  # fmt: skip

            def search(start: int, end: int) -> tuple[NDArray[np.int64], Vectors]:
                return shortlist.search(asked[start:end], vectors, depth, rows=rows, device=device)

        return searched(search, len(asked), depth, self._work / "dense", self._reporter, "searching for candidates")

    def _words(self) -> Ranking:
        """BM25's answers, from an index of the passages that may be found."""
        texts = list(self._corpus.texts.values())
        index = retrieval.BM25(
            [self._ids[row] for row in self._rows], [texts[row] for row in self._rows], self._settings.bm25
        )
        asked = [query.text for query in self._asked]
        depth = min(self._options.depth, len(self._rows))

        def search(start: int, end: int) -> tuple[NDArray[np.int64], Vectors]:
            found, scores = index.search_rows(asked[start:end], depth)
            return np.where(found >= 0, self._rows[found], negatives.NOTHING), scores

        return searched(search, len(asked), depth, self._work / "words", self._reporter, "searching by words")

    def _neighbours(self, kind: str) -> Neighbours:
        places = [
            "\x1f".join((p.document_id or p.id, *(p.headings if kind == "section" else ())))
            for p in self._corpus.passages
        ]
        if len(set(places)) == len(places):
            self._reporter.warn(f"every passage is alone in its {kind}, so neighbours give no candidates")
        return Neighbours(places)


def searched(search: _Search, count: int, depth: int, folder: Path, reporter: Reporter, shown_as: str) -> Ranking:
    """Answers to all queries, block by block; blocks that an earlier call wrote are read.

    Args:
        search: Answers queries from a number to another.
        count: How many there are.
        depth: Hits of each.
        folder: Keeps the blocks; its name must stand for everything that decides the answers.
        reporter: Shows the progress.
        shown_as: What progress calls it.
    """
    rows, scores = np.full((count, depth), negatives.NOTHING), np.zeros((count, depth), np.float32)
    starts = range(0, count, SEARCH_BLOCK)
    for start in reporter.track(starts, shown_as, len(starts)) if len(starts) > 1 else starts:
        end, path = min(start + SEARCH_BLOCK, count), folder / f"{start}-{depth}.npz"
        found = _stored(path, (end - start, depth))
        if found is None:
            found = search(start, end)
            with atomic_write(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, rows=found[0], scores=found[1])
        rows[start:end], scores[start:end] = found
    return Ranking(rows, scores)


def _stored(path: Path, shape: tuple[int, int]) -> tuple[NDArray[np.int64], Vectors] | None:
    """A block that was written before; None when there is none, or none that can be used."""
    with contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile), np.load(path) as block:
        rows, scores = block["rows"], block["scores"]
        if rows.shape == scores.shape == shape:
            return rows, scores
    return None


def _known(prepared: PreparedPairs, more: Sequence[Pair]) -> dict[str, frozenset[str]]:
    known = dict(prepared.known_positives)
    for pair in more:
        known[pair.query_id] = known.get(pair.query_id, frozenset()) | {pair.passage_id}
    return known


def _judge(corpus: PreparedCorpus, settings: Settings, layout: Layout, reporter: Reporter) -> Judge | None:
    """The language model, where the settings want one."""
    if not settings.mine.judge:
        return None
    return language_judge(corpus, settings, layout, reporter, "[mine] judge")


def _gpu(settings: Settings) -> torch.device | None:
    """The GPU that multiplies, where there is one."""
    device = choose_device(settings.compute.device)
    return device if device.type == "cuda" else None


def _counts(found: MinedNegatives, options: MiningOptions) -> dict[str, Any]:
    return {
        "pairs": len(found.triplets), "negatives": found.negatives, "false_negatives": found.false_negatives,
        "seen": found.seen, "removed": dict(found.removed), "fell_back": found.fell_back,
        "relabelled": len(found.relabelled), "judged": found.judged, "unjudged": found.unjudged,
        "per_pair": options.per_pair,
    }  # fmt: skip
