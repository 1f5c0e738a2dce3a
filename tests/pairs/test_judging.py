"""People judge, the newest clicks validate, everything else teaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs import SplitOptions, given_splits, leakage, require_enough, split_pairs
from jargonaut.pairs.judging import judges
from jargonaut.records import SPLITS, Pair, PairSplits, SplitName, source_of

LENIENT = SplitOptions(min_train_positives=0, min_test_queries=0, min_dev_queries=0)
SOURCES = ["label", "click", "recent-click", "llm:keyword", "heading"]


def made(source: str, documents: range, passages: int = 2) -> list[Pair]:
    """One query of a source for each passage of each document."""
    return [
        Pair(f"{source}{d}-{p}", f"{source} {d}-{p}", f"d{d}-{p}", 1, source)
        for d in documents
        for p in range(passages)
    ]


def documents(count: int, passages: int = 2) -> dict[str, str]:
    """Passage → document."""
    return {f"d{d}-{p}": f"d{d}" for d in range(count) for p in range(passages)}


def sources(splits: PairSplits) -> dict[str, Counter[str]]:
    """Part → how many pairs of each source."""
    return {name: Counter(source_of(pair.provenance) for pair in splits.part(name)) for name in SPLITS}


def parted_as_said(pairs: Iterable[Pair]) -> list[str]:
    """The pairs whatever part they stand in, since what stands goes to the strictest part of its repeats."""
    return sorted(repr(replace(pair, split=None)) for pair in pairs)


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[Pair], dict[str, str]]:
    """Pairs of all sources over documents, some assigned to a part."""
    passages = list(documents(draw(st.integers(2, 20))))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 40), st.sampled_from(passages), st.integers(0, 1), st.sampled_from(SOURCES),
                st.sampled_from([None, None, None, "train", "dev", "test"]),
            ),
            max_size=120,
        )
    )  # fmt: skip
    pairs = [
        Pair(f"q{q}", f"Words {q}", passage, grade, source, None, split) for q, passage, grade, source, split in rows
    ]
    return list(dict.fromkeys(pairs)), documents(20)


def test_people_alone_judge_test() -> None:
    """With enough labels, no other source is in test; all of theirs are held out first."""
    pairs = [*made("label", range(60)), *made("llm:keyword", range(300)), *made("heading", range(300))]
    found = sources(split_pairs(pairs, documents(300), {}, LENIENT))
    assert found["test"] == {"label": 72}
    assert found["dev"] == {"label": 48}
    assert found["train"]["label"] == 0
    assert found["train"]["llm"] == found["train"]["structure"] == 480


def test_newest_clicks_validate_and_never_train() -> None:
    """They are in dev; what of them lies in train's documents is dropped."""
    pairs = [*made("label", range(60)), *made("recent-click", range(30, 200)), *made("click", range(200))]
    splits = split_pairs(pairs, documents(200), {}, LENIENT)
    found = sources(splits)
    assert set(found["test"]) == {"label"}
    assert found["dev"]["recent-click"] > 0
    assert found["train"]["recent-click"] == 0
    assert splits.counts["newest_clicks"] > 0


def test_few_labels_are_helped_by_clicks_and_else_by_everything() -> None:
    """A source that asks too little does not judge alone."""
    few = made("label", range(10))
    assert judges([*few, *made("llm:keyword", range(90))], 50).test == judges([], 50).test
    assert judges([*few, *made("recent-click", range(60)), *made("click", range(9))], 50).test == {
        "label",
        "recent-click",
    }


def test_many_labels_still_train() -> None:
    """Beyond what test and dev need, people's judgements teach."""
    pairs = [*made("label", range(1000)), *made("llm:keyword", range(1000))]
    found = sources(split_pairs(pairs, documents(1000), {}, LENIENT))
    assert 290 <= found["test"]["label"] <= 300
    assert 190 <= found["dev"]["label"] <= 200
    assert found["train"]["label"] >= 1500


def test_where_little_teaches_people_teach_too() -> None:
    """With a handful of other pairs, test and dev get their usual shares of the labels and training gets the rest."""
    pairs = [*made("label", range(150)), *made("heading", range(150, 200))]
    found = sources(split_pairs(pairs, documents(200), {}, LENIENT))
    assert found["test"] == {"label": 30}
    assert found["train"]["label"] >= 240


@pytest.mark.parametrize("source", ["heading", "click"])
def test_half_of_what_teaches_stays_in_train(source: str) -> None:
    """Labels on every document do not take everything away from training."""
    pairs = [*made("label", range(100), 1), *made(source, range(100), 2)]
    found = sources(split_pairs(pairs, documents(100), {}, replace(LENIENT, teach_queries=1)))
    assert found["train"][source_of(source)] >= 100
    assert found["test"]["label"] > 0
    assert found["dev"]["label"] > 0


def test_more_generated_pairs_leave_test_and_dev_as_they_are() -> None:
    """How many questions survive the filters does not decide who judges."""
    labels, owners = made("label", range(120)), documents(200, 3)
    options = replace(LENIENT, teach_queries=200)
    few = split_pairs([*labels, *made("llm:keyword", range(200), 1)], owners, {}, options)
    many = split_pairs([*labels, *made("llm:keyword", range(200), 3)], owners, {}, options)
    assert (few.test, few.dev) == (many.test, many.dev)
    assert len(many.train) > len(few.train)


def test_assigned_parts_are_taken_over() -> None:
    """A source's own test is test, all of it and nothing else; dev, which it does not have, is drawn."""
    test = [Pair(p.query_id, p.query, p.passage_id, 1, "label", None, "test") for p in made("label", range(20))]
    train = [Pair(p.query_id, p.query, p.passage_id, 1, "label", None, "train") for p in made("label", range(20, 200))]
    splits = split_pairs([*test, *train], documents(200), {}, LENIENT)
    assert set(splits.test) == set(test)
    assert splits.dev
    assert set(splits.dev) | set(splits.train) == set(train)


@pytest.mark.parametrize(("assigned", "other"), [("test", "dev"), ("dev", "test")])
def test_labels_that_are_all_assigned_to_one_part_leave_the_other_to_the_rest(assigned: str, other: str) -> None:
    """The part that no label may stand in is judged by what there is, so that there is one."""
    labels = [replace(pair, split=assigned) for pair in made("label", range(60))]
    found = sources(split_pairs([*labels, *made("heading", range(60, 300))], documents(300), {}, SplitOptions()))
    assert found[assigned] == {"label": 120}
    assert found[other].keys() == {"structure"}
    assert found["train"].keys() == {"structure"}


def test_labels_for_training_train() -> None:
    """What a source assigns to train judges nothing where something else can."""
    labels = [replace(pair, split="train") for pair in made("label", range(100))]
    found = sources(split_pairs([*labels, *made("heading", range(100, 900))], documents(900), {}, SplitOptions()))
    assert found["train"]["label"] == 200
    assert found["test"].keys() == {"structure"}


def test_people_overrule_other_sources() -> None:
    """Where a label says that a passage is no answer, a generated pair does not stand."""
    no = Pair("a", "words", "d0-0", 0, "label")
    pairs = [
        no,
        Pair("a", "words", "d0-0", 1, "llm:keyword"),
        Pair("a", "words", "d1-0", 1, "label"),
        *made("heading", range(2, 60)),
    ]
    splits = split_pairs(pairs, documents(60), {}, LENIENT)
    kept = [pair for name in SPLITS for pair in splits.part(name) if pair.query_id == "a"]
    assert no in kept
    assert all(pair.relevance == 0 for pair in kept if pair.passage_id == "d0-0")


@given(mixtures())
def test_no_part_holds_what_may_not_stand_there(mixture: tuple[list[Pair], dict[str, str]]) -> None:
    """Nothing is lost, nothing leaks, the newest clicks never train, and held-out parts hold judges only."""
    pairs, owners = mixture
    splits = split_pairs(pairs, owners, {}, LENIENT)
    who = judges(pairs, LENIENT.judge_queries)
    out = [*splits.train, *splits.dev, *splits.test, *(removed.pair for removed in splits.dropped)]
    assert parted_as_said(out) == parted_as_said(pairs)
    assert all(source_of(pair.provenance) != "recent-click" for pair in splits.train)
    assert all(who.may(pair, "test") for pair in splits.test)
    assert all(who.may(pair, "dev") for pair in splits.dev)
    assert leakage(splits, [], {}).clean
    for name in SPLITS:
        keys = [(pair.query_id, pair.passage_id) for pair in splits.part(name)]
        assert len(keys) == len(set(keys))


def test_other_sources_teach_beside_a_given_split() -> None:
    """Pairs from elsewhere join train, unless their document is dev's or test's or they are a log's newest."""
    parts = {
        "train": made("label", range(20, 100)),
        "dev": made("label", range(10, 20)),
        "test": made("label", range(10)),
    }
    more = [*made("llm:keyword", range(100)), *made("recent-click", range(50, 60))]
    splits = given_splits(parts, documents(100), {}, LENIENT, more)
    assert sources(splits)["train"] == {"label": 160, "llm": 160}
    assert splits.counts == {"held_out": 40, "newest_clicks": 20}
    assert leakage(splits, [], {}).clean


def test_what_a_source_puts_into_test_never_teaches_beside_a_given_split() -> None:
    """It joins the set's own test, and no pair of its documents trains."""
    ranges = {"train": range(20, 80), "dev": range(10, 20), "test": range(10)}
    parts = {name: made("label", ranges[name]) for name in SPLITS}
    mine = [Pair(f"mine{d}", f"mine {d}", f"d{d}-0", 1, "label", None, "test") for d in range(80, 90)]
    splits = given_splits(parts, documents(100), {}, LENIENT, [*mine, *made("llm:keyword", range(80, 100))])
    assert set(mine) <= set(splits.test)
    assert {pair.passage_id.split("-")[0] for pair in splits.train}.isdisjoint({f"d{d}" for d in range(80, 90)})
    assert leakage(splits, [], {}).clean


@pytest.mark.parametrize("name", ["judge_queries", "teach_queries", "gold_dev", "gold_test"])
def test_limits_are_kept(name: str) -> None:
    """A negative number is refused by name."""
    with pytest.raises(Exception, match=name):
        SplitOptions(**{name: -1})


@pytest.mark.parametrize("joined", [False, True])
def test_labels_of_one_group_alone_leave_no_part_empty(joined: bool) -> None:
    """Sixty labels of one document, or a chain of them through many: what else there is judges where they cannot."""
    if joined:
        gold = [Pair(f"q{d}", f"gold {d}", f"d{d + n}-0", 1, "label") for d in range(120) for n in (0, 1)]
    else:
        gold = [Pair(f"q{n}", f"gold {n}", f"d0-{n % 10}", 1, "label") for n in range(60)]
    pairs = [*gold, *made("heading", range(300), 10)]
    splits = split_pairs(pairs, documents(300, 10), {})
    require_enough(splits, SplitOptions())
    assert leakage(splits, [], {}).clean
    assert splits.test
    assert splits.dev


def test_more_judges_than_chosen_judge_only_where_a_part_lacks_some() -> None:
    """Where labels fill both parts, nothing else stands in them."""
    pairs = [*made("label", range(60)), *made("heading", range(60, 400))]
    found = sources(split_pairs(pairs, documents(400), {}))
    assert (found["test"].keys(), found["dev"].keys()) == ({"label"}, {"label"})


def test_what_is_all_assigned_to_train_judges_where_too_little_else_could() -> None:
    """Three pairs of other sources are no test."""
    gold = [replace(pair, split="train") for pair in made("label", range(200))]
    splits = split_pairs([*gold, *made("heading", range(200, 203), 1)], documents(203), {})
    require_enough(splits, SplitOptions())


def test_whoever_puts_a_pair_into_test_makes_it_judge() -> None:
    """Also where its source would only teach, and never does it train."""
    mine = [replace(pair, split="test") for pair in made("llm:keyword", range(20), 1)]
    splits = split_pairs([*mine, *made("label", range(20, 300))], documents(300), {}, LENIENT)
    assert set(splits.test) == set(mine)
    assert {pair.passage_id.split("-")[0] for pair in splits.train}.isdisjoint({f"d{d}" for d in range(20)})


@pytest.mark.parametrize("backwards", [False, True])
def test_a_pair_in_test_and_in_train_tests(backwards: bool) -> None:
    """Whichever file comes first."""
    gold = made("label", range(300), 1)
    pairs = [*(replace(pair, split="test") for pair in gold[:40]), *(replace(p, split="train") for p in gold[20:])]
    splits = split_pairs(pairs[::-1] if backwards else pairs, documents(300), {}, LENIENT)
    assert {pair.query_id for pair in splits.test} == {pair.query_id for pair in gold[:40]}
    assert not {pair.query_id for pair in splits.train} & {pair.query_id for pair in gold[:40]}


def beir() -> dict[SplitName, list[Pair]]:
    """A set's own split over a hundred documents."""
    return {
        "train": made("label", range(20, 100)),
        "dev": made("label", range(10, 20)),
        "test": made("label", range(10)),
    }


def test_no_pair_of_what_is_put_into_test_trains_beside_a_given_split() -> None:
    """Not even one of the set's own."""
    mine = [Pair(f"mine{d}", f"mine {d}", f"d{d}-0", 1, "label", None, "test") for d in range(30, 50)]
    splits = given_splits(beir(), documents(100), {}, LENIENT, mine)
    assert set(mine) <= set(splits.test)
    assert not {p.passage_id.split("-")[0] for p in splits.train} & {f"d{d}" for d in range(30, 50)}
    assert splits.counts == {"held_out": 40}
    assert leakage(splits, [], {}).clean


def test_newest_clicks_join_the_dev_of_a_given_split() -> None:
    """Where the set's own train has none of their documents, and not more than leaves the older clicks their half."""
    more = [*made("recent-click", range(50, 200)), *made("click", range(100, 200))]
    splits = given_splits(beir(), documents(200), {}, LENIENT, more)
    found = sources(splits)
    assert 20 < found["dev"]["recent-click"] <= 100
    assert found["dev"]["label"] == 20
    assert found["train"]["label"] == 160
    assert found["train"]["click"] >= 100
    assert found["test"] == {"label": 20}
    assert found["train"]["recent-click"] == 0
    assert leakage(splits, [], {}).clean


def test_a_question_of_a_given_test_is_asked_in_no_words_by_train() -> None:
    """Word order, inflection and case do not make another question."""
    parts = beir()
    parts["test"].append(Pair("t", "dose of insulin", "d1-0"))
    more = [Pair("a", "Insulin dose", "d150-0", 1, "llm:keyword"), Pair("b", "insulin doses?", "d151-0", 1, "click")]
    splits = given_splits(parts, documents(200), {}, LENIENT, more)
    assert not {"a", "b"} & {pair.query_id for pair in splits.train}
    assert splits.counts == {"query_held_out": 2}
