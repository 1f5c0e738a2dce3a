"""What one pass finds of the passes before it, what it leaves to the next, and who is told of its alarms.

A disk that is full, or a series that cannot be read, keeps nobody from looking: the pass is told, and not kept. Knows
the series and the channels; measures nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jargonaut.artifacts import held
from jargonaut.errors import JargonautError
from jargonaut.layout import Layout
from jargonaut.monitoring import Alarm, PassRecord, Series, WatchOptions, channels, deliver
from jargonaut.watching.sheet import Sheet

ATTEMPT = "attempt"
"""Note: how far the last re-training came."""
ACT_LOCK = "act.lock"


class Ledger:
    """The books of one workspace's monitoring.

    Args:
        layout: The workspace's paths.
        series: What monitoring remembers.
        options: Who is told, and how long passes are kept.
    """

    def __init__(self, layout: Layout, series: Series, options: WatchOptions) -> None:
        self.layout, self.series, self.options = layout, series, options
        self._unwritten = ""

    def begin(self, sheet: Sheet) -> None:
        """Gives the pass its number, and tells what became of the passes before."""
        try:
            if self._unwritten:
                self.series.happened(sheet.at, "pass not kept", why=self._unwritten)
                sheet.notice(f"the pass before could not be kept: {self._unwritten}")
                self._unwritten = ""
            number = self.series.begin(sheet.at)
            for at in self.series.unended(number):
                sheet.notice(f"the pass of {at[:16]} was begun and never ended: killed, or the disk was full")
                self.series.happened(sheet.at, "pass not ended", begun=at)
            for told in self.series.untold():
                sheet.notice(told)
            self._unfinished(sheet)
        except JargonautError as error:
            self._cannot_keep(sheet, error)
        else:
            sheet.number = number

    def note(self, sheet: Sheet, name: str) -> Any:
        """What an earlier pass left; None where nothing can be kept."""
        return self.series.note(name) if sheet.number else None

    def keep(self, sheet: Sheet, found: PassRecord) -> PassRecord:
        """Keeps a pass with what becomes of the alarms, and tells whoever is to be told."""
        if found.number == 0:
            return _unkept(found)
        try:
            found = self.series.end(found, self.options, sorted(channels(self.options)), sheet.notes)
        except JargonautError as error:
            self._cannot_keep(sheet, error)
            return _unkept(replace(found, notices=tuple(sheet.notices)))
        try:
            self._tell(sheet)
        except JargonautError as error:
            self._cannot_keep(sheet, error)
        return replace(found, notices=tuple(sheet.notices))

    def _unfinished(self, sheet: Sheet) -> None:
        attempt = self.series.note(ATTEMPT) or {}
        if attempt.get("step") not in (None, "done") and not _acting(self.layout):
            sheet.notice(
                f"a re-training of {attempt.get('begun', '')[:16]} stopped at {attempt['step']!r}; "
                "`jargonaut watch --act` goes on from there, or ends it where nothing asks for it any more"
            )

    def _tell(self, sheet: Sheet) -> None:
        """Sends what waits; a channel that fails is left alone until the next pass, so that it holds up one alert."""
        known = channels(self.options)
        outcomes: dict[int, str] = {}
        failed: set[str] = set()
        for number, name, what, alarm in self.series.unsent():
            if name not in known or name in failed:
                continue
            outcomes[number] = deliver(known[name], _message(self.layout, what, alarm), self.options)
            if outcomes[number]:
                failed.add(name)
                sheet.notice(f"{name} did not take the alert {alarm.name!r}: {outcomes[number]}")
        self.series.delivered(sheet.at, outcomes, sorted(known))

    def _cannot_keep(self, sheet: Sheet, error: JargonautError) -> None:
        sheet.notice(f"the series could not be written, so this pass is not kept: {error.what}")
        self._unwritten = error.what


def _unkept(found: PassRecord) -> PassRecord:
    """A pass that could not be kept: whoever reads it must still see what is wrong, though nobody can be told twice."""
    alarms = tuple(
        Alarm(0, one.name, one.kind, found.at, one.evidence) for one in found.findings if one.fires and one.sudden
    )
    return replace(found, open=alarms, raised=alarms)


def _acting(layout: Layout) -> bool:
    """Whether a process re-trains now."""
    with contextlib.suppress(OSError):
        lock = held(layout.monitoring / ACT_LOCK)
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
