"""Fitting: a gap that a map can close is closed, one that it cannot is left, and known answers are no negatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jargonaut.adapters import KINDS, Adapter, AdapterOptions, Kind, Lesson, fit_adapter, identity
from jargonaut.adapters.fitting import _Fit
from jargonaut.errors import InputError, SettingsError
from jargonaut.protocols import SilentReporter

from .worlds import DIMENSION, first_hits, lesson, turned


class Heard(SilentReporter):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps it."""
        self.warnings.append(text)


QUICK = AdapterOptions(epochs=15, batch_size=32, lr=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_of_the_space_is_learned(kind: Kind) -> None:
    """On queries that no training saw, each form finds far more answers than the base, and dev never falls."""
    options = replace(QUICK, kind=kind, **({"rank": 12} if kind == "low_rank" else {}))
    found = fit_adapter(lesson(), "b", "base", (16, 8), first_hits, options)
    assert found.base_score == first_hits(identity(kind, "query", "b", "base", DIMENSION)) < 0.85
    assert found.score == first_hits(found.adapter) > found.base_score + 0.1
    assert found.best_epoch > 0


def test_a_loss_that_is_no_number_ends_it() -> None:
    """What comes of it is not even scored; the identity is kept, and the remedy is said."""
    said = Heard()
    wild = replace(QUICK, lr=1e30, scale=1e30)
    found = fit_adapter(lesson(), "b", "base", (16,), first_hits, wild, reporter=said)
    assert (found.best_epoch, found.epochs, found.score) == (0, (), found.base_score)
    assert ["lower [adapter] lr" in one for one in said.warnings] == [True]


def test_both_sides_can_be_mapped() -> None:
    """Passages get a map of their own."""
    found = fit_adapter(lesson(), "b", "base", (16,), first_hits, replace(QUICK, sides="both"))
    assert found.score > found.base_score
    assert np.abs(found.adapter.tensors["passage.weight"]).max() > 0


def test_what_dev_does_not_like_is_not_kept() -> None:
    """Where no epoch is better than the base, the identity comes back, after as many epochs as are put up with."""
    found = fit_adapter(
        lesson(), "b", "base", (16,), lambda adapter: -float(np.abs(adapter.tensors["query.weight"]).sum()),
        replace(QUICK, patience=2),
    )  # fmt: skip
    assert (found.best_epoch, found.score, len(found.epochs)) == (0, found.base_score, 3)
    assert not np.any(found.adapter.tensors["query.weight"])


def test_the_same_seed_gives_the_same_map() -> None:
    """Twice the same, also where candidates are drawn; another seed gives another."""
    options = replace(QUICK, epochs=2, candidates=40)

    def fitted(seed: int) -> Adapter:
        return fit_adapter(lesson(), "b", "base", (16,), first_hits, replace(options, seed=seed)).adapter

    assert fitted(1).fingerprint == fitted(1).fingerprint != fitted(2).fingerprint


def test_known_answers_and_their_near_duplicates_are_no_negatives() -> None:
    """The loss of a query is the same whether a second answer of it, or a copy of one, is there or not."""
    queries, passages = turned(4)
    asked = [f"q{n}" for n in range(4)]
    own = {query: {f"p{n}"} for n, query in enumerate(asked)}

    def loss(ids: list[str], rows: list[int], known: dict[str, set[str]], groups: dict[str, str]) -> float:
        taught = Lesson.of(asked, queries, ids, passages[rows], known, groups)
        start = identity("linear", "query", "b", "base", DIMENSION)
        return float(_Fit(taught, start, (16,), AdapterOptions(), None)._loss(np.array([0])).item())

    ids, rows = ["p0", "p1", "p2", "p3"], [0, 1, 2, 3]
    plain = loss(ids, rows, own, {})
    assert loss([*ids, "copy"], [*rows, 0], own, {"p0": "g", "copy": "g"}) == pytest.approx(plain)
    assert loss([*ids, "copy"], [*rows, 0], own, {}) > plain + 0.1  # otherwise the copy is the hardest negative
    twice = loss([*ids, "second"], [*rows, 0], {**own, "q0": {"p0", "second"}}, {})
    assert twice == pytest.approx(plain)  # two answers alike: the mean of both is that of one


def test_what_may_answer_is_neither_learned_from_nor_a_negative() -> None:
    """A pair that was taken out, by a judge say, is no answer; its passage is no negative of the query either."""
    queries, passages = turned(4)
    asked, there = [f"q{n}" for n in range(4)], [f"p{n}" for n in range(4)]
    own = {query: {passage} for query, passage in zip(asked, there, strict=True)}
    taught = Lesson.of(asked, queries, there, passages, own, {}, {"q0": {"p1", "p2"}}, {"q0": {"p1"}})
    assert taught.answers[0].tolist() == [0]
    assert taught.ignored[0].tolist() == [0, 1]
    assert taught.hard[0].tolist() == [2]


def test_answers_and_hard_negatives_are_in_every_step() -> None:
    """However few candidates are drawn, a batch's own passages are among them."""
    queries, passages = turned(50)
    asked, there = [f"q{n}" for n in range(50)], [f"p{n}" for n in range(50)]
    taught = Lesson.of(
        asked, queries, there, passages, {q: {p} for q, p in zip(asked, there, strict=True)}, {},
        {"q3": {"p40", "p41", "p3"}},
    )  # fmt: skip
    assert taught.hard[3].tolist() == [40, 41]  # its own answer is no negative of it
    start = identity("linear", "query", "b", "base", DIMENSION)
    columns = _Fit(taught, start, (16,), AdapterOptions(candidates=2), None)._columns(np.array([3, 7]))
    assert columns is not None
    assert {3, 7, 40, 41} <= set(columns.tolist())


def test_too_little_to_learn_from_is_refused() -> None:
    """One query, or answers that nothing can be told from, are an error and no map."""
    queries, passages = turned(2)
    with pytest.raises(InputError, match="1 training queries"):
        Lesson.of(["q0"], queries[:1], ["p0", "p1"], passages, {"q0": {"p0"}}, {})
    with pytest.raises(InputError, match="0 training queries"):
        Lesson.of(["q0", "q1"], queries, ["p0"], passages[:1], {"q0": {"p0"}, "q1": {"p0"}}, {})


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"epochs": 0}, {"rank": 8}, {"hidden": 8}, {"candidates": 1}])
def test_options_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    """Limits hold, and a rank without `low_rank` is told, for it would change nothing."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        AdapterOptions(**wrong)  # type: ignore[arg-type]  # that is the test
