"""Whatever is mixed, nothing that tests is taught: queries, passages, near-duplicates, what somebody put into test."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.pairs import FilterOptions, SplitOptions, given_splits, known_positives, question, split_pairs
from jargonaut.pairs.curation import CurationOptions, Evidence, curate
from jargonaut.pairs.splits import CountedSplits
from jargonaut.pairs.wording import normalised, query_id
from jargonaut.records import SPLITS, Pair, SplitName, source_of

LENIENT = SplitOptions(min_train_positives=0, min_test_queries=0, min_dev_queries=0, judge_queries=3, teach_queries=5)
SOURCES = ["label", "label", "click", "recent-click", "llm:keyword", "heading"]
ASKED = ["dose of insulin", "insulin dose", "Insulin  dose?", "the insulin doses", "insulin dose for children",
         "children insulin dose", "how do I renew a passport", "renewing a passport", "renew passport", "fever",
         "Fever!", "high fever", "what is fever", "hepatitis A", "hepatitis a vaccine",
         "the hepatitis A vaccine"]  # fmt: skip
PUT = [None, None, None, None, "train", "dev", "test"]


@dataclass(frozen=True)
class Mixture:
    """What a workspace may hold.

    Attributes:
        added: Pairs of all sources, some put into a part.
        own: A data set's split; empty where there is none.
        documents: Passage → document.
        near: Passage → near-duplicate group.
    """

    added: list[Pair]
    own: dict[SplitName, list[Pair]]
    documents: dict[str, str]
    near: dict[str, str]


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    """Pairs of all sources over a few documents, beside a BEIR split or not; a set's own split shares nothing."""
    passages = [f"p{n}" for n in range(draw(st.integers(3, 24)))]
    documents = {p: f"d{draw(st.integers(0, 15))}" for p in passages}
    near = {p: f"n{draw(st.integers(0, 4))}" for p in draw(st.lists(st.sampled_from(passages), max_size=5))}
    row = st.tuples(
        st.sampled_from(ASKED), st.sampled_from(passages), st.integers(0, 2), st.sampled_from(SOURCES),
        st.sampled_from(PUT),
    )  # fmt: skip
    added = [
        Pair(query_id(asked), asked, passage, grade, source, None, put if source == "label" else None)
        for asked, passage, grade, source, put in draw(st.lists(row, max_size=40))
    ]
    own: dict[SplitName, list[Pair]] = {}
    if draw(st.booleans()):
        parts = draw(st.sampled_from([SPLITS, ("train", "test"), ("dev", "test"), ("train", "dev"), ("test",)]))
        lots = random.Random(draw(st.integers(0, 999)))
        home: dict[str, SplitName] = {}
        for asked, passage in draw(st.lists(st.tuples(st.sampled_from(ASKED), st.sampled_from(passages)), max_size=25)):
            keys = [documents[passage], question(asked), *([near[passage]] if passage in near else [])]
            mates = [k for q in passages if near.get(q, q) == near.get(passage, passage) for k in [documents[q]]]
            part = next((home[key] for key in [*keys, *mates] if key in home), lots.choice(parts))
            if all(home.get(key, part) == part for key in [*keys, *mates]):
                home |= dict.fromkeys([*keys, *mates], part)
                own.setdefault(part, []).append(Pair(f"own-{asked}", asked, passage))
    return Mixture(added, own, documents, near)


def divided(mixture: Mixture, added: Sequence[Pair] | None = None, options: SplitOptions = LENIENT) -> CountedSplits:
    """The mixture, divided."""
    more = mixture.added if added is None else added
    if any(mixture.own.values()):
        return given_splits(mixture.own, mixture.documents, mixture.near, options, more)
    return split_pairs(more, mixture.documents, mixture.near, options)


def relevant(pairs: Iterable[Pair]) -> list[Pair]:
    """The positives."""
    return [pair for pair in pairs if pair.relevance > 0]


def groups(pairs: Iterable[Pair], mixture: Mixture) -> set[str]:
    """Passages, documents and near-duplicate groups of positives."""
    owners: list[Mapping[str, str]] = [{p: p for p in mixture.documents}, mixture.documents, mixture.near]
    return {owner[pair.passage_id] for pair in relevant(pairs) for owner in owners if pair.passage_id in owner}


def assert_honest(splits: CountedSplits, mixture: Mixture) -> None:
    """What the project promises of a split."""
    held = [*splits.dev, *splits.test]
    assert not groups(held, mixture) & groups(splits.train, mixture)
    assert not {normalised(p.query) for p in relevant(held)} & {normalised(p.query) for p in splits.train}
    assert not {question(p.query) for p in relevant(held)} & {question(p.query) for p in splits.train}
    assert not {question(p.query) for p in relevant(splits.dev)} & {question(p.query) for p in splits.test}
    assert not any(source_of(pair.provenance) == "recent-click" for pair in splits.train)
    for part in ("dev", "test"):
        put = {(p.query_id, p.passage_id) for p in mixture.added if p.split == part}
        assert not put & {(p.query_id, p.passage_id) for p in splits.train}
        taught = groups(splits.train, mixture)
        inside = [p for p in splits.part(part) if (p.query_id, p.passage_id) in put]
        assert not groups(inside, mixture) & taught


@settings(max_examples=150)
@given(mixtures(), st.sampled_from([0.0, 0.5]))
def test_nothing_that_tests_is_taught(mixture: Mixture, giant_share: float) -> None:
    """No question, passage, document or near-duplicate of dev or test trains, nor what was put there."""
    options = SplitOptions(
        min_train_positives=0, min_test_queries=0, min_dev_queries=0, judge_queries=3, teach_queries=5,
        giant_share=giant_share, max_joined_share=0.2,
    )  # fmt: skip
    splits = divided(mixture, options=options)
    assert_honest(splits, mixture)
    put = {question(pair.query) for pair in relevant(mixture.added) if pair.split == "test"}
    assert not put & {question(pair.query) for pair in relevant(splits.train)}


def test_a_pair_put_into_dev_trains_under_no_other_grade() -> None:
    """Where labels contradict each other, what was put there stays out of train, also where dev cannot use it."""
    own: dict[SplitName, list[Pair]] = {
        "train": [Pair("own-train", "insulin dose for children", "p1")],
        "dev": [Pair("own-dev", "dose of insulin", "p0")],
    }
    wrong = Pair("q", "insulin dose for children", "p1", 0, "label", None, "dev")
    right = Pair("q", "insulin dose for children", "p1", 1, "label")
    splits = given_splits(own, {"p0": "d0", "p1": "d1"}, {}, LENIENT, [wrong, right])
    assert [pair.query_id for pair in splits.train] == ["own-train"]
    assert {(one.pair, one.rule) for one in splits.dropped} == {(wrong, "query_without_positive"), (right, "held_out")}


@settings(max_examples=60)
@given(mixtures())
def test_nothing_is_lost(mixture: Mixture) -> None:
    """Every pair is in one part or among the dropped."""
    splits = divided(mixture)
    out = [*splits.train, *splits.dev, *splits.test, *(one.pair for one in splits.dropped)]
    came = [*mixture.added, *(pair for part in mixture.own.values() for pair in part)]
    assert sorted((p.query_id, p.passage_id, p.provenance, p.relevance) for p in out) == sorted(
        (p.query_id, p.passage_id, p.provenance, p.relevance) for p in came
    )


@settings(max_examples=60)
@given(mixtures())
def test_minimums_widen_the_judges_and_leak_nothing(mixture: Mixture) -> None:
    """Also where more sources judge than were to."""
    assert_honest(divided(mixture, options=SplitOptions(judge_queries=3)), mixture)


@settings(max_examples=60)
@given(mixtures())
def test_curation_hides_no_test_query(mixture: Mixture) -> None:
    """Merged and deduplicated first, the same holds; and what people refused is no known answer."""
    texts = dict.fromkeys(mixture.documents, "words of a passage that are long enough")
    held = {question(p.query) for part in ("dev", "test") for p in mixture.own.get(part, ())}  # type: ignore[call-overload]
    one_part = sum(bool(part) for part in mixture.own.values()) < 2
    free = [p for p in mixture.added if one_part or p.split in ("dev", "test") or question(p.query) not in held]
    curated = curate(free, Evidence(texts, mixture.documents), CurationOptions(), FilterOptions())
    splits = divided(mixture, curated.kept)
    assert_honest(splits, mixture)
    known = known_positives(splits.train, [*curated.removed, *splits.dropped])
    said = {(normalised(p.query), p.passage_id): p.relevance for p in sorted(
        (p for p in mixture.added if p.provenance == "label"), key=lambda p: p.relevance)}  # fmt: skip
    for pair in splits.train:
        for (asked, passage), grade in said.items():
            if not mixture.own and asked == normalised(pair.query) and grade == 0:
                assert passage not in known.get(pair.query_id, frozenset())
