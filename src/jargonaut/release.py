"""The end of a run: the candidate becomes a registered version with an index, and goes live if it won.

Knows which pointer a run may move and which it must leave alone. Knows nothing of how a model was trained or measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jargonaut.encoding.matryoshka import TruncatedEncoder
from jargonaut.encoding.models import ModelFolder
from jargonaut.errors import MismatchError
from jargonaut.index import IndexInfo, LanceStore, build_index
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import Passage
from jargonaut.registry import Live, ModelVersion, Registry

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is to be registered, and what is said of it.

    Attributes:
        name: Descriptive name.
        folder: Its files and prompts.
        encoder: The same model at work.
        max_tokens: Longer texts are cut to this many tokens; None for the model's own limit.
    """

    name: str
    folder: ModelFolder
    encoder: Encoder
    max_tokens: int | None = None

    @property
    def details(self) -> dict[str, Any]:
        """What the registry keeps of any model."""
        return {
            "name": self.name, "fingerprint": self.encoder.fingerprint, "dimension": self.encoder.dimension,
            "query_prompt": self.folder.prompts.query, "passage_prompt": self.folder.prompts.passage,
            "max_tokens": self.max_tokens,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run knows of its candidate.

    Attributes:
        run_id: The run.
        verdict: `ship`, `dont_ship` or `no_measurable_difference`.
        metrics: Headline metrics on test.
        lineage: What it came from.
        dimension: Vectors are cut to this length in the index.
    """

    run_id: str
    verdict: str
    metrics: Mapping[str, float]
    lineage: Mapping[str, Any]
    dimension: int


@dataclass(frozen=True, slots=True)
class Released:
    """What is there now: the candidate's version, its index, and what is live."""

    version: ModelVersion
    index: IndexInfo
    live: Live | None


def release(
    registry: Registry,
    index_folder: Path,
    base: Model,
    tuned: Model,
    passages: Sequence[Passage],
    contents: Sequence[str],
    outcome: Outcome,
    reporter: Reporter,
) -> Released:
    """Registers base and candidate, builds both indexes beside the live one, and moves the pointer if that is due.

    Args:
        registry: Where versions live.
        index_folder: Where collections live.
        base: What the candidate was tuned from.
        tuned: The candidate.
        passages: What is to be found.
        contents: The words that are embedded for each passage.
        outcome: What the run found.
        reporter: Told what was done.
    """
    first = registry.register_base(base.folder.path, **base.details)
    version = registry.register(
        tuned.folder.path, **tuned.details, base=first.version, run_id=outcome.run_id, metrics=outcome.metrics,
        lineage=outcome.lineage,
    )  # fmt: skip
    store = LanceStore(index_folder)

    def indexed(name: str, encoder: Encoder) -> IndexInfo:
        cut = TruncatedEncoder(encoder, outcome.dimension)
        return build_index(store, name, passages, contents, cut, reporter=reporter)

    base_index, index = indexed(first.version, base.encoder), indexed(version.version, tuned.encoder)
    shown = f"{index.count:,} passages, {index.dimension} dimensions"
    reporter.line(f"  registry    {version.version} registered; index {index.collection} ({shown})")
    for attempt in range(_TRIES):
        try:
            live = _go_live(registry, first, base_index, version, index, outcome.verdict, reporter)
            break
        except MismatchError:  # somebody moved the pointer after it was looked at: look again
            if attempt == _TRIES - 1:
                raise
    return Released(registry.get(version.version), index, live)


def _go_live(
    registry: Registry,
    base: ModelVersion,
    base_index: IndexInfo,
    tuned: ModelVersion,
    index: IndexInfo,
    verdict: str,
    reporter: Reporter,
) -> Live | None:
    """Moves the pointer where nobody's decision is overruled.

    A winner goes live by itself once, and only in place of a base: the run compared it with the base and with nothing
    else, and a version that was rolled back was rolled back for a reason. A live base follows its corpus.
    """
    live = registry.live()
    tuned = registry.get(tuned.version)
    base_is_live = live is None or registry.get(live.version).base == ""
    if verdict == "ship" and base_is_live and tuned.status == "available":
        return registry.promote(tuned.version, index.collection, index.dimension, instead_of=live)
    if live is None or live.version == base.version:
        moved = registry.promote(base.version, base_index.collection, base_index.dimension, instead_of=live)
        if live is not None and live.index != moved.index:
            reporter.line(f"  live        {base.version} now searches {moved.index}; `models rollback` goes back")
        live = moved
    if verdict == "ship" and live.version != tuned.version:
        why = "was rolled back once" if tuned.status == "retired" else f"was compared with {base.version} alone"
        reporter.warn(f"{live.version} stays live, for {tuned.version} {why}; "
                      f"`jargonaut models promote {tuned.version}` switches")  # fmt: skip
    elif live.version == tuned.version and live.index != index.collection:
        reporter.warn(f"{live.version} is live on {live.index}; `jargonaut models promote {tuned.version}` moves it "
                      f"to {index.collection}")  # fmt: skip
    return live
