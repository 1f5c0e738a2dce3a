"""A student's schooling: distilled from a version, taught the workspace's pairs, registered as a version of its own.

Knows who teaches, which texts may be learned from and how the training of candidates is reused for it. How a student is
distilled, and how pairs are learned, is others' business. Test is not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jargonaut import pairs, students, training
from jargonaut.artifacts import Artifact, content_hash, ensure, plain
from jargonaut.encoders import version_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.local import LocalEncoder, quiet_libraries
from jargonaut.encoding.models import ModelFolder, find_model
from jargonaut.errors import InputError, ModelError
from jargonaut.judges import DevJudge
from jargonaut.origin import licence_of, seeds_of
from jargonaut.records import queries
from jargonaut.registry import ModelVersion, Registry, tell_mlflow
from jargonaut.settings import BaseOptions, Settings
from jargonaut.story import Story
from jargonaut.teaching import Teaching, sampled


@dataclass(frozen=True, slots=True)
class Student:
    """A registered student that was not tested.

    Attributes:
        version: What it became.
        teacher: Version, or name, of the model that it was distilled from.
        dimension: The deployed one, at which it was judged.
        entries: Words, pieces of words and phrases that have a vector.
        dev_teacher: nDCG@10 of the teacher on dev, at its first `dimension` components.
        dev_distilled: The same of the student before it saw a pair.
        dev: The same of the student as it was registered.
        general: nDCG@10 on general knowledge, before and after the pairs; None where it saw none.
        best_epoch: The epoch that was kept; 0 where no pass over the pairs made it better.
        seconds: What its making took when it was made, the teacher's encoding included where that was not done before.
        notices: What a reader should know.
    """

    version: ModelVersion
    teacher: str
    dimension: int
    entries: int
    dev_teacher: float
    dev_distilled: float
    dev: float
    general: tuple[float, float] | None
    best_epoch: int
    seconds: float
    notices: tuple[str, ...]


def teach_static(story: Story, registry: Registry, teacher: str | None = None) -> Student:
    """Makes a student of word vectors, or finds that it was made; what is live stays live.

    Args:
        story: Corpus, pairs and mined negatives.
        registry: Where it becomes a version.
        teacher: A registered encoder; when None the live one, else the newest tuned one, else the settings' base.

    Raises:
        InputError: There is no such version, or it is no encoder.
        ModelError: The teacher's tokenizer cannot be taken over.
    """
    return _School(story, registry, _teacher(registry, teacher)).student()


def _teacher(registry: Registry, name: str | None) -> ModelVersion | None:
    known = registry.list() if registry.path.exists() else ()
    if name is not None:
        found = next((one for one in known if one.version == name), None)
        if found is None:
            listed = ", ".join(one.version for one in known if one.kind == "encoder") or "none yet"
            raise InputError(f"there is no version {name!r}", where="--teacher", remedy=f"encoders here: {listed}")
        if found.kind != "encoder":
            raise InputError(f"{name} is of the kind {found.kind!r}, and only an encoder can teach", where="--teacher")
        return found
    tuned = [one for one in known if one.kind == "encoder" and one.base and one.status != "retired"]
    return next((one for one in tuned if one.status == "live"), tuned[-1] if tuned else None)


class _School:
    """One student in the making."""

    def __init__(self, story: Story, registry: Registry, teacher: ModelVersion | None) -> None:
        self._story, self._registry, self._teacher = story, registry, teacher
        self._settings, self._options = story.settings, story.settings.static
        self._notices: list[str] = []
        if teacher is None:
            self._warn("no tuned version is registered, so the base itself teaches; `jargonaut run` makes a better one")

    def student(self) -> Student:
        story, distilled, taught = self._story, self._distilled, self._taught
        judge = DevJudge(story.pairs.splits.dev, story.corpus.texts, self._deployed, self._settings.train.seed)
        taught_by = judge.score(self._encoder)
        before = judge.score(self._untaught)
        c: Mapping[str, Any] = {} if taught is None else taught.counts
        made = self._folder
        if c:
            story.reporter.line(f"  pairs       kept epoch {c['best_epoch']} of {self._options.epochs}")
            self._notices += c["notices"]
        version = self._registered(made)
        before_and_after = (c["general"][0], c["general"][1]) if c else None
        return Student(
            version, self._taught_by, self._deployed,
            distilled.counts["entries"], taught_by, before, c["dev"][1] if c else before, before_and_after,
            c["best_epoch"] if c else 0, distilled.seconds + (taught.seconds if taught else 0), tuple(self._notices),
        )  # fmt: skip

    @cached_property
    def _encoder(self) -> CachedEncoder:
        """The teacher."""
        story = self._story
        if self._teacher is None:
            return story.base
        encoder = version_encoder(self._registry, self._teacher, self._settings)
        return CachedEncoder(encoder, story.layout.vectors, story.reporter)

    @property
    def _taught_by(self) -> str:
        """What a user calls the teacher."""
        return self._encoder.name if self._teacher is None else self._teacher.version

    @cached_property
    def _distilled(self) -> Artifact:
        """The student before it saw a pair."""
        story = self._story
        inputs = {"teacher": self._encoder.fingerprint, "corpus": story.corpus.artifact.key,
                  "pairs": story.pairs.artifact.key}  # fmt: skip
        options = replace(self._options, epochs=1, lr=1.0)  # they count afterwards
        found = ensure(story.layout.stage("students"), "distil", version=students.VERSION, inputs=inputs,
                       options=options, build=self._distil)  # fmt: skip
        again = " (done before)" if found.reused else f" [{found.seconds:.1f} s]"
        story.reporter.line(
            f"  distilled   {found.counts['entries']:,} word vectors from {self._taught_by}, fitted to "
            f"{found.counts['texts']:,} texts{again}"
        )
        return found

    def _distil(self, folder: Path) -> Mapping[str, Any]:
        story, encoder = self._story, self._encoder
        inner = encoder.encoder
        if not isinstance(inner, LocalEncoder):
            raise ModelError(f"{encoder.name} does not lie here, so its words cannot be taken over",
                             where="--teacher", remedy="name a version that was tuned here")  # fmt: skip
        held = pairs.held_out(story.pairs.splits)
        allowed = [text for id_, text in story.corpus.texts.items() if id_ not in held]
        read = sampled(allowed, self._options.passages, self._options.seed)
        asked = [query.text for query in queries(story.pairs.splits.train)] if read else []
        vectors = [encode(some) for encode, some in ((encoder.encode_passages, read), (encoder.encode_queries, asked))
                   if some]  # fmt: skip
        targets = np.concatenate([*vectors, np.zeros((0, encoder.dimension), np.float32)])
        model = students.distilled(
            inner.model, [*read, *asked], targets, self._options, self._settings.compute, story.reporter,
            vocabulary=[*allowed, *asked],
        )  # fmt: skip
        with quiet_libraries():
            model.save(str(folder / "model"), create_model_card=False)
        return {"entries": int(next(model.parameters()).shape[0]), "texts": len(read) + len(asked)}

    @cached_property
    def _untaught_folder(self) -> ModelFolder:
        return find_model(str(self._distilled.path / "model"), query_prompt="", passage_prompt="")

    @cached_property
    def _untaught(self) -> CachedEncoder:
        encoder = LocalEncoder(self._untaught_folder, self._lone.compute)
        return CachedEncoder(encoder, self._story.layout.vectors, self._story.reporter)

    @property
    def _lone(self) -> Settings:
        """The settings as far as they mean something for word vectors: no limit, no network, no adapters."""
        train = replace(
            self._settings.train, epochs=max(1, self._options.epochs), lr=self._options.lr, lora_rank=0,
            lora_alpha=32.0, lora_dropout=0.0, lora_targets=(), lora_lr=3e-4, freeze_embeddings=False, freeze_layers=0,
            dims=tuple(dim for dim in self._settings.train.dims if dim <= self._untaught_dimension),
            dim_weights=(),
        )  # fmt: skip
        return replace(
            self._settings, train=train, base=BaseOptions(model=str(self._untaught_folder.path)),
            compute=replace(self._settings.compute, precision="fp32", compile=False),
        )  # fmt: skip

    @cached_property
    def _untaught_dimension(self) -> int:
        return LocalEncoder(self._untaught_folder, self._settings.compute).dimension

    @property
    def _deployed(self) -> int:
        wanted = self._settings.evaluate.deployed_dim
        return min(wanted or self._untaught_dimension, self._untaught_dimension)

    @cached_property
    def _taught(self) -> Artifact | None:
        """The student after the pairs; None where it is to see none."""
        if not self._options.epochs:
            return None
        story, settings = self._story, self._lone
        dims = training.matryoshka_dims(self._untaught_dimension, settings.train.dims)
        recipe = replace(settings.train, dims=tuple(sorted({*dims, self._deployed}, reverse=True)))
        teaching = Teaching(
            story.corpus, story.pairs, story.mined, self._untaught, self._untaught_folder, recipe, self._deployed,
            settings, story.layout, story.reporter,
        )  # fmt: skip
        found = ensure(
            story.layout.stage("training"), "train", version=training.VERSION, inputs=teaching.inputs,
            options=teaching.options, build=teaching.train,
        )  # fmt: skip
        teaching.checkpoints.remove()
        return found

    @property
    def _folder(self) -> Path:
        """What is registered: the taught student, or the distilled one where pairs did not help."""
        taught = self._taught
        found = self._distilled if taught is None or taught.counts["best_epoch"] == 0 else taught
        return found.path / "model"

    def _registered(self, path: Path) -> ModelVersion:
        story, teacher = self._story, self._teacher
        folder = find_model(str(path), query_prompt="", passage_prompt="")
        encoder = LocalEncoder(folder, self._settings.compute)
        origin = story.base_folder.path if teacher is None else teacher.path
        base = self._registry.register_base(story.base_folder.path, **story.base_model.details)
        known = {one.version for one in self._registry.list()}
        version = self._registry.register(
            path, name=f"word vectors of {self._encoder.name if teacher is None else teacher.name}",
            fingerprint=encoder.fingerprint, dimension=encoder.dimension,
            base=base.version if teacher is None else teacher.version, run_id="", query_prompt="", passage_prompt="",
            kind="static", lineage=self._lineage(licence_of(origin)),
        )  # fmt: skip
        new = version.version not in known
        story.reporter.line(f"  registry    {version.version} {'registered' if new else 'was there already'}")
        tell_mlflow(version, self._settings.registry, story.reporter)
        return version

    def _lineage(self, licence: str) -> dict[str, Any]:
        """What it came from, under the keys that a run's versions have."""
        story, taught = self._story, self._taught
        seconds = self._distilled.seconds + (taught.seconds if taught else 0.0)
        return {
            **story.lineage, "distilled": self._distilled.key,
            "training": taught.key if taught else "", "train_seconds": round(seconds, 1),
            "teacher": {"name": self._taught_by, "fingerprint": self._encoder.fingerprint, "licence": licence},
            "base": {"name": self._taught_by, "fingerprint": self._encoder.fingerprint, "licence": licence},
            "dimension": self._deployed, "options": plain(self._settings), "settings": content_hash(self._settings),
            "seeds": seeds_of(self._settings),
        }  # fmt: skip

    def _warn(self, text: str) -> None:
        self._notices.append(text)
        self._story.reporter.warn(text)
