"""Everything a user does with pairs in a workspace: add them, have them written, look at them, judge them.

Joins the pool with the corpus that a workspace is about. How a kind of source is read, and which pairs are worth
training on, is decided by the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut import formats
from jargonaut.artifacts import Artifact, content_hash, file_hash, plain
from jargonaut.errors import InputError
from jargonaut.formats.labels import LabelOptions, open_judgements
from jargonaut.gathering import attributed, collected
from jargonaut.generation import Job, Judged, plan_job, write_questions
from jargonaut.labelled import own_parts
from jargonaut.layout import Layout
from jargonaut.pairing import PreparedPairs, prepare_pairs
from jargonaut.pairs.attribution import attribute
from jargonaut.pairs.check import Grades, require_labels
from jargonaut.pairs.clicks import ClickOptions, judge_log
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pool import Build, Built, Entry, Pool
from jargonaut.protocols import Reporter
from jargonaut.records import SPLITS, BadRow, Pair
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, corpus_at, recalled_source
from jargonaut.suspects import suspects
from jargonaut.writers import open_writer

if TYPE_CHECKING:
    from jargonaut.encoding.cache import CachedEncoder
    from jargonaut.pairs.check import Checked
    from jargonaut.pairs.review import Material
    from jargonaut.pairs.statistics import PairStatistics

LABELS_VERSION = 2
CLICKS_VERSION = 2


@dataclass(frozen=True, slots=True)
class Added:
    """A source that was added.

    Attributes:
        entry: In the pool.
        attributed: Which passages of the corpus it means; None in a workspace that has no documents yet.
        notices: What a reader must know before trusting it.
    """

    entry: Entry
    attributed: Artifact | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """What adding a click log would give.

    Attributes:
        counts: What was read in it, and how; `notices` are what a reader must know of that.
        attributed: What passages it means.
        bad_rows: Rows that cannot be used.
        unknown: Judgements that no passage is found for.
    """

    counts: Mapping[str, Any]
    attributed: Mapping[str, Any]
    bad_rows: tuple[BadRow, ...]
    unknown: tuple[BadRow, ...]

    @property
    def usable(self) -> bool:
        """Whether adding it would give a pair."""
        return bool(self.attributed["queries"])

    @property
    def ok(self) -> bool:
        """Whether every row can be used and every answer is in the corpus."""
        return self.usable and not (self.bad_rows or self.unknown)


class PairCollection:
    """The pairs of a workspace.

    Args:
        layout: The workspace's paths.
        settings: Every stage's options.
        reporter: Where long work shows itself.
        docs: The documents that pairs are about; what the workspace was last used on when None.
    """

    def __init__(self, layout: Layout, settings: Settings, reporter: Reporter, docs: Path | None = None) -> None:
        self._layout, self._settings, self._reporter = layout, settings, reporter
        self._docs = docs
        self._pool = Pool(layout.pool)

    def add(self, path: str | Path, *, name: str | None = None, options: LabelOptions | None = None) -> Added:
        """Adds a labelled file or folder.

        Args:
            path: CSV, TSV, JSONL, JSON, Parquet, TREC qrels or a BEIR folder; see `open_judgements`.
            name: What it is called from now on; the file's name when None. A source of this name is replaced.
            options: How it is read.

        Raises:
            InputError: It cannot be read, or holds nothing that can be used.
        """
        source, how = Path(path), options or LabelOptions()

        def build(on_bad: formats.OnBad) -> Built:
            found = open_judgements(source, on_bad, how)
            require_labels(found, options)
            told = {"format": found.format, "columns": [list(pair) for pair in found.columns]}
            grades = Grades(found)
            read = self._reporter.track(grades, f"reading {source.name}")
            return Built(read, lambda: {**told, "notices": list(grades.cautions())})

        return self._add(source, name, "labels", LABELS_VERSION, how, build)

    def add_clicks(
        self, path: str | Path, *, name: str | None = None, columns: Mapping[str, str] | None = None
    ) -> Added:
        """Adds a click log, read as the settings say.

        Args:
            path: CSV, TSV, JSONL, JSON or Parquet; see `judge_log`.
            name: What it is called from now on; the file's name when None. A source of this name is replaced.
            columns: Role (`query`, `document`, `rank`, `clicked`, `time`, `session` …) → name of its column, where that
                says nothing.

        Raises:
            InputError: It is no click log, or nothing in it can be used.
        """
        source, how = Path(path), _with_columns(self._settings.clicks, columns or {})

        def build(on_bad: formats.OnBad) -> Built:
            return _judged_log(source, how, on_bad, self._reporter)

        return self._add(source, name, "clicks", CLICKS_VERSION, how, build)

    def plan_questions(self, *, per_passage: int | None = None, limit: int | None = None, local: bool = False) -> Job:
        """Decides which questions a language model is to write, and what that will cost; asks nothing yet.

        Args:
            per_passage: Questions for each passage; the settings' when None.
            limit: Most passages; the settings' when None.
            local: Whether the embedded model is wanted although there is an endpoint.

        Raises:
            ModelError: The model, or a package that it needs, is not there.
            InputError: There is no passage to ask about.
        """
        changes: dict[str, Any] = {"per_passage": per_passage, "limit": limit}
        asked = {key: value for key, value in changes.items() if value is not None}
        options = replace(self._settings.questions, **asked)
        writer = open_writer(self._settings, self._layout, local=local)
        return plan_job(self.corpus, self._judged(), writer, self._settings, options)

    def generate(self, job: Job) -> Added:
        """Has a job's questions written, and adds them. After a kill the same job pays for the rest only.

        Raises:
            ModelError: The endpoint refuses, or is out of reach for too long; what was answered is kept.
            InputError: No question came of it.
        """
        entry = write_questions(job, self.corpus.artifact.key, self._pool, self._settings, self._reporter)
        return Added(entry, attributed(self.corpus, entry, self._settings, self._layout))

    def check(self, path: str | Path, *, options: LabelOptions | None = None) -> Checked:
        """What adding a labelled file would give; nothing is added.

        Raises:
            InputError: It cannot be read, or the workspace has no documents yet.
        """
        from jargonaut.pairs.check import check

        best = LexicalBest({p.id: p.content("headings") for p in self.corpus.passages}, self._settings.bm25.language)
        return check(Path(path), self.corpus.passages, best, options)

    def check_clicks(self, path: str | Path, *, columns: Mapping[str, str] | None = None) -> CheckedLog:
        """What adding a click log would give; nothing is added.

        Raises:
            InputError: It is no click log, nothing in it can be used, or the workspace has no documents yet.
        """
        source, bad, unknown = Path(path), list[BadRow](), list[BadRow]()
        corpus = self.corpus
        how = _with_columns(self._settings.clicks, columns or {})
        reasons = formats.Reasons(bad.append)
        found = _judged_log(source, how, reasons, self._reporter)
        best = LexicalBest({p.id: p.content("headings") for p in corpus.passages}, self._settings.bm25.language)
        meant = attribute(found.judgements, corpus.passages, best, unknown.append, source=source.name)
        if not meant.judgements:
            raise InputError(f"nothing in it can be used{reasons}", where=str(source))
        counts = {"judgements": meant.judgements, **found.count()}
        return CheckedLog(plain(counts), meant.counts, tuple(bad), tuple(unknown))

    def entries(self) -> list[Entry]:
        """What was added, by name."""
        return self._pool.entries()

    def remove(self, name: str) -> Entry:
        """Takes a source out again; the file that it was read from stays.

        Raises:
            InputError: There is no source of this name.
        """
        return self._pool.remove(name)

    @cached_property
    def corpus(self) -> PreparedCorpus:
        """The passages that pairs are about.

        Raises:
            InputError: Nobody said yet where they lie.
        """
        from jargonaut.encoders import base_model

        path = self._docs or recalled_source(self._layout)
        if self._docs is None and not path.exists():
            raise InputError(
                "the documents that this workspace was last used on are gone, so nothing was done", where=str(path),
                remedy="name them once where they lie now, as in `jargonaut pairs stats --docs DOCS`",
            )  # fmt: skip
        return corpus_at(path, base_model(self._settings), self._settings, self._layout, self._reporter)

    @cached_property
    def encoder(self) -> CachedEncoder:
        """The base model; every text is encoded once."""
        from jargonaut.encoders import base_model, cached_encoder

        return cached_encoder(base_model(self._settings), self._settings, self._layout, self._reporter)

    @cached_property
    def prepared(self) -> PreparedPairs:
        """All pairs of the workspace, curated and split."""
        return prepare_pairs(*self._context(self._settings))

    def statistics(self) -> PairStatistics:
        """What the workspace's pairs are like; topics and the gap between sources by the base model's vectors."""
        from jargonaut.pairs.statistics import statistics

        corpus = self.corpus
        return statistics(
            self.prepared.splits, corpus.passages, vectors=self.encoder.encode_passages(list(corpus.texts.values())),
            query_vectors=self.encoder.encode_queries, removed=self.prepared.removed, context=corpus.context,
            options=self._settings.statistics, merge_cosine=self._settings.curate.merge_cosine,
            language=self._settings.bm25.language,
        )  # fmt: skip

    def reviewed(self) -> Material:
        """What people review: the pairs before any decision, each with the part that it stands in."""
        from jargonaut.pairs.review import Material

        context = self._context(self._settings)
        gathered, prepared = collected(*context, self.entries()), prepare_pairs(*context, decisions={})
        part_of = {(p.query_id, p.passage_id): name for name in SPLITS for p in prepared.splits.part(name)}
        own = [pair for part in own_parts(self.corpus).values() for pair in part]
        pairs = (*own, *formats.read_records(gathered.path / "pairs.jsonl", Pair))
        shown = tuple(replace(p, split=part_of.get((p.query_id, p.passage_id))) for p in pairs)
        passages = {passage.id: passage for passage in self.corpus.passages}
        return Material(
            shown, passages, self._layout.reviews, self._settings.review, self._settings.bm25.language,
            suspects(self._layout, passages),
        )  # fmt: skip

    def _context(self, settings: Settings) -> tuple[PreparedCorpus, CachedEncoder, Settings, Layout, Reporter]:
        """What the preparation of pairs begins with."""
        return self.corpus, self.encoder, settings, self._layout, self._reporter

    def _judged(self) -> Judged:
        """The pairs that no model wrote, and no model judges: nothing is paid for before its cost was told."""
        settings = replace(self._settings, curate=replace(self._settings.curate, judge=False))
        others = [entry for entry in self.entries() if entry.kind != "questions"]
        context = self._context(settings)
        if self.corpus.source.kind == "beir":
            splits = prepare_pairs(*context, others).splits
            found = [pair for name in SPLITS for pair in splits.part(name)]
            return Judged(found, splits if splits.origin == "given" else None)
        if not others:
            return Judged(())
        return Judged(tuple(formats.read_records(collected(*context, others).path / "pairs.jsonl", Pair)))

    def _add(self, source: Path, name: str | None, kind: str, version: int, options: Any, build: Build) -> Added:
        if not source.exists():
            raise InputError("there is no such file or folder", where=str(source))
        digest = content_hash(
            [(file.name, file_hash(file)) for file in (formats.files_of(source) if kind == "labels" else [source])]
        )
        inputs = {"content": digest}
        known = self._docs is not None or self._layout.source.exists()
        corpus = self.corpus if known else None  # first, so that nothing is added where they are gone
        entry = self._pool.add(
            name or source.resolve().name, kind, version=version, inputs=inputs, options=options, build=build
        )
        found = None if corpus is None else attributed(corpus, entry, self._settings, self._layout)
        return Added(entry, found, tuple(entry.artifact.counts.get("notices", ())))


def _judged_log(source: Path, how: ClickOptions, on_bad: formats.OnBad, reporter: Reporter) -> Built:
    found = judge_log(source, how, on_bad, reporter)
    told = {
        "impressions": found.impressions, "pages": found.pages, "sessions": found.sessions,
        "dropped": dict(found.dropped), "notices": list(found.notices), "span": found.span,
        "recent_since": found.recent_since, "threshold": found.threshold, "curve": found.curve,
    }  # fmt: skip
    return Built(found.judgements, lambda: told)


def _with_columns(options: ClickOptions, columns: Mapping[str, str]) -> ClickOptions:
    known = {f.name.removesuffix("_column"): f.name for f in fields(ClickOptions) if f.name.endswith("_column")}
    for role in columns:
        if role not in known:
            raise InputError(f"a click log has no {role!r}", where="--column", remedy=f"one of {', '.join(known)}")
    changes: dict[str, Any] = {known[role]: column for role, column in columns.items()}
    return replace(options, **changes)
