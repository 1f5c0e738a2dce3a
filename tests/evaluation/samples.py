"""Small runs, systems and reports that several tests share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from jargonaut.evaluation import (
    MEASURES,
    EvaluationOptions,
    RunReport,
    Scores,
    SystemResult,
    TrainingCurve,
    assess,
    compare,
    find_changes,
    per_query,
    query_clusters,
    summarise,
    verdict,
)
from jargonaut.evaluation.answers import AnswerDelta, AnswerMetric
from jargonaut.evaluation.changes import MovedTerm
from jargonaut.evaluation.conditions import ConditionResult, Retention
from jargonaut.evaluation.label_errors import LabelError, LabelErrors
from jargonaut.evaluation.savings import Saving, Savings
from jargonaut.evaluation.scrutiny import Scrutiny, Terms
from jargonaut.evaluation.slices import SliceResult, WorstSlice
from jargonaut.evaluation.thresholds import ScaleShift, ScoreScale, ThresholdMove
from jargonaut.records import Passage, Qrel, Query, Run

OPTIONS = EvaluationOptions(resamples=500)


def scores(values: np.ndarray[Any, np.dtype[np.float64]]) -> Scores:
    """The same values for every measure."""
    return Scores(tuple(f"q{i}" for i in range(len(values))), dict.fromkeys(MEASURES, values))


def spread(mean: float, count: int = 200, seed: int = 0) -> Scores:
    """Scores around a mean, the same noise for every mean."""
    noise = np.random.default_rng(seed).normal(0, 0.05, count)
    return scores(np.clip(mean + noise, 0, 1))


def run_at(name: str, ranks: list[int], depth: int = 20) -> Run:
    """A run whose query i finds its passage p<i> at `ranks[i]` (0: not at all)."""
    rankings: dict[str, Mapping[str, float]] = {}
    for i, rank in enumerate(ranks):
        others = iter(f"p{j}" for j in range(len(ranks) + depth) if j != i)
        hits = [f"p{i}" if place == rank else next(others) for place in range(1, depth + 1)]
        rankings[f"q{i}"] = {passage: 1 / place for place, passage in enumerate(hits, start=1)}
    return Run(name, rankings)


def report(text: str = "a passage", title: str = "A run", base_name: str = "base") -> RunReport:
    """A whole small report; `text` stands in every passage and query."""
    rng = np.random.default_rng(1)
    count = 60
    queries = [Query(f"q{i}", f"{text} {i}?") for i in range(count)]
    passages = {f"p{i}": Passage(f"p{i}", f"{text} {i}", text, (text,)) for i in range(count + 20)}
    judged = [Qrel(f"q{i}", f"p{i}", 1) for i in range(count)]
    clusters = query_clusters(judged, {f"p{i}": f"d{i // 2}" for i in range(count)})
    before = [int(rank) for rank in rng.integers(2, 12, count)]
    after = [max(1, rank - int(step)) for rank, step in zip(before, rng.integers(-1, 6, count), strict=True)]
    base, tuned = run_at("base", before), run_at("tuned", after)
    measured = {name: per_query(run, judged, queries) for name, run in (("base", base), ("tuned", tuned))}
    systems: list[SystemResult] = []
    for dim in (64, 32):
        systems.append(summarise(base_name, "base", dim, measured["base"], clusters=clusters, options=OPTIONS))
        systems.append(summarise("tuned", "tuned", dim, measured["tuned"], clusters=clusters, options=OPTIONS))
    systems.append(summarise("BM25", "bm25", None, measured["base"], clusters=clusters, options=OPTIONS))
    systems.append(summarise("hb", "hybrid-base", 64, measured["base"], clusters=clusters, options=OPTIONS))
    systems.append(summarise("ht", "hybrid-tuned", 64, measured["tuned"], clusters=clusters, options=OPTIONS))
    comparisons = compare(systems, clusters, OPTIONS)
    return RunReport(
        title=title,
        created=datetime(2026, 3, 4, 9, 41, tzinfo=UTC),
        base=base_name,
        tuned="v1",
        source=text,
        verdict=verdict(systems, comparisons, OPTIONS),
        systems=tuple(systems),
        comparisons=comparisons,
        changes=find_changes(queries, passages, judged, (base, measured["base"]), (tuned, measured["tuned"])),
        assessment=assess(measured["base"], measured["base"], measured["tuned"], train_pairs=2000, clusters=clusters),
        counts={"documents": 30, text: 1},
        leakage={"documents shared": 0, "passages shared": 0},
        timings={"train": 12.0, "index": 0.4},
        settings={"seed": 1, "training": {"epochs": 2, "dims": [64, 32], "note": text}},
        overlap={"mean": 0.4},
        notices=(text,),
        curve=TrainingCurve(((1, 2.0), (2, 1.0)), ((0, 0.5), (1, 0.6)), 1),
    )


def scrutinised(text: str = "a passage") -> RunReport:
    """The small report with every finding, number format and pipeline that there can be; `text` names what is named."""
    plain_ = report(text)
    base, tuned = (next(s.scores for s in plain_.systems if s.kind == kind) for kind in ("base", "tuned"))
    clusters = {f"q{i}": f"d{i // 2}" for i in range(60)}
    sizes = {"float32": 4.0, "int8": 1.0, "binary": 1 / 8}
    systems = [replace(one, storage=one.dim and 4.0 * one.dim, latency=1.5, unjudged=7) for one in plain_.systems]
    others = [
        replace(
            summarise(
                f"{kind} {precision}", kind, dim, scores_, clusters=clusters, options=OPTIONS, precision=precision
            ),
            storage=sizes[precision] * dim,
        )
        for kind, scores_ in (("base", base), ("tuned", tuned))
        for precision in ("int8", "binary")
        for dim in (64, 32)
    ]  # fmt: skip
    others += [
        replace(summarise(kind, kind, 64, scores_, clusters=clusters, options=OPTIONS), storage=300.0)
        for kind, scores_ in (("weighted-base", base), ("weighted-tuned", tuned), ("reranked-base", base),
                              ("reranked-tuned", tuned))
    ]  # fmt: skip
    part = SliceResult(text, text, 40, 20, 0.5, 0.4, -0.1, -0.2, -0.05)
    scale = ScoreScale(0.7, 0.5, 0.6, 0.8, 0.9, 0.3, 4.0, -2.0, 0.1)
    found = Scrutiny(
        conditions=(ConditionResult(text, 60, 30, 0.5, 0.6, 0.4, 0.45, 0.05, 0.01, 0.09, 0.05, 0.01, 0.1),),
        slices=(part, replace(part, name="few", eligible=False, difference=0.1, low=-1.0, high=1.0)),
        worst=WorstSlice(part, f"the worst slice is {text}"),
        forgetting=Retention(100, 0.81, 0.80, -0.01, -0.03, 0.01, 0.02),
        scale=ScaleShift(scale, scale, (ThresholdMove(0.5, 0.6, 2.0, 3.0, 0.5, None, 2.0, 2.0),), 40, 0.9, (text,)),
        savings=Savings(0.8, 10, (Saving("base", 10, 10, 10, 0.8, 900.0, 1.8), Saving("bm25", None, None, None, None,
                        None, None), Saving("tuned", 7, 5, None, 0.81, 600.0, 1.2)), 60, 2.0, "USD"),
        terms=Terms((MovedTerm(text, 3.0, 9, 1),), (MovedTerm("gone", -3.0, 1, 9),), 12, 8),
        label_errors=LabelErrors(
            tuple(LabelError(Query(f"q{n}", f"{text} {n}"), "p9", n > 3, n > 9, "p1", n or None, 0.9, 0.95, 0.1)
                  for n in range(25)), 60,
        ),
        answers=AnswerDelta((AnswerMetric(text, 20, 0.5, 0.6, 0.1, 0.02, 0.2),), 20, "a model", 1),
        notices=(text,),
    )  # fmt: skip
    return replace(
        plain_, systems=tuple(systems), others=tuple(others), weights={"weighted-base": 0.6, "weighted-tuned": 0.8},
        comparisons=compare([*systems, *others], clusters, OPTIONS), scrutiny=found,
    )  # fmt: skip
