"""One look at the live system: what is measured, what the rules say of it, who is told.

Every part may fail by itself (documents that are gone, a log that cannot be read, a full disk): it is told, and the
others go on. Nothing here changes what is live.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from jargonaut import evaluation
from jargonaut.artifacts import held, plain
from jargonaut.encoders import base_model, local_encoder
from jargonaut.errors import InputError, JargonautError
from jargonaut.layout import Layout
from jargonaut.lifecycle import IndexLifecycle, LiveSearcher
from jargonaut.monitoring import (
    Alarm,
    Drift,
    Facts,
    PassRecord,
    Series,
    Signal,
    channels,
    deliver,
    findings,
)
from jargonaut.protocols import Encoder, Reporter
from jargonaut.registry import Live, ModelVersion
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.watching import clicks, drifting, golden
from jargonaut.watching.labels import new_labels, root_base
from jargonaut.watching.queries import QuerySide
from jargonaut.watching.snapshot import Trained, ancestry, held_passages, shift, snapshot, trained_on

Clock = Callable[[], datetime]
REFERENCE, LAST_TEST, POOL, ATTEMPT = "reference", "last_test", "pool", "attempt"
"""Notes that one pass leaves to the next."""


def utc_now() -> datetime:
    """The clock unless another is handed in."""
    return datetime.now(UTC)


def series_of(layout: Layout) -> Series:
    """What monitoring remembers of a workspace."""
    return Series(layout.monitoring / "series.db")


class Watch:
    """Looks at one workspace's live system.

    Args:
        layout: The workspace's paths.
        settings: Sections `watch` and `query_log`, and those by which documents are read.
        index: Registry, store and encoders.
        documents: Gives the passages of the documents as they are now.
        reporter: Where long work shows itself.
        clock: The time, with its zone.
    """

    def __init__(
        self, layout: Layout, settings: Settings, index: IndexLifecycle, documents: Callable[[], PreparedCorpus],
        reporter: Reporter, clock: Clock = utc_now,
    ) -> None:  # fmt: skip
        self.layout, self.settings, self.index, self.reporter, self.clock = layout, settings, index, reporter, clock
        self.options = settings.watch
        self.series = series_of(layout)
        self._documents = documents
        self._searcher: LiveSearcher | None = None
        self._unwritten = ""

    def look(self) -> PassRecord:
        """One pass; gives what it found. What could not be kept is told as a notice.

        Raises:
            InputError: Nothing is live, or another process is looking.
        """
        live = self.index.registry.live()
        if live is None:
            raise InputError("nothing is live, so there is nothing to watch", remedy="`jargonaut run DOCS` first")
        with self._alone():
            return _Look(self, live).done()

    def accept(self) -> tuple[Alarm, ...]:
        """Says that what is now is the new normal: ends all alarms, and makes today the reference.

        Raises:
            InputError: No pass was made yet.
        """
        if self.series.latest() is None:
            raise InputError("there is nothing to accept: no look was taken yet", remedy="`jargonaut watch` first")
        with self._alone():
            queries = self.queries(self.searcher).logged_texts()
            notes: dict[str, Any] = {REFERENCE: None}
            if len(queries) >= self.options.min_queries:
                notes["reference_queries"] = queries
            return self.series.accept(self.clock(), notes)

    @property
    def searcher(self) -> LiveSearcher:
        """Searches as a service does; what is asked here is never logged as a user's."""
        if self._searcher is None:
            self._searcher = LiveSearcher(self.index.registry, self.index.store, self.index.encoders)
        return self._searcher

    def encoder(self, version: ModelVersion) -> Encoder:
        """Of a version."""
        return self.index.encoders(version)

    def queries(self, searcher: LiveSearcher) -> QuerySide:
        """Logged queries and what they are compared with."""
        return QuerySide(self.layout, self.settings, self.series, searcher, self.encoder, self.clock)

    def documents(self) -> PreparedCorpus:
        """The passages of the documents as they are now."""
        return self._documents()

    def unwritten(self) -> str:
        """Why the pass before could not be kept, told once; "" where it could."""
        told, self._unwritten = self._unwritten, ""
        return told

    def could_not_write(self, why: str) -> None:
        """Keeps in mind, for the next pass of this process, what the disk could not take."""
        self._unwritten = why

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock: int | None = -1
        with contextlib.suppress(OSError):  # a disk that cannot be written to must not keep anybody from looking
            self.layout.monitoring.mkdir(parents=True, exist_ok=True)
            lock = held(self.layout.monitoring / "watch.lock")
        if lock is None:
            raise InputError("another process is looking at this workspace", where=str(self.layout.root))
        try:
            yield
        finally:
            if lock >= 0:
                os.close(lock)


class _Look:
    """One pass: parts that measure, each of which may fail by itself."""

    def __init__(self, watch: Watch, live: Live) -> None:
        self.watch, self.live, self.options, self.series = watch, live, watch.options, watch.series
        self.started, self.at = time.monotonic(), watch.clock().astimezone(UTC)
        self.version = watch.index.registry.get(live.version)
        self.notices: list[str] = []
        self.signals: list[Signal] = []
        self.notes: dict[str, Any] = {}
        self.facts = Facts(self.options)
        self.golden_name = ""
        self.number = 0

    def done(self) -> PassRecord:
        """Measures, judges, keeps and tells."""
        number = self.number = self._begun()
        for part in (self._golden, self._corpus, self._labels, self._age_and_base, self._drift, self._clicks):
            try:
                part()
            except (JargonautError, OSError) as error:
                self.notices.append(f"{_NAMES[part.__name__]}: {error}".replace("\n", " "))
        found = PassRecord(
            number, self.at.isoformat(timespec="seconds"), self.live.version, self.live.index, self.golden_name,
            tuple(self.signals), findings(self.facts), notices=tuple(self.notices),
            seconds=round(time.monotonic() - self.started, 3),
        )  # fmt: skip
        return self._kept(found)

    def _begun(self) -> int:
        """The pass's number, and what the passes before have to tell."""
        try:
            if why := self.watch.unwritten():
                self.series.happened(self.at, "pass not kept", why=why)
                self.notices.append(f"the pass before could not be kept: {why}")
            number = self.series.begin(self.at)
            for at in self.series.unended(number):
                self.notices.append(f"the pass of {at[:16]} was begun and never ended: killed, or the disk was full")
                self.series.happened(self.at, "pass not ended", begun=at)
            self.notices += self.series.untold()
            attempt = self.series.note(ATTEMPT) or {}
            if attempt.get("step") not in (None, "done") and not _running(self.watch.layout):
                self.notices.append(
                    f"a re-training of {attempt.get('begun', '')[:16]} stopped at {attempt['step']!r}; "
                    "`jargonaut watch --act` goes on from there"
                )
        except JargonautError as error:
            self._cannot_keep(error)
            return 0
        return number

    def _note(self, name: str) -> Any:
        """What an earlier pass left; None where nothing can be kept."""
        return self.series.note(name) if self.number else None

    def _cannot_keep(self, error: JargonautError) -> None:
        told = f"the series could not be written, so this pass is not kept: {error.what}"
        if told not in self.notices:
            self.notices.append(told)
        self.watch.could_not_write(error.what)

    def _kept(self, found: PassRecord) -> PassRecord:
        if found.number == 0:
            return _unkept(found)
        told = channels(self.options)
        try:
            found = self.series.end(found, self.options, sorted(told), self.notes)
        except JargonautError as error:
            self._cannot_keep(error)
            return _unkept(replace(found, notices=tuple(self.notices)))
        try:
            outcomes = {}
            for number, channel, what, alarm in self.series.unsent():
                if channel in told:
                    outcomes[number] = deliver(told[channel], _message(self.watch.layout, what, alarm), self.options)
                    if outcomes[number]:
                        self.notices.append(f"{channel} did not take the alert {alarm.name!r}: {outcomes[number]}")
            self.series.delivered(self.at, outcomes, sorted(told))
        except JargonautError as error:
            self._cannot_keep(error)
        return replace(found, notices=tuple(self.notices))

    @cached_property
    def trained(self) -> Trained | None:
        return trained_on(self.watch.index.registry, self.version, self.watch.layout)

    @cached_property
    def documents(self) -> PreparedCorpus | None:
        try:
            return self.watch.documents()
        except (JargonautError, OSError) as error:
            self.notices.append(f"the documents cannot be read, so nothing is said of them: {error}".replace("\n", " "))
            return None

    def _golden(self) -> None:
        layout = self.watch.layout
        found = golden.golden_set(layout, self.trained)
        if found is None:
            self.notices.append("there is no golden query: recall is not watched; `jargonaut golden add FILE`")
            self._answers()
            return
        self.golden_name = found.version
        documents = self.documents
        known = None if documents is None else (lambda ids: held_passages(documents, ids))
        pairs = self.trained.pairs if self.trained else None
        try:
            asked = golden.ask(found, self.watch.searcher, self._indexed, known, pairs.splits.groups if pairs else {})
        except JargonautError as error:
            self.facts = replace(self.facts, search_fault=str(error).replace("\n", " "))
            return
        self._leaks(found)
        assert asked is not None  # noqa: S101 - the set holds queries
        self.facts = replace(self.facts, golden=len(found.queries), expired=len(asked.expired))
        self.signals.append(Signal("golden_expired", len(asked.expired) / len(found.queries), count=len(found.queries)))
        if asked.expired:
            self.notices.append(f"{len(asked.expired):,} golden queries expired: their passages are gone; "
                                "`jargonaut golden freeze` leaves them out")  # fmt: skip
        if asked.missing:
            self.notices.append(f"{asked.missing:,} golden passages are in the documents and not in the index: "
                                "`jargonaut index sync`")  # fmt: skip
        if asked.ids:
            self._scored(asked)

    def _answers(self) -> None:
        """Whether the live system answers at all."""
        try:
            self.watch.searcher.search(["warm"], 1)
        except JargonautError as error:
            self.facts = replace(self.facts, search_fault=str(error).replace("\n", " "))

    def _scored(self, asked: golden.Asked) -> None:
        if len(asked.ids) < golden.FEW:
            self.notices.append(f"only {len(asked.ids)} golden queries can be asked; little can be seen with so few")
        pointer = (self.live.version, self.live.index)
        row = self._note(REFERENCE)
        before = golden.Reference(tuple(row["pointer"]), row["scores"]) if row else golden.Reference()
        recall, scores = (golden.change(before, asked, column, self.options) for column in (0, 2))
        self.facts = replace(self.facts, recall=recall, scores=scores)
        self.notes[REFERENCE] = plain(golden.followed(before, asked, pointer, recall))
        clusters, count = [asked.clusters[id_] for id_ in asked.ids], len(asked.ids)
        for name, values in (("recall_at_10", asked.recall), ("ndcg_at_10", asked.ndcg)):
            span = evaluation.mean_interval(
                _array(values), clusters, confidence=self.options.confidence, seed=self.options.seed
            )
            self.signals.append(Signal(name, span.difference, span.low, span.high, count))
        for name, change in (("recall_change", recall), ("golden_score_change", scores)):
            if change is not None:
                self.signals.append(Signal(name, change.difference, change.low, change.high, change.queries))
        self.signals += [
            Signal("golden_queries", count), Signal("golden_top_score", sum(asked.top) / count, count=count),
            Signal("milliseconds_a_query", asked.milliseconds, count=count),
        ]  # fmt: skip

    def _leaks(self, found: Any) -> None:
        versions = ancestry(self.watch.index.registry, self.version)
        language = self.watch.settings.bm25.language
        ids = golden.leaked(found, versions, self.watch.layout, language)
        if ids is None:
            self.notices.append(f"what {self.version.version} was trained on is not here any more: whether golden "
                                "queries leaked cannot be told")  # fmt: skip
            return
        self.facts = replace(self.facts, leaked=len(ids), golden=len(found.queries))
        self.signals.append(Signal("golden_leaked", len(ids), count=len(found.queries)))

    def _indexed(self, ids: Any) -> frozenset[str]:
        collection = self.watch.index.store.open(self.live.index, self.version.searched)
        there: set[str] = set()
        for start in range(0, len(ids), 1_000):
            there.update(collection.fetch(ids[start : start + 1_000]))
        return frozenset(there)

    def _corpus(self) -> None:
        if self.documents is None:
            return
        if self.trained is None or self.trained.corpus is None:
            self.notices.append("the passages that the live version was trained on are not here: nothing is compared")
            return
        found = shift(self.trained.corpus, self.documents, self.watch.layout)
        c = found.change
        self.facts = replace(self.facts, corpus=c)
        self.signals += [
            Signal("passages", c.passages), Signal("passages_changed", c.changed, count=c.passages),
            Signal("passages_removed", c.gone, count=c.trained), Signal("corpus_new_words", c.new_words),
        ]  # fmt: skip
        self.fresh = found.fresh

    fresh: tuple[str, ...] = ()

    def _labels(self) -> None:
        if self.trained is None:
            return
        seen = self._note(POOL) or {}
        count, kept = new_labels(self.trained, self.documents, self.watch.layout, seen)
        self.notes[POOL] = kept
        if count is not None:
            self.facts = replace(self.facts, labels=count)
            self.signals.append(Signal("new_labels", count))

    def _age_and_base(self) -> None:
        name, fingerprint = root_base(self.version)
        wanted = base_model(self.watch.settings)
        other = "" if local_encoder(wanted, self.watch.settings).fingerprint == fingerprint else wanted.name
        self.facts = replace(self.facts, base=name or None, other_base=other)
        if self.version.base:
            age = (self.at - datetime.fromisoformat(self.version.created)) / timedelta(days=1)
            if age < 0:
                self.notices.append(f"{self.version.version} was made in the future: a clock is wrong")
            else:
                self.facts = replace(self.facts, age_days=age)
                self.signals.append(Signal("age_days", age))

    def _drift(self) -> None:
        last = self._note(LAST_TEST)
        side = self.watch.queries(self.watch.searcher)
        if not self.number or self.facts.search_fault or not drifting.due(last, self.at, self.options):
            return
        tests, signals, told = side.tests(self.trained, self.version, (self.live.version, self.live.index), self.at)
        self.signals += signals
        self.notices += told
        self.notes |= side.notes
        if self.fresh and self.trained is not None and self.trained.corpus is not None:
            encode = self.watch.index.cached(self.version).encode_passages
            before = snapshot(self.trained.corpus, self.watch.layout).sample
            test = drifting.corpus_test(before, self.fresh, encode, self.options)
            tests += [test] if test is not None else []
        drift: Drift | None = drifting.day(tests, self.options)
        if drift is None:
            return
        self.notes[LAST_TEST] = self.at.isoformat(timespec="seconds")
        self.facts = replace(self.facts, drift=drift)
        self.signals += [Signal(f"p: {name}", p) for name, p in drifting.as_notes(drift).items()]

    def _clicks(self) -> None:
        if self.options.clicks is None or self.facts.search_fault:
            return
        found = clicks.measured(self.watch.layout.root / self.options.clicks, self.watch.settings, self.watch.searcher)
        self.signals += found.signals
        self.notices += found.notices


_NAMES = {
    "_golden": "golden queries", "_corpus": "documents", "_labels": "labels", "_age_and_base": "base model",
    "_drift": "drift", "_clicks": "clicks",
}  # fmt: skip


def _unkept(found: PassRecord) -> PassRecord:
    """A pass that could not be kept: whoever reads it must still see what is wrong, though nobody can be told twice."""
    alarms = tuple(
        Alarm(0, one.name, one.kind, found.at, one.evidence) for one in found.findings if one.fires and one.sudden
    )
    return replace(found, open=alarms, raised=alarms)


def _running(layout: Layout) -> bool:
    """Whether a process re-trains now."""
    with contextlib.suppress(OSError):
        lock = held(layout.monitoring / "act.lock")
        if lock is None:
            return True
        os.close(lock)
    return False


def _message(layout: Layout, what: str, alarm: Alarm) -> Mapping[str, Any]:
    return {
        "workspace": str(layout.root.resolve()), "alarm": alarm.name, "what": what, "kind": alarm.kind,
        "raised": alarm.raised, "cleared": alarm.cleared, "evidence": alarm.evidence,
        "text": f"jargonaut: {alarm.name} ({what}): {alarm.evidence}",
    }  # fmt: skip


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values, dtype=np.float64)
