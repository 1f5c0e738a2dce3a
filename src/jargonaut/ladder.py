"""The ladder of a workspace: every way to search that was made in it, on the same queries, with what each costs.

Joins registry, exam, contenders and the table of rules. Trains nothing and moves no pointer; a version that cannot be
loaded or asked is told and left out, and the others are measured.
"""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut import artifacts, evaluation, notices, retrieval
from jargonaut.artifacts import Artifact, ensure, plain, write_json
from jargonaut.contenders import TIMED, Contenders, fused
from jargonaut.encoders import account, endpoint_of, remembering, version_encoder
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.evaluation import Advice, Interval, Rung, RungKind, Scores
from jargonaut.exams import Exam, exam_of_version, seen_in_training
from jargonaut.layout import Layout
from jargonaut.protocols import Encoder, Reporter, Reranker
from jargonaut.records import Query, Run, qrels, queries
from jargonaut.registry import BASE, ModelVersion, Registry
from jargonaut.rerankers import version_reranker
from jargonaut.settings import Settings

LADDER_VERSION = 3
_RUNGS = "ladder.json"
_METRIC = "nDCG@10"
_TIMED_SLOW = 3
"""Queries by which a reranker is timed: one takes as long as hundreds of searches."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What all rungs scored and cost.

    Attributes:
        rungs: Every rung.
        advice: Which to take.
        source: What they were tested on.
        queries: How many were asked.
        passages: How many were searched.
        confidence: Probability mass of the intervals.
        notices: What a reader must know before trusting the numbers.
        machine: Where the times were measured.
        folder: Holds ladder.json and per-query scores.
        reused: Whether it had been measured before.
    """

    rungs: tuple[Rung, ...]
    advice: Advice
    source: str
    queries: int
    passages: int
    confidence: float
    notices: tuple[str, ...]
    machine: str
    folder: Path
    reused: bool

    def table(self) -> str:
        """Every rung, plain text."""
        return evaluation.ladder_text(self.rungs, self.advice)

    def html(self, title: str) -> str:
        """One self-contained page."""
        return evaluation.ladder_html(
            self.rungs, self.advice, title=title, source=self.source, queries=self.queries, passages=self.passages,
            confidence=self.confidence, notices=self.notices, machine=self.machine,
        )  # fmt: skip


@dataclass(frozen=True)
class _Step:
    """A version that is to be measured.

    Attributes:
        version: It.
        kind: What it is.
        dim: Deployed dimension; 0 for a reranker.
        minutes: Training; None where it is not known.
        reindex: Whether the base's index does not serve it.
        encoder: Encodes and remembers; None for a reranker.
        inner: Encodes and does not remember.
        reranker: Orders anew; None for an encoder.
        forgot: nDCG@10 on general knowledge that its training cost; None where that is not known.
    """

    version: ModelVersion
    kind: RungKind
    dim: int
    minutes: float | None
    reindex: bool
    encoder: Encoder | None = None
    inner: Encoder | None = None
    reranker: Reranker | None = None
    forgot: float | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """One way to search, before it is compared."""

    name: str
    kind: RungKind
    dim: int | None
    run: Run
    milliseconds: float
    storage: float
    minutes: float | None
    reindex: bool
    forgot: float | None = None


class _OutOfReach(Exception):  # noqa: N818 - it is never seen outside
    """A version could not be asked while it was measured, as when its endpoint went down after the cache answered."""

    def __init__(self, step: _Step) -> None:
        self.step = step


def climb(layout: Layout, settings: Settings, registry: Registry, reporter: Reporter) -> Ladder:
    """Measures every registered version beside BM25, the base and their hybrid; done once for the same ones.

    Args:
        layout: The workspace's paths.
        settings: Sections `ladder`, `evaluate`, `bm25` and `compute`.
        registry: Knows the versions.
        reporter: Told of the progress.

    Raises:
        InputError: No version was made from pairs that are still here, or the base cannot be loaded.
    """
    return _Climb(layout, settings, registry, reporter).ladder()


@dataclass
class _Climb:
    layout: Layout
    settings: Settings
    registry: Registry
    reporter: Reporter
    told: list[str] = field(default_factory=list)

    def ladder(self) -> Ladder:
        exam, steps = self._exam, self._steps()
        for one in steps:
            self._tell_what_was_seen(one.version, exam)
        while True:
            try:
                return self._measured(exam, steps)
            except _OutOfReach as met:
                steps = [one for one in steps if one is not met.step]
                self._warn(f"{met.step.version.version} cannot be measured: {met.__cause__}")
                self._require_base(steps)

    def _measured(self, exam: Exam, steps: Sequence[_Step]) -> Ladder:
        """The ladder of these versions, measured now or before.

        Raises:
            _OutOfReach: One of them could not be asked.
        """
        options = self.settings.evaluate
        inputs = {
            "exam": exam.key, "over": self._over(steps).version.version,
            "steps": [[one.version.version, one.version.fingerprint, one.version.searched, one.kind, one.dim,
                       one.minutes, one.reindex] for one in steps],
        }  # fmt: skip
        compute = replace(self.settings.compute, checkpoint_minutes=0)  # the rest decides how long a query takes
        chosen = {"bm25": self.settings.bm25, "rerank_depth": self.settings.ladder.rerank_depth, "compute": compute,
                  "resamples": options.resamples, "confidence": options.confidence, "seed": options.seed}  # fmt: skip
        artifact = ensure(
            self.layout.stage("ladders"), "ladder", version=LADDER_VERSION, inputs=inputs, options=chosen,
            build=lambda folder: self._measure(folder, exam, steps),
        )  # fmt: skip
        return self._read(artifact, exam)

    @cached_property
    def _exam(self) -> Exam:
        """The test split of the newest pairs that a version was made from and that are still here."""
        for version in reversed(self.registry.list()):
            if version.lineage.get("pairs"):
                try:
                    return exam_of_version(version, self.layout)
                except InputError as error:
                    self._warn(error.what)
        raise InputError(
            "no version here was made from pairs that are still here, so there is nothing to test on",
            where=str(self.layout.root), remedy="`jargonaut run DOCS` makes a tuned version and its test",
        )  # fmt: skip

    def _steps(self) -> list[_Step]:
        """Versions that can be measured, the base first.

        Each encoder encodes a query of the exam, and each reranker is loaded: an endpoint that is down, or a model that
        does not load, is found out here, at the cost of what the cache answers the next time.
        """
        found, query = [], queries(self._exam.test)[0].text
        for version in self.registry.list():
            if version.status == "retired" and version.version != BASE:  # the others are compared with that one
                self._warn(f"{version.version} is retired and left out")
                continue
            try:
                step = self._step(version)
                if step.encoder is not None:
                    step.encoder.encode_queries([query])
                found.append(step)
            except JargonautError as error:
                self._warn(f"{version.version} cannot be measured: {error}")
        self._require_base(found)
        return found

    def _require_base(self, steps: Sequence[_Step]) -> None:
        if not steps or steps[0].version.version != BASE:
            raise InputError(
                "the base cannot be loaded or asked, so there is nothing to compare with", where=str(self.layout.root),
                remedy="`jargonaut models verify` says what is wrong",
            )  # fmt: skip

    def _step(self, version: ModelVersion) -> _Step:
        base = self.registry.get(BASE)
        minutes = self._minutes(version)
        if version.kind == "reranker":
            reranker = version_reranker(version, self.settings, self.layout)
            reranker.scorer  # noqa: B018 - loaded now, so that it is told now
            return _Step(version, "reranker", 0, minutes, reindex=False, reranker=reranker)
        inner = version_encoder(self.registry, version, self.settings)
        kind: RungKind = version.kind if version.base else "base"
        live = self.registry.live()
        made_for = version.lineage.get("dimension") or self.settings.evaluate.deployed_dim
        wanted = live.dimension if live is not None and live.version == version.version else made_for
        dim = min(int(wanted or version.dimension), version.dimension)
        remembered = remembering(inner, self.layout.vectors, self.reporter)
        return _Step(version, kind, dim, minutes, version.searched != base.searched, remembered, inner,
                     forgot=self._forgot(version))  # fmt: skip

    @cached_property
    def _versions(self) -> Mapping[str, ModelVersion]:
        """Every version by its name."""
        return {one.version: one for one in self.registry.list()}

    def _minutes(self, version: ModelVersion) -> float | None:
        """Training time of a version and of all that it was made from; None where one of them is not known."""
        known = self._versions
        needed, waiting, folders = set[str](), [version.version], set[Path]()
        while waiting:
            name = waiting.pop()
            one = known.get(name)
            if one is None:
                folders.add(Path(name).expanduser().absolute().parent)
            elif one.base and name not in needed:
                needed.add(name)
                waiting += [one.base, *_teachers(one)]
        # A teacher may be a model that was tuned here and is no version; what came from elsewhere cost nothing here.
        spent: list[float | None] = [_trained_minutes(folder) for folder in sorted(folders)]
        spent += [self._own_minutes(known[name]) for name in sorted(needed)]
        return None if None in spent else sum((minutes for minutes in spent if minutes is not None), 0.0)

    def _own_minutes(self, version: ModelVersion) -> float | None:
        seconds = version.lineage.get("train_seconds")
        if not isinstance(seconds, int | float):
            made = self._training(version)
            seconds = None if made is None else made.seconds
        return None if seconds is None else float(seconds) / 60

    def _training(self, version: ModelVersion) -> Artifact | None:
        """The training that a version names, if it is still there; the model in it may have been removed since."""
        key = version.lineage.get("training")
        return artifacts.read(self.layout.stage("training") / key) if isinstance(key, str) and key else None

    def _forgot(self, version: ModelVersion) -> float | None:
        """What the trainings of a version, and of those that it was made from, cost of general knowledge.

        None where none of them is known. Of word vectors only the pairs' part was measured, which says little: they
        count as not known.
        """
        if version.kind == "static":
            return None
        known = self._versions
        found: list[float] = []
        while version.base and version.base in known:
            made = self._training(version)
            if version.kind == "encoder" and made is not None and "general" in made.counts:
                before, after = made.counts["general"]
                found.append(before - after)
            version = known[version.base]
        return sum(found) if found else None

    def _over(self, steps: Sequence[_Step]) -> _Step:
        """Whose hits rerankers order anew, beside the base's: the live version, or the newest encoder."""
        live = self.registry.live()
        vectors = [step for step in steps if step.encoder is not None]
        return next((one for one in vectors if live and one.version.version == live.version), vectors[-1])

    def _tell_what_was_seen(self, version: ModelVersion, exam: Exam) -> None:
        if not version.base:
            return
        seen = seen_in_training(version, exam, self.layout)
        if seen is None:
            self._warn(f"what {version.version} was trained on is not here any more: it may have seen this test")
        elif any(seen):
            self._warn(f"{version.version} was trained on {seen[0]:,} of these queries and on {seen[1]:,} of the "
                       "passages that answer them: its score is flattered")  # fmt: skip

    def _measure(self, folder: Path, exam: Exam, steps: Sequence[_Step]) -> Mapping[str, Any]:
        asked, judged = queries(exam.test), qrels(exam.test)
        _require_answers(steps, asked[0].text)
        self.reporter.line(f"{len(asked):,} queries of {exam.source} over {len(exam.corpus.texts):,} passages")
        clusters = evaluation.query_clusters(judged, exam.groups)
        labels = [clusters[query.id] for query in asked]
        found = list(_Rungs(self, exam, steps, asked).all())
        scores = {one.name: evaluation.per_query(one.run, judged, asked) for one in found}
        evaluation.write_per_query(folder / evaluation.PER_QUERY, scores)
        rungs = self._compared(found, scores, labels)
        told = notices.of_test(len(set(labels)), evaluation.fewest_clusters(self.settings.evaluate.confidence))
        write_json(folder / _RUNGS, {
            "rungs": plain(rungs), "queries": len(asked), "passages": len(exam.corpus.texts), "notices": list(told),
            "machine": platform.processor() or platform.machine(),
        })  # fmt: skip
        return {"rungs": len(rungs), "queries": len(asked)}

    def _compared(
        self, found: Sequence[_Measured], scores: Mapping[str, Scores], labels: Sequence[str]
    ) -> tuple[Rung, ...]:
        """The rungs with their own intervals, and those against the base and the best."""
        options = self.settings.evaluate
        values = {name: one.values[_METRIC] for name, one in scores.items()}
        best = max(values.values(), key=lambda one: float(one.mean()))

        def against(other: NDArray[np.float64], mine: NDArray[np.float64]) -> Interval:
            return evaluation.paired_bootstrap(
                other, mine, labels, resamples=options.resamples, confidence=options.confidence, seed=options.seed
            )

        own = evaluation.mean_interval
        return tuple(
            Rung(
                one.name, one.kind, one.dim,
                own(values[one.name], labels, resamples=options.resamples, confidence=options.confidence,
                    seed=options.seed),
                against(values[BASE], values[one.name]), against(best, values[one.name]), one.milliseconds, one.storage,
                one.minutes, one.reindex, one.forgot,
            )
            for one in found
        )  # fmt: skip

    def _read(self, artifact: Artifact, exam: Exam) -> Ladder:
        row = json.loads((artifact.path / _RUNGS).read_text(encoding="utf-8"))
        rungs = tuple(
            Rung(**{**one, **{name: Interval(**one[name]) for name in ("score", "against_base", "against_best")}})
            for one in row["rungs"]
        )
        for notice in row["notices"]:
            self._warn(notice)
        return Ladder(
            rungs, evaluation.advise(rungs, self.settings.ladder), exam.source, row["queries"], row["passages"],
            self.settings.evaluate.confidence, tuple(self.told), row["machine"], artifact.path, artifact.reused,
        )  # fmt: skip

    def _warn(self, text: str) -> None:
        self.told.append(text)
        self.reporter.warn(text)


def _require_answers(steps: Sequence[_Step], query: str) -> None:
    """Asks every endpoint once, uncached, before anything is measured that would have to be measured again.

    Raises:
        _OutOfReach: One is down.
    """
    for step in steps:
        endpoint = endpoint_of(step.inner)
        if endpoint is not None:
            try:
                endpoint.encode_queries([query])
            except JargonautError as error:
                raise _OutOfReach(step) from error


def _trained_minutes(folder: Path) -> float:
    """Training time of the stage that left this folder; 0 where no stage did."""
    with contextlib.suppress(MismatchError):
        made = artifacts.read(folder)
        return 0.0 if made is None else made.seconds / 60
    return 0.0


def _teachers(version: ModelVersion) -> tuple[str, ...]:
    """Names of models that it was taught by or began as, versions or not."""
    options = version.lineage.get("options", {})
    train, reranker = options.get("train", {}), options.get("reranker", {})
    named = {"reranker": reranker.get("model"), "adapter": None}.get(version.kind, train.get("teacher"))
    return (str(named),) if named else ()


class _Rungs:
    """Searches with every step, in an order in which the passages' vectors of each are held once.

    Args:
        climb: Gives settings.
        exam: The passages.
        steps: What is measured, the base first.
        asked: The queries.
    """

    def __init__(self, climb: _Climb, exam: Exam, steps: Sequence[_Step], asked: Sequence[Query]) -> None:
        self._climb, self._steps, self._asked = climb, steps, asked
        self._contenders = Contenders(exam.corpus.texts, climb.settings.bm25)
        self._texts, self._some = exam.corpus.texts, asked[:TIMED]
        self._over = climb._over(steps)  # noqa: SLF001 - its own part

    def all(self) -> Iterator[_Measured]:
        """Every rung."""
        words, word_bytes = self._contenders.bm25(self._asked), self._contenders.word_bytes
        spent = retrieval.milliseconds(lambda query: self._contenders.bm25([query]), self._some)
        yield _Measured("BM25", "bm25", None, words, spent, word_bytes, 0.0, reindex=False)
        for step in self._steps:
            if step.encoder is None:
                continue
            try:
                plain_search = self._dense(step, step.encoder)
            except JargonautError as error:
                raise _OutOfReach(step) from error
            self._climb.reporter.line(f"  {plain_search.name:<11} {plain_search.milliseconds:.3g} ms a query")
            if sent := account(step.inner, self._climb.settings):
                self._climb.reporter.line(f"  {plain_search.name:<11} {sent}")
            yield plain_search
            if step.version.version in {BASE, self._over.version.version}:
                name = f"{plain_search.name} + BM25"
                yield replace(plain_search, name=name, kind="hybrid", run=fused(name, plain_search.run, words),
                              milliseconds=plain_search.milliseconds + spent,
                              storage=plain_search.storage + word_bytes)  # fmt: skip
                for one in self._steps:
                    if one.reranker is not None:
                        yield self._reranked(one, one.reranker, plain_search)

    def _dense(self, step: _Step, encoder: Encoder) -> _Measured:
        name, dim = step.version.version, step.dim
        run = self._contenders.dense(name, encoder, self._asked, dim=dim)
        vectors = encoder.encode_queries([query.text for query in self._some])
        times = retrieval.search_milliseconds(
            vectors, self._contenders.vectors(encoder), evaluation.DEPTH, (dim,), ("float32",)
        )  # fmt: skip
        inner = step.inner or encoder
        spent = retrieval.milliseconds(lambda query: inner.encode_queries([query.text]), self._some)
        size = retrieval.bytes_per_vector("float32", dim)
        return _Measured(name, step.kind, dim, run, spent + times[dim, "float32"], size, step.minutes, step.reindex,
                         step.forgot)  # fmt: skip

    def _reranked(self, step: _Step, score: Reranker, first: _Measured) -> _Measured:
        """A reranker over the hits of a search."""
        depth = self._climb.settings.ladder.rerank_depth
        name = f"{step.version.version} over {first.name}"
        run = self._contenders.reranked(name, first.run, self._asked, score, depth)

        def once(query: Query) -> object:
            return retrieval.rescored(first.run, [query], self._texts, score, depth)

        spent = retrieval.milliseconds(once, self._some[:_TIMED_SLOW])
        minutes = None if step.minutes is None or first.minutes is None else step.minutes + first.minutes
        return replace(first, name=name, kind="reranker", run=run, milliseconds=first.milliseconds + spent,
                       minutes=minutes)  # fmt: skip
