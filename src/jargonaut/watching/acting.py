"""Training anew when a reason is there: from the base and from the live version, through the gate, and only then live.

One at a time, under a lock that a killed process gives up. Every step is an event; every part of the work is an
artifact that the next attempt finds. Until the pointer moves, in one step at the end, what is live is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jargonaut import formats
from jargonaut.artifacts import alone, content_hash, plain
from jargonaut.errors import InputError
from jargonaut.examination import Examination, examine
from jargonaut.exams import Exam, kept_artifact
from jargonaut.monitoring import (
    Alarm,
    GoldenQuery,
    GoldenSet,
    GoldenSets,
    PassRecord,
    QueryLogOptions,
    WatchOptions,
    golden_id,
)
from jargonaut.pairs import question
from jargonaut.pairs.review import DecisionStore
from jargonaut.pool import Pool
from jargonaut.records import Pair
from jargonaut.registry import Live, ModelVersion
from jargonaut.story import Story
from jargonaut.watching.golden import golden_set
from jargonaut.watching.ledger import ACT_LOCK, ATTEMPT
from jargonaut.watching.looking import Watch
from jargonaut.watching.snapshot import ancestry, trained_on

_SHIP = "ship"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that was trained anew, and what the gate says of it against the live one.

    Attributes:
        version: Its version; "" where every step was clearly worse on dev than what it started from.
        start: What it was trained from, such as `base` or `v1`.
        verdict: Of all golden queries, old and new.
        sentence: The verdict in words.
        ndcg: nDCG@10 on all golden queries at the deployed dimension.
        held_back: Why it does not ship although the verdict is `ship`; "" where nothing holds it back.
    """

    version: str
    start: str
    verdict: str
    sentence: str
    ndcg: float = 0.0
    held_back: str = ""

    @property
    def ships(self) -> bool:
        """Whether the gate lets it through."""
        return self.verdict == _SHIP and not self.held_back


@dataclass(frozen=True, slots=True)
class Retraining:
    """What came of acting on a pass.

    Attributes:
        reasons: Rules that asked for it.
        candidates: The models that were trained.
        promoted: The version that went live; "" where none did.
        before: The version that was live before.
        told: What was done, or why nothing was, in a sentence.
    """

    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    promoted: str
    before: str
    told: str


def act(watch: Watch, found: PassRecord) -> Retraining | None:
    """Trains anew where a pass gives a reason; None where it gives none, and no attempt is left over.

    Args:
        watch: The workspace.
        found: What a look has just found.

    Raises:
        InputError: Another process re-trains.
        JargonautError: A step failed. What is live stays as it is, and the next attempt goes on from there.
    """
    fires = {one.name for one in found.findings if one.fires}
    reasons = [alarm for alarm in found.reasons if alarm.name in fires]
    if not reasons and not _unfinished(watch):
        return None
    with alone(watch.layout.monitoring / ACT_LOCK, "another process re-trains this workspace", "wait for it"):
        return _Attempt(watch, reasons).done() if reasons else _given_up(watch)


def _unfinished(watch: Watch) -> bool:
    """Whether an attempt began and never ended, such as one that was killed."""
    return (watch.series.note(ATTEMPT) or {}).get("step") not in (None, "done")


def _given_up(watch: Watch) -> Retraining | None:
    """Ends an attempt that stopped and that nothing asks for any more, so that it is not told of for ever."""
    if not _unfinished(watch):  # another process has gone on with it meanwhile
        return None
    attempt, live = watch.series.note(ATTEMPT), watch.index.registry.live()
    now = live.version if live is not None else ""
    told = (f"the re-training of {attempt['begun'][:16]} that stopped at {attempt['step']!r} is ended: nothing asks "
            f"for it any more; {now} is live")  # fmt: skip
    # Without its key: should a reason come back, the work was not done.
    watch.series.remember(ATTEMPT, {**attempt, "key": "", "step": "done", "told": told})
    watch.series.happened(watch.clock(), "retraining ended", told=told, promoted="")
    return Retraining((), (), "", now, told)


class _Attempt:
    """One attempt at a better model."""

    def __init__(self, watch: Watch, reasons: Sequence[Alarm]) -> None:
        self.watch, self.reasons = watch, tuple(alarm.name for alarm in reasons)
        registry = watch.index.registry
        live = registry.live()
        if live is None:
            raise InputError("nothing is live any more")
        self.pointer: Live = live
        self.live = registry.get(live.version)
        self.versions = ancestry(registry, self.live)
        self.language = watch.settings.bm25.language
        self.begun = watch.clock().isoformat(timespec="seconds")

    def done(self) -> Retraining:
        """All steps; each is told before it begins."""
        watch = self.watch
        earlier = watch.series.note(ATTEMPT) or {}
        golden = self._golden()
        key = self.key(golden)
        if earlier.get("key") == key and earlier.get("step") == "done":
            told = f"nothing changed since the attempt of {earlier['begun'][:16]}: {earlier['told']}"
            return Retraining(self.reasons, (), "", self.live.version, told)
        if earlier.get("step") not in (None, "done"):
            self._event("retraining taken up", begun=earlier["begun"], step=earlier["step"])
            watch.reporter.line(f"  an earlier re-training stopped at {earlier['step']!r}; going on")
        self._event("retraining begun", reasons=list(self.reasons), live=self.live.version)
        self._step("training", key)
        stories = list(self._stories(watch.documents().source.path))
        candidates = []
        for start, story in stories:
            self._step(f"training from {start}", key)
            candidates.append(self._candidate(start, story, stories[0][1], golden, key))
        told, promoted = self._promoted([one for one in candidates if one.ships], key)
        watch.series.remember(ATTEMPT, {"key": key, "begun": self.begun, "step": "done", "told": told})
        self._event("retraining ended", told=told, promoted=promoted)
        return Retraining(self.reasons, tuple(candidates), promoted, self.live.version, told)

    def _golden(self) -> GoldenSet:
        """The golden set, frozen before anything is trained, so that nothing of it can be trained on."""
        watch = self.watch
        found = golden_set(watch.layout, trained_on(watch.index.registry, self.live, watch.layout))
        if found is None:
            raise InputError(
                "without golden queries nobody could tell whether a new model is better",
                remedy="`jargonaut golden add FILE`, then `jargonaut golden freeze`",
            )
        if not found.frozen:
            found = GoldenSets(watch.layout.golden).freeze(watch.clock(), first=found.queries)
            self._event("golden set frozen", version=found.version, queries=len(found.queries))
        return found

    def key(self, golden: GoldenSet) -> str:
        """Hash of all that an attempt depends on: the same attempt is not made twice.

        Settings of monitoring itself are left out, since no model depends on them.
        """
        watch, layout = self.watch, self.watch.layout
        settings = replace(watch.settings, watch=WatchOptions(), query_log=QueryLogOptions())
        pool = [entry.key for entry in Pool(layout.pool).entries()]
        reviews = [plain(one.decision) for one in DecisionStore(layout.reviews).stored()]
        return content_hash(
            watch.documents().artifact.key, golden.digest, self.live.fingerprint, plain(settings), pool, reviews
        )

    def _stories(self, source: Path) -> Iterator[tuple[str, Story]]:
        """The run's story from the settings' base, and from the live version where that is another model."""
        watch, settings = self.watch, self.watch.settings
        yield "base", Story(source, watch.layout, settings, watch.reporter)
        if self.live.base and self.live.kind == "encoder":  # nothing else can be tuned further
            model = replace(
                settings.base, model=str(self.live.path), query_prompt=self.live.query_prompt,
                passage_prompt=self.live.passage_prompt, max_tokens=self.live.max_tokens,
            )  # fmt: skip
            yield self.live.version, Story(source, watch.layout, replace(settings, base=model), watch.reporter)

    def _candidate(self, start: str, story: Story, first: Story, golden: GoldenSet, key: str) -> Candidate:
        counts = story.tuned.counts
        if counts["best_epoch"] == 0:
            return Candidate(
                "", start, "no_measurable_difference", f"training from {start} made it clearly worse on dev"
            )
        version = self._registered(start, story)
        self._event("candidate trained", version=version.version, start=start, pairs=counts["pairs"])
        self._step(f"examining {version.version}", key)
        old, new = self._asked(story, golden)
        whole = self._examined(
            version, first, [*old, *new], f"golden set {golden.version}{' and new queries' if new else ''}"
        )
        held_back = ""
        for name, part in (("old golden queries", old), ("new golden queries", new)):
            if old and new and whole.verdict.name == _SHIP:
                verdict = self._examined(version, first, part, name).verdict
                if verdict.name == "dont_ship":
                    held_back = f"on {name}: {verdict.sentence}"
        best = next(s for s in whole.systems if s.kind == "tuned" and s.dim == whole.deployed_dim)
        self._event("candidate examined", version=version.version, verdict=whole.verdict.name,
                    sentence=whole.verdict.sentence, held_back=held_back)  # fmt: skip
        return Candidate(version.version, start, whole.verdict.name, whole.verdict.sentence,
                         float(best.scores.mean("nDCG@10")), held_back)  # fmt: skip

    def _registered(self, start: str, story: Story) -> ModelVersion:
        registry, base, tuned = self.watch.index.registry, story.base_model, story.tuned_model
        parent = registry.register_base(base.folder.path, **base.details).version if start == "base" else start
        lineage = story.tuned_lineage
        if start != "base":
            lineage["root_base"] = self.live.lineage.get("root_base") or self.live.lineage.get("base")
        return registry.register(
            tuned.folder.path, **tuned.details, base=parent, run_id=story.tuned.key, lineage=lineage
        )

    def _asked(self, story: Story, golden: GoldenSet) -> tuple[list[Pair], list[Pair]]:
        """Old golden queries whose passages are still there, and new ones that neither model was trained on."""
        texts = story.corpus.texts
        old = [pair for one in golden.queries for pair in _pairs(one) if pair.passage_id in texts]
        known = {question(one.query, self.language) for one in golden.queries}
        for version in self.versions:
            made = kept_artifact(version, "pairs", self.watch.layout) if version.base else None
            if made is not None:
                rows = formats.read_records(made.path / "train.jsonl", Pair)
                known |= {question(text, self.language) for text in {row.query for row in rows}}
        new = [pair for pair in story.pairs.splits.test if question(pair.query, self.language) not in known]
        return old, new

    def _examined(self, version: ModelVersion, first: Story, asked: Sequence[Pair], name: str) -> Examination:
        """A candidate against the live version, on the documents as they are now."""
        watch = self.watch
        exam = Exam(
            name, first.corpus, tuple(asked), first.pairs.splits.train, first.pairs.splits.dev,
            first.pairs.splits.groups, content_hash(first.corpus.artifact.key, [plain(pair) for pair in asked]),
        )  # fmt: skip
        dimension = replace(watch.settings.evaluate, deployed_dim=self.pointer.dimension)
        return examine(
            watch.layout, replace(watch.settings, evaluate=dimension), watch.index.registry, watch.reporter,
            version=version.version, against=self.live.version, on=exam,
        )  # fmt: skip

    def _promoted(self, good: Sequence[Candidate], key: str) -> tuple[str, str]:
        """Builds, verifies and switches to the best of those that the gate lets through."""
        watch = self.watch
        if not good:
            return f"{self.live.version} stays live: no candidate passed the gate", ""
        best = max(good, key=lambda one: (one.ndcg, one.version))
        self._step(f"building the index of {best.version}", key)
        built = watch.index.build(best.version, dimension=self.pointer.dimension)
        name = built.info.collection
        self._event("index built", version=best.version, index=name, encoded=built.encoded)
        if watch.settings.registry.promote_by_hand:
            return f"{best.version} passed the gate and waits for you: `jargonaut index switch {best.version}`", ""
        self._step(f"switching to {best.version}", key)
        watch.index.switch(name, instead_of=self.pointer)
        self._event("promoted", version=best.version, before=self.live.version, sentence=best.sentence)
        return f"{best.version} went live in place of {self.live.version}; `jargonaut models rollback` goes back", (
            best.version
        )  # fmt: skip

    def _step(self, name: str, key: str) -> None:
        self.watch.reporter.line(f"  act         {name}")
        self.watch.series.remember(ATTEMPT, {"key": key, "begun": self.begun, "step": name})

    def _event(self, kind: str, **detail: Any) -> None:
        self.watch.series.happened(self.watch.clock(), kind, **detail)


def _pairs(one: GoldenQuery) -> list[Pair]:
    return [Pair(golden_id(one.query), one.query, passage, grade) for passage, grade in one.positives.items()]
