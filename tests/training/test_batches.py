"""Batches whose negatives are negatives."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.records import Triplet
from jargonaut.training.batches import batches

PASSAGES = [f"p{number}" for number in range(12)]
QUERIES = [f"q{number}" for number in range(6)]
EXAMPLES = st.lists(
    st.builds(
        Triplet,
        st.sampled_from(QUERIES),
        st.sampled_from(PASSAGES),
        st.lists(st.sampled_from(PASSAGES), max_size=2).map(tuple),
    ),
    min_size=2,
    max_size=20,
)
GROUPS = st.dictionaries(st.sampled_from(PASSAGES), st.sampled_from("xyz"))


def known(examples: list[Triplet]) -> dict[str, frozenset[str]]:
    """Every query's positives."""
    return {q: frozenset(e.positive_id for e in examples if e.query_id == q) for q in QUERIES}


@given(EXAMPLES, GROUPS, st.integers(2, 8))
def test_no_positive_nor_its_near_duplicate_is_a_negative(
    examples: list[Triplet], groups: dict[str, str], size: int
) -> None:
    """Whatever else lies in the batch, each query is pushed away from no passage that answers it."""
    positives = known(examples)
    for batch in batches(examples, positives, groups, size=size, seed=1, epoch=0):
        for row, query in enumerate(batch.query_ids):
            near = {groups.get(p, p) for p in positives[query]}
            for column, passage in enumerate(batch.passage_ids):
                is_negative = column != batch.targets[row] and not batch.ignored[row, column]
                assert not (is_negative and groups.get(passage, passage) in near)


@given(EXAMPLES, GROUPS, st.integers(2, 8))
def test_targets_are_positives_and_are_never_ignored(
    examples: list[Triplet], groups: dict[str, str], size: int
) -> None:
    """Every query has its positive in its batch, and every text stands there once."""
    positives = known(examples)
    for batch in batches(examples, positives, groups, size=size, seed=1, epoch=0):
        assert len(set(batch.passage_ids)) == len(batch.passage_ids)
        for row, query in enumerate(batch.query_ids):
            assert batch.passage_ids[batch.targets[row]] in positives[query]
            assert not batch.ignored[row, batch.targets[row]]


@given(EXAMPLES, st.integers(2, 8))
def test_every_example_is_seen_once_an_epoch(examples: list[Triplet], size: int) -> None:
    """But for a last one that would stand alone."""
    seen = {
        (query, batch.passage_ids[target])
        for batch in batches(examples, {}, {}, size=size, seed=1, epoch=0)
        for query, target in zip(batch.query_ids, batch.targets, strict=True)
    }
    missed = {(e.query_id, e.positive_id) for e in examples} - seen
    assert len(missed) <= (len(examples) % size == 1)


def test_the_seed_and_the_epoch_decide_the_order() -> None:
    """The same seed gives the same batches, another epoch others."""
    examples = [Triplet(f"q{number}", f"p{number}") for number in range(30)]

    def order(seed: int, epoch: int) -> list[tuple[str, ...]]:
        return [batch.query_ids for batch in batches(examples, {}, {}, size=8, seed=seed, epoch=epoch)]

    assert order(1, 0) == order(1, 0)
    assert len({str(order(*which)) for which in [(1, 0), (1, 1), (2, 0)]}) == 3


def test_the_layout_of_a_batch() -> None:
    """Targets and mask by hand: q0 also knows p1, and p2 is a near-duplicate of p0."""
    examples = [Triplet("q0", "p0", ("p3",)), Triplet("q1", "p1", ("p2",))]
    positives = {"q0": frozenset({"p0", "p1"}), "q1": frozenset({"p1"})}
    (batch,) = batches(examples, positives, {"p0": "g", "p2": "g"}, size=2, seed=0, epoch=0)
    ignored = {
        (query, batch.passage_ids[column])
        for row, query in enumerate(batch.query_ids)
        for column in np.flatnonzero(batch.ignored[row])
    }
    assert ignored == {("q0", "p1"), ("q0", "p2")}
