"""Splits share no document, no near-duplicate and no query."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.errors import InputError, SettingsError
from jargonaut.pairs import SplitOptions, given_splits, held_out, require_enough, split_pairs
from jargonaut.pairs.wording import normalised
from jargonaut.records import SPLITS, Pair, PairSplits, queries

PARTS = [None, None, None, "train", "dev", "test"]
LENIENT = SplitOptions(min_train_positives=0, min_test_queries=0, min_dev_queries=0)


def corpus(documents: int, passages: int = 2) -> tuple[list[Pair], dict[str, str]]:
    """One query for each passage of each document."""
    pairs = [Pair(f"q{d}-{p}", f"query {d}-{p}", f"d{d}-{p}") for d in range(documents) for p in range(passages)]
    return pairs, {pair.passage_id: pair.passage_id.split("-")[0] for pair in pairs}


@st.composite
def tangles(draw: st.DrawFn) -> tuple[list[Pair], dict[str, str], dict[str, str]]:
    """Any pairs over passages with any documents and near-duplicates."""
    passages = [f"p{n}" for n in range(draw(st.integers(1, 40)))]
    documents = {p: f"d{draw(st.integers(0, 25))}" for p in passages}
    duplicates = {p: f"n{draw(st.integers(0, 6))}" for p in draw(st.lists(st.sampled_from(passages), max_size=6))}
    row = st.tuples(st.integers(0, 30), st.sampled_from(passages), st.integers(0, 2), st.sampled_from(PARTS))
    pairs = [
        Pair(f"q{q}", f"Words {q % 25}", passage, grade, split=split)
        for q, passage, grade, split in draw(st.lists(row, max_size=80))
    ]
    return pairs, documents, duplicates


def parted_as_said(pairs: Iterable[Pair]) -> list[str]:
    """The pairs whatever part they stand in, since what stands goes to the strictest part of its repeats."""
    return sorted(repr(replace(pair, split=None)) for pair in pairs)


def sides(splits: PairSplits, *, relevant: bool) -> dict[str, set[str]]:
    """Part → the passages of its positives (or of all its pairs)."""
    return {n: {p.passage_id for p in splits.part(n) if p.relevance > 0 or not relevant} for n in SPLITS}


@given(tangles(), st.sets(st.integers(0, 24)))
def test_shown_queries_leave_test_and_change_nothing_else(
    tangle: tuple[list[Pair], dict[str, str], dict[str, str]], numbers: set[int]
) -> None:
    """What else stands where is as without them, and each that left is kept with its rule."""
    pairs, documents, duplicates = tangle
    shown = {f"Words {number}" for number in numbers}
    plain = split_pairs(pairs, documents, duplicates, LENIENT)
    without = split_pairs(pairs, documents, duplicates, LENIENT, shown)
    assert without.test == tuple(pair for pair in plain.test if pair.query not in shown)
    assert without.dev == plain.dev
    assert {pair for pair in plain.train if pair.relevance > 0} == {p for p in without.train if p.relevance > 0}
    gone = [one.pair for one in without.dropped if one.rule == "shown"]
    assert sorted(gone, key=repr) == sorted((pair for pair in plain.test if pair.query in shown), key=repr)


def test_a_shown_query_does_not_test_in_a_given_split_either() -> None:
    """Also where its source puts it there."""
    pairs, documents = corpus(8)
    parts = {"train": pairs[:8], "test": pairs[8:]}
    splits = given_splits(parts, documents, {}, LENIENT, (), {pairs[9].query})  # type: ignore[arg-type]
    assert pairs[9] not in splits.test
    assert pairs[10] in splits.test
    assert [one.pair for one in splits.dropped if one.rule == "shown"] == [pairs[9]]


@given(tangles())
def test_nothing_is_on_two_sides(tangle: tuple[list[Pair], dict[str, str], dict[str, str]]) -> None:
    """Positives of different parts share no document, near-duplicate group, group or query text."""
    pairs, documents, duplicates = tangle
    splits = split_pairs(pairs, documents, duplicates, LENIENT)
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in SPLITS:
        for pair in splits.part(name):
            seen["query", pair.query_id].add(name)
            seen["words", normalised(pair.query)].add(name)
            if pair.relevance > 0:
                seen["document", documents[pair.passage_id]].add(name)
                seen["group", splits.groups[pair.passage_id]].add(name)
                if pair.passage_id in duplicates:
                    seen["duplicate", duplicates[pair.passage_id]].add(name)
    assert all(len(names) == 1 for names in seen.values())


@given(tangles(), st.randoms())
def test_order_of_input_does_not_matter(
    tangle: tuple[list[Pair], dict[str, str], dict[str, str]], shuffler: random.Random
) -> None:
    """The same pairs in another order give the same splits, and the same ones twice."""
    pairs, documents, duplicates = tangle
    shuffled = pairs.copy()
    shuffler.shuffle(shuffled)
    backwards = dict(reversed(documents.items())), dict(reversed(duplicates.items()))
    assert split_pairs(pairs, documents, duplicates, LENIENT) == split_pairs(shuffled, *backwards, LENIENT)


@given(tangles())
def test_nothing_is_lost(tangle: tuple[list[Pair], dict[str, str], dict[str, str]]) -> None:
    """Every pair is in exactly one part or among the dropped, with the rule that dropped it."""
    pairs, documents, duplicates = tangle
    splits = split_pairs(pairs, documents, duplicates, LENIENT)
    out = [*splits.train, *splits.dev, *splits.test, *(removed.pair for removed in splits.dropped)]
    assert parted_as_said(out) == parted_as_said(pairs)


@given(tangles())
def test_training_sees_nothing_held_out(tangle: tuple[list[Pair], dict[str, str], dict[str, str]]) -> None:
    """No passage of train, curated negatives included, is held out; every passage of dev and test positives is."""
    pairs, documents, duplicates = tangle
    splits = split_pairs(pairs, documents, duplicates, LENIENT)
    held = held_out(splits)
    assert not sides(splits, relevant=False)["train"] & held
    assert sides(splits, relevant=True)["test"] | sides(splits, relevant=True)["dev"] <= held
    mates = {p for p in documents if documents[p] in {documents[q] for q in sides(splits, relevant=True)["test"]}}
    assert mates <= held


def test_shares_are_met() -> None:
    """With many small documents the parts have the sizes that were asked for."""
    pairs, documents = corpus(200)
    splits = split_pairs(pairs, documents, {})
    assert [len(splits.part(name)) for name in SPLITS] == [320, 40, 40]
    assert splits.origin == "ours"


def test_seed_decides() -> None:
    """Another seed gives another test part."""
    pairs, documents = corpus(100)
    assert split_pairs(pairs, documents, {}).test != split_pairs(pairs, documents, {}, SplitOptions(seed=14)).test


def test_large_document_goes_to_train() -> None:
    """A document larger than the test share is in train."""
    pairs, documents = corpus(50)
    pairs += [Pair(f"big{n}", f"big {n}", f"big-{n}") for n in range(60)]
    documents |= {f"big-{n}": "big" for n in range(60)}
    splits = split_pairs(pairs, documents, {})
    assert {f"big{n}" for n in range(60)} <= {pair.query_id for pair in splits.train}
    assert len(splits.test) == 16


def test_few_large_documents_still_give_a_test_part() -> None:
    """Five equal documents, each over the share: the smallest go to dev and test, and train keeps half."""
    pairs, documents = corpus(5, 20)
    splits = split_pairs(pairs, documents, {})
    assert [len(splits.part(name)) for name in SPLITS] == [60, 20, 20]


def test_queries_that_join_everything_are_cut_back() -> None:
    """Queries whose positives chain all documents together lose some of them, counted, and a test part remains."""
    pairs, documents = corpus(100, 1)
    chain = [replace(pair, passage_id=pairs[n + 1].passage_id) for n, pair in enumerate(pairs[:-1])]
    splits = split_pairs([*pairs, *chain], documents, {})
    assert set(splits.counts) == {"joins_groups"}
    assert splits.counts["joins_groups"] < 40
    assert len(queries(splits.test)) >= 5
    assert not sides(splits, relevant=True)["train"] & sides(splits, relevant=True)["test"]


def test_maximum_of_test_queries() -> None:
    """Test and dev are no larger than their maximum; the rest is train."""
    pairs, documents = corpus(500)
    splits = split_pairs(pairs, documents, {}, SplitOptions(max_test_queries=30, max_dev_queries=10))
    assert [len(splits.part(name)) for name in SPLITS] == [960, 10, 30]


def test_too_few_pairs_are_refused_with_figures() -> None:
    """Too little to learn from or to measure is an answer with counts, not an empty part."""
    pairs, documents = corpus(4)
    with pytest.raises(InputError, match=r"\d+ train positives \(20 are needed\), \d+ test queries"):
        require_enough(split_pairs(pairs, documents, {}), SplitOptions())


def test_one_document_only_is_refused() -> None:
    """All queries about one document cannot be split."""
    pairs, documents = corpus(1, 100)
    with pytest.raises(InputError, match="in 1 groups, the largest with 100 queries"):
        require_enough(split_pairs(pairs, documents, {}), SplitOptions())


def parted() -> tuple[dict[str, list[Pair]], dict[str, str]]:
    """A split that a data set brings."""
    pairs, documents = corpus(60)
    return {"train": pairs[:80], "dev": pairs[80:100], "test": pairs[100:]}, documents


def test_given_split_is_taken_over() -> None:
    """A split with all three parts stays as it is."""
    parts, documents = parted()
    splits = given_splits(parts, documents, {})  # type: ignore[arg-type]
    assert {name: set(splits.part(name)) for name in SPLITS} == {name: set(pairs) for name, pairs in parts.items()}
    assert splits.origin == "given"


@pytest.mark.parametrize("missing", ["dev", "test"])
def test_missing_part_is_carved_from_train(missing: str) -> None:
    """Dev or test that a set lacks comes from train, by group; the part that it has stays."""
    parts, documents = parted()
    del parts[missing]
    splits = given_splits(parts, documents, {})  # type: ignore[arg-type]
    other = "test" if missing == "dev" else "dev"
    assert set(splits.part(other)) == set(parts[other])  # type: ignore[arg-type]
    assert len(splits.part(missing)) == 8  # type: ignore[arg-type]
    carved = {documents[pair.passage_id] for pair in splits.part(missing)}  # type: ignore[arg-type]
    assert not carved & {documents[pair.passage_id] for pair in splits.train}


def test_one_part_only_is_split_by_us() -> None:
    """A set with one file of judgements is divided like any other pairs."""
    parts, documents = parted()
    pairs = [pair for part in parts.values() for pair in part]
    assert given_splits({"test": pairs}, documents, {}) == split_pairs(pairs, documents, {})


def test_test_queries_leave_a_given_train_part() -> None:
    """A query of test, in other case and with other punctuation, is dropped from train and counted."""
    parts, documents = parted()
    parts["train"].append(Pair("copy", f"{parts['test'][0].query.upper()} ?", "d0-0"))
    splits = given_splits(parts, documents, {})  # type: ignore[arg-type]
    assert splits.counts == {"query_held_out": 1}
    assert "copy" not in {pair.query_id for pair in splits.train}


def test_what_a_given_split_shares_is_trained_on_and_never_a_negative() -> None:
    """Where a set itself trains on a passage of a test group, it stays a train positive, and serves as no negative."""
    parts, documents = parted()
    parts["train"].append(Pair("mine", "a query of its own", "d59-0"))
    splits = given_splits(parts, documents, {})  # type: ignore[arg-type]
    assert "d59-0" in {pair.passage_id for pair in splits.train}
    assert {"d59-0", "d59-1"} <= held_out(splits)


@pytest.mark.parametrize(
    "bad",
    [
        {"dev": 1.0},
        {"dev": -0.1},
        {"dev": 0.5, "test": 0.5},
        {"test": 1.5, "dev": 0.0},
        {"seed": -1},
        {"min_test_queries": -1},
        {"max_dev_queries": 3},
        {"max_joined_share": 1.1},
        {"giant_share": math.nan},
    ],
)
def test_shares_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Shares that leave nothing to train on, negative counts and limits that contradict each other are refused."""
    with pytest.raises(SettingsError, match=r"\[split\] "):
        SplitOptions(**bad)  # type: ignore[arg-type]  # on purpose


def test_shares_at_their_limits_are_taken() -> None:
    """No dev part, and groups that are never or always cut back, are choices."""
    SplitOptions(dev=0.0, test=0.9, seed=0, giant_share=1.0, max_joined_share=0.0)
