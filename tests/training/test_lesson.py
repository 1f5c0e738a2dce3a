"""What is looked at before anything is trained."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jargonaut.errors import InputError
from jargonaut.records import Triplet
from jargonaut.training import TrainOptions
from jargonaut.training.batches import drawn_count
from jargonaut.training.lesson import answers_taken, pairs_of_epoch, passes, prepared


def pairs(count: int) -> list[Triplet]:
    """Pairs that share nothing."""
    return [Triplet(f"q{number}", f"p{number}") for number in range(count)]


def answered(answers: list[int]) -> list[Triplet]:
    """A query for each number, with so many answers."""
    return [Triplet(f"q{query}", f"p{answer}") for query, count in enumerate(answers) for answer in range(count)]


def test_few_pairs_are_trained_carefully() -> None:
    """Lower rate and smaller batches, in one sentence that says how to have it otherwise."""
    lesson = prepared(pairs(200), {}, {}, TrainOptions())
    assert (lesson.options.lr, lesson.options.batch_size) == (2e-5, 32)
    (notice,) = lesson.notices
    assert notice.startswith("with only 200 pairs training is careful: lr 2e-05 instead of 5e-05, batch_size 32 ")
    assert "instead of 128 (`train.few_pairs = 0` keeps the recipe as it is)" in notice


def test_what_was_chosen_stays() -> None:
    """A setting that is not the default is the user's own."""
    chosen = TrainOptions(lr=1e-4, batch_size=16)
    assert prepared(pairs(200), {}, {}, chosen).options == chosen
    assert prepared(pairs(200), {}, {}, TrainOptions(lr=1e-4)).options == TrainOptions(lr=1e-4, batch_size=32)


@pytest.mark.parametrize(("count", "few"), [(500, 500), (200, 0)])
def test_enough_pairs_are_trained_as_the_recipe_says(count: int, few: int) -> None:
    """At the limit, and where there is none."""
    lesson = prepared(pairs(count), {}, {}, TrainOptions(few_pairs=few))
    assert (lesson.options, lesson.notices) == (TrainOptions(few_pairs=few), ())


def test_adapters_keep_their_rate() -> None:
    """The model's own rate is not used with them, so it is neither changed nor spoken of."""
    lesson = prepared(pairs(200), {}, {}, TrainOptions(lora_rank=8))
    assert (lesson.options.lr, lesson.options.batch_size) == (TrainOptions().lr, 32)
    assert "lr" not in lesson.notices[0]


def test_a_negative_that_answers_its_query_is_no_negative() -> None:
    """Labels that contradict themselves are counted, told and left out; the positive counts."""
    examples = [Triplet("q0", "p0", ("p0", "p1", "p2")), *pairs(9)[1:]]
    lesson = prepared(examples, {"q0": frozenset({"p0", "p1"})}, {}, TrainOptions(few_pairs=0))
    assert lesson.examples == (Triplet("q0", "p0", ("p2",)), *pairs(9)[1:])
    assert lesson.notices == ("2 hard negatives are also positives of their query; as negatives they are left out",)


def test_one_answer_to_everything_cannot_be_learned() -> None:
    """Without a negative there is no loss; near-duplicates are one answer."""
    examples = [Triplet(f"q{number}", f"p{number % 2}") for number in range(30)]
    with pytest.raises(InputError, match="all 30 pairs have the same passage, or a near-duplicate"):
        prepared(examples, {}, {"p0": "g", "p1": "g"}, TrainOptions())


def test_one_answer_can_be_told_from_hard_negatives() -> None:
    """It is possible, and hardly useful, which is said."""
    examples = [Triplet(f"q{number}", "p", ("n",)) for number in range(30)]
    lesson = prepared(examples, {}, {}, TrainOptions(few_pairs=0))
    assert lesson.notices == ("30 of 30 pairs have the same passage as their answer: they teach little",)


def test_a_single_pair_is_too_few() -> None:
    """There would be no in-batch negatives."""
    with pytest.raises(InputError, match="two pairs"):
        prepared(pairs(1), {}, {}, TrainOptions())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
@example([40] * 3)
@example([40] * 2 + [39])
def test_an_epoch_takes_as_few_answers_of_a_query_as_are_plenty(answers: list[int]) -> None:
    """One fewer would be too few; all are taken unless that spares half of them."""
    examples = answered(answers)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("jargonaut.training.lesson._PLENTY", 60)
        found, told = answers_taken(examples)
    takes = [drawn_count(examples, most) for most in range(1, max(answers) + 1)]
    least = next((count for count in takes if count >= 60), len(examples))
    assert bool(found) == bool(told) == (2 * least <= len(examples))
    if found:
        assert takes[found - 1] == least


def test_how_many_answers_are_taken_can_be_said() -> None:
    """What was chosen stays and is not spoken of, all of them included."""
    examples = answered([20] * 1000)
    assert prepared(examples, {}, {}, TrainOptions()).options.per_query == 6
    for chosen in (9, 0):
        lesson = prepared(examples, {}, {}, TrainOptions(per_query=chosen))
        assert (lesson.options.per_query, lesson.notices) == (chosen, ())


def test_the_pairs_of_an_epoch_are_those_that_it_takes() -> None:
    """As many as the rule takes where nothing was chosen, and all of a set that is small or empty."""
    many = answered([20] * 1000)
    assert [pairs_of_epoch(many, chosen) for chosen in (None, 2, 0)] == [6_000, 2_000, 20_000]
    assert pairs_of_epoch(answered([20] * 10), None) == 200
    assert pairs_of_epoch([], None) == 0


@pytest.mark.parametrize(("count", "epochs"), [(2, 3), (4_600, 3), (4_601, 2), (7_666, 2), (7_667, 1), (50_000, 1)])
def test_many_pairs_make_fewer_passes(count: int, epochs: int) -> None:
    """One to three, whatever the batch; a number that was chosen stays."""
    examples = pairs(count)
    assert passes(examples, TrainOptions()) == passes(examples, TrainOptions(batch_size=16)) == epochs
    assert prepared(examples, {}, {}, TrainOptions()).epochs == epochs
    assert passes(examples, TrainOptions(epochs=9)) == prepared(examples, {}, {}, TrainOptions(epochs=9)).epochs == 9


def test_there_is_a_second_pass_where_something_waits_for_it() -> None:
    """The answers that the first one left out, or negatives that are mined again."""
    assert passes(answered([2] * 10_000), TrainOptions()) == 2
    assert passes(answered([2] * 10_000), TrainOptions(per_query=0)) == 1
    assert passes(answered([2] * 10_000 + [3]), TrainOptions(per_query=2)) == 1
    assert passes(pairs(50_000), TrainOptions(), again=True) == 2


def test_mining_again_in_vain_is_told() -> None:
    """One pass leaves nothing to mine for."""
    told = prepared(pairs(600), {}, {}, TrainOptions(epochs=1), again=True).notices
    assert told == ("negatives are mined again after the first of several passes, and there is one only",)
    assert prepared(pairs(600), {}, {}, TrainOptions(epochs=1)).notices == ()


def test_a_choice_that_leaves_a_single_pair_is_refused() -> None:
    """There is nothing to tell one pair from."""
    with pytest.raises(InputError, match="a single pair") as refused:
        prepared(answered([600]), {}, {}, TrainOptions(per_query=1))
    assert refused.value.where == "[train] per_query"


def test_few_pairs_in_an_epoch_are_few_pairs() -> None:
    """A set of many answers, of which an epoch takes a few, is trained as carefully as a small one."""
    lesson = prepared(answered([200] * 100), {}, {}, TrainOptions(per_query=1))
    assert (lesson.options.lr, lesson.options.batch_size) == (2e-5, 32)
    assert lesson.notices[0].startswith("with only 100 pairs in an epoch training is careful: ")
