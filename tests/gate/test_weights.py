"""A weight that is fitted on dev, and scored without flattery."""

from __future__ import annotations

from typing import Any

import numpy as np

from jargonaut.evaluation import MEASURES, Scores
from jargonaut.gate.weights import fitted
from jargonaut.records import Query, Run
from jargonaut.retrieval import DENSE_WEIGHTS

ASKED = tuple(Query(f"q{i}", "x") for i in range(60))
CLUSTERS = {query.id: f"g{number // 2}" for number, query in enumerate(ASKED)}
RUN = Run("r", {query.id: {"a": 2.0, "b": 1.0} for query in ASKED})


def scored(values: np.ndarray[Any, np.dtype[np.float64]]) -> Scores:
    """The same values for every measure."""
    return Scores(tuple(query.id for query in ASKED), dict.fromkeys(MEASURES, values))


def test_a_weight_that_is_best_everywhere_is_chosen() -> None:
    """Then every fold agrees, and the scores are that weight's."""
    table = iter([scored(np.full(60, 0.9 if weight == 0.7 else 0.5)) for weight in DENSE_WEIGHTS])
    found = fitted(RUN, RUN, ASKED, CLUSTERS, lambda _: next(table), k=10)
    assert found.weight == 0.7
    assert found.scores.mean("nDCG@10") == 0.9


def test_chance_is_no_gain() -> None:
    """Weights that differ by noise alone score like any of them on average, where the best of them looks better."""
    rng = np.random.default_rng(0)
    best, ours = [], []
    for _ in range(40):
        columns = [rng.integers(0, 2, 60).astype(float) for _ in DENSE_WEIGHTS]
        table = iter([scored(column) for column in columns])
        best.append(max(column.mean() for column in columns))
        ours.append(fitted(RUN, RUN, ASKED, CLUSTERS, lambda _, table=table: next(table), k=10).scores.mean("nDCG@10"))  # type: ignore[misc]  # a default binds the loop's value
    assert np.mean(best) > 0.57
    assert abs(np.mean(ours) - 0.5) < 0.03


def test_no_query_is_scored_by_a_weight_that_its_group_chose() -> None:
    """A group that alone likes one weight does not get it."""
    table = {weight: np.full(60, 0.5) for weight in DENSE_WEIGHTS}
    table[0.9][:2] = 1.0  # group g0, enough to make 0.9 the best over all
    columns = iter([scored(column) for column in table.values()])
    found = fitted(RUN, RUN, ASKED, CLUSTERS, lambda _: next(columns), k=10)
    assert found.weight == 0.9
    assert (found.scores.of("nDCG@10")["q0"], found.scores.of("nDCG@10")["q1"]) == (0.5, 0.5)
