"""What counts as there twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from jargonaut.pairs.curation.merging import Encode, merge_queries
from jargonaut.pairs.statistics import StatisticsOptions
from jargonaut.pairs.statistics.columns import columns
from jargonaut.pairs.statistics.duplicates import Duplicates, duplicates
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, Passage

PASSAGES = [Passage(f"p{i}", f"text {i}") for i in range(9)]


def found(train: list[Pair], test: list[Pair] | None = None, many: int = 10) -> Duplicates:
    """The duplicates of two parts."""
    return duplicates(columns({"train": train, "test": test or []}, PASSAGES), StatisticsOptions(many_queries=many))


def near(*texts: str) -> int:
    """How many queries nearly repeat another one."""
    return found([Pair(str(i), text, f"p{i}") for i, text in enumerate(texts)]).near_queries


def agreed(texts: Sequence[str]) -> Vectors:
    """Vectors of a model that finds all texts alike."""
    return np.ones((len(texts), 4), np.float32)


def test_same_words_in_another_order_are_nearly_the_same() -> None:
    """Articles, polite words and order do not make another question."""
    assert near("How do I rotate the keys of a vault?", "please rotate vault keys") == 1


@pytest.mark.parametrize(
    "texts",
    [
        ("rotate the vault keys", "vault keys rotate"),
        ("rotating vault keys", "rotate vault key"),
        ("acute myocardial infarction treatment in older women", "acute myocardial infarction treatment in older men"),
        ("rotate vault keys without downtime", "rotate vault keys downtime"),
        ("drug a or b for chronic pain after knee surgery", "drug a or c for chronic pain after knee surgery"),
    ],
)
@pytest.mark.parametrize("encode", [None, agreed])
def test_what_nearly_repeats_is_what_curation_merges(texts: Sequence[str], encode: Encode | None) -> None:
    """One rule: what is merged is counted, and what is not merged is not."""
    pairs = [Pair(str(i), text, f"p{i}") for i, text in enumerate(texts)]
    counted = duplicates(columns({"train": pairs}, PASSAGES), StatisticsOptions(), encode).near_queries
    assert counted == len(merge_queries(pairs, encode).queries)


def test_questions_that_differ_in_a_number_are_two() -> None:
    """A template filled with numbers is not a heap of duplicates."""
    assert near("symptoms of glycogen storage disease inherited muscle type 1a",
                "symptoms of glycogen storage disease inherited muscle type 1b") == 0  # fmt: skip


def test_questions_of_one_template_are_not_one() -> None:
    """Two subjects in the same long sentence are two questions."""
    assert near("what research or clinical trials is being done for retinoblastoma",
                "what research or clinical trials is being done for neuroblastoma") == 0  # fmt: skip


def test_one_content_word_in_common_is_not_enough() -> None:
    """Short questions about one thing may want to know different things."""
    assert near("what is acne", "why acne") == 0


def test_empty_and_wordless_queries_are_left_alone() -> None:
    """Nothing can be said of a query without words."""
    assert near("", "???", "what is this", "is it") == 0


def test_a_query_in_two_parts_is_a_leak() -> None:
    """Differences in case and punctuation do not hide it, and the reader sees which one it is."""
    result = found([Pair("a", "Rotate keys", "p0")], [Pair("b", "rotate keys?", "p1")])
    assert result.in_several_parts == result.near_in_several_parts == result.same_words == 1
    assert result.part_examples == ("Rotate keys",)


def test_a_near_duplicate_in_two_parts_is_told_apart_from_an_exact_one() -> None:
    """Near-duplicates across parts are counted on their own."""
    result = found([Pair("a", "rotate vault keys", "p0")], [Pair("b", "keys of the vault: rotate", "p1")])
    assert (result.in_several_parts, result.near_in_several_parts) == (0, 1)


def test_grade_zero_does_not_leak() -> None:
    """A query that a part holds only as a known negative is not asked there."""
    assert found([Pair("a", "rotate keys", "p0")], [Pair("b", "rotate keys", "p1", 0)]).in_several_parts == 0


def test_repeated_pairs_and_crowds() -> None:
    """A pair that is there three times is there twice too often; a crowd is more than the limit."""
    train = [Pair(str(i), f"alpha{i} beta{i}", "p3") for i in range(4)] + [Pair("x", "alpha0 beta0", "p3")] * 2
    result = found(train, many=3)
    assert (result.repeated_pairs, result.crowded_passages, result.most_queries) == (2, 1, 4)
    assert result.most_queried == "p3"
    assert found(train, many=4).crowded_passages == 0
