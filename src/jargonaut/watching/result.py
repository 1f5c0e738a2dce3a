"""What `watch` gives back: the pass, the series behind it, and what acting on it came to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.errors import JargonautError
from jargonaut.monitoring import Alarm, Happening, PassRecord, Point
from jargonaut.monitoring.page import to_html
from jargonaut.monitoring.telling import explained, lines
from jargonaut.watching.acting import Retraining, act
from jargonaut.watching.looking import Watch


@dataclass(frozen=True, slots=True)
class WatchResult:
    """One look, and what followed.

    Attributes:
        record: What it found.
        series: Signal → its latest values.
        alarms: All that were ever raised.
        happened: The history of monitoring.
        acted: What training anew came to; None where nothing asked for it, or nobody let it.
    """

    record: PassRecord
    series: Mapping[str, Sequence[Point]]
    alarms: Sequence[Alarm]
    happened: Sequence[Happening]
    acted: Retraining | None = None

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        return lines(self.record, self.series)

    def explained(self) -> Iterator[str]:
        """How far every rule is from firing."""
        return explained(self.record.findings)

    def to_html(self, title: str) -> str:
        """As a page that needs nothing else."""
        return to_html(self.record, self.series, self.alarms, self.happened, title)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        found = plain(self.record)
        found["findings"] = [{**plain(one), "distance": one.distance} for one in self.record.findings]
        return {**found, "healthy": self.record.healthy, "acted": plain(self.acted)}


def look(watch: Watch, *, acting: bool = False) -> WatchResult:
    """Takes one look, and trains anew where that is wished and a rule asks for it.

    Raises:
        JargonautError: Nothing is live, or another process looks. A training that fails is told among the notices.
    """
    found = watch.look()
    acted = None
    if acting:
        try:
            acted = act(watch, found)
        except (JargonautError, OSError) as error:  # what was found is told all the same, and a disk may be full
            told = str(error).replace("\n", " ")
            found = replace(found, notices=(*found.notices, f"training anew failed: {told}"))
            with contextlib.suppress(JargonautError):
                watch.series.happened(watch.clock(), "retraining failed", why=getattr(error, "what", told))
    return result(watch, found, acted)


def result(watch: Watch, found: PassRecord, acted: Retraining | None = None) -> WatchResult:
    """A pass with the series behind it; where the series cannot be read, without."""
    try:
        series = {one.name: watch.series.points(one.name) for one in found.signals}
        return WatchResult(found, series, watch.series.alarms(), watch.series.happenings(), acted)
    except JargonautError:
        return WatchResult(found, {}, (), (), acted)
