"""Small runs, systems and reports that several tests share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from jargonaut.evaluation import (
    MEASURES,
    Depth,
    EvaluationOptions,
    Grounds,
    PairEvidence,
    Rival,
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
        assessment=assess(
            [Rival("base dense", measured["base"], kind="base"), Rival("hybrid", measured["tuned"], kind="hybrid")],
            Grounds(PairEvidence({"label": 2000}), {}, clusters, Depth()),
        ),
        counts={"documents": 30, text: 1},
        leakage={"documents shared": 0, "passages shared": 0},
        timings={"train": 12.0, "index": 0.4},
        settings={"seed": 1, "training": {"epochs": 2, "dims": [64, 32], "note": text}},
        overlap={"mean": 0.4},
        notices=(text,),
        curve=TrainingCurve(((1, 2.0), (2, 1.0)), ((0, 0.5), (1, 0.6)), 1),
    )
