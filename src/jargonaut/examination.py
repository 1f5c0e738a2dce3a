"""Two registered models on one exam: every system of both, who is better and whether to ship.

Moves no pointer and trains nothing. Joins registry, exam, contenders and the ship gate; what is shown of it is others'
business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from jargonaut import evaluation, notices
from jargonaut.artifacts import Artifact, ensure, plain, write_json
from jargonaut.contenders import Contenders, Measured, dimensions
from jargonaut.encoders import account, remembering, version_encoder
from jargonaut.errors import InputError
from jargonaut.evaluation import Comparison, SystemResult, Verdict
from jargonaut.exams import Exam, exam_of_source, exam_of_version, seen_in_training
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import qrels, queries
from jargonaut.registry import ModelVersion, Registry
from jargonaut.rerankers import named_reranker, reranker_identity
from jargonaut.scrutiny import Subject, scrutinise, scrutinised_by
from jargonaut.settings import Settings
from jargonaut.story import Clock, utc_now
from jargonaut.suspects import SHEET

EXAMINE_VERSION = 3


@dataclass(frozen=True, slots=True)
class Examination:
    """What two models scored on one exam.

    Attributes:
        version: The model in question.
        against: The one that it is compared with.
        source: What they were tested on.
        queries: How many queries were asked.
        passages: Over how many passages.
        groups: Document groups among the queries.
        systems: Every system of both; the kinds `base…` are `against`.
        comparisons: Like with like.
        verdict: Whether `version` should replace `against`.
        deployed_dim: Dimension on which that was decided.
        weights: Kind of a weighted hybrid → weight of dense search, fitted on dev.
        notices: What a reader must know before trusting the numbers.
        confidence: Probability mass of the intervals.
        scrutiny: What was found beyond the comparison, as `report.json` holds it; `against` is its base.
        folder: Holds report.html, report.json, per-query scores, TREC runs and qrels, systems.json, examination.json.
    """

    version: str
    against: str
    source: str
    queries: int
    passages: int
    groups: int
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    deployed_dim: int
    weights: Mapping[str, float]
    notices: tuple[str, ...]
    confidence: float
    scrutiny: Mapping[str, Any]
    folder: Path

    @property
    def front(self) -> tuple[SystemResult, ...]:
        """The systems that no other beats in both nDCG@10 and bytes, the smallest first."""
        return evaluation.pareto_front(self.systems)

    def table(self) -> str:
        """Every system, plain text."""
        return evaluation.systems_table(self.systems, self.comparisons, self.confidence)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values, without the scores of single queries."""
        told = {name: getattr(self, name) for name in _TOLD}
        return {
            **plain(told), "verdict": self.verdict.name, "rule": self.verdict.rule,
            "sentence": self.verdict.sentence, "reasons": list(self.verdict.reasons),
            "systems": evaluation.system_rows(self.systems),
            "pareto": [evaluation.front_row(one) for one in self.front],
            "comparisons": plain(self.comparisons), "scrutiny": self.scrutiny, "folder": str(self.folder),
        }  # fmt: skip


_TOLD = ("version", "against", "source", "queries", "passages", "groups", "deployed_dim", "weights", "notices",
         "confidence")  # fmt: skip


def examine(
    layout: Layout, settings: Settings, registry: Registry, reporter: Reporter, *, source: Path | None = None,
    version: str | None = None, against: str | None = None, clock: Clock = utc_now, on: Exam | None = None,
) -> Examination:  # fmt: skip
    """Scores two registered versions on the same judged queries; done once for the same models, queries and options.

    Args:
        layout: The workspace's paths.
        settings: Sections `evaluate`, `bm25`, `compute`, and those of a scrutiny.
        registry: Knows the versions.
        reporter: Told of the progress.
        source: A BEIR folder; None for the test split of the version's own pairs.
        version: The model in question; the newest when None.
        against: What it is compared with; what it was tuned from when None.
        clock: Time of the report.
        on: What they are tested on, in place of `source`.

    Raises:
        InputError: There is no such version, they are one, or there is nothing to test them on.
    """
    one, other = _couple(registry, version, against)
    names = (other.version, one.version)
    base, tuned = (remembering(version_encoder(registry, v, settings), layout.vectors, reporter) for v in (other, one))
    full = min(base.dimension, tuned.dimension)
    options, (dims, deployed) = _options(settings, one, full)
    own = source is None and on is None
    if on is not None:
        exam = on
    elif source is None:
        exam = exam_of_version(one if one.lineage.get("pairs") else other, layout)
    else:
        exam = exam_of_source(source, settings, layout, reporter)
    reporter.line(
        f"{one.version} against {other.version}: {len(queries(exam.test)):,} queries of {exam.source} over "
        f"{len(exam.corpus.texts):,} passages"
    )
    told = (*exam.notices, *_leaks((one, other), exam, layout))

    def build(folder: Path) -> Mapping[str, Any]:
        rerank = named_reranker(options.cross_encoder, settings, layout) if options.cross_encoder else None
        contenders = Contenders(exam.corpus.texts, settings.bm25)
        found = contenders.measure(
            folder, base, tuned, exam.test, exam.groups, dims, deployed, options, dev=exam.dev, rerank=rerank,
            names=names,
        )  # fmt: skip
        looked = scrutinise(
            folder if own else None,
            Subject.over(contenders, exam.corpus, exam.splits, found.runs, (base, tuned), deployed),
            replace(settings, evaluate=options), layout, reporter,
        )  # fmt: skip
        jury = evaluation.jury_of(found.systems, exam.judged, found.clusters, options)
        drawn = evaluation.verdict(found.systems, found.comparisons, options, looked.evidence(jury), names)
        warnings = (*told, *_warnings(found, exam, options))
        _write(folder, found, drawn, exam, warnings)
        report = replace(_report(names, found, drawn, exam, warnings, options, clock()), scrutiny=looked)
        write_json(folder / "report.json", evaluation.to_json(report))
        (folder / "report.html").write_text(evaluation.to_html(report), encoding="utf-8")
        return {"verdict": drawn.name, "sentence": drawn.sentence}

    inputs = {"exam": exam.key, "version": one.fingerprint, "against": other.fingerprint,
              "names": [one.version, other.version], "told": told,
              **reranker_identity(options.cross_encoder, settings, layout)}  # fmt: skip
    chosen = {"evaluate": options, "bm25": settings.bm25, "dims": dims,
              "scrutiny": scrutinised_by(settings, layout)}  # fmt: skip
    artifact = ensure(layout.runs, "examine", version=EXAMINE_VERSION, inputs=inputs, options=chosen, build=build,
                      editable=(SHEET,))  # fmt: skip
    for encoder in (base, tuned):
        if sent := account(encoder, settings):
            reporter.line(f"  {encoder.name}: {sent}")
    found = _read(artifact, one, other, exam, options.confidence, deployed)
    reporter.line(f"  beside the comparison, with {other.version} as base and {one.version} as tuned model:")
    for line in notices.of_scrutiny(found.scrutiny, found.folder if own else None):
        reporter.line(line)
    for notice in found.notices:
        reporter.warn(notice)
    return found


def _couple(registry: Registry, version: str | None, against: str | None) -> tuple[ModelVersion, ModelVersion]:
    """The version in question and the one that it is compared with."""
    known = registry.list()
    tuned = [one for one in known if one.base and one.has_vectors]
    if version is None and not tuned:
        raise InputError("no tuned version is registered yet", remedy="run `jargonaut run DOCS` first")
    one = registry.get(version) if version is not None else tuned[-1]
    if against is None and not one.base:
        raise InputError(
            f"{one.version} was not tuned from another version, so it is not clear what it is compared with",
            where=f"--version {one.version}", remedy="say --against VERSION",
        )  # fmt: skip
    other = registry.get(against if against is not None else one.base)
    if one.version == other.version:
        raise InputError(f"{one.version} would be compared with itself", where="--against", remedy="name another one")
    return one, other


def _options(
    settings: Settings, version: ModelVersion, full: int
) -> tuple[evaluation.EvaluationOptions, tuple[tuple[int, ...], int]]:
    """The options with the dimension that decides, and the dimensions that are measured."""
    options, made_for = settings.evaluate, version.lineage.get("dimension")
    if options.deployed_dim is None and isinstance(made_for, int) and made_for <= full:
        options = replace(options, deployed_dim=made_for)
    dims, deployed = dimensions(options, settings.train.dims, full)
    return replace(options, deployed_dim=deployed), (dims, deployed)


def _leaks(versions: Sequence[ModelVersion], exam: Exam, layout: Layout) -> list[str]:
    """Sentences on what of the exam a model was trained on."""
    found = []
    for one in versions:
        if not one.base:
            continue  # a base was not trained here
        seen = seen_in_training(one, exam, layout)
        if seen is None:
            found.append(f"what {one.version} was trained on is not here any more: it may have seen this test")
        elif any(seen):
            found.append(
                f"{one.version} was trained on {seen[0]:,} of these queries and on {seen[1]:,} of the passages that "
                "answer them: its scores are flattered"
            )
    return found


def _warnings(found: Measured, exam: Exam, options: evaluation.EvaluationOptions) -> list[str]:
    told = list(notices.of_test(found.groups, evaluation.fewest_clusters(options.confidence)))
    if not exam.dev:
        told.append("there are no dev judgements to fit the weight of a weighted hybrid on, so none was measured")
    return told


def _write(folder: Path, found: Measured, drawn: Verdict, exam: Exam, told: Sequence[str]) -> None:
    evaluation.write_systems(folder, found.systems)
    write_json(folder / "examination.json", {
        "verdict": plain(drawn), "comparisons": plain(found.comparisons), "weights": plain(found.weights),
        "notices": list(told), "queries": len(queries(exam.test)), "passages": len(exam.corpus.texts),
        "groups": found.groups,
    })  # fmt: skip


def _report(
    names: tuple[str, str], found: Measured, drawn: Verdict, exam: Exam, told: Sequence[str],
    options: evaluation.EvaluationOptions, created: datetime,
) -> evaluation.RunReport:  # fmt: skip
    """What a run's report would say of these two models."""
    passages, asked, judged = {p.id: p for p in exam.corpus.passages}, queries(exam.test), qrels(exam.test)
    return evaluation.RunReport(
        f"{Path(exam.source).name}: {names[1]} against {names[0]}", created, names[0], names[1], exam.source, drawn,
        found.plain, found.comparisons, evaluation.find_changes(asked, passages, judged, found.base, found.tuned),
        counts={"passages": len(passages), "test_queries": len(asked), "document_groups": found.groups},
        settings={"evaluate": plain(options)}, notices=tuple(told), confidence=options.confidence,
        deployed_dim=options.deployed_dim, others=found.others, weights=found.weights,
    )  # fmt: skip


def _read(
    artifact: Artifact, one: ModelVersion, other: ModelVersion, exam: Exam, confidence: float, deployed: int
) -> Examination:
    row = json.loads((artifact.path / "examination.json").read_text(encoding="utf-8"))
    drawn = row["verdict"]
    return Examination(
        one.version, other.version, exam.source, row["queries"], row["passages"], row["groups"],
        evaluation.read_systems(artifact.path), tuple(Comparison(**each) for each in row["comparisons"]),
        Verdict(**{**drawn, "reasons": tuple(drawn["reasons"])}), deployed, row["weights"], tuple(row["notices"]),
        confidence, json.loads((artifact.path / "report.json").read_text(encoding="utf-8"))["scrutiny"], artifact.path,
    )  # fmt: skip
