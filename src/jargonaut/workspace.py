"""A project folder and everything one does with it: the Python twin of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.answers import Hit, SearchResult, answer, rerank
from jargonaut.artifacts import legible
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.settings import Settings, load_settings
from jargonaut.training import World

if TYPE_CHECKING:
    from jargonaut.adapting import AdaptedModel
    from jargonaut.collection import PairCollection
    from jargonaut.encoders import VersionEncoder
    from jargonaut.encoding.cache import Kind
    from jargonaut.evaluation import Assessment, RunComparison
    from jargonaut.examination import Examination
    from jargonaut.hardness import PreparedNegatives
    from jargonaut.index import IndexPlan, ShadowSummary
    from jargonaut.interchange import ExportedSet
    from jargonaut.ladder import Ladder
    from jargonaut.lifecycle import BridgeReport, IndexedPassages, IndexLifecycle, LiveSearcher, ShadowedSearcher
    from jargonaut.monitoring import Alarm, Happening
    from jargonaut.pipeline import RunResult
    from jargonaut.registry import Live, ModelVersion, Registry
    from jargonaut.reports import FinishedRun
    from jargonaut.schooling import Student
    from jargonaut.second_stage import TunedReranker
    from jargonaut.sources import PreparedCorpus
    from jargonaut.standalone import StandaloneModel
    from jargonaut.sweeping import SweepResult
    from jargonaut.textvectors import EncodedTexts
    from jargonaut.tuning import TunedModel
    from jargonaut.watching import Goldens, Watch, WatchResult


REPORT_FORMS = ("html", "md", "json", "card")
"""Forms of a run's report: a page, Markdown for a pull request, JSON for scripts, the model's card."""


class Workspace:
    """A project folder.

    Args:
        root: The folder; it need not exist yet.
        settings: Options of every stage; `<root>/jargonaut.toml` (or the defaults) when None.
        reporter: Where long work shows itself.

    Raises:
        InputError: The folder is a file.
        SettingsError: `jargonaut.toml` cannot be understood.
    """

    def __init__(
        self, root: str | Path = ".", *, settings: Settings | None = None, reporter: Reporter | None = None
    ) -> None:
        self.layout = Layout(Path(root))
        if self.layout.root.exists() and not self.layout.root.is_dir():
            raise InputError("the workspace is a file; a folder is wanted", where=str(root))
        self.settings = settings or load_settings(self.layout.settings)
        self.reporter = reporter or SilentReporter()
        self._encoders: dict[str, VersionEncoder] = {}

    def run(self, source: str | Path | None = None) -> RunResult:
        """The whole story: documents in; verdict, model version and index out.

        Args:
            source: A folder of documents, a BEIR folder, or a JSONL of passages; what the workspace was last used on
                when None.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut import pipeline

        return pipeline.run(self.documents(source), self.layout, self.settings, self.reporter)

    def assist(self, source: str | Path | None = None) -> None:
        """Takes part, as any but the first of several processes (`torchrun`), in the training of a `run`.

        Args:
            source: What the first process runs on.
        """
        from jargonaut.story import TRAINS, Story

        if World.joined().agreed(TRAINS) == TRAINS:  # what the first says counts
            Story(self.documents(source), self.layout, self.settings, SilentReporter()).assist()

    def assess(self, source: str | Path | None = None, *, candidates: Sequence[str] | None = None) -> Assessment:
        """Whether fine-tuning looks worth it on this source, and what would do instead; measured on dev.

        Args:
            source: As for `run`.
            candidates: Other base models to try, as `[assess] candidates`; those of the settings when None.

        Raises:
            JargonautError: The source, the settings or the base cannot be used. A candidate that cannot is told in
                `Assessment.failed`, and the others go on.
        """
        from jargonaut.story import Story

        options = self.settings.assess
        options = options if candidates is None else replace(options, candidates=tuple(candidates))
        settings = replace(self.settings, assess=options)
        return Story(self.documents(source), self.layout, settings, self.reporter).assessment

    def evaluate(
        self, source: str | Path | None = None, *, version: str | None = None, against: str | None = None
    ) -> Examination:
        """Two registered versions on the same judged queries; trains nothing and moves no pointer.

        Args:
            source: A BEIR folder, of which `qrels/test.tsv` counts; the test split of the version's own pairs when
                None.
            version: The model in question; the newest when None.
            against: What it is compared with; what it was tuned from when None.

        Raises:
            InputError: There is no such version, or nothing to test it on.
            MismatchError: A version's files are gone or are not what was registered.
        """
        from jargonaut.examination import examine

        return examine(
            self.layout, self.settings, self.registry(), self.reporter,
            source=None if source is None else Path(source), version=version, against=against,
        )  # fmt: skip

    def ladder(self) -> Ladder:
        """Every way to search that this workspace has, on the same test queries, with what each costs, and advice.

        Raises:
            InputError: There is no workspace here yet, or no version with a test.
        """
        from jargonaut.ladder import climb

        return climb(self.layout, self.settings, self.registry(), self.reporter)

    def mine(self, source: str | Path | None = None) -> PreparedNegatives:
        """Hard negatives for the training pairs of this source, and what was taken out; trains nothing.

        Args:
            source: As for `run`.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut.story import Story

        return Story(self.documents(source), self.layout, self.settings, self.reporter).mined

    def train(self, source: str | Path | None = None) -> TunedModel:
        """Everything up to a tuned model; test is not opened and nothing is released.

        Args:
            source: As for `run`, which takes the model up where this leaves it.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut.story import Story
        from jargonaut.tuning import tune

        return tune(Story(self.documents(source), self.layout, self.settings, self.reporter))

    def adapt(self, source: str | Path | None = None, *, over: str | None = None) -> AdaptedModel:
        """Fits an adapter on cached vectors (`[adapter]`) and registers it as a version; the index stays as it is.

        Args:
            source: As for `run`, which gives the pairs.
            over: What it stands on: a registered version, a hub id, a folder, or `openai:MODEL`, `cohere:MODEL`,
                `voyage:MODEL`; the base of the settings when None.

        Raises:
            JargonautError: The source, the settings or the base cannot be used.
        """
        from jargonaut.adapting import adapt
        from jargonaut.story import Story

        return adapt(Story(self.documents(source), self.layout, self.settings, self.reporter), over)

    def export_model(self, version: str, folder: str | Path) -> StandaloneModel:
        """Writes a version as a folder that sentence-transformers loads; an adapter together with its base.

        Args:
            version: Such as `v2`.
            folder: To write to: empty or not there yet.

        Raises:
            InputError: There is no such version, the folder holds something, or its base runs behind an endpoint.
            MismatchError: The version's files are gone or are not what was registered.
        """
        from jargonaut.standalone import export_model

        return export_model(self.registry(), version, Path(folder), self.settings)

    def train_reranker(self, source: str | Path | None = None) -> TunedReranker:
        """A cross-encoder that orders the first hits anew, taught on the same pairs, judged on dev, and registered.

        Test is not opened: `[evaluate] cross_encoder` with its version has it measured there.

        Args:
            source: As for `run`.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut.second_stage import tune_reranker
        from jargonaut.story import Story

        return tune_reranker(Story(self.documents(source), self.layout, self.settings, self.reporter))

    def train_static(self, source: str | Path | None = None, *, teacher: str | None = None) -> Student:
        """A student of word vectors, distilled from a tuned version and taught the pairs; it becomes a version.

        Test is not opened, and what is live stays live.

        Args:
            source: As for `run`.
            teacher: A registered encoder; the live one, else the newest tuned one, else the base, when None.

        Raises:
            JargonautError: The source, the settings or the teacher cannot be used.
        """
        from jargonaut.registry import Registry
        from jargonaut.schooling import teach_static
        from jargonaut.story import Story

        story = Story(self.documents(source), self.layout, self.settings, self.reporter)
        return teach_static(story, Registry(self.layout.registry, self.layout.models), teacher)

    def sweep(self, source: str | Path | None = None, *, trials: int, minutes: float | None = None) -> SweepResult:
        """Tries training settings on dev; the same call goes on where an earlier one stopped.

        Args:
            source: As for `run`.
            trials: Recipes to try, those of earlier calls counted.
            minutes: Wall time of this call; none when None.

        Raises:
            InputError: No trial or no time is asked for, or another process runs the same sweep.
            JargonautError: No trial could be finished, or `optuna` is not installed.
        """
        from jargonaut import sweeping
        from jargonaut.story import Story

        story = Story(self.documents(source), self.layout, self.settings, self.reporter)
        return sweeping.sweep(story, trials, minutes)

    def pairs(self, docs: str | Path | None = None) -> PairCollection:
        """The workspace's pairs: what was added, and everything one does with them.

        Args:
            docs: The documents that they are about; what the workspace was last used on when None.
        """
        from jargonaut.collection import PairCollection

        return PairCollection(self.layout, self.settings, self.reporter, None if docs is None else Path(docs))

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        model: str | None = None,
        bridge: str | None = None,
        shadow: str | None = None,
        share: float = 1.0,
        reranker: str | None = None,
        rerank_depth: int = 50,
    ) -> SearchResult:
        """Searches with the live version, or with another one.

        Args:
            query: What to look for.
            k: Hits.
            model: A registered version such as `v1` or `base`; the live one when None.
            bridge: A version that searches the live index over a bridge (`index bridge`), until its own index is built.
            shadow: A version or collection that is asked too, in silence; what both found is recorded
                (`index shadow`).
            share: Of the queries that `shadow` is asked.
            reranker: A registered reranker such as `v3`, a folder or a hub id, that orders the first hits anew.
            rerank_depth: How many it orders.

        Raises:
            InputError: Nothing is live, the version is unknown, is no reranker or was retired, or the query is empty.
            MismatchError: The index was not made by this model, or is not what was verified.
        """
        from jargonaut.lifecycle import bridged_searcher

        query = legible(query)
        if not query.strip():
            raise InputError("the query is empty")
        if k < 1:
            raise InputError(f"{k} hits were asked for; ask for 1 or more", where="--k")
        if reranker is not None:
            return self._reranked(
                query, reranker, k, rerank_depth, model=model, bridge=bridge, shadow=shadow, share=share
            )
        index = self.index()
        if bridge is not None:
            return answer(query, f"{bridge}, over a bridge", bridged_searcher(index, bridge), k)
        if model is not None:
            record = index.catalogue.beside(index.registry.get(model).version)
            return answer(query, model, index.searcher(record, model), k)
        if index.registry.live() is None:
            raise InputError("nothing is live in this workspace", where=str(self.layout.root), remedy=_RUN_FIRST)
        if shadow is None:
            (served,) = self.serving().search([query], k)
        else:
            with contextlib.closing(self.shadowed(shadow, share)) as searcher:
                (served,) = searcher.search([query], k)
        hits = (Hit(rank, hit.score, hit.passage) for rank, hit in enumerate(served.hits, start=1))
        return SearchResult(query, served.version, tuple(hits))

    def _reranked(self, query: str, name: str, k: int, depth: int, **where: Any) -> SearchResult:
        """A search whose first hits a reranker orders anew."""
        from jargonaut.rerankers import named_reranker

        if depth < 1:
            raise InputError(f"{depth} hits cannot be reranked; ask for 1 or more", where="--rerank-depth")
        found = named_reranker(name, self.settings, self.layout, "--rerank")
        registry = self.registry()
        if any(one.version == name and one.status == "retired" for one in registry.list()):
            raise InputError(f"version {name!r} was retired", where="--rerank",
                             remedy=f"`jargonaut models retire {name} --undo` allows it again")  # fmt: skip
        index, asked_of = self.index(), where["model"]
        record = index.catalogue.find(None) if asked_of is None else (
            index.catalogue.beside(registry.get(asked_of).version)
        )  # fmt: skip
        collection, encoder = index.opened(record)
        encoder.encode_queries([query])  # loads it, so that loading is not taken for searching
        context = index.context_of(collection)
        return rerank(
            lambda wanted: self.search(query, k=wanted, **where), found, name, lambda one: one.content(context), k=k,
            depth=depth,
        )  # fmt: skip

    def serving(self) -> LiveSearcher:
        """A searcher for a service: it keeps the model loaded and follows the live pointer, whoever moves it.

        What it is asked is logged where `[query_log]` says so.
        """
        from jargonaut.lifecycle import LiveSearcher
        from jargonaut.monitoring import QueryLog

        index = self.index()
        log = QueryLog(self.layout.queries, self.settings.query_log)
        return LiveSearcher(index.registry, index.store, self._encoder, observe=log.record)

    def shadowed(self, candidate: str, share: float) -> ShadowedSearcher:
        """The same, which also asks a candidate for a share of the queries and records what both found.

        Args:
            candidate: A version or a collection.
            share: Of the queries, from 0 to 1.

        Raises:
            InputError: There is no such candidate.
        """
        from jargonaut.lifecycle import ShadowedSearcher, candidate_searcher, shadow_log

        index = self.index()
        searcher = candidate_searcher(index, candidate)
        return ShadowedSearcher(self.serving(), searcher, share, shadow_log(index, candidate))

    def shadow(
        self, candidate: str, queries: str | Path | None = None, *, share: float = 1.0, k: int = 10
    ) -> ShadowSummary:
        """What would change for searchers if a candidate went live.

        Args:
            candidate: A version or a collection.
            queries: A `.txt` of one query per line, or a `.jsonl` with a field `text`; what was recorded while users
                searched when None.
            share: Of the queries, from 0 to 1.
            k: Hits that are compared.

        Raises:
            InputError: There is no such candidate, or no query.
        """
        from jargonaut.encoders import base_model
        from jargonaut.lifecycle import LiveSearcher, recorded_shadow, shadow_log, shadow_queries
        from jargonaut.texts import open_texts

        index = self.index()
        if queries is None:
            return recorded_shadow(shadow_log(index, candidate))
        texts = open_texts(
            Path(queries), "query", lambda: base_model(self.settings), self.settings, self.layout, self.reporter
        )
        live = LiveSearcher(index.registry, index.store, self._encoder)  # a file's queries are no users', so unlogged
        return shadow_queries(index, live, candidate, texts, k=k, share=share)

    def plan(self, passages: int, dimensions: Sequence[int] = ()) -> IndexPlan:
        """What an index of so many passages would take: hours, bytes, dollars, by dimension and number format.

        It rests on what this workspace measured; where there is none yet, on the assumptions in `[plan]`.

        Args:
            passages: How many.
            dimensions: Lengths of vectors; the usual ones when none is given.

        Raises:
            InputError: There is no passage to plan for.
        """
        from jargonaut.index import plan_index

        if self.layout.registry.exists():
            return self.index().plan(passages, dimensions)
        return plan_index(passages, dimensions or (768, 384, 256, 128, 64), options=self.settings.plan)

    def bridge(self, version: str, *, passages: int = 20_000) -> BridgeReport:
        """Fits a bridge that lets a new model search the live index until its own is built, and measures it.

        Args:
            version: The new model.
            passages: That it is fitted on at most.

        Raises:
            InputError: Nothing is live, or there are too few passages.
        """
        from jargonaut.lifecycle import build_bridge

        return build_bridge(self.index(), version, passages=passages)

    def index(self, docs: str | Path | None = None) -> IndexLifecycle:
        """The workspace's indexes: build, verify, switch, roll back, sync, remove, plan.

        Args:
            docs: The documents that are indexed; what the workspace was last used on when None.

        Raises:
            InputError: There is no workspace here yet.
        """
        from jargonaut.index import open_store
        from jargonaut.lifecycle import IndexLifecycle

        return IndexLifecycle(
            self.layout, self.settings, self.registry(), open_store(self.settings.index, self.layout.index),
            self._encoder, lambda: self._passages(docs), self.reporter,
        )  # fmt: skip

    def encode(
        self, source: str | Path, target: str | Path, *, kind: Kind = "passage", model: str | None = None
    ) -> EncodedTexts:
        """Encodes texts into a `.npy` file, in flat memory; the same call goes on after a kill.

        Args:
            source: A `.jsonl` (field `text`, after its `title` where it has one), a `.txt` of one text per line, a BEIR
                folder, or a folder of documents, which becomes the passages that a run would make of it.
            target: The file.
            kind: Which prompt is applied.
            model: A registered version such as `v1`, `embedded`, a folder or a hub id; the base model of the settings
                when None.

        Raises:
            InputError: The source cannot be read, holds nothing, or has a line that is no text.
            ModelError: The model cannot be used.
        """
        from jargonaut.textvectors import encode_texts

        return encode_texts(Path(source), Path(target), kind, model, self.settings, self.layout, self.reporter)

    def report(self, run: str | None = None) -> FinishedRun:
        """A finished run as it lies in the workspace; nothing is measured again.

        Args:
            run: Its name or how that begins, or its folder; the newest one when None.

        Raises:
            InputError: There is none.
        """
        from jargonaut.reports import find_run

        return find_run(self.layout, run)

    def rendered(self, run: FinishedRun, form: str) -> str:
        """A run's report as text of a form.

        Args:
            run: From `report`.
            form: One of `REPORT_FORMS`, or `text`.

        Raises:
            MismatchError: What the run left is damaged.
        """
        from jargonaut.reports import rendered

        return rendered(run, form, self.layout)

    def judge_runs(
        self, runs: Sequence[str | Path], qrels: str | Path | None = None, *, against: str | None = None
    ) -> RunComparison:
        """Scores TREC runs made anywhere, paired, against one of ours or against the first of them.

        Args:
            runs: The files.
            qrels: The judgements; those of the newest run of this workspace when None.
            against: A TREC run, or the name of a system of ours such as `tuned-384`.

        Raises:
            InputError: A file cannot be used, or there is nothing to compare.
        """
        from jargonaut.reports import judge_outside

        return judge_outside(
            self.layout, [Path(run) for run in runs], None if qrels is None else Path(qrels), against,
            self.settings.evaluate, self.reporter,
        )  # fmt: skip

    def export_beir(self, folder: str | Path, source: str | Path | None = None) -> ExportedSet:
        """Writes passages, queries and judgements as a BEIR folder, which other people's tools read.

        Args:
            folder: To write to: empty, not there yet, or an earlier export.
            source: As for `run`.

        Raises:
            InputError: The folder holds something else.
        """
        from jargonaut.interchange import export_beir
        from jargonaut.story import Story

        story = Story(self.documents(source), self.layout, self.settings, self.reporter)
        return export_beir(story.corpus, story.pairs.splits, Path(folder))

    def watch(self, docs: str | Path | None = None, *, act: bool = False) -> WatchResult:
        """Looks at what is live: recall on golden queries, drift, and what speaks for training anew.

        Args:
            docs: The documents; what the workspace was last used on when None.
            act: Whether to train anew where a rule asks for it, and to promote through the gate.

        Raises:
            InputError: Nothing is live, or another process looks or trains.
        """
        return self.look(self.watcher(docs), act=act)

    def watcher(self, docs: str | Path | None = None) -> Watch:
        """Looks again and again; it keeps the model loaded."""
        from jargonaut.watching import Watch

        return Watch(self.layout, self.settings, self.index(docs), lambda: self._corpus(docs), self.reporter)

    def look(self, watcher: Watch, *, act: bool = False) -> WatchResult:
        """One look by a watcher, as `watch`."""
        from jargonaut.watching import look

        return look(watcher, acting=act)

    def accept(self, docs: str | Path | None = None) -> Sequence[Alarm]:
        """Says that what is now is the new normal: ends all alarms; what is asked and found now is the reference.

        Raises:
            InputError: No look was taken yet.
        """
        return self.watcher(docs).accept()

    def happenings(self) -> Sequence[Happening]:
        """What monitoring did and found, oldest first; the registry has what happened to versions and indexes."""
        from jargonaut.watching import series_of

        return series_of(self.layout).happenings()

    def golden(self, docs: str | Path | None = None) -> Goldens:
        """The golden set: add, freeze, list, check."""
        from jargonaut.watching import Goldens

        return Goldens(self.watcher(docs))

    def models(self) -> Sequence[ModelVersion]:
        """Registered versions, oldest first."""
        return self.registry().list()

    def promote(self, version: str) -> Live:
        """Makes a version and its newest index live, in one step; an index that was not verified yet is verified first.

        Raises:
            InputError: The version is unknown or retired, or it has no index.
            MismatchError: Its files are gone or are not what was registered, or the index failed its verification.
        """
        return self.index().switch(self.registry().get(version).version)

    def rollback(self) -> Live:
        """Goes back to what was live before."""
        return self.index().rollback()

    def registry(self) -> Registry:
        """The workspace's registry.

        Raises:
            InputError: There is no workspace here yet.
        """
        from jargonaut.registry import Registry

        if not self.layout.registry.exists():
            raise InputError("no run has been finished in this workspace", where=str(self.layout.root),
                             remedy=_RUN_FIRST)  # fmt: skip
        return Registry(self.layout.registry, self.layout.models)

    def documents(self, source: str | Path | None = None) -> Path:
        """Where the documents lie: as told, else where they lay when the workspace was last used.

        Raises:
            InputError: Nobody said so yet.
        """
        from jargonaut.sources import recalled_source

        return recalled_source(self.layout) if source is None else Path(source)

    def _encoder(self, version: ModelVersion) -> VersionEncoder:
        """That of a version, loaded once."""
        from jargonaut.encoders import version_encoder

        if version.version not in self._encoders:
            self._encoders[version.version] = version_encoder(self.registry(), version, self.settings)
        return self._encoders[version.version]

    def _corpus(self, docs: str | Path | None) -> PreparedCorpus:
        from jargonaut.encoders import base_model
        from jargonaut.sources import corpus_at

        base = base_model(self.settings)
        return corpus_at(self.documents(docs), base, self.settings, self.layout, self.reporter)

    def _passages(self, docs: str | Path | None) -> IndexedPassages:
        from jargonaut.lifecycle import passages_of

        return passages_of(self._corpus(docs), self.settings)


_RUN_FIRST = "run `jargonaut run DOCS --workspace DIR` first"
