"""The part of a look that asks golden queries: recall, scores, expiry and leaks, written on the look's sheet.

Joins the golden set, the live system and the reference. What a change means is the rules' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jargonaut import evaluation
from jargonaut.artifacts import plain
from jargonaut.errors import JargonautError
from jargonaut.lifecycle import IndexLifecycle
from jargonaut.monitoring import GoldenSet, Signal, WatchOptions
from jargonaut.settings import Settings
from jargonaut.watching import golden
from jargonaut.watching.asking import Asker
from jargonaut.watching.ledger import Ledger
from jargonaut.watching.sheet import Sheet
from jargonaut.watching.snapshot import held_passages

REFERENCE = "reference"
"""Note: what golden queries scored on what was live when it was accepted."""


class GoldenSide:
    """One look's dealings with golden queries.

    Args:
        settings: Sections `watch` and `bm25`.
        index: Registry and store.
        asker: Asks what is live.
        ledger: What earlier looks left.
    """

    def __init__(self, settings: Settings, index: IndexLifecycle, asker: Asker, ledger: Ledger) -> None:
        self._settings, self._index, self._asker, self._ledger = settings, index, asker, ledger
        self._options: WatchOptions = settings.watch

    def look(self, sheet: Sheet) -> None:
        """Asks the golden set in force, or at least whether the live system answers at all."""
        try:
            found = golden.golden_set(sheet.layout, sheet.trained)
        except JargonautError as error:
            sheet.facts = replace(sheet.facts, golden_fault=str(error).replace("\n", " "))
            self._answers(sheet)
            return
        if found is None:
            sheet.notice("there is no golden query: recall is not watched; `jargonaut golden add FILE`")
            self._answers(sheet)
            return
        sheet.golden, sheet.facts = found.version, replace(sheet.facts, golden_fault="")
        try:
            asked = self._asked(sheet, found)
        except JargonautError as error:
            _fault(sheet, error)
            return
        self._leaks(sheet, found)
        _expiry(sheet, found, asked)
        if asked.ids:
            self._scored(sheet, asked)

    def _asked(self, sheet: Sheet, found: GoldenSet) -> golden.Asked:
        documents = sheet.documents
        known = None if documents is None else (lambda ids: held_passages(documents, ids))
        pairs = sheet.trained.pairs if sheet.trained else None
        groups = pairs.splits.groups if pairs else {}
        return golden.ask(found, self._asker, lambda ids: self._indexed(sheet, ids), known, groups)

    def _answers(self, sheet: Sheet) -> None:
        try:
            self._asker.searcher.search(["warm"], 1)
        except JargonautError as error:
            _fault(sheet, error)

    def _scored(self, sheet: Sheet, asked: golden.Asked) -> None:
        if len(asked.ids) < golden.FEW:
            sheet.notice(f"only {len(asked.ids)} golden queries can be asked; little can be seen with so few")
        if asked.stale:
            sheet.notice("the encoder makes other vectors than the cache holds of it, so all golden queries were "
                         "encoded anew: another library or device, or it is broken")  # fmt: skip
        row = self._ledger.note(sheet, REFERENCE)
        before = golden.Reference(tuple(row["pointer"]), row["scores"]) if row else golden.Reference()
        recall, scores = (golden.change(before, asked, column, self._options) for column in (0, 2))
        sheet.facts = replace(sheet.facts, recall=recall, scores=scores)
        sheet.notes[REFERENCE] = plain(golden.followed(before, asked, sheet.pointer, recall))
        count = len(asked.ids)
        clusters = [asked.clusters[id_] for id_ in asked.ids]
        for name, values in (("recall_at_10", asked.recall), ("ndcg_at_10", asked.ndcg)):
            span = evaluation.mean_interval(
                np.asarray(values), clusters, confidence=self._options.confidence, seed=self._options.seed
            )
            sheet.signals.append(Signal(name, span.difference, span.low, span.high, count))
        for name, change in (("recall_change", recall), ("golden_score_change", scores)):
            if change is not None:
                sheet.signals.append(Signal(name, change.difference, change.low, change.high, change.queries))
        sheet.signals += [
            Signal("golden_queries", count), Signal("golden_top_score", sum(asked.top) / count, count=count),
            Signal("milliseconds_a_query", asked.milliseconds, count=count),
        ]  # fmt: skip

    def _leaks(self, sheet: Sheet, found: GoldenSet) -> None:
        ids = golden.leaked(found, sheet.ancestors, sheet.layout, self._settings.bm25.language)
        if ids is None:
            sheet.notice(f"what {sheet.version.version} was trained on is not here any more: whether golden queries "
                         "leaked cannot be told")  # fmt: skip
            return
        sheet.facts = replace(sheet.facts, leaked=len(ids), golden=len(found.queries))
        sheet.signals.append(Signal("golden_leaked", len(ids), count=len(found.queries)))

    def _indexed(self, sheet: Sheet, ids: Sequence[str]) -> frozenset[str]:
        collection = self._index.store.open(sheet.live.index, sheet.version.searched)
        there: set[str] = set()
        for start in range(0, len(ids), 1_000):
            there.update(collection.fetch(ids[start : start + 1_000]))
        return frozenset(there)


def _expiry(sheet: Sheet, found: GoldenSet, asked: golden.Asked) -> None:
    total, gone = len(found.queries), len(asked.expired)
    sheet.facts = replace(sheet.facts, golden=total, expired=gone)
    sheet.signals.append(Signal("golden_expired", gone / total, count=total))
    if gone:
        sheet.notice(f"{gone:,} golden queries expired: their passages are gone; `jargonaut golden freeze` leaves them "
                     "out")  # fmt: skip
    if asked.missing:
        sheet.notice(f"{asked.missing:,} golden passages are in the documents and not in the index: "
                     "`jargonaut index sync`")  # fmt: skip


def _fault(sheet: Sheet, error: JargonautError) -> None:
    sheet.facts = replace(sheet.facts, search_fault=str(error).replace("\n", " "))
