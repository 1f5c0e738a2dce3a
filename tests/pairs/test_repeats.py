"""Of several pairs of one query and passage one stands, and it is in the strictest part."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs.provenance import is_gold, is_newest
from jargonaut.pairs.repeats import distinct
from jargonaut.records import Pair

PAIRS = st.builds(
    Pair, st.sampled_from(["q", "r"]), st.just("words"), st.sampled_from(["a", "b"]), st.integers(0, 2),
    st.sampled_from(["label", "click", "recent-click", "llm:keyword", "heading"]), st.sampled_from([None, 0.2, 0.9]),
    st.sampled_from([None, "train", "dev", "test"]),
)  # fmt: skip


def pair(passage: str, provenance: str = "label", relevance: int = 1, score: float | None = None) -> Pair:
    """A pair of one query."""
    return Pair("q", "words", passage, relevance, provenance, score)


def test_people_are_believed_first() -> None:
    """A judged pair outlives a surer one; where people say no, the others are contradicted."""
    pairs = [
        pair("a", "llm", score=1.0), pair("a"), pair("b", "click", score=1.0), pair("b", relevance=0),
        pair("c", "click", 0), pair("c", "llm"), pair("b", "recent-click"),
    ]  # fmt: skip
    assert {row: repeat.rule for row, repeat in distinct(pairs).repeats.items()} == {
        0: "duplicate",
        2: "contradicted",
        4: "duplicate",
        6: "contradicted",
    }


def test_newest_clicks_repeat_only_each_other() -> None:
    """What a model is judged by is not lost to what it is trained with, nor the other way round."""
    pairs = [pair("a", "click"), pair("a", "recent-click"), pair("a", "recent-click")]
    assert list(distinct(pairs).repeats) == [2]
    assert list(distinct(pairs, newest_apart=False).kept.values()) == [pairs[1]]


def test_what_is_in_two_parts_is_in_the_stricter_one() -> None:
    """Test comes before dev before train before none."""
    pairs = [pair("a"), replace(pair("a"), split="train"), replace(pair("a"), split="test")]
    assert [one.split for one in distinct(pairs).kept.values()] == ["test"]


@given(st.lists(PAIRS, max_size=12), st.randoms())
def test_order_does_not_matter_and_nothing_is_lost(pairs: list[Pair], shuffler: random.Random) -> None:
    """The same pairs stand, each row is kept or a repeat, and nothing stands in a laxer part than somebody said."""
    shuffled = pairs.copy()
    shuffler.shuffle(shuffled)
    found, other = distinct(pairs), distinct(shuffled)
    assert set(found.kept.values()) == set(other.kept.values())
    assert sorted([*found.kept, *found.repeats]) == list(range(len(pairs)))
    for row, one in found.kept.items():
        said = [each for each in pairs if (each.query_id, each.passage_id) == (one.query_id, one.passage_id)]
        assert replace(one, split=pairs[row].split) == pairs[row]
        assert one.split == next((n for n in ("test", "dev", "train") if n in {each.split for each in said}), None)
        assert is_gold(one) or not any(map(is_gold, said))
    keys = [(one.query_id, one.passage_id, is_newest(one)) for one in found.kept.values()]
    assert len(keys) == len(set(keys))
