"""Training alone: corpus, pairs, negatives, a tuned model. Test is not opened and nothing is released.

A student of a teacher becomes a version, like everything else that stands beside a run's candidate. Knows what a
story's training left, and says it as a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jargonaut.registry import ModelVersion, Registry, tell_mlflow
from jargonaut.story import Story


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A tuned model that was neither tested nor released; `jargonaut run` with the same settings takes it up.

    Attributes:
        version: What a student of a teacher (`[train] teacher`) was registered as; None for any other, and for one that
            is its base, unchanged.
        tested: Whether a run tested that version.
        path: Its sentence-transformers folder.
        log: `training.json` beside it: losses, scores of every epoch, and of the steps between base and tuned model.
        name: What it is, in words.
        base: The model that it was made from.
        dimension: The deployed one, at which it was judged.
        steps: Optimiser steps.
        pairs: Pairs seen, repeats counted.
        negatives: Hard negatives that were mined.
        best_epoch: The epoch that was kept; 0 means that all were clearly worse than the base, which was kept.
        alpha: How far from the base (0) towards the tuned weights (1) what was kept lies.
        dev_base: nDCG@10 of the base on dev.
        dev: The same of the tuned model.
        general_base: nDCG@10 of the base on general knowledge.
        general: The same of the tuned model.
        within_limit: Whether it forgets no more than `[train] general_limit`.
        seconds: What training took when it was done.
        reused: Whether it had been trained before.
        notices: What a reader should know.
    """

    version: str | None
    tested: bool
    path: Path
    log: Path
    name: str
    base: str
    dimension: int
    steps: int
    pairs: int
    negatives: int
    best_epoch: int
    alpha: float
    dev_base: float
    dev: float
    general_base: float
    general: float
    within_limit: bool
    seconds: float
    reused: bool
    notices: tuple[str, ...]


def tune(story: Story) -> TunedModel:
    """Does everything up to the tuned model; what was done before is not done again."""
    artifact = story.tuned
    c = artifact.counts
    dev_base, dev = c["dev"]
    general_base, general = c["general"]
    version = _registered(story) if story.settings.train.teacher and c["best_epoch"] else None
    return TunedModel(
        version=None if version is None else version.version, tested=version is not None and version.run_id != "",
        path=artifact.path / "model", log=artifact.path / "training.json", name=story.tuned_name,
        base=story.base.name, dimension=story.deployed, steps=c["steps"], pairs=c["pairs"],
        negatives=story.negatives.counts["negatives"], best_epoch=c["best_epoch"], alpha=c["alpha"], dev_base=dev_base,
        dev=dev, general_base=general_base, general=general, within_limit=c["within_limit"], seconds=artifact.seconds,
        reused=artifact.reused, notices=tuple(story.notices),
    )  # fmt: skip


def _registered(story: Story) -> ModelVersion:
    """The student as a version that no run has tested."""
    base, tuned = story.base_model, story.tuned_model
    registry = Registry(story.layout.registry, story.layout.models, clock=story.clock)
    first = registry.register_base(base.folder.path, **base.details)
    version = registry.register(tuned.folder.path, **tuned.details, base=first.version, run_id="",
                                lineage=story.tuned_lineage)  # fmt: skip
    tell_mlflow(version, story.settings.registry, story.reporter)
    return version
