"""Leaks are counted from the data, not assumed away."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs import Leakage, leakage, split_pairs
from jargonaut.records import Pair, PairSplits

PAIRS = [Pair(f"q{n}", f"query number {n}", f"p{n}") for n in range(100)]
TEXTS = {pair.passage_id: f"Text number {n} of all." for n, pair in enumerate(PAIRS)} | {"copy": "", "mate": "A mate."}
SPLITS = split_pairs(PAIRS, {pair.passage_id: pair.passage_id for pair in PAIRS}, {})


def test_own_splits_are_clean() -> None:
    """Our own split leaks nothing."""
    assert leakage(SPLITS, [pair.passage_id for pair in SPLITS.train], TEXTS) == Leakage()
    assert leakage(SPLITS, [], TEXTS).clean


@given(st.sets(st.integers(0, 9), max_size=10))
def test_planted_passages_are_counted(planted: set[int]) -> None:
    """As many test passages as are trained on are counted, by id, text and group."""
    stolen = tuple(Pair(f"t{n}", f"stolen {n}", SPLITS.test[n].passage_id) for n in planted)
    found = leakage(replace(SPLITS, train=SPLITS.train + stolen), [], TEXTS)
    assert found.test_passages_in_train == found.test_texts_in_train == found.test_groups_in_train == len(planted)
    assert (found.test_queries_in_train, found.dev_passages_in_train, found.mined_from_test) == (0, 0, 0)


@given(st.sets(st.integers(0, 9), max_size=10))
def test_planted_queries_are_counted(planted: set[int]) -> None:
    """A test query asked in train in another case is a leak, and its passage is not."""
    stolen = tuple(Pair(f"t{n}", SPLITS.test[n].query.upper(), SPLITS.train[0].passage_id) for n in planted)
    found = leakage(replace(SPLITS, train=SPLITS.train + stolen), [], TEXTS)
    assert found == Leakage(test_queries_in_train=len(planted))


@given(st.sets(st.integers(0, 9), max_size=10), st.sets(st.integers(0, 9), max_size=10))
def test_mined_passages_are_counted(test: set[int], dev: set[int]) -> None:
    """Mined negatives out of dev and test count as seen and as mined."""
    mined = [SPLITS.test[n].passage_id for n in test] + [SPLITS.dev[n].passage_id for n in dev]
    found = leakage(SPLITS, mined, TEXTS)
    assert (found.test_passages_in_train, found.dev_passages_in_train) == (len(test), len(dev))
    assert found.mined_from_test == len(test) + len(dev)


def test_copy_under_another_id_is_a_text_leak() -> None:
    """The text of a test passage under another id, in another case, is found."""
    texts = TEXTS | {"copy": TEXTS[SPLITS.test[0].passage_id].upper()}
    assert leakage(SPLITS, ["copy"], texts) == Leakage(test_texts_in_train=1)


def test_mate_of_a_test_passage_is_a_group_leak() -> None:
    """A passage of a test document is a leak although it is nobody's positive."""
    groups = {**SPLITS.groups, "mate": SPLITS.groups[SPLITS.test[0].passage_id]}
    splits = PairSplits(SPLITS.train, SPLITS.dev, SPLITS.test, groups)
    assert leakage(splits, ["mate"], TEXTS) == Leakage(test_groups_in_train=1, mined_from_test=1)
