"""Generated against real queries: the same are not told apart, different ones are."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from jargonaut.pairs.statistics import Gap, StatisticsOptions
from jargonaut.pairs.statistics.columns import columns
from jargonaut.pairs.statistics.gap import gap
from jargonaut.pairs.statistics.two_samples import tell_apart, vocabulary_distance, word_shifts
from jargonaut.pairs.statistics.vocabulary import word_counts
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, Passage

from .samples import asked, corpus

OPTIONS = StatisticsOptions(permutations=19)
PASSAGES = corpus(160, per_document=4)
FORM = "how do {} and {} change {}"


def measured(
    pairs: Sequence[Pair], options: StatisticsOptions = OPTIONS, passages: Sequence[Passage] = PASSAGES
) -> Gap:
    """The gap of some pairs."""
    return gap(columns({"train": pairs}, passages), None, "none", options)


def test_queries_of_one_kind_are_not_told_apart() -> None:
    """Where both kinds are drawn alike, a classifier is right about half of the time, and no p-value is small."""
    found = measured([*asked(PASSAGES, "label", FORM, 3), *asked(PASSAGES, "llm:how-to", FORM, 4)])
    told = found.classifier
    assert told is not None
    assert 0.4 < told.accuracy < 0.6
    assert 0.4 < told.auc < 0.6
    assert told.p_value > 0.05
    assert told.low < 0.5 < told.high
    assert "no measurable difference" in found.sentence
    assert found.length.wasserstein == 0
    assert found.vocabulary < 2 * found.vocabulary_by_chance
    assert not found.more_generated
    assert not found.more_real


def test_queries_of_two_kinds_are_told_apart() -> None:
    """Questions against bare words: accuracy, p-value, length, form and words all say so."""
    pairs = [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "llm", "what explains {} and {} inside {}?", 2)]
    found = measured(pairs)
    told = found.classifier
    assert told is not None
    assert told.accuracy > 0.97
    assert told.p_value == 1 / 20
    assert found.same_documents
    assert (found.generated.question_marks, found.real.question_marks) == (1.0, 0.0)
    assert (found.generated.question_words, found.real.question_words) == (1.0, 0.0)
    assert found.length.wasserstein == 5
    assert found.length.ks == 1
    assert [shift.word for shift in found.more_generated][:1] == ["explains"]
    assert found.vocabulary > 2 * found.vocabulary_by_chance
    assert "(50% = cannot" in found.sentence


def test_equal_texts_in_both_kinds_do_not_help() -> None:
    """A query that is in both kinds lies in one fold, so that a classifier learns nothing from its twin."""
    found = measured([*asked(PASSAGES, "label", FORM, 1), *asked(PASSAGES, "heading", FORM, 1)])
    assert found.classifier is not None
    assert found.classifier.accuracy <= 0.5
    assert found.classifier.p_value > 0.5


def test_many_queries_about_one_passage_count_once() -> None:
    """Five spellings of each question do not make a test five times as sure."""
    several = [
        Pair(f"{pair.query_id}-{n}", pair.query + " now" * n, pair.passage_id, 1, pair.provenance)
        for kind, seed in (("label", 1), ("llm", 2))
        for pair in asked(PASSAGES, kind, FORM, seed)
        for n in range(5)
    ]
    found = measured(several)
    assert found.generated.queries > 4 * len(PASSAGES)
    assert found.generated.compared == found.real.compared <= len(PASSAGES)


def test_other_documents_are_not_compared_where_the_same_can_be() -> None:
    """Queries about documents that only one kind asks about are left out if enough remain."""
    elsewhere = [Passage(f"x{i}", "alien words about something else", document_id=f"x{i}") for i in range(200)]
    pairs = [
        *asked(PASSAGES, "label", FORM, 1), *asked(PASSAGES, "llm", FORM, 2),
        *(Pair(f"x{i}", f"alien thing {i}", f"x{i}", 1, "llm") for i in range(200)),
    ]  # fmt: skip
    found = measured(pairs, passages=[*PASSAGES, *elsewhere])
    assert found.same_documents
    assert found.generated.queries > 300
    assert found.generated.compared <= len(PASSAGES)
    assert found.classifier is not None
    assert found.classifier.accuracy < 0.65


@pytest.mark.parametrize("real", [0, 1, 49])
def test_too_few_are_not_compared(real: int) -> None:
    """Below the least number there is a reason instead of a figure."""
    found = measured([*asked(PASSAGES[:real], "click", FORM, 1), *asked(PASSAGES, "llm", FORM, 2)])
    assert found.classifier is None
    assert "too few" in found.too_few
    assert "50 of each" in found.sentence


def test_vectors_are_asked_once_for_what_is_compared() -> None:
    """The caller embeds the few queries of the test and no more."""
    calls: list[int] = []

    def embed(texts: Sequence[str]) -> Vectors:
        calls.append(len(texts))
        return np.random.default_rng(0).normal(size=(len(texts), 16)).astype(np.float32)

    pairs = [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "llm", FORM, 2)]
    found = gap(columns({"train": pairs}, PASSAGES), embed, "none", StatisticsOptions(gap_queries=60, permutations=19))
    assert calls == [120]
    assert found.based_on == "vectors"
    assert found.classifier is not None
    assert found.classifier.accuracy < 0.7  # these vectors say nothing, though the words differ


@pytest.mark.parametrize("vectors", [np.zeros((3, 4)), np.full((120, 4), np.nan), np.zeros(120)])
def test_vectors_that_are_not_the_queries_are_refused(vectors: np.ndarray) -> None:
    """Wrong shapes and numbers that are none give no figure."""
    pairs = [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "llm", FORM, 2)]
    with pytest.raises(ValueError, match="120 queries"):
        gap(columns({"train": pairs}, PASSAGES), lambda _: vectors, "none", StatisticsOptions(gap_queries=60))


def test_the_same_seed_gives_the_same_gap() -> None:
    """Samples, folds and shuffles depend on the seed alone."""
    pairs = [*asked(PASSAGES, "label", FORM, 1), *asked(PASSAGES, "llm", "{} of {}", 2)]
    few = StatisticsOptions(permutations=19, gap_queries=80)
    assert measured(pairs, few) == measured(pairs, few)


@pytest.mark.slow
def test_p_values_are_honest() -> None:
    """Over many pairs of equal samples, one in five has a p-value of at most 0.2."""
    small = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        kinds = rng.permutation(np.arange(100) < 50)
        told = tell_apart(rng.normal(size=(100, 5)), kinds, range(100), permutations=19, seed=seed)
        assert told is not None
        small += told.p_value <= 0.2
    assert 1 <= small <= 14  # 6 are expected; outside lies less than 1 in 500


def test_groups_that_cannot_be_divided_give_no_answer() -> None:
    """One group, or one kind to a fold, is no test."""
    kinds = np.arange(40) < 20
    assert tell_apart(np.zeros((40, 2)), kinds, [0] * 40, permutations=19, seed=0) is None


def test_vocabulary_distance_of_strangers_is_one() -> None:
    """No word in common is 1, the same words 0."""
    counted = word_counts(["red green"] * 30 + ["blue pink"] * 30, "english")
    kinds = np.arange(60) < 30
    assert vocabulary_distance(counted, kinds, 0)[0] == pytest.approx(1)
    assert vocabulary_distance(counted, np.arange(60) % 2 == 0, 0)[0] == pytest.approx(0, abs=1e-9)


def test_rare_words_do_not_stand_out() -> None:
    """A word that occurs once in one sample is no sign; one that is usual there and rare elsewhere is."""
    draw = random.Random(0)
    common = [" ".join(draw.choices(["alpha", "beta", "gamma", "delta"], k=6)) for _ in range(200)]
    texts = [text + " hello" for text in common[:100]] + common[100:]
    texts[0] += " unique"
    first, second = word_shifts(word_counts(texts, "english"), np.arange(200) < 100, 10)
    assert [shift.word for shift in first] == ["hello"]
    assert (first[0].first, first[0].second) == (100, 0)
    assert second == ()


def test_words_are_known_by_their_usual_spelling() -> None:
    """Stems are counted, and shown as people write them."""
    counted = word_counts(["rotating keys", "rotate key", "rotating the 42 keys"], "english")
    assert dict(zip(counted.names, counted.counts.sum(axis=0).tolist(), strict=True)) == {"rotating": 3, "keys": 3}


def test_queries_without_a_word_are_no_error() -> None:
    """Punctuation only, on both sides."""
    pairs = [Pair(f"{kind}{i}", "?" * (i + 1), f"p{i}", 1, kind) for kind in ("label", "llm") for i in range(60)]
    found = measured(pairs)
    assert found.generated.overlap.measured == 0
    assert found.vocabulary == 0
