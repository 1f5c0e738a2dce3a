"""A reranker of one's own: taught on the train pairs and their hard negatives, judged on dev, calibrated, registered.

Everything up to the registration is one artifact, named by what goes in; a training that was killed goes on from its
checkpoint. Dev chooses the epoch, the weight and the calibration, so what dev says of the result is flattered; test is
not opened, and `jargonaut evaluate` does that. Knows a story's stages and the registry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut import evaluation, reranking, retrieval
from jargonaut.artifacts import Artifact, content_hash, ensure, plain, write_json
from jargonaut.contenders import Contenders
from jargonaut.encoding.local import quiet_libraries
from jargonaut.encoding.models import ModelFolder, find_model
from jargonaut.origin import licence_of
from jargonaut.records import Query, Run, qrels, queries
from jargonaut.registry import ModelVersion, Registry, tell_mlflow
from jargonaut.reranking import Calibration, LocalReranker, PairScorer
from jargonaut.story import Story
from jargonaut.training import Checkpoints, Trained

if TYPE_CHECKING:
    from jargonaut.hardness import PreparedNegatives

TIMED = 7
"""Dev queries by which it is told how long reranking takes."""
_MODEL = "model"
_LOG = "training.json"


@dataclass(frozen=True, slots=True)
class TunedReranker:
    """What a training of a reranker came to.

    Attributes:
        version: What it was registered as; None where it was no better than dense search, and was not.
        path: Its folder, which `sentence_transformers.CrossEncoder` loads.
        start: What it was taught from.
        searched_by: The model whose hits it orders anew on dev.
        steps: Optimiser steps.
        pairs: Pairs seen, repeats counted.
        best_epoch: The epoch that was kept; 0 for none.
        depth: Hits that it ordered.
        queries: Dev queries that judged it.
        dense: nDCG@10 of dense search on dev.
        reranked: The same with the hits in the new order, at `weight`.
        low: Lower end of the gain's confidence interval, on dev.
        high: Its upper end.
        alone: nDCG@10 with the reranker's own order alone.
        weight: Share of its score in that order, chosen on dev.
        milliseconds: What reranking one query takes here, without the search.
        calibration_error: How far its probabilities are off on dev, from 0 to 1.
        train_seconds: What training took when it was done.
        reused: Whether it had been trained before.
        notices: What a reader should know.
    """

    version: str | None
    path: Path
    start: str
    searched_by: str
    steps: int
    pairs: int
    best_epoch: int
    depth: int
    queries: int
    dense: float
    reranked: float
    low: float
    high: float
    alone: float
    weight: float
    milliseconds: float
    calibration_error: float
    train_seconds: float
    reused: bool
    notices: tuple[str, ...]


class DevHits:
    """Dense search's hits for dev's queries, and how well a reranker orders them.

    Args:
        story: Corpus, dev pairs and base model.
    """

    def __init__(self, story: Story) -> None:
        options, dev = story.settings.reranker, story.pairs.splits.dev
        asked = queries(dev)
        drawn = np.random.default_rng(options.seed).permutation(len(asked))[: options.dev_queries]
        self.asked: list[Query] = [asked[number] for number in np.sort(drawn)]
        self._judged = qrels(dev)
        self.texts = story.corpus.texts
        contenders = Contenders(self.texts, story.settings.bm25)
        self.run: Run = contenders.dense("dev", story.base, self.asked, dim=story.deployed, k=options.depth)
        contenders.release()
        known = evaluation.query_clusters(self._judged, story.pairs.splits.groups)
        self._clusters = [known[query.id] for query in self.asked]
        self._dense = self._values(self.run.rankings)
        self.hits = [(query, hit.passage_id) for query in self.asked for hit in self.run.top(query.id, options.depth)]
        found = {(one.query_id, one.passage_id) for one in self._judged if one.relevance > 0}
        self.relevant: NDArray[np.bool_] = np.array([(q.id, p) in found for q, p in self.hits], dtype=np.bool_)
        self._best: tuple[float, NDArray[np.float64]] | None = None

    @property
    def dense(self) -> float:
        """nDCG@10 of dense search."""
        return float(self._dense.mean())

    @property
    def both(self) -> list[tuple[str, str]]:
        """Texts of all hits with their queries."""
        return [(query.text, self.texts[passage_id]) for query, passage_id in self.hits]

    def score(self, scorer: PairScorer) -> float:
        """nDCG@10 with the hits in the reranker's order, at the weight that is best for it."""
        logits = scorer.logits(self.both)
        value = self.weighed(logits)[1]
        if self._best is None or value > self._best[0]:
            self._best = value, logits
        return value

    def weighed(self, logits: NDArray[np.float64]) -> tuple[float, float]:
        """The weight that orders best, and its nDCG@10; of equal ones the larger weight."""
        found = {weight: float(self.values(logits, weight).mean()) for weight in retrieval.DENSE_WEIGHTS}
        return max(found.items(), key=lambda item: (round(item[1], 9), item[0]))

    def logits_at(self, value: float) -> NDArray[np.float64] | None:
        """The logits that reached a score in this process; None where another one reached it."""
        return self._best[1] if self._best is not None and math.isclose(self._best[0], value) else None

    def values(self, logits: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
        """nDCG@10 of each query, in order."""
        scores: dict[str, dict[str, float]] = {}
        for (query, passage_id), value in zip(self.hits, reranking.probabilities(logits).tolist(), strict=True):
            scores.setdefault(query.id, {})[passage_id] = value
        return self._values(retrieval.reordered(self.run, scores, weight))

    def gain(self, logits: NDArray[np.float64], weight: float, confidence: float) -> tuple[float, float]:
        """Confidence interval of what reranking adds."""
        found = evaluation.paired_bootstrap(
            self._dense, self.values(logits, weight), self._clusters, confidence=confidence
        )
        return found.low, found.high

    def milliseconds(self, scorer: PairScorer) -> float:
        """What reranking one query's hits takes."""
        by_query: dict[str, list[tuple[str, str]]] = {}
        for query, passage_id in self.hits:
            by_query.setdefault(query.id, []).append((query.text, self.texts[passage_id]))
        return retrieval.milliseconds(scorer.logits, list(by_query.values())[:TIMED])

    def _values(self, rankings: Mapping[str, Mapping[str, float]]) -> NDArray[np.float64]:
        scores = evaluation.per_query(Run("dev", rankings), self._judged, self.asked).of("nDCG@10")
        return np.array([scores[query.id] for query in self.asked])


class RerankerTeaching:
    """One training of a reranker, done or not.

    Args:
        story: Its corpus, pairs and base model; negatives are mined for the reranker, as many as it wants.
    """

    def __init__(self, story: Story) -> None:
        settings = story.settings
        self.options = settings.reranker
        _ = story.inputs  # corpus and pairs are made before the story is copied, so that they are told once
        self._story = story.varied(replace(settings, mine=replace(settings.mine, per_pair=self.options.negatives)))
        self.start = self._start()

    @cached_property
    def artifact(self) -> Artifact:
        """The trained, calibrated model and how its training went."""
        made = ensure(
            self._story.layout.stage("rerankers"), "teach-reranker", version=reranking.VERSION, inputs=self._inputs,
            options=self._told, build=self._build,
        )  # fmt: skip
        self._checkpoints.remove()
        return made

    @cached_property
    def mined(self) -> PreparedNegatives:
        """The hard negatives."""
        return self._story.mined

    @property
    def _inputs(self) -> Mapping[str, str]:
        return {**self._story.inputs, "negatives": self.mined.artifact.key, "start": self.start.weights}

    @property
    def _told(self) -> Mapping[str, Any]:
        compute = self._story.settings.compute
        return {"reranker": self.options, "precision": compute.precision, "dimension": self._story.deployed}

    @cached_property
    def _checkpoints(self) -> Checkpoints:
        minutes = self._story.settings.compute.checkpoint_minutes or math.inf
        identity = content_hash("reranker", reranking.VERSION, self._inputs, self._told)
        return Checkpoints(self._story.layout.stage("checkpoints"), identity, 60 * minutes)

    def _start(self) -> ModelFolder:
        """The model that is taught: a version, what the settings name, or the base."""
        story, name = self._story, self.options.model
        if not name:
            return story.base_folder
        registry = story.layout.registry
        known = Registry(registry, story.layout.models).list() if registry.exists() else ()
        found = next((str(one.path) for one in known if one.version == name), name)
        return replace(find_model(found, trust_remote_code=story.settings.base.trust_remote_code), name=name)

    def _build(self, folder: Path) -> Mapping[str, Any]:
        story, options = self._story, self.options
        compute, trust = story.settings.compute, story.settings.base.trust_remote_code
        dev = DevHits(story)
        story.reporter.line(
            f"  dev: nDCG@10 of {len(dev.asked):,} queries, {options.depth} hits of {story.base.name} each; "
            f"dense alone {dev.dense:.4f}"
        )
        fresh = not reranking.has_head(self.start.path)
        model = reranking.load_cross_encoder(
            self.start.path, compute, max_tokens=options.max_tokens, trust_remote_code=trust, seed=options.seed,
            training=True,
        )  # fmt: skip
        story.base.close()  # a GPU's memory is training's
        result = reranking.train_reranker(
            model, self.mined.triplets, {q.id: q.text for q in queries(story.pairs.splits.train)}, story.corpus.texts,
            self.mined.known_positives(story.pairs), story.corpus.near_duplicates, options, compute,
            score=dev.score, before=dev.dense if fresh else None, callbacks=story.callbacks,
            checkpoints=self._checkpoints, reporter=story.reporter,
        )  # fmt: skip
        value = dict(result.dev_scores)[result.best_epoch]
        if fresh and not result.best_epoch:
            write_json(folder / _LOG, plain(result))
            return {**_counts(result), "useful": False, "dense": dev.dense, "queries": len(dev.asked)}
        found = _Calibrated.of(dev, model, folder / _MODEL, value, story)
        write_json(folder / _LOG, {**plain(result), "calibration": plain(found.calibration)})
        return {**_counts(result), "useful": found.counts["reranked"] > dev.dense, "dense": dev.dense,
                "queries": len(dev.asked), **found.counts}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """A trained reranker with its probabilities, on disk.

    Attributes:
        calibration: What dev said.
        counts: For the artifact's manifest.
    """

    calibration: Calibration
    counts: Mapping[str, Any]

    @classmethod
    def of(cls, dev: DevHits, model: Any, folder: Path, value: float, story: Story) -> _Calibrated:
        """Fits slope, shift and weight on dev's hits, writes them into the model and the model into its folder.

        Args:
            dev: The hits.
            model: In fp32, with the weights that are kept; it is calibrated in place.
            folder: To write to.
            value: Dev's score of these weights.
            story: Settings and name of the base.
        """
        options, compute = story.settings.reranker, story.settings.compute
        _save(model, folder)
        saved = reranking.load_cross_encoder(
            folder, compute, max_tokens=options.max_tokens, trust_remote_code=story.settings.base.trust_remote_code
        )
        scorer = PairScorer(saved, compute)
        logits = dev.logits_at(value)
        logits = scorer.logits(dev.both) if logits is None else logits
        head = reranking.head_of(model)
        assert head is not None  # noqa: S101 - what has none was not taught
        slope, shift = reranking.fitted(logits, dev.relevant, shifted=head.bias is not None)
        reranking.fold(model, slope, shift)
        found = reranking.probabilities(slope * logits + shift)
        weight, reranked = dev.weighed(logits)
        calibration = Calibration(
            slope, shift, weight, options.depth, reranking.calibration_error(found, dev.relevant),
            float(dev.relevant.mean()), story.base.name,
        )  # fmt: skip
        _save(model, folder)
        calibration.write(folder)
        low, high = dev.gain(logits, weight, story.settings.evaluate.confidence)
        return cls(calibration, {
            "reranked": reranked, "low": low, "high": high, "alone": float(dev.values(logits, 1.0).mean()),
            "weight": weight, "milliseconds": dev.milliseconds(scorer), "calibration_error": calibration.error,
        })  # fmt: skip


def tune_reranker(story: Story) -> TunedReranker:
    """Teaches a reranker, or finds that it was done, and registers it where it orders dev better than dense search.

    Args:
        story: Of a source; its test pairs are not opened.

    Raises:
        JargonautError: The source, the settings or the model cannot be used.
    """
    teaching = RerankerTeaching(story)
    artifact = teaching.artifact
    c = artifact.counts
    told = tuple(_notices(c))
    for notice in told:
        story.reporter.warn(notice)
    version = _registered(story, teaching) if c["useful"] else None
    path = version.path if version else artifact.path / _MODEL
    return TunedReranker(
        None if version is None else version.version, path, teaching.start.name, story.base.name, c["steps"],
        c["pairs"], c["best_epoch"], teaching.options.depth, c["queries"], c["dense"], c.get("reranked", c["dense"]),
        c.get("low", 0.0), c.get("high", 0.0), c.get("alone", 0.0), c.get("weight", 0.0), c.get("milliseconds", 0.0),
        c.get("calibration_error", 0.0), artifact.seconds, artifact.reused, (*story.notices, *told),
    )  # fmt: skip


def _notices(counts: Mapping[str, Any]) -> Sequence[str]:
    told = list(counts["notices"])
    if not counts["useful"]:
        told.append("no epoch ordered dev's hits better than dense search does, so nothing is registered: it takes "
                    "more pairs, or a cross-encoder to start from ([reranker] model)")  # fmt: skip
        return told
    if counts["low"] <= 0:
        told.append("what reranking adds on dev lies within its confidence interval: no measurable difference")
    if counts["alone"] < counts["dense"]:
        told.append(
            f"by itself it orders dev's hits worse ({counts['alone']:.4f}) than dense search ({counts['dense']:.4f}); "
            f"its score joins that of dense search, with a weight of {counts['weight']:g}"
        )
    return told


def _registered(story: Story, teaching: RerankerTeaching) -> ModelVersion:
    """The version of a trained reranker; the same files are always the same one."""
    layout, artifact, base = story.layout, teaching.artifact, story.base_model
    registry = Registry(layout.registry, layout.models, clock=story.clock)
    first = registry.register_base(base.folder.path, **base.details)
    folder, options = artifact.path / _MODEL, teaching.options
    made = LocalReranker(find_model(str(folder)), story.settings.compute, max_tokens=options.max_tokens)
    c = artifact.counts
    version = registry.register(
        folder, name=f"reranker from {teaching.start.name}, taught on {story.source.path.resolve().name}",
        fingerprint=made.fingerprint, dimension=1, base=first.version, run_id=artifact.key, kind="reranker",
        metrics={"dev nDCG@10": c["reranked"], "dev nDCG@10, dense": c["dense"], "ms per query": c["milliseconds"]},
        lineage={
            **story.lineage, "base": story.base.fingerprint, "negatives": teaching.mined.artifact.key,
            "training": artifact.key, "searched by": story.base.name,
            "start": {"name": teaching.start.name, "licence": licence_of(teaching.start.path)},
            "options": {"reranker": plain(options)}, "seed": options.seed, "train_seconds": artifact.seconds,
        },
        max_tokens=options.max_tokens,
    )  # fmt: skip
    tell_mlflow(version, story.settings.registry, story.reporter)
    return version


def _save(model: Any, folder: Path) -> None:
    with quiet_libraries():
        model.save_pretrained(str(folder), create_model_card=False)


def _counts(result: Trained) -> dict[str, Any]:
    return {"steps": result.steps, "pairs": result.pairs, "best_epoch": result.best_epoch,
            "notices": list(result.notices)}  # fmt: skip
