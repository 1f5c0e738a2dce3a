"""The whole job: a source goes in; a verdict, a model version and an index come out.

Knows that the story comes first and the release after it, and what of the one goes into the other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from jargonaut.artifacts import content_hash
from jargonaut.index import IndexInfo
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.registry import Live, ModelVersion, Registry
from jargonaut.release import Model, Outcome, release
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
    max_tokens = settings.base.max_tokens
    released = release(
        registry, layout.index,
        Model(story.base.name, story.base_folder, story.base, max_tokens),
        Model(story.tuned_name, story.tuned_folder, story.tuned_encoder, max_tokens),
        story.corpus.passages, list(story.corpus.texts.values()),
        Outcome(finished.key, finished.counts["verdict"], finished.counts["metrics"], _lineage(story), story.deployed),
        reporter,
    )  # fmt: skip
    report = json.loads((finished.path / "report.json").read_text(encoding="utf-8"))
    text = (finished.path / "table.txt").read_text(encoding="utf-8")
    return RunResult(
        finished.key, finished.path, report, text, released.version, released.index, released.live,
        time.monotonic() - started,
    )  # fmt: skip


def _lineage(story: Story) -> dict[str, Any]:
    return {
        "source": str(story.source.path), "source_hash": story.source.digest, "corpus": story.corpus.artifact.key,
        "pairs": story.pairs.artifact.key, "negatives": story.negatives.key, "training": story.tuned.key,
        "settings": content_hash(story.settings), "seed": story.settings.train.seed,
        "jargonaut": metadata.version("jargonaut"),
    }  # fmt: skip
