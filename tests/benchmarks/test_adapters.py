"""The adapter benchmark: what it learns from is not what it is tested on, and each row says what it measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.adapters import Ground, nudged, rows
from benchmarks.exam import Exam
from jargonaut.adapters import AdapterOptions, identity
from jargonaut.records import Passage, Qrel, Query
from tests.adapters.worlds import turned

COUNT = 90


def ground() -> Ground:
    """Turned passages: thirty to learn from, thirty for dev, thirty for test."""
    queries, passages = ((np.tile(one, (1, 24)) / np.sqrt(24)).astype(np.float32) for one in turned(COUNT))
    judged = [Qrel(f"q{n}", f"p{n}", 1) for n in range(COUNT)]
    exam = Exam(
        tuple(Passage(f"p{n}", f"text {n}") for n in range(60, COUNT)), {f"p{n}": f"text {n}" for n in range(COUNT)},
        tuple(Query(f"q{n}", f"{n}") for n in range(60, COUNT)), tuple(judged[60:]),
    )  # fmt: skip
    numbers = {f"q{n}": n for n in range(COUNT)}
    return Ground(
        exam, numbers, queries, {f"p{n}": n for n in range(COUNT)}, passages, tuple(judged[:30]),
        tuple(judged[30:60]), tuple(f"p{n}" for n in range(30, 60)),
    )  # fmt: skip


def test_scores_stand_in_the_order_of_the_clusters() -> None:
    """Judgements may come in another order than queries are asked in; a score belongs to its query all the same."""
    one = ground()
    nothing = identity("linear", "query", "b", "b", one.passages.shape[1])
    turned_round = replace(one, exam=replace(one.exam, judged=one.exam.judged[::-1]))
    np.testing.assert_array_equal(turned_round.test_scores(nothing, 384), one.test_scores(nothing, 384))
    assert len(set(one.test_scores(nothing, 384))) > 1


def test_nudged_passages_stay_unit_vectors_and_others_stay_as_they_are() -> None:
    """Only passages that a train query asked for are moved, as far as dev says."""
    one = ground()
    moved, step = nudged(one)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(moved[30:], one.passages[30:], atol=1e-6)
    assert step == 0.0  # dev's passages answer no train query, so nothing is gained by moving others


def test_every_form_has_a_row_with_an_interval() -> None:
    """Base first, then the forms that were fitted, each against the base."""
    table = list(rows("made up", ground(), [1], AdapterOptions(epochs=2, batch_size=8)))
    assert [line.split("|")[2].strip() for line in table] == ["base", "linear", "low_rank", "mlp", "nudged"]
    assert all(" to " in line for line in table[1:])
