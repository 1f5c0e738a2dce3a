"""The whole job: a source goes in; a verdict, a model version and an index come out.

Knows that the story comes first and the release after it, and what of the one goes into the other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jargonaut.index import IndexInfo, open_store
from jargonaut.layout import Layout
from jargonaut.lifecycle import IndexLifecycle, passages_of
from jargonaut.protocols import Reporter
from jargonaut.registry import Live, ModelVersion, Registry, write_card
from jargonaut.release import Outcome, release
from jargonaut.reports import FinishedRun, rendered
from jargonaut.settings import Settings
from jargonaut.story import Clock, Story, utc_now


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        run_id: Name of its folder under `runs/`.
        folder: Holds report.html, report.json, per-query scores, TREC runs and qrels.
        report: `report.json`, parsed.
        text: The verdict table.
        version: The registered model.
        index: Its vector collection.
        live: What is live after the run.
        seconds: Wall time of this call.
    """

    run_id: str
    folder: Path
    report: Mapping[str, Any]
    text: str
    version: ModelVersion
    index: IndexInfo
    live: Live
    seconds: float

    @property
    def verdict(self) -> str:
        """`ship`, `dont_ship` or `no_measurable_difference`."""
        return str(self.report["verdict"])

    def table(self) -> str:
        """The verdict table, plain text."""
        return self.text


def run(source: Path, layout: Layout, settings: Settings, reporter: Reporter, *, clock: Clock = utc_now) -> RunResult:
    """Runs the whole story and makes the candidate findable: registered, indexed and, if it won, live.

    What is live stays live when it is a tuned version already: this run compared the candidate with the base, not
    with it.
    """
    started = time.monotonic()
    registry = Registry(layout.registry, layout.models, clock=clock)
    if layout.registry.exists():
        registry.live()  # a damaged registry is told before hours of work, not after
    story = Story(source, layout, settings, reporter, clock)
    finished = story.run
    base, tuned = story.base_model, story.tuned_model
    encoders = {model.encoder.fingerprint: model.encoder for model in (base, tuned)}
    lifecycle = IndexLifecycle(
        layout, settings, registry, open_store(settings.index, layout.index),
        lambda version: encoders[version.fingerprint], lambda: passages_of(story.corpus, settings), reporter, clock,
    )  # fmt: skip
    counts = finished.counts
    outcome = Outcome(finished.key, counts["verdict"], counts["metrics"], story.tuned_lineage, story.deployed)
    released = release(lifecycle, base, tuned, outcome, reporter)
    if not write_card(released.version.path, rendered(FinishedRun(finished.path), "card", layout)):
        reporter.warn(f"{released.version.path / 'README.md'} is not ours and stays as it is")
    report = json.loads((finished.path / "report.json").read_text(encoding="utf-8"))
    text = (finished.path / "table.txt").read_text(encoding="utf-8")
    return RunResult(
        finished.key, finished.path, report, text, released.version, released.index, released.live,
        time.monotonic() - started,
    )  # fmt: skip
