"""Rates, intervals and what follows from them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from jargonaut.pairs.review import Decision, Rate, ReviewOptions, Stratum, acceptance, cards_to_decide, wilson
from jargonaut.pairs.review.decisions import disagree, in_force, settled
from jargonaut.pairs.review.results import outcome_of

ONE = Stratum("llm", "train", "low")
OTHER = Stratum("click", "train", "low")


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (3, 3), (80, 100), (7, 10), (999, 1000)])
def test_the_interval_is_wilsons(hits: int, of: int) -> None:
    """It is the one that scipy gives."""
    theirs = binomtest(hits, of).proportion_ci(0.95, method="wilson")
    assert wilson(hits / of, of, 0.95) == pytest.approx((theirs.low, theirs.high))


counted = st.integers(0, 50).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(st.lists(st.tuples(counted, st.integers(0, 10_000)), max_size=6), st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_the_interval_holds_the_rate(rows: list[tuple[tuple[int, int], int]], confidence: float) -> None:
    """Whatever the strata, 0 ≤ low ≤ rate ≤ high ≤ 1, and the counts are those that went in."""
    counts = {Stratum(f"s{n}", "", "low"): pair for n, (pair, _) in enumerate(rows)}
    sizes = {Stratum(f"s{n}", "", "low"): size for n, (_, size) in enumerate(rows)}
    rate = acceptance(counts, sizes, confidence)
    if rate is None:
        assert not any(of for _, of in counts.values())
        return
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1
    assert (rate.accepted, rate.decided) == (sum(a for a, _ in counts.values()), sum(d for _, d in counts.values()))


def test_strata_count_by_their_size() -> None:
    """Nine tenths of the pairs are good and were asked about as often as the bad tenth: the share is .9, not .5."""
    rate = acceptance({ONE: (10, 10), OTHER: (0, 10)}, {ONE: 900, OTHER: 100}, 0.95)
    assert rate is not None
    assert rate.rate == pytest.approx(0.9)
    assert rate.effective < 20


def test_one_stratum_is_plain_wilson() -> None:
    """Without strata, and out of very many, nothing but Wilson's interval is left."""
    rate = acceptance({ONE: (80, 100)}, {ONE: 10**9}, 0.95)
    assert rate is not None
    assert (rate.low, rate.high) == pytest.approx(wilson(0.8, 100, 0.95), abs=1e-6)


def test_a_set_that_was_looked_at_as_a_whole_leaves_no_doubt() -> None:
    """With every pair decided, the interval is the rate."""
    rate = acceptance({ONE: (79, 100)}, {ONE: 100}, 0.95)
    assert rate is not None
    assert (rate.low, rate.rate, rate.high) == pytest.approx((0.79, 0.79, 0.79))


@given(counted.filter(lambda pair: pair[1] > 0), st.integers(0, 5000))
def test_so_many_more_cards_decide_it_and_not_one_fewer(pair: tuple[int, int], more: int) -> None:
    """Adding that many cards at the same share decides; one fewer does not."""
    options, population = ReviewOptions(), pair[1] + more
    rate = acceptance({ONE: pair}, {ONE: population}, options.confidence)
    assert rate is not None
    needed = cards_to_decide(rate, population, options)

    def decided(number: int) -> bool:
        effective = number * (population - 1) / (population - number) if population > number else math.inf
        return outcome_of(*wilson(rate.rate, effective, options.confidence), options.wanted) != "undecided"

    assert decided(pair[1] + needed)
    assert needed == 0 or not decided(pair[1] + needed - 1)


def test_three_outcomes() -> None:
    """Below, above and between what is wanted; what is wanted itself is enough."""
    assert [outcome_of(*pair, 0.8) for pair in ((0.5, 0.79), (0.8, 0.9), (0.7, 0.8))] == [
        "regenerate", "good", "undecided",
    ]  # fmt: skip
    assert isinstance(acceptance({ONE: (1, 1)}, {ONE: 5}, 0.95), Rate)


def vote(verdict: str, reviewer: str = "a", at: str = "1", **more: str) -> Decision:
    """A decision on one card."""
    return Decision("c", reviewer, verdict, at=at, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("votes", "comes_to"),
    [
        (["accept"], "accept"), (["accept", "reject"], "reject"), (["accept", "accept", "reject"], "accept"),
        (["accept", "edit", "reject"], "edit"), (["accept", "edit"], "edit"), (["skip", "accept"], "accept"),
    ],
)  # fmt: skip
def test_several_reviewers_come_to_the_middle(votes: list[str], comes_to: str) -> None:
    """The middle one by strictness decides, the stricter of two; skips say nothing."""
    final = settled([vote(verdict, f"r{n}") for n, verdict in enumerate(votes)])
    assert final is not None
    assert final.verdict == comes_to
    assert settled([vote("skip")]) is None


def test_of_two_edits_the_newest_counts() -> None:
    """Among equal verdicts the newest one's words are taken."""
    final = settled([vote("edit", "a", "2", edited_query="new"), vote("edit", "b", "1", edited_query="old")])
    assert final is not None
    assert final.edited_query == "new"


def test_only_taking_a_pair_or_not_is_a_disagreement() -> None:
    """Accept against edit is one; edit against reject and skips are none."""
    assert disagree([vote("accept"), vote("edit")])
    assert not disagree([vote("edit"), vote("reject"), vote("skip")])


def test_an_edit_accepts_the_new_query_unless_that_was_decided_too() -> None:
    """Later pairs that hold the edited query find it accepted."""
    edit = vote("edit", edited_query="new", edited_card="c2")
    assert in_force([edit])["c2"]["a"].verdict == "accept"
    own = Decision("c2", "a", "reject", "ambiguous")
    assert in_force([own, edit])["c2"]["a"].verdict == "reject"
