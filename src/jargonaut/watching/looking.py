"""One look at the live system: what is measured, what the rules say of it, who is told.

Every part may fail by itself (documents that are gone, a log that cannot be read, a full disk): it is told, and the
others go on. Nothing here changes what is live.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jargonaut.artifacts import held
from jargonaut.encoders import base_model, local_encoder
from jargonaut.errors import InputError, JargonautError
from jargonaut.layout import Layout
from jargonaut.lifecycle import IndexLifecycle
from jargonaut.monitoring import Alarm, Facts, PassRecord, Series, Signal, acceptable, findings
from jargonaut.protocols import Reporter
from jargonaut.registry import Live
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.watching import clicks, drifting
from jargonaut.watching.asking import Asker
from jargonaut.watching.labels import new_labels, root_base
from jargonaut.watching.ledger import Ledger
from jargonaut.watching.queries import QuerySide
from jargonaut.watching.recall import REFERENCE, GoldenSide
from jargonaut.watching.sheet import Sheet
from jargonaut.watching.snapshot import shift, snapshot

Clock = Callable[[], datetime]
LAST_TEST, POOL, ACCEPTED = "last_test", "pool", "accepted_findings"
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
        self.ledger = Ledger(layout, self.series, self.options)
        self.asker = Asker(index)
        self._documents = documents

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
        last = self.series.latest()
        if last is None:
            raise InputError("there is nothing to accept: no look was taken yet", remedy="`jargonaut watch` first")
        with self._alone():
            before = self.series.note(ACCEPTED) or {}
            pointer = [last.version, last.collection]
            kept = before["values"] if before.get("pointer") == pointer else {}
            values = {**kept, **acceptable(last.findings)}
            notes = {REFERENCE: None, ACCEPTED: {"pointer": pointer, "values": values}, **self.queries().accepted()}
            return self.series.accept(self.clock(), notes)

    def queries(self) -> QuerySide:
        """Logged queries and what they are compared with."""
        return QuerySide(self.layout, self.settings, self.series, self.index, self.asker, self.clock)

    def documents(self) -> PreparedCorpus:
        """The passages of the documents as they are now."""
        return self._documents()

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
        self.watch, self.options, self.ledger = watch, watch.options, watch.ledger
        self.started = time.monotonic()
        registry = watch.index.registry
        self.sheet = Sheet(
            watch.layout, registry, live, registry.get(live.version), watch.clock().astimezone(UTC),
            Facts(watch.options), watch.documents,
        )  # fmt: skip

    def done(self) -> PassRecord:
        """Measures, judges, keeps and tells."""
        sheet = self.sheet
        self.ledger.begin(sheet)
        accepted = self.ledger.note(sheet, ACCEPTED) or {}
        if tuple(accepted.get("pointer", ())) == sheet.pointer:
            sheet.facts = replace(sheet.facts, accepted=accepted["values"])
        parts: dict[str, Callable[[], None]] = {
            "golden queries": self._golden, "documents": self._corpus, "labels": self._labels, "age": self._age,
            "base model": self._base, "drift": self._drift, "clicks": self._clicks,
        }  # fmt: skip
        for name, part in parts.items():
            try:
                part()
            except (JargonautError, OSError) as error:
                sheet.notice(f"{name}: {error}")
        found = PassRecord(
            sheet.number, sheet.at.isoformat(timespec="seconds"), *sheet.pointer, sheet.golden, tuple(sheet.signals),
            findings(sheet.facts), notices=tuple(sheet.notices), seconds=round(time.monotonic() - self.started, 3),
        )  # fmt: skip
        return self.ledger.keep(sheet, found)

    def _golden(self) -> None:
        GoldenSide(self.watch.settings, self.watch.index, self.watch.asker, self.ledger).look(self.sheet)

    def _corpus(self) -> None:
        sheet = self.sheet
        if sheet.documents is None:
            return
        if sheet.trained is None or sheet.trained.corpus is None:
            sheet.notice("the passages that the live version was trained on are not here: nothing is compared")
            return
        found = shift(sheet.trained.corpus, sheet.documents, sheet.layout)
        c = found.change
        sheet.facts, sheet.fresh = replace(sheet.facts, corpus=c), found.fresh
        sheet.signals += [
            Signal("passages", c.passages), Signal("passages_changed", c.changed, count=c.passages),
            Signal("passages_removed", c.gone, count=c.trained), Signal("corpus_new_words", c.new_words),
        ]  # fmt: skip

    def _labels(self) -> None:
        sheet = self.sheet
        if sheet.trained is None:
            return
        seen = self.ledger.note(sheet, POOL) or {}
        count, kept = new_labels(sheet.trained, sheet.documents, sheet.layout, seen)
        sheet.notes[POOL] = kept
        if count is not None:
            sheet.facts = replace(sheet.facts, labels=count)
            sheet.signals.append(Signal("new_labels", count))

    def _age(self) -> None:
        sheet = self.sheet
        if not sheet.version.base:
            return
        age = (sheet.at - datetime.fromisoformat(sheet.version.created)) / timedelta(days=1)
        if age < 0:
            sheet.notice(f"{sheet.version.version} was made in the future: a clock is wrong")
            return
        sheet.facts = replace(sheet.facts, age_days=age)
        sheet.signals.append(Signal("age_days", age))

    def _base(self) -> None:
        name, fingerprint = root_base(self.sheet.version)
        wanted = base_model(self.watch.settings)
        other = "" if local_encoder(wanted, self.watch.settings).fingerprint == fingerprint else wanted.name
        self.sheet.facts = replace(self.sheet.facts, base=name or None, other_base=other)

    def _drift(self) -> None:
        sheet, last = self.sheet, self.ledger.note(self.sheet, LAST_TEST)
        if not sheet.number or sheet.facts.search_fault or not drifting.due(last, sheet.at, self.options):
            return
        side = self.watch.queries()
        tests, signals, told = side.tests(sheet.trained, sheet.version, sheet.pointer, sheet.at)
        sheet.signals += signals
        for text in told:
            sheet.notice(text)
        sheet.notes |= side.notes
        if sheet.fresh and sheet.trained is not None and sheet.trained.corpus is not None:
            encode = self.watch.index.cached(sheet.version).encode_passages
            before = snapshot(sheet.trained.corpus, sheet.layout).sample
            test = drifting.corpus_test(before, sheet.fresh, encode, self.options)
            tests += [test] if test is not None else []
        drift = drifting.day(tests, self.options)
        if drift is None:
            return
        sheet.notes[LAST_TEST] = sheet.at.isoformat(timespec="seconds")
        sheet.facts = replace(sheet.facts, drift=drift)
        sheet.signals += [Signal(f"p: {name}", p) for name, p in drifting.as_notes(drift).items()]

    def _clicks(self) -> None:
        if self.options.clicks is None or self.sheet.facts.search_fault:
            return
        path = self.watch.layout.root / self.options.clicks
        found = clicks.measured(path, self.watch.settings, self.watch.asker, self.sheet.documents)
        self.sheet.signals += found.signals
        for text in found.notices:
            self.sheet.notice(text)
