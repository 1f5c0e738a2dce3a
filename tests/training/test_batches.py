"""Batches whose negatives are negatives."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.records import Triplet
from jargonaut.training.batches import assemble, batches, drawn_count

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


@given(EXAMPLES, st.integers(2, 8), st.integers(1, 4))
def test_a_query_has_few_examples_in_an_epoch_and_all_of_them_in_turn(
    drawn: list[Triplet], size: int, most: int
) -> None:
    """No more than are allowed in one, none left out after as many epochs as they need; all but a lonely last one."""
    examples = [*{(e.query_id, e.positive_id): e for e in drawn}.values()]
    needed = max(Counter(e.query_id for e in examples).values())
    seen: Counter[tuple[str, str]] = Counter()
    lonely = 0
    for epoch in range(-(-needed // most)):
        taken = [
            (query, batch.passage_ids[target])
            for batch in batches(examples, {}, {}, size=size, seed=1, epoch=epoch, per_query=most)
            for query, target in zip(batch.query_ids, batch.targets, strict=True)
        ]
        wanted = drawn_count(examples, most)
        assert max(Counter(query for query, _ in taken).values(), default=0) <= most
        assert 0 <= wanted - len(taken) <= (wanted % size == 1)
        lonely += wanted - len(taken)
        seen.update(taken)
    assert len({(e.query_id, e.positive_id) for e in examples} - set(seen)) <= lonely


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


def test_a_batch_tells_hard_negatives_and_grades() -> None:
    """By hand: what was judged counts, other passages are 0, and what may answer without having been judged is NaN."""
    examples = [Triplet("q0", "p0", ("p3", "p2", "p0")), Triplet("q1", "p1", ("p3",))]
    positives = {"q0": frozenset({"p0", "p1"}), "q1": frozenset({"p1"})}
    grades = {"q0": {"p0": 3, "p1": 1, "p9": 2}, "q1": {"p3": 0, "p1": 0}}
    batch = assemble(examples, positives, {"p0": "g", "p2": "g"}, grades)
    assert batch.passage_ids == ("p0", "p3", "p2", "p1")
    # p2 is nearly p0, and p0 is the positive itself: neither is a negative, whatever was mined.
    np.testing.assert_array_equal(batch.hard, [[False, True, False, False], [False, True, False, False]])
    np.testing.assert_array_equal(batch.grades, [[3, 0, np.nan, 1], [0, 0, 0, 1]])


def test_examples_of_one_query_or_one_passage_stand_in_different_batches() -> None:
    """A batch without them loses no negative to the mask; a near-duplicate counts as the same passage."""
    examples = [Triplet(f"q{number // 2}", f"p{number}") for number in range(32)]
    groups = {f"p{number}": f"g{number % 20}" for number in range(32)}
    for epoch in range(5):
        for batch in batches(examples, known(examples), groups, size=4, seed=1, epoch=epoch):
            assert len(set(batch.query_ids)) == len(batch.query_ids)
            assert len({groups[p] for p in batch.passage_ids}) == len(batch.passage_ids)


def test_similar_examples_share_a_batch_in_every_epoch() -> None:
    """Two topics never meet, and yet no epoch's batches are another's."""
    examples = [Triplet(f"q{number}", f"p{number}") for number in range(40)]
    rng = np.random.default_rng(0)
    vectors = np.eye(8, dtype=np.float32)[np.arange(40) % 2] + 0.05 * rng.normal(size=(40, 8)).astype(np.float32)
    seen = set()
    for epoch in range(3):
        drawn = list(batches(examples, {}, {}, size=10, seed=1, epoch=epoch, vectors=vectors))
        assert all(len({int(q[1:]) % 2 for q in batch.query_ids}) == 1 for batch in drawn)
        seen.add(frozenset(frozenset(batch.query_ids) for batch in drawn))
    assert len(seen) == 3


def test_what_a_teacher_says_stands_at_its_passages() -> None:
    """A score where it was asked, none elsewhere, and none at a passage that is known to answer too."""
    examples = [Triplet("q1", "a", ("b", "c")), Triplet("q2", "b", ("a",))]
    taught = {"q1": {"a": 2.0, "b": -1.0, "c": 0.5}, "q2": {"b": 1.0}}
    batch = assemble(examples, {"q1": frozenset({"a", "c"})}, {}, None, taught)
    assert batch.passage_ids == ("a", "b", "c")
    assert batch.taught is not None
    np.testing.assert_array_equal(batch.taught, np.array([[2.0, -1.0, np.nan], [np.nan, 1.0, np.nan]], np.float32))
    assert assemble(examples, {}, {}).taught is None
