"""What `slices` and `conditions` promise."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.evaluation import (
    EvaluationOptions,
    Scores,
    SliceOptions,
    condition,
    kinds_of,
    length_bands,
    retention,
    slice_results,
    worst_slice,
)
from jargonaut.evaluation.slices import WorstSlice, query_kind, word_count
from jargonaut.records import Query

from .samples import scores, spread

OPTIONS = EvaluationOptions(resamples=2000)
STOPS = frozenset({"of", "the", "with", "for"})


def named(base: Scores, tuned: Scores, labels: dict[str, dict[str, str]], smallest: int = 30) -> WorstSlice:
    """The worst slice of a division."""
    slicing = SliceOptions(smallest=smallest)
    found = slice_results(base, tuned, labels, {}, slicing, OPTIONS)
    return worst_slice(found, base, tuned, labels, {}, OPTIONS)


def noisy(gain: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int = 3) -> tuple[Scores, Scores]:
    """Base scores around a half, and tuned ones that gain so much in the mean, each with noise."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.3, 0.5, len(gain))
    return scores(base), scores(np.clip(base + gain + rng.normal(0, 0.08, len(gain)), 0, 1))


def halves(count: int, first: int) -> dict[str, str]:
    """The first queries are one part, the others another."""
    return {f"q{i}": "left" if i < first else "right" for i in range(count)}


def test_a_slice_is_compared_on_its_own_queries() -> None:
    """Size, both means and their difference are those of the part."""
    base, tuned = noisy(np.where(np.arange(200) < 60, 0.2, 0.0))
    left, right = slice_results(base, tuned, {"side": halves(200, 60)}, {}, SliceOptions(), OPTIONS)
    assert (left.label, left.n, left.groups, right.n) == ("side: left", 60, 60, 140)
    assert left.base == pytest.approx(base.values["nDCG@10"][:60].mean())
    assert left.difference == pytest.approx(left.tuned - left.base)
    assert left.low > 0.1
    assert right.words == "no measurable difference"


def test_one_part_is_no_division() -> None:
    """Where all queries are alike there is no slice, and that is said."""
    base, tuned = noisy(np.zeros(50))
    labels = {"source": {f"q{i}": "label" for i in range(50)}}
    assert slice_results(base, tuned, labels, {}) == ()
    assert "no slice of test is large enough" in named(base, tuned, labels).sentence


def test_a_measurable_loss_is_the_worst_slice() -> None:
    """The slice that loses is named, with its size and interval."""
    base, tuned = noisy(np.where(np.arange(200) < 60, -0.15, 0.2))
    found = named(base, tuned, {"side": halves(200, 60)})
    assert found.slice is not None
    assert (found.slice.name, found.slice.is_loss) == ("left", True)
    assert "measurably worse on side: left (60 queries" in found.sentence


def test_a_smaller_gain_is_named_as_what_it_is() -> None:
    """A slice that gains measurably less than the rest is named, and not called worse."""
    base, tuned = noisy(np.where(np.arange(200) < 60, 0.0, 0.2))
    found = named(base, tuned, {"side": halves(200, 60)})
    assert found.slice is not None
    assert "least is gained on side: left" in found.sentence


def test_noise_is_never_named() -> None:
    """Of many random divisions of one homogeneous test hardly any names a slice."""
    blamed = 0
    for seed in range(10):
        base, tuned = noisy(np.full(240, 0.05), seed)
        rng = np.random.default_rng(100 + seed)
        labels = {f"by {k}": {f"q{i}": str(rng.integers(4)) for i in range(240)} for k in range(5)}
        blamed += named(base, tuned, labels).slice is not None
    assert blamed <= 1


def test_a_small_slice_is_shown_and_never_named() -> None:
    """Five queries that all lose are shown, but too few to be called the worst; so is a slice of one query."""
    gain = np.where(np.arange(100) < 5, -0.3, 0.1)
    base, tuned = noisy(gain)
    labels = {"side": halves(100, 5), "single": halves(100, 1)}
    shown = slice_results(base, tuned, labels, {}, SliceOptions(), OPTIONS)
    assert [(one.n, one.eligible) for one in shown] == [(5, False), (95, True), (1, False), (99, True)]
    assert (shown[2].low, shown[2].high) == (-1.0, 1.0)
    worst = named(base, tuned, labels).slice
    assert worst is None or worst.n >= 30


def test_one_document_is_one_group() -> None:
    """Forty queries about one document prove nothing, so their slice is not eligible."""
    base, tuned = noisy(np.where(np.arange(100) < 40, -0.3, 0.1))
    clusters = {f"q{i}": "d0" for i in range(40)}
    left, _ = slice_results(base, tuned, {"side": halves(100, 40)}, clusters, SliceOptions(), OPTIONS)
    assert (left.groups, left.eligible, left.is_loss) == (1, False, False)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how do I appeal", "question"), ("Stenosis of bronchus?", "question"), ("stenosis bronchus", "keywords"),
        ("stenosis of the bronchus", "statement"), ("howitzer shells", "keywords"), ("是什么？", "question"),
    ],
)  # fmt: skip
def test_query_kinds(text: str, kind: str) -> None:
    """A question has a question word in front or a mark behind; keywords have no word without a topic."""
    assert query_kind(text, STOPS) == kind
    assert kinds_of([Query("q", text)], STOPS) == {"q": kind}


def test_length_bands_are_thirds_named_by_their_limits() -> None:
    """Three bands of about one size; where all are of one length there is one band, and so no slice."""
    found = length_bands({f"q{i}": i + 1 for i in range(9)}, "words")
    assert list(dict.fromkeys(found.values())) == ["1 to 3 words", "4 to 6 words", "7 words and more"]
    assert len(set(length_bands({"a": 5, "b": 5}, "words").values())) == 1
    assert length_bands({}, "words") == {}


def test_parts_come_in_the_order_of_their_numbers() -> None:
    """Four comes before ten, and a band of one length is named by it."""
    sizes = {f"q{i}": (4, 4, 9, 9, 10, 20)[i % 6] for i in range(60)}
    base, tuned = noisy(np.zeros(60))
    found = slice_results(base, tuned, {"length": length_bands(sizes, "words")}, {}, SliceOptions(), OPTIONS)
    assert [one.name for one in found] == ["4 words", "5 to 9 words", "10 words and more"]


def test_a_script_without_spaces_has_a_length_too() -> None:
    """Without spaces characters count."""
    assert word_count("stenosis of bronchus") == 3
    assert word_count("支" * 300) == 300


def test_a_condition_compares_gain_and_loss() -> None:
    """Under a condition both drops, what is left of the gain, and who loses more are told with intervals."""
    base, tuned = spread(0.5), spread(0.7)
    found = condition("typos", (base, tuned), (spread(0.45), spread(0.5)), {}, OPTIONS)
    assert found is not None
    assert found.difference == pytest.approx(0.05, abs=0.01)
    assert found.extra_loss == pytest.approx(0.15, abs=0.01)
    assert found.is_more_fragile
    assert "measurably more" in found.sentence


def test_a_condition_is_paired_with_the_queries_that_it_changes() -> None:
    """Scores before are those of the changed queries alone, whatever their order."""
    base = Scores(("a", "b", "c"), {"nDCG@10": np.array([0.1, 0.5, 0.9])})
    changed = Scores(("c", "a"), {"nDCG@10": np.array([0.8, 0.0])})
    found = condition("shorter", (base, base), (changed, changed), {}, OPTIONS)
    assert found is not None
    assert (found.n, found.base_before, found.base) == (2, pytest.approx(0.5), pytest.approx(0.4))
    assert (found.extra_loss_low, found.extra_loss_high) == (-1.0, 1.0)  # two queries prove nothing


def test_a_condition_without_a_query_is_none() -> None:
    """A rule that changes nothing gives no figure."""
    nothing = Scores((), {"nDCG@10": np.zeros(0)})
    assert condition("typos", (spread(0.5), spread(0.6)), (nothing, nothing), {}) is None


def test_retention_says_whether_the_limit_is_kept() -> None:
    """A loss beyond the limit is told as such, with its interval."""
    found = retention(spread(0.8), spread(0.7), {}, 0.02, OPTIONS)
    assert not found.within_limit
    assert "beyond the limit of 0.02" in found.sentence
    assert retention(spread(0.8), spread(0.79), {}, 0.02, OPTIONS).within_limit
