"""An adapter from pairs to a registered version: vectors from the cache, the fit, dev, and what is kept of it.

Test is not opened and nothing is embedded that an index of the base would not need. Knows pairs, encoders and the
registry; how a map is fitted is for `adapters` to know, and whether it is good enough for an exam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jargonaut import adapters, pairs, training
from jargonaut.adapters import Adapter, FittedAdapter, Lesson
from jargonaut.artifacts import Artifact, content_hash, ensure, plain, write_json
from jargonaut.contenders import dimensions
from jargonaut.encoders import VersionEncoder, paid, uncached
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import choose_device
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.remote import RemoteEncoder
from jargonaut.encoding.remote_models import write_remote
from jargonaut.errors import InputError
from jargonaut.gate import open_candidate, parse_candidate
from jargonaut.hardness import PreparedNegatives, found_negatives
from jargonaut.judges import DevJudge
from jargonaut.origin import licence_of
from jargonaut.protocols import Encoder, Vectors
from jargonaut.records import positives, queries
from jargonaut.registry import ModelVersion, Registry, tell_mlflow
from jargonaut.release import Model
from jargonaut.story import Story

_FITTED = "fitted.json"


@dataclass(frozen=True, slots=True)
class AdaptedModel:
    """An adapter that was fitted; `jargonaut evaluate` tests it.

    Attributes:
        version: The registered version; None where no map was better on dev than none, and then nothing was registered.
        base: The version that it stands on; empty where that is none, because nothing was kept.
        base_name: What a user calls that.
        kind: Form of the map.
        sides: Whether passages are mapped too, and so need an index of their own.
        dimension: The deployed one, at which dev was scored.
        queries: Training queries.
        passages: Passages that their answers were told from.
        parameters: Numbers that were learned.
        best_epoch: The pass that was kept; 0 for none.
        epochs: Passes that were made.
        dev_base: nDCG@10 of the base on dev.
        dev: The same with the adapter.
        low: Lower end of the gain's confidence interval, on dev; None where nothing was kept.
        high: Its upper end.
        seconds: What fitting took when it was done, dev scoring included, embedding left out.
        embedded: Texts that had to be embedded for it now.
        account: What an endpoint was sent; empty for a base that runs here.
        reused: Whether it had been fitted before.
        notices: What a reader should know.
    """

    version: ModelVersion | None
    base: str
    base_name: str
    kind: str
    sides: str
    dimension: int
    queries: int
    passages: int
    parameters: int
    best_epoch: int
    epochs: int
    dev_base: float
    dev: float
    low: float | None
    high: float | None
    seconds: float
    embedded: int
    account: str
    reused: bool
    notices: tuple[str, ...]


def adapt(story: Story, over: str | None = None) -> AdaptedModel:
    """Fits an adapter by the settings' `[adapter]` and registers it; what was done before is not done again.

    Args:
        story: Gives corpus and pairs.
        over: The base: a version, a hub id, a folder, or a model behind an endpoint; the story's own when None.

    Raises:
        InputError: The base is unknown, or there are too few pairs.
        ModelError: The endpoint gives no answer, or one that cannot be right.
    """
    splits = story.pairs.splits
    pairs.require_enough(splits, story.settings.split)
    base, inner = _base(story, over)
    try:
        fit = _Fit(story, base)
        artifact = fit.artifact()
        account = paid(inner, story.settings) if isinstance(inner, RemoteEncoder) else ""
        c = artifact.counts
        low, high = c["gain"]
        for notice in fit.notices:
            story.reporter.warn(notice)
        version, known = None, _known(story, inner)
        if c["best_epoch"]:
            known = known or _registered_base(story, inner)
            version = _registered(story, fit, artifact, known)
        return AdaptedModel(
            version, known.version if known else "", base.name, fit.options.kind, fit.options.sides, fit.deployed,
            c["queries"], c["passages"], c["parameters"], c["best_epoch"], c["epochs"], c["dev"][0], c["dev"][1],
            low, high, c["seconds"], base.misses, account, artifact.reused, tuple(fit.notices),
        )  # fmt: skip
    finally:
        base.close()


class _Fit:
    """One fit, done or not."""

    def __init__(self, story: Story, base: CachedEncoder) -> None:
        self._story, self._base = story, base
        self.options = story.settings.adapter
        settings = replace(story.settings.evaluate, deployed_dim=story.settings.evaluate.deployed_dim
                           or _live_dimension(story, base.fingerprint))  # fmt: skip
        _, self.deployed = dimensions(settings, self.options.dims, base.dimension)
        wanted = training.matryoshka_dims(base.dimension, self.options.dims)
        self.dims = tuple(sorted({*wanted, self.deployed}, reverse=True))
        self._mined: PreparedNegatives | None = found_negatives(
            story.corpus.artifact.key, story.pairs.artifact.key, story.base.fingerprint, story.layout
        )
        self.notices: list[str] = []

    def artifact(self) -> Artifact:
        """The adapter's files and how its fit went."""
        story = self._story
        inputs = {
            "pairs": story.pairs.artifact.key, "corpus": story.corpus.artifact.key, "base": self._base.fingerprint,
            "negatives": "" if self._mined is None else self._mined.artifact.key,
        }  # fmt: skip
        options = {
            "adapter": self.options, "dims": self.dims, "deployed": self.deployed,
            "confidence": story.settings.evaluate.confidence,
        }  # fmt: skip
        made = ensure(story.layout.stage("adapters"), "adapt", version=adapters.VERSION, inputs=inputs,
                      options=options, build=self._build)  # fmt: skip
        again = " (done before)" if made.reused else ""
        c = made.counts
        story.reporter.line(
            f"  adapter     {self.options.kind}, {c['parameters']:,} numbers from {c['queries']:,} queries and "
            f"{c['passages']:,} passages of {self._base.name}; kept epoch {c['best_epoch']} of {c['epochs']} "
            f"[{c['seconds']:.1f} s]{again}"
        )
        low, _ = c["gain"]
        if low is not None and low <= 0:
            self.notices.append("what it adds on dev lies within its confidence interval: no measurable difference")
        return made

    def _build(self, folder: Path) -> Mapping[str, Any]:
        story, base = self._story, self._base
        judge = DevJudge(story.pairs.splits.dev, story.corpus.texts, self.deployed, self.options.seed)
        story.reporter.line(f"  adapter     dev: {judge}")
        lesson, held = self._lesson(), _Held(base)
        fitted = adapters.fit_adapter(
            lesson, base.fingerprint, base.name, self.dims,
            lambda one: judge.score(adapters.AdaptedEncoder(held, one)), self.options,
            device=choose_device(story.settings.compute.device), reporter=story.reporter,
        )  # fmt: skip
        adapters.save_adapter(fitted.adapter, folder / "adapter")
        write_json(folder / _FITTED, {**plain(_without_map(fitted)), "dims": self.dims})
        groups, confidence = story.pairs.splits.groups, story.settings.evaluate.confidence
        adapted = adapters.AdaptedEncoder(held, fitted.adapter)
        gain = judge.gain(held, adapted, groups, confidence) if fitted.best_epoch else (None, None)
        return {
            "gain": gain,
            "queries": len(lesson.queries), "passages": len(lesson.passages),
            "parameters": fitted.adapter.parameters if fitted.best_epoch else 0, "best_epoch": fitted.best_epoch,
            "epochs": len(fitted.epochs), "dev": [fitted.base_score, fitted.score], "seconds": fitted.seconds,
        }  # fmt: skip

    def _lesson(self) -> Lesson:
        """Train's queries, their answers, mined negatives where there are some, and other train passages."""
        story, texts = self._story, self._story.corpus.texts
        splits = story.pairs.splits
        asked = queries(splits.train)
        known = story.pairs.known_positives
        hard: dict[str, set[str]] = {}
        if self._mined is not None:
            known = self._mined.known_positives(story.pairs)
            for triplet in self._mined.triplets:
                hard.setdefault(triplet.query_id, set()).update(triplet.negative_ids)
        answers = {pair.passage_id: None for pair in positives(splits.train)}
        mined = {id_: None for ids in hard.values() for id_ in sorted(ids)}
        away = pairs.held_out(splits)
        others = sorted((id_ for id_ in texts if id_ not in away and id_ not in answers and id_ not in mined),
                        key=content_hash)[: self.options.passages]  # fmt: skip
        ids = [id_ for id_ in dict.fromkeys([*answers, *mined, *others]) if id_ in texts]
        own: dict[str, set[str]] = {}
        for pair in positives(splits.train):
            own.setdefault(pair.query_id, set()).add(pair.passage_id)
        return Lesson.of(
            [query.id for query in asked], self._base.encode_queries([query.text for query in asked]), ids,
            self._base.encode_passages([texts[id_] for id_ in ids]),
            own, story.corpus.near_duplicates, hard, known,
        )  # fmt: skip


class _Held:
    """A base whose vectors are held in memory for as long as an adapter is fitted: dev is asked after every epoch."""

    def __init__(self, base: Encoder) -> None:
        self._base = base
        self._known: dict[tuple[str, tuple[str, ...]], Vectors] = {}
        self.name, self.fingerprint, self.dimension = base.name, base.fingerprint, base.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """As the base's."""
        return self._held("query", texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """As the base's."""
        return self._held("passage", texts)

    def _held(self, kind: str, texts: Sequence[str]) -> Vectors:
        key = (kind, tuple(texts))
        if key not in self._known:
            encode = self._base.encode_queries if kind == "query" else self._base.encode_passages
            self._known[key] = encode(texts)
        return self._known[key]


def _base(story: Story, over: str | None) -> tuple[CachedEncoder, VersionEncoder]:
    """What the adapter stands on, remembering, and the encoder inside."""
    if over is None:
        inner = uncached(story.base)
        assert isinstance(inner, LocalEncoder)  # noqa: S101 - a story's base runs here
        return story.base, inner
    candidate = parse_candidate(over, story.settings.remote, "--over")
    if candidate.remote is None and candidate.dims:
        raise InputError(f"{over!r} names dimensions", where="--over",
                         remedy="leave them out: an adapter takes whole vectors, which are cut after it")  # fmt: skip
    encoder, found = open_candidate(candidate, story.settings, story.layout, story.reporter)
    if isinstance(found, adapters.AdaptedEncoder):
        known = _known(story, found.base)
        raise InputError(f"{over} is an adapter itself", where="--over",
                         remedy=f"name what it stands on: {known.version if known else found.base.name}")  # fmt: skip
    return encoder, found


def _live_dimension(story: Story, fingerprint: str) -> int | None:
    """Components that are searched today, where the live collection holds this base's vectors."""
    if not story.layout.registry.exists():
        return None
    registry = _registry(story)
    live = registry.live()
    found = None if live is None else registry.indexes.get(live.index)
    return found.dimension if found is not None and found.fingerprint == fingerprint else None


def _registry(story: Story) -> Registry:
    return Registry(story.layout.registry, story.layout.models, clock=story.clock)


def _known(story: Story, encoder: Encoder) -> ModelVersion | None:
    """The version that an encoder is, if it is one."""
    if not story.layout.registry.exists():
        return None
    return next((one for one in _registry(story).list() if one.fingerprint == encoder.fingerprint), None)


def _registered_base(story: Story, inner: VersionEncoder) -> ModelVersion:
    """The base, registered now: what was tried and not kept leaves no version behind."""
    registry = _registry(story)
    if isinstance(inner, RemoteEncoder):
        folder = story.layout.home / "remote" / inner.fingerprint
        write_remote(inner.model, folder)
        return registry.register_base(folder, name=inner.name, fingerprint=inner.fingerprint, dimension=inner.dimension)
    assert isinstance(inner, LocalEncoder)  # noqa: S101 - an adapter is no base
    base = Model(inner.name, inner.folder, inner, inner.own_limit)
    return registry.register_base(inner.folder.path, **base.details)


def _registered(story: Story, fit: _Fit, artifact: Artifact, base: ModelVersion) -> ModelVersion:
    """The adapter as a version."""
    registry, options = _registry(story), fit.options
    adapter: Adapter = adapters.load_adapter(artifact.path / "adapter")
    name = f"{base.name} with a {options.kind} adapter, tuned on {story.source.path.resolve().name}"
    version = registry.register(
        artifact.path / "adapter", name=name, fingerprint=adapter.fingerprint, dimension=adapter.dimension,
        base=base.version, run_id=artifact.key, lineage=_lineage(story, fit, artifact, base),
        query_prompt=base.query_prompt, passage_prompt=base.passage_prompt, max_tokens=base.max_tokens, kind="adapter",
        space=adapter.base if adapter.sides == "query" else "",
    )  # fmt: skip
    tell_mlflow(version, story.settings.registry, story.reporter)
    return version


def _lineage(story: Story, fit: _Fit, artifact: Artifact, base: ModelVersion) -> dict[str, Any]:
    counts = artifact.counts
    return {
        **story.lineage, "training": artifact.key, "dimension": fit.deployed,
        "base": {"name": base.name, "fingerprint": base.fingerprint, "licence": licence_of(base.path)},
        "adapter": plain(fit.options), "options": plain(story.settings), "settings": content_hash(story.settings),
        "seed": fit.options.seed, "train_seconds": counts["seconds"], "dev": counts["dev"],
        "parameters": counts["parameters"],
    }  # fmt: skip


def _without_map(fitted: FittedAdapter) -> dict[str, Any]:
    return {name: getattr(fitted, name) for name in ("best_epoch", "base_score", "score", "epochs", "seconds")}
