"""Curation as a whole: the books balance, the order does not count, twice is once, gold stays."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.pairs import FilterOptions, known_positives
from jargonaut.pairs.curation import RULES, Curated, CurationOptions, Evidence, curate
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, source_of

from .cases import TEXT, evidence, pair, ranked

PASSAGES = [f"p{n}" for n in range(12)]
QUERIES = [
    "insulin dose", "dose of insulin", "Insulin Dose?", "insulin doses", "blood sugar", "what is blood sugar", "x",
    "quels sont les effets avec des repas", "diabetes meals", "meals", "people with diabetes", "5 mg", "6 mg",
]  # fmt: skip
ASKED = [(f"{source}-{query}", query) for query in QUERIES for source in ("log", "file")]
"""Ids and texts; a text may have two ids, an id has one text."""
LIMITS = FilterOptions(round_trip_k=3, max_per_document=6)
EVERYTHING = CurationOptions(
    remove_ambiguous=True, round_trip_clicks=True, max_easy_share=0.2, max_document_share=0.1, easy_overlap=0.3
)


@st.composite
def mixtures(draw: st.DrawFn, splits: Sequence[str | None] = (None, None, "train", "test")) -> list[Pair]:
    """Pairs of any sources, with repeats and contradictions."""
    one = st.builds(
        lambda asked, *rest: Pair(*asked, *rest),
        st.sampled_from(ASKED),
        st.sampled_from([*PASSAGES, "unknown"]),
        st.sampled_from([0, 1, 1, 1, 2]),
        st.sampled_from(["label", "click", "recent-click", "llm:howto", "heading"]),
        st.sampled_from([None, 0.2, 0.9]),
        st.sampled_from(splits),
    )
    return draw(st.lists(one, max_size=60))


def encode(texts: Sequence[str]) -> Vectors:
    """Vectors that agree."""
    return np.ones((len(texts), 2), np.float32)


def knowing(seed: int, known: dict[str, frozenset[str]] | None = None) -> Evidence:
    """Evidence of every kind, by chance but always the same; every query id of the mixtures is ranked."""
    lots = random.Random(seed)

    def hits() -> dict[str, float]:
        scores = sorted((lots.random() for _ in range(6)), reverse=True)
        return dict(zip(lots.sample(PASSAGES, 6), scores, strict=True))

    runs = {name: {query_id: hits() for query_id, _ in ASKED} for name in ("base", "BM25")}
    for run in runs.values():
        run["all"] = dict.fromkeys(PASSAGES, 1.0)
    scores = {(query_id, p): lots.choice([None, 0.0, 0.3, 0.8, 1.0]) for query_id, _ in ASKED for p in PASSAGES}
    documents = {p: f"d{n % 5}" for n, p in enumerate(PASSAGES)}
    return Evidence(
        {p: f"{TEXT} {p}" for p in PASSAGES}, documents, {p: f"t{n % 3}" for n, p in enumerate(PASSAGES)},
        ranked(runs, documents, {"p0": "g", "p1": "g"}, {q: sorted(found) for q, found in (known or {}).items()}),
        encode, scores, scores,
    )  # fmt: skip


def contents(done: Curated) -> tuple[object, ...]:
    """What came out, without its order."""
    return (
        Counter(done.kept), Counter((r.pair, r.rule) for r in done.removed), dict(done.merged),
        Counter((f.pair, f.rule) for f in done.flags),
    )  # fmt: skip


def trace(one: Pair) -> tuple[object, ...]:
    """What no merging changes; what stands goes to the strictest part of its repeats."""
    return (one.passage_id, one.relevance, one.provenance, one.score)


@given(mixtures(), st.integers(0, 20), st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_changes_nothing(pairs: list[Pair], seed: int, lots: random.Random) -> None:
    """Shuffled pairs give the same pairs, removals, merges and flags."""
    shuffled = lots.sample(pairs, len(pairs))
    one, other = (curate(each, knowing(seed), EVERYTHING, LIMITS) for each in (pairs, shuffled))
    assert contents(one) == contents(other)


@given(mixtures(splits=(None, "train")), st.integers(0, 20))
@settings(max_examples=200)
def test_curating_twice_is_curating_once(pairs: list[Pair], seed: int) -> None:
    """What was kept is kept again, by every rule."""
    once = curate(pairs, knowing(seed), EVERYTHING, LIMITS)
    known = known_positives(once.kept, once.removed)
    twice = curate(once.kept, knowing(seed, known), EVERYTHING, LIMITS)
    assert (twice.kept, twice.removed, twice.merged) == (once.kept, (), {})


@given(mixtures(), st.integers(0, 20))
def test_nothing_is_lost(pairs: list[Pair], seed: int) -> None:
    """Every pair is kept or removed, once, by a rule that is known, and under the query that stands for its own."""
    done = curate(pairs, knowing(seed), EVERYTHING, LIMITS)
    gone = [r.pair for r in done.removed]
    assert Counter(map(trace, pairs)) == Counter(map(trace, [*done.kept, *gone]))
    assert {r.rule for r in done.removed} <= set(RULES)
    assert sum(done.counts.values()) == len(done.removed)
    assert list(done.counts) == list(RULES)


@given(mixtures(), st.integers(0, 20))
def test_gold_is_never_removed(pairs: list[Pair], seed: int) -> None:
    """Every judged query and passage is still there with its highest relevance, if the corpus has the passage."""
    done = curate(pairs, knowing(seed), EVERYTHING, LIMITS)
    lost = [r for r in done.removed if source_of(r.pair.provenance) == "label"]
    assert {r.rule for r in lost} <= {"duplicate", "passage_unknown"}
    judged = {(p.passage_id, p.relevance) for p in done.kept if p.provenance == "label"}
    for one in pairs:
        if one.provenance == "label" and one.passage_id != "unknown":
            assert any(passage == one.passage_id and grade >= one.relevance for passage, grade in judged)


@given(mixtures(), st.integers(0, 20))
def test_newest_clicks_are_not_picked_by_a_model(pairs: list[Pair], seed: int) -> None:
    """Neither rankings nor scores nor shares remove what a model will be judged by."""
    done = curate(pairs, knowing(seed), EVERYTHING, LIMITS)
    rules = {r.rule for r in done.removed if r.pair.provenance == "recent-click"}
    assert not rules & {
        "round_trip",
        "ambiguous",
        "generic",
        "judge",
        "cross_encoder",
        "easy",
        "document_share",
        "topic_share",
    }


def test_sentences_tell_each_rule() -> None:
    """A user reads how many pairs each rule removed, and why."""
    pairs = [
        pair("insulin dose"),
        pair("Insulin dose?", "p", "label"),
        pair("ab"),
        pair("quels sont les effets avec eux"),
    ]
    assert curate(pairs, evidence()).sentences()[:5] == [
        "1 of 4 pairs kept",
        "1 query merged into others that ask the same",
        "query_too_short: 1 removed (their query is too short)",
        "language: 1 removed (query and passage are in different languages)",
        "duplicate: 1 removed (they repeat another pair)",
    ]


def test_a_removed_pair_still_says_what_answers_the_surviving_query() -> None:
    """A positive that is left out after a merge is known as an answer to the query that stands for its own."""
    given_pairs = [pair("insulin dose", "a"), pair("insulin dose", "b"), pair("dose of insulin", "c")]
    done = curate(given_pairs, evidence("a", "b", "c", judge={("insulin dose", "c"): 0.0}))
    assert known_positives(done.kept, done.removed)["insulin dose"] == {"a", "b", "c"}


def test_nothing_comes_of_nothing() -> None:
    """No pairs, no trouble."""
    done = curate([], evidence())
    assert (done.kept, done.sentences()[0]) == ((), "0 of 0 pairs kept")


def test_rules_can_be_switched_off() -> None:
    """Merging and languages are options."""
    pairs = [pair("insulin dose", "a"), pair("dose of insulin", "b"), pair("quels sont les effets avec eux", "a")]
    off = CurationOptions(language=False, merge=False)
    assert curate(pairs, evidence("a", "b"), off).kept == tuple(pairs)


def test_steps_are_told() -> None:
    """Long work shows itself."""
    told: list[str] = []
    curate([replace(pair("insulin"), score=0.5)], evidence(), on_step=told.append)
    assert told[0] == "length"
    assert told[-1] == "shares"
