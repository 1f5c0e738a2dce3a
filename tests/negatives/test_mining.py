"""Hard negatives and the rules that keep false ones out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from jargonaut.errors import SettingsError
from jargonaut.negatives import Candidates, MinedNegatives, MiningOptions, Ranking, mine
from jargonaut.pairs import RemovedPair, known_positives
from jargonaut.records import Pair, Triplet

# What dense search might say of "heart attack"; the positive scores .9, so the default ceiling is .855.
RANKING = {
    "mi": 0.90,
    "stemi": 0.88,
    "mi-copy": 0.84,
    "mi-twin": 0.83,
    "test-angina": 0.80,
    "arrest": 0.70,
    "failure": 0.60,
    "panic": 0.50,
}
TEXTS = {"mi-copy": "mi"}
GROUPS = {"mi": "g", "mi-twin": "g"}
POSITIVE = Pair("q", "heart attack", "mi")


def mined(
    pairs: Sequence[Pair] = (POSITIVE,),
    options: MiningOptions | None = None,
    ranking: Mapping[str, float] = RANKING,
) -> MinedNegatives:
    """Mines for one query; passages named test-… are held out."""
    ids = list(RANKING)
    similarity = np.array(list(RANKING.values()), dtype=np.float32)
    candidates = Candidates(
        ["q"],
        ids,
        Ranking(np.array([[ids.index(id_) for id_ in ranking]], dtype=np.int64).reshape(1, -1),
                np.array([list(ranking.values())], dtype=np.float32)),
        lambda _, rows: similarity[rows],
        known_positives(pairs, ()),
        lambda passage: TEXTS.get(passage, passage),
        GROUPS,
        np.array([not id_.startswith("test-") for id_ in ids]),
    )  # fmt: skip
    return mine(pairs, candidates, options or MiningOptions())


def test_every_rule_counts_what_it_removed() -> None:
    """Known positives, equal texts, near-duplicates, held-out passages and likely answers are left out and counted."""
    result = mined()
    assert result.triplets == (Triplet("q", "mi", ("arrest",)),)
    assert result.removed == {
        "a known positive": 1,
        "scores like the positive": 1,
        "same text as a positive": 1,
        "near-duplicate of a positive": 1,
        "held out": 1,
    }
    assert result.false_negatives == 3


def test_as_many_as_asked_are_taken_best_first() -> None:
    """The hardest that are safe."""
    result = mined(options=MiningOptions(per_pair=2))
    assert result.triplets[0].negative_ids == ("arrest", "failure")
    assert (result.negatives, result.fell_back) == (2, 0)


@pytest.mark.parametrize("max_percent", [0.5, 0.95, 10.0])
def test_a_held_out_passage_is_never_chosen(max_percent: float) -> None:
    """No threshold and no curated judgement lets a test passage into training."""
    pairs = [POSITIVE, Pair("q", "heart attack", "test-angina", 0)]
    result = mined(pairs, MiningOptions(per_pair=9, max_percent=max_percent))
    assert "test-angina" not in result.triplets[0].negative_ids


def test_curated_negatives_are_taken_first() -> None:
    """A grade of 0 is a human's word; what is missing is mined, and nothing is taken twice."""
    pairs = [Pair("q", "heart attack", "failure", 0), POSITIVE]
    result = mined(pairs, MiningOptions(per_pair=3))
    assert result.triplets == (Triplet("q", "mi", ("failure", "arrest", "panic")),)
    assert result.removed["curated already"] == 1


def test_another_positive_of_the_query_is_no_negative() -> None:
    """All positives of a query are known, whichever of them the triplet is about."""
    result = mined([POSITIVE, Pair("q", "heart attack", "arrest")])
    assert [t.negative_ids for t in result.triplets] == [("failure",), ("failure",)]


@pytest.mark.parametrize(("percent", "negative"), [(0.99, "stemi"), (0.95, "arrest"), (0.7, "failure")])
def test_the_threshold_is_a_share_of_the_positives_score(percent: float, negative: str) -> None:
    """What scores at least that share of the positive is taken for a false negative."""
    assert mined(options=MiningOptions(max_percent=percent)).triplets[0].negative_ids == (negative,)


def test_when_the_threshold_rejects_all_the_lowest_ranks_serve() -> None:
    """A uniform corpus still gets negatives, and how often is counted; the other rules still hold."""
    result = mined(options=MiningOptions(max_percent=0.1))
    assert (result.triplets[0].negative_ids, result.fell_back) == (("panic",), 1)
    assert result.removed["scores like the positive"] == 3


def test_a_pair_without_candidates_keeps_its_positive() -> None:
    """It trains on in-batch negatives alone."""
    result = mined(ranking={})
    assert (result.triplets, result.negatives) == ((Triplet("q", "mi"),), 0)


def test_none_are_mined_when_none_are_asked_for() -> None:
    """In-batch negatives alone are a choice."""
    assert mined(options=MiningOptions(per_pair=0, max_percent=0.1)).triplets == (Triplet("q", "mi"),)


def test_first_ranks_can_be_skipped_and_depth_is_respected() -> None:
    """Only the ranks between `skip` and `depth` are looked at."""
    assert mined(options=MiningOptions(skip=6)).triplets[0].negative_ids == ("failure",)
    assert mined(options=MiningOptions(depth=1)).triplets[0].negative_ids == ()


@pytest.mark.parametrize(
    "bad", [{"per_pair": -1}, {"depth": 0}, {"skip": -1}, {"skip": 50}, {"max_percent": 0.0}, {"max_percent": math.nan}]
)
def test_options_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Negative counts, ranks that leave nothing and thresholds without a meaning are refused."""
    with pytest.raises(SettingsError, match=rf"\[mine\] {next(iter(bad))}"):
        MiningOptions(**bad)  # type: ignore[arg-type]  # on purpose


def test_a_click_that_people_contradict_costs_no_negative() -> None:
    """What they said is no answer is the curated negative that it was, also where the click was removed as a repeat."""
    refused, click = Pair("q", "heart attack", "panic", 0), Pair("q", "Heart attack", "panic", 1, "click")
    known = known_positives([POSITIVE, refused], [RemovedPair(click, "contradicted"), RemovedPair(click, "duplicate")])
    assert known == {"q": {"mi"}}
    assert mined([POSITIVE, refused]).triplets[0].negative_ids == ("panic",)
