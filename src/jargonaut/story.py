"""The steps of a run in order, from a source to a candidate model and the report that judges it.

Every step is a content-addressed artifact: its folder is named by what went in, so a second run finds what is done, and
a run that was killed goes on where it stopped. Knows the order of the stages and what each hands to the next.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from jargonaut import evaluation, notices, pairs, training
from jargonaut.artifacts import Artifact, content_hash, ensure, plain, write_json
from jargonaut.contenders import Contenders, Measured, dimensions
from jargonaut.encoders import base_model, cached_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import choose_devices
from jargonaut.encoding.models import ModelFolder, find_model
from jargonaut.errors import SettingsError
from jargonaut.gate import prepare_assessment
from jargonaut.hardness import PreparedNegatives, prepare_negatives
from jargonaut.layout import Layout
from jargonaut.origin import code_versions, licence_of, seeds_of
from jargonaut.pairing import PreparedPairs, prepare_pairs
from jargonaut.pairs import Leakage
from jargonaut.pairs.provenance import judged_queries
from jargonaut.protocols import Reporter
from jargonaut.records import Run, qrels, queries
from jargonaut.release import Model
from jargonaut.rerankers import named_reranker, reranker_identity
from jargonaut.reranking import LocalReranker
from jargonaut.scrutiny import Subject, language_model, scrutinise, scrutinised_by
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, Source, open_source, prepare_corpus, remember_source
from jargonaut.suspects import SHEET
from jargonaut.teachers import open_teacher
from jargonaut.teaching import Teaching

EVALUATE_VERSION = 6
DONE, TRAINS = 0.0, 1.0
"""What the first of several processes tells the others: nothing is to be trained, or take part."""
SHOWN_KINDS = 4
"""Kinds of unusable input that are shown with an example."""

_OF_THE_RECIPE = ("mined", "tuned", "tuned_folder", "tuned_encoder", "run", "_teaching")
"""What a story holds, once it was asked for, that another recipe changes."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock that runs use unless another is handed in."""
    return datetime.now(UTC)


class Story:
    """One run's steps in order; each is done when it is first asked for, and only once.

    Args:
        source: What the user points at.
        layout: The workspace's paths.
        settings: Every stage's options.
        reporter: Where each stage says what it did.
        clock: Time of the report.
    """

    def __init__(
        self, source: Path, layout: Layout, settings: Settings, reporter: Reporter, clock: Clock = utc_now
    ) -> None:
        self.layout, self.settings, self.reporter, self.clock = layout, settings, reporter, clock
        self.source: Source = open_source(source, settings)
        choose_devices(settings.compute.device)  # a device that is not there is told before anything is read
        self.base_folder = base_model(settings)
        self.base = self._cached(self.base_folder)
        self.dims, self.deployed = dimensions(settings.evaluate, settings.train.dims, self.base.dimension)
        training.require_fit(self._train_options, self.base.dimension, self.base_folder.layers, self.deployed,
                             static=self.base_folder.static)  # fmt: skip
        if settings.mine.remine and settings.train.loss in ("gist", *training.DISTILLING):
            raise SettingsError("passages that are mined again are unknown to guide and teacher", where="[mine] remine",
                                remedy="say `remine = false`, or another [train] loss")  # fmt: skip
        if settings.train.teacher:
            open_teacher(settings.train.teacher, settings, layout, reporter)
        language_model(settings, layout)  # one that is wanted and is not there is told before anything is trained
        remember_source(layout, source)
        self.callbacks: tuple[training.Callback, ...] = ()
        self.notices: list[str] = []
        self._stages: dict[str, Artifact] = {}

    @cached_property
    def corpus(self) -> PreparedCorpus:
        """Passages without repeats."""
        found = prepare_corpus(self.source, self.base_folder, self.settings, self.layout, self.reporter)
        counts = found.artifact.counts
        detail = f"{counts['documents']:,} documents, {counts['passages']:,} passages"
        repeats = counts.get("exact_duplicates", 0) + counts.get("near_duplicates", 0)
        detail += f", {repeats:,} repeats dropped" if repeats else ""
        self._say("corpus", detail, found.artifact)
        self._left_out(found.artifact)
        for notice in found.notices:
            self._warn(notice)
        return found

    @cached_property
    def pairs(self) -> PreparedPairs:
        """Train, dev and test pairs."""
        found = prepare_pairs(self.corpus, self.base, self.settings, self.layout, self.reporter)
        pairs.require_enough(found.splits, self.settings.split)
        c = found.artifact.counts
        how = "the source's own split" if c["origin"] == "given" else "split by document and near-duplicate"
        detail = (
            f"{c['train']:,} train, {c['dev']:,} dev, {c['test']:,} test pairs from {notices.named_sources(c)} ({how})"
        )
        self._say("pairs", f"{detail}; word overlap {c['overlap']['mean']:.0%}", found.artifact)
        self._left_out(found.artifact)
        for notice in notices.of_pairs(c):
            self._warn(notice)
        return found

    @cached_property
    def assessment(self) -> evaluation.Assessment:
        """Whether fine-tuning looks worth it, measured on dev."""
        found, artifact = prepare_assessment(
            self.corpus, self.pairs, self.base, self.base_folder, self.deployed, self.settings, self.layout,
            self.reporter,
        )  # fmt: skip
        self._say("assess", found.sentence, artifact)
        if found.verdict != "fine_tune":
            self.reporter.line(f"              {found.reasons[0]}")
        return found

    @cached_property
    def mined(self) -> PreparedNegatives:
        """Hard negatives from train passages."""
        found = prepare_negatives(
            self.corpus, self.pairs, self.base, self._contenders.vectors, self.settings, self.layout, self.reporter
        )
        self._say("negatives", found.sentence, found.artifact)
        for notice in notices.of_mining(found.artifact.counts):
            self._warn(notice)
        return found

    @property
    def negatives(self) -> Artifact:
        """The artifact of the hard negatives."""
        return self.mined.artifact

    @cached_property
    def tuned(self) -> Artifact:
        """The candidate model, in its `model` folder, and how its training went."""
        artifact = ensure(
            self.layout.stage("training"), "train", version=training.VERSION,
            inputs=self._teaching.inputs, options=self._teaching.options, build=self._train,
        )  # fmt: skip
        if artifact.reused:
            training.World.joined().agreed(DONE)
        self._teaching.checkpoints.remove()
        c = artifact.counts
        blended = f" at α = {c['alpha']:g}" if 0 < c["alpha"] < 1 else ""
        kept = f"{c['best_epoch']} of {self._teaching.recipe.epochs}{blended}"
        detail = f"{c['steps']:,} steps over {c['pairs']:,} pairs; kept epoch {kept}"
        self._say("training", f"{detail}; general knowledge {c['general'][0]:.3f} → {c['general'][1]:.3f}", artifact)
        for notice in notices.of_forgetting(c, self.settings.train.general_limit, self.settings.train.alphas):
            self._warn(notice)
        self.notices += c["notices"]
        for notice in c["notices"] if artifact.reused else ():  # training itself has said them
            self.reporter.warn(notice)
        if c["best_epoch"] == 0:
            self._warn("all steps scored clearly worse on dev than the base model, so the candidate is the base itself")
        elif c["dev"][1] <= c["dev"][0]:
            self._warn(f"dev does not show that training helped (nDCG@10 {c['dev'][0]:.3f} → {c['dev'][1]:.3f})")
        return artifact

    @cached_property
    def tuned_folder(self) -> ModelFolder:
        """The candidate's files."""
        return find_model(str(self.tuned.path / "model"))

    @cached_property
    def tuned_encoder(self) -> CachedEncoder:
        """The candidate as an encoder."""
        return self._cached(self.tuned_folder)

    @property
    def tuned_name(self) -> str:
        """The candidate's descriptive name."""
        if self.tuned.counts["best_epoch"] == 0:
            return f"{self.base.name}, unchanged (training on {self.source.path.resolve().name} made it worse)"
        where = Path(self.settings.train.teacher or "")
        teacher = where.parent.name[:12] if where.name == "model" else where.name  # of a training: its key
        taught = f", taught by {teacher}" if teacher else ""
        return f"{self.base.name}, tuned on {self.source.path.resolve().name}{taught}"

    @cached_property
    def run(self) -> Artifact:
        """The evaluation on test and its report."""
        if self._reranker is not None:
            self._reranker.scorer  # noqa: B018 - loaded now, so that a wrong one is told before hours of work
            self._reranker.close()
        assessment = self.assessment  # first: whether it is worth it is said before anything is trained
        inputs = {
            **self._given, "tuned": self.tuned_encoder.fingerprint, "training": self.tuned.key,
            "name": self.source.path.resolve().name,
            **reranker_identity(self.settings.evaluate.cross_encoder, self.settings, self.layout),
        }  # fmt: skip
        options = {
            "evaluate": self.settings.evaluate, "bm25": self.settings.bm25, "dims": self.dims,
            "assess": self.settings.assess, "scrutiny": scrutinised_by(self.settings, self.layout),
        }  # fmt: skip

        def build(folder: Path) -> Mapping[str, Any]:
            report = self._evaluate(folder, assessment)
            write_json(folder / "report.json", evaluation.to_json(report))
            (folder / "report.html").write_text(evaluation.to_html(report), encoding="utf-8")
            (folder / "report.md").write_text(evaluation.to_markdown(report), encoding="utf-8")
            (folder / "table.txt").write_text(report.table(), encoding="utf-8")
            best = next(s for s in report.systems if s.kind == "tuned" and s.dim == report.headline_dim)
            return {"verdict": report.verdict.name, "sentence": report.verdict.sentence, "metrics": best.metrics}

        artifact = ensure(
            self.layout.runs, "evaluate", version=EVALUATE_VERSION, inputs=inputs, options=options, build=build,
            editable=(SHEET,),
        )  # fmt: skip
        report = json.loads((artifact.path / "report.json").read_text(encoding="utf-8"))
        self._say_leakage(Leakage(**report["leakage"]))
        self._say("evaluation", f"{self.pairs.artifact.counts['test_queries']:,} test queries", artifact)
        for line in notices.of_scrutiny(report["scrutiny"], artifact.path):
            self.reporter.line(line)
        return artifact

    @property
    def base_model(self) -> Model:
        """The base, as the registry takes it."""
        return Model(self.base.name, self.base_folder, self.base, self.settings.base.max_tokens)

    @property
    def tuned_model(self) -> Model:
        """The candidate, as the registry takes it."""
        return Model(self.tuned_name, self.tuned_folder, self.tuned_encoder, self.settings.base.max_tokens)

    @property
    def tuned_lineage(self) -> dict[str, Any]:
        """What the candidate came from: what went in, by key, what was chosen, by which code, under which licence."""
        settings = self.settings
        return {
            **self.lineage, "negatives": self.negatives.key, "training": self.tuned.key,
            "base": {"name": self.base.name, "fingerprint": self.base.fingerprint,
                     "licence": licence_of(self.base_folder.path)},
            "dimension": self.deployed, "options": plain(self.in_force), "settings": content_hash(settings),
            "seed": settings.train.seed, "seeds": seeds_of(settings),
        }  # fmt: skip

    @property
    def lineage(self) -> dict[str, Any]:
        """What everything that is made of this story came from, as a version's lineage says it."""
        return {
            "source": str(self.source.path), "source_hash": self.source.digest, "corpus": self.corpus.artifact.key,
            "pairs": self.pairs.artifact.key, "jargonaut": metadata.version("jargonaut"), "code": code_versions(),
        }  # fmt: skip

    @property
    def inputs(self) -> Mapping[str, str]:
        """What training is taught on, by its hashes: equal ones, with an equal recipe, give an equal model."""
        return self._given

    def varied(self, settings: Settings, callbacks: Sequence[training.Callback] = ()) -> Story:
        """The same story with another recipe, over the same corpus and pairs.

        Args:
            settings: They differ in `mine` and `train` alone.
            callbacks: Told of the steps and epochs of its training.
        """
        other = copy.copy(self)
        other.settings, other.callbacks = settings, tuple(callbacks)
        other.notices, other._stages = list(self.notices), dict(self._stages)  # noqa: SLF001 - a copy of ourselves
        for name in _OF_THE_RECIPE:
            other.__dict__.pop(name, None)
        return other

    def abandon(self) -> None:
        """Removes what a training left that nobody will go on with."""
        if "_teaching" in self.__dict__:  # otherwise training was not reached
            self._teaching.checkpoints.remove()

    @property
    def _given(self) -> dict[str, str]:
        """What goes into every stage after the pairs."""
        return {"pairs": self.pairs.artifact.key, "corpus": self.corpus.artifact.key, "base": self.base.fingerprint}

    @property
    def _train_options(self) -> training.TrainOptions:
        """The recipe, with the deployed dimension among the Matryoshka dimensions."""
        options = self.settings.train
        trained = training.matryoshka_dims(self.base.dimension, options.dims)
        return replace(options, dims=tuple(sorted({*trained, self.deployed}, reverse=True)))

    @property
    def in_force(self) -> Settings:
        """The settings, with the most passes over the pairs that training makes where nobody said how many."""
        return replace(self.settings, train=replace(self.settings.train, epochs=self._teaching.recipe.epochs))

    @cached_property
    def _contenders(self) -> Contenders:
        return Contenders(self.corpus.texts, self.settings.bm25)

    @cached_property
    def _reranker(self) -> LocalReranker | None:
        """What orders hits anew in the evaluation; None where nothing is named."""
        name = self.settings.evaluate.cross_encoder
        return named_reranker(name, self.settings, self.layout) if name else None

    @cached_property
    def _teaching(self) -> Teaching:
        """The training of the candidate."""
        options = self._train_options
        epochs = training.passes(self.mined.triplets, options, again=self.settings.mine.renews)
        recipe = replace(options, epochs=epochs)
        return Teaching(
            self.corpus, self.pairs, self.mined, self.base, self.base_folder, recipe, self.deployed, self.settings,
            self.layout, self.reporter, self.callbacks,
        )  # fmt: skip

    def assist(self) -> None:
        """Takes part in the training that the first of several processes runs; what comes before, that one builds."""
        self._contenders.release()
        self._teaching.tune()

    def _train(self, folder: Path) -> Mapping[str, Any]:
        training.World.joined().agreed(TRAINS)
        self._contenders.release()
        return self._teaching.train(folder)

    def _evaluate(self, folder: Path, assessment: evaluation.Assessment) -> evaluation.RunReport:
        started = time.monotonic()
        options, splits = self.settings.evaluate, self.pairs.splits
        found = self._contenders.measure(
            folder, self.base, self.tuned_encoder, splits.test, splits.groups, self.dims, self.deployed, options,
            dev=splits.dev, rerank=self._reranker,
        )  # fmt: skip
        passages = {p.id: p for p in self.corpus.passages}
        changes = evaluation.find_changes(queries(splits.test), passages, qrels(splits.test), found.base, found.tuned)
        leaked = self._leakage()
        scrutiny = self._scrutinise(folder, found.runs)
        for notice in notices.of_test(found.groups, evaluation.fewest_clusters(options.confidence)):
            self._warn(notice)
        return evaluation.RunReport(
            title=f"{self.source.path.resolve().name}: {self.base.name}, tuned",
            created=self.clock(),
            base=self.base.name,
            tuned=f"{self.base.name}, tuned",
            source=str(self.source.path),
            verdict=evaluation.verdict(found.systems, found.comparisons, self._gated, self._evidence(found, scrutiny)),
            systems=found.plain,
            others=found.others,
            weights=found.weights,
            comparisons=found.comparisons,
            changes=changes,
            assessment=assessment,
            counts=self._counts(),
            leakage=plain(leaked),
            timings=self._timings(time.monotonic() - started),
            settings=plain(self.in_force),
            overlap=self.pairs.artifact.counts["overlap"],
            notices=(*self.notices, *notices.of_leakage(leaked, splits.origin)),
            curve=self._curve(),
            confidence=options.confidence,
            deployed_dim=self.deployed,
            scrutiny=scrutiny,
        )

    @property
    def _gated(self) -> evaluation.EvaluationOptions:
        """The options of evaluation, with the dimension that will serve users."""
        return replace(self.settings.evaluate, deployed_dim=self.deployed)

    def _evidence(self, found: Measured, scrutiny: evaluation.Scrutiny) -> evaluation.Evidence:
        """What the ship gate is told beside the comparisons."""
        judged = judged_queries(self.pairs.splits.test)
        return scrutiny.evidence(evaluation.jury_of(found.systems, judged, found.clusters, self._gated))

    def _scrutinise(self, folder: Path, runs: Mapping[str, Run]) -> evaluation.Scrutiny:
        """What is asked of the candidate beyond the comparison."""
        subject = Subject.over(
            self._contenders, self.corpus, self.pairs.splits, runs, (self.base, self.tuned_encoder), self.deployed
        )
        return scrutinise(folder, subject, self.settings, self.layout, self.reporter)

    def _leakage(self) -> Leakage:
        mined = {passage_id for triplet in self.mined.triplets for passage_id in triplet.negative_ids}
        return pairs.leakage(self.pairs.splits, mined, self.corpus.texts)

    def _say_leakage(self, found: Leakage) -> None:
        parts = (f"{part} {', '.join(f'{n} {kind}' for kind, n in found.of(part).items())}" for part in ("test", "dev"))
        mined = f"{found.mined_from_test} held-out passages among the negatives"
        self.reporter.line(f"  leakage     seen in training: {'; '.join(parts)}; {mined}")
        for notice in notices.of_leakage(found, self.pairs.splits.origin):
            self.reporter.warn(notice)

    def _counts(self) -> dict[str, Any]:
        split, mined = self.pairs.artifact.counts, self.negatives.counts
        shown = {k: v for k, v in self.corpus.artifact.counts.items() if isinstance(v, int)}
        shown |= {k: split[k] for k in ("train", "dev", "test", "train_queries", "dev_queries", "test_queries")}
        return {
            **shown, "curated_negatives": split["curated_negatives"], "hard_negatives": mined["negatives"],
            "likely_answers_left_out": mined["false_negatives"], "negatives_by_rank_alone": mined["fell_back"],
        }  # fmt: skip

    def _timings(self, evaluation_seconds: float) -> dict[str, float]:
        """Seconds of every stage when it was built, which may have been in an earlier call."""
        shown = {name: artifact.seconds for name, artifact in self._stages.items()}
        shown["evaluation"] = round(evaluation_seconds, 3)
        return {**shown, "total": round(sum(shown.values()), 3)}

    def _curve(self) -> evaluation.TrainingCurve:
        row = json.loads((self.tuned.path / "training.json").read_text(encoding="utf-8"))
        line = row["interpolation"]
        return evaluation.TrainingCurve(
            loss=tuple((int(step), float(loss)) for step, loss in row["losses"]),
            dev_ndcg=tuple((float(epoch), float(value)) for epoch, value in row["dev_scores"]),
            chosen_epoch=float(row["best_epoch"]),
            general_ndcg=tuple((float(epoch), float(value)) for epoch, value in row["general_scores"]),
            blends=tuple((b["alpha"], b["dev"], b["general"]) for b in line["blends"]),
            chosen_alpha=line["alpha"],
            general_limit=line["limit"],
        )

    def _cached(self, folder: ModelFolder) -> CachedEncoder:
        return cached_encoder(folder, self.settings, self.layout, self.reporter)

    def _say(self, stage: str, detail: str, artifact: Artifact) -> None:
        self._stages[stage] = artifact
        self.reporter.line(f"  {stage:<11} {detail}{_again(artifact)}")

    def _left_out(self, artifact: Artifact) -> None:
        if artifact.counts["left_out"]:
            kinds = artifact.counts["left_out_kinds"]
            self._warn(f"{artifact.counts['left_out']:,} inputs left out, listed in {artifact.path / 'left_out.jsonl'}")
            for kind in kinds[:SHOWN_KINDS]:
                self.reporter.line(f"      {kind['count']:,} like {kind['example']}")
            if len(kinds) > SHOWN_KINDS:
                self.reporter.line(f"      and {len(kinds) - SHOWN_KINDS} other kinds")

    def _warn(self, text: str) -> None:
        self.notices.append(text)
        self.reporter.warn(text)


def _again(artifact: Artifact) -> str:
    return " (done before)" if artifact.reused else f" [{artifact.seconds:.1f} s]"
