"""The end of a run: the candidate becomes a registered version with an index, and goes live if it won.

Knows which pointer a run may move and which it must leave alone. Knows nothing of how a model was trained or measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jargonaut.encoding.models import ModelFolder
from jargonaut.errors import MismatchError
from jargonaut.index import IndexInfo
from jargonaut.lifecycle import IndexLifecycle
from jargonaut.protocols import Encoder, Reporter
from jargonaut.registry import Live, ModelVersion, tell_mlflow

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
    live: Live


def release(lifecycle: IndexLifecycle, base: Model, tuned: Model, outcome: Outcome, reporter: Reporter) -> Released:
    """Registers base and candidate, builds both indexes beside the live one, and moves the pointer if that is due.

    Args:
        lifecycle: Builds, verifies and switches; its passages are what is to be found.
        base: What the candidate was tuned from.
        tuned: The candidate.
        outcome: What the run found.
        reporter: Told what was done.
    """
    registry = lifecycle.registry
    first = registry.register_base(base.folder.path, **base.details)
    version = registry.register(
        tuned.folder.path, **tuned.details, base=first.version, run_id=outcome.run_id, metrics=outcome.metrics,
        lineage=outcome.lineage,
    )  # fmt: skip
    tell_mlflow(version, lifecycle.settings.registry, reporter)
    base_index = lifecycle.build(first.version, dimension=outcome.dimension).info
    index = lifecycle.build(version.version, dimension=outcome.dimension).info
    shown = f"{index.count:,} passages, {index.dimension} dimensions"
    reporter.line(f"  registry    {version.version} registered; index {index.collection} ({shown})")
    choice = _Choice(lifecycle, first, base_index, version, index, outcome.verdict == "ship", reporter)
    live = choice.settled()
    return Released(registry.get(version.version), index, live)  # read again: it may be the one that is live now


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is to be live after a run, so that nobody's decision is overruled.

    A winner goes live by itself once, and only in place of a base: the run compared it with the base and with nothing
    else, and a version that was rolled back was rolled back for a reason. A live base follows its corpus.
    """

    lifecycle: IndexLifecycle
    base: ModelVersion
    base_index: IndexInfo
    tuned: ModelVersion
    index: IndexInfo
    ship: bool
    reporter: Reporter

    def settled(self) -> Live:
        """Makes the choice, again where somebody moved the pointer after it was looked at."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(MismatchError):
                return self.made()
        return self.made()

    def made(self) -> Live:
        """Moves the pointer if it is due; says what stays as it is and how to change it.

        Raises:
            MismatchError: Somebody else moved the pointer meanwhile.
        """
        registry = self.lifecycle.registry
        live = registry.live()
        tuned = registry.get(self.tuned.version)
        if live is None:
            self._warn_of_a_lost_pointer()
        base_is_live = live is None or registry.get(live.version).base == ""
        if self.ship and base_is_live and tuned.status == "available" and not self._by_hand:
            return self.lifecycle.switch(self.index.collection, instead_of=live)
        if live is None:
            live = self._base_live(None)
        if self.ship and live.version != tuned.version:
            self._warn_of_a_winner(tuned, live)
        if self._passages_of(live) == self.index.passages_hash:
            return live
        if live.version == self.base.version:
            return self._base_live(live)
        self.reporter.warn(
            f"{live.version} stays live on {live.index}, so searches do not see what changed in the documents; "
            f"`jargonaut models promote {tuned.version}` switches to {self.index.collection}, which does"
        )
        return live

    def _base_live(self, before: Live | None) -> Live:
        index = self.base_index
        live = self.lifecycle.switch(index.collection, instead_of=before)
        if before is not None:
            self.reporter.line(f"  live        the documents changed: {live.version} now searches {live.index} "
                               f"({live.dimension} dimensions); `jargonaut models rollback` goes back")  # fmt: skip
        return live

    def _passages_of(self, live: Live) -> str | None:
        known = self.lifecycle.registry.indexes.get(live.index)
        return None if known is None else known.content.digest

    @property
    def _by_hand(self) -> bool:
        return self.lifecycle.settings.registry.promote_by_hand

    def _warn_of_a_winner(self, tuned: ModelVersion, live: Live) -> None:
        waits = "waits for you ([registry] promote_by_hand)"
        beside = waits if self._by_hand else f"was compared with {self.base.version} only"
        why = {"previous": "was rolled back once", "retired": "was retired"}.get(tuned.status, beside)
        name = tuned.version
        self.reporter.warn(
            f"{live.version} is live, for {name} {why}; `jargonaut index shadow --candidate {name}` shows what would "
            f"change, `jargonaut index switch {name}` switches"
        )

    def _warn_of_a_lost_pointer(self) -> None:
        known = self.lifecycle.registry.list()
        others = [v.version for v in known if v.base and v.has_vectors and v.version != self.tuned.version]
        if others:
            self.reporter.warn(f"nothing was live, though {', '.join(others)} were made before: the registry was lost "
                               "or replaced; `jargonaut models promote` says what shall be live")  # fmt: skip
