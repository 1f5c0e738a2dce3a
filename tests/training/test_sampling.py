"""Which examples share a batch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.training.sampling import kept_apart, shuffled, similar, taken_in_turn

KEYS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40)


def topics(count: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around `count` far-apart centres in random order, and each one's topic."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(count), each))
    vectors = rng.normal(size=(count, 48))[of] + 0.1 * rng.normal(size=(len(of), 48))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def purity(batches: list[np.ndarray], of: np.ndarray) -> float:
    """Mean share of a batch's commonest topic."""
    return float(np.mean([np.bincount(of[rows]).max() / len(rows) for rows in batches]))


def test_similar_rows_share_a_batch() -> None:
    """Batches of topics that are far apart hold little else than one topic; drawn at random they hold all of them."""
    vectors, of = topics(16, 64)
    near = similar(vectors, 64, np.random.default_rng(1))
    assert purity(near, of) > 0.85
    assert purity(shuffled(len(of), 64, np.random.default_rng(1)), of) < 0.2


def test_a_batch_of_several_neighbourhoods_mixes_topics() -> None:
    """With neighbourhoods of a quarter of a batch each batch holds more than one topic, yet few."""
    vectors, of = topics(16, 64)
    mixed = similar(vectors, 64, np.random.default_rng(1), neighbourhood=16)
    assert 0.25 < purity(mixed, of) < 0.6
    quarters = [rows[start : start + 16] for rows in mixed for start in range(0, 64, 16)]
    assert purity(quarters, of) > 0.85


@given(st.integers(1, 200), st.integers(2, 40), st.integers(0, 50), st.integers(0, 9))
def test_every_row_stands_in_one_full_batch_or_the_last(count: int, size: int, neighbourhood: int, seed: int) -> None:
    """Whatever the vectors, there are as few batches as can be, all full but the last."""
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    found = similar(vectors, size, np.random.default_rng(seed), neighbourhood=neighbourhood)
    assert sorted(np.concatenate(found).tolist()) == list(range(count))
    assert [len(rows) for rows in found[:-1]] == [size] * (len(found) - 1)
    assert len(found) == -(-count // size)


@pytest.mark.parametrize("vector", [0.0, 1.0])
def test_rows_that_cannot_be_told_apart_fall_at_random(vector: float) -> None:
    """Equal vectors, or none to speak of, are no error and no order."""
    vectors = np.full((64, 8), vector, dtype=np.float32)
    first = np.concatenate(similar(vectors, 8, np.random.default_rng(0)))
    assert sorted(first.tolist()) == list(range(64))
    assert first.tolist() != list(range(64))


def test_another_epoch_draws_other_neighbourhoods() -> None:
    """The same state of the generator gives the same batches; another gives other mates, and another order."""
    vectors, _ = topics(4, 64)

    def drawn(seed: int) -> list[frozenset[int]]:
        return [frozenset(rows.tolist()) for rows in similar(vectors, 16, np.random.default_rng(seed))]

    assert drawn(3) == drawn(3)
    assert set(drawn(3)).isdisjoint(drawn(4))


@given(KEYS, st.integers(2, 8), st.integers(0, 5))
def test_no_row_is_lost_by_keeping_rows_apart(keys: list[tuple[int, int]], size: int, seed: int) -> None:
    """Each row stands in one batch, and none has more rows than it may."""
    rng = np.random.default_rng(seed)
    columns = [np.array(column) for column in zip(*keys, strict=True)]
    made = kept_apart(shuffled(len(keys), size, rng), columns, size, rng)
    assert sorted(row for rows in made for row in rows) == list(range(len(keys)))
    assert max(map(len, made)) <= size


def test_rows_with_the_same_key_are_kept_apart() -> None:
    """Near neighbours share queries and positives most often; with room elsewhere no batch holds two of them."""
    queries = np.repeat(np.arange(40), 3)  # each query has three positives, side by side
    passages = np.arange(120) // 2  # and each positive answers two
    order = [np.arange(start, min(start + 16, 120)) for start in range(0, 120, 16)]
    made = kept_apart(order, [queries, passages], 16, np.random.default_rng(0))
    crowded = sum(len(rows) - len(set(held[rows].tolist())) for rows in made for held in (queries, passages))
    before = sum(len(rows) - len(set(held[rows].tolist())) for rows in order for held in (queries, passages))
    assert before > 100
    assert crowded == 0


def test_one_key_for_all_changes_nothing_but_places() -> None:
    """Where every row shares its passage there is nowhere to go, and that is no error."""
    made = kept_apart(shuffled(50, 8, np.random.default_rng(0)), [np.zeros(50, dtype=np.int64)], 8,
                      np.random.default_rng(0))  # fmt: skip
    assert sorted(row for rows in made for row in rows) == list(range(50))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 7), st.integers(0, 9))
def test_every_key_has_its_share_in_a_turn(keys: list[int], most: int, turn: int) -> None:
    """As many rows as it may have, or all that it has; each once, in their order."""
    key = np.array(keys)
    taken = taken_in_turn(key, most, turn, np.random.default_rng(3))
    assert list(taken) == sorted(set(taken))
    assert Counter(key[taken]) == {value: min(most, count) for value, count in Counter(keys).items()}
