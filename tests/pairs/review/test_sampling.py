"""Samples are stratified, nested and the same every time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from jargonaut.errors import InputError, SettingsError
from jargonaut.pairs.review import ReviewOptions, chosen, key_of, sample
from jargonaut.records import Pair, Passage


def keys(drawn: object) -> list[str]:
    """The cards of a sample, in order."""
    return [card.key for card in drawn.cards]  # type: ignore[attr-defined]


def test_every_kind_of_pair_is_shown(pairs: tuple[Pair, ...], passages: Mapping[str, Passage]) -> None:
    """Every stratum that has two pairs gives two cards before any gives a third."""
    drawn = sample(pairs, passages, ReviewOptions(sample=2 * 24))
    shown = Counter(card.stratum for card in drawn.cards)
    assert shown.keys() == drawn.sizes.keys()
    assert all(shown[stratum] >= min(2, size) for stratum, size in drawn.sizes.items())


def test_the_rest_is_in_proportion(passages: Mapping[str, Passage]) -> None:
    """Of 90 pairs of one kind and 30 of another, a sample without a minimum holds three to one."""
    pairs = [Pair(f"q{n}", f"steam {n}", f"p{n % 60}", 1, "llm" if n < 90 else "click") for n in range(120)]
    shown = Counter(
        card.pair.provenance for card in sample(pairs, passages, ReviewOptions(sample=40, min_per_stratum=0)).cards
    )
    assert shown == {"llm": 30, "click": 10}


@pytest.mark.parametrize("fewest", [0, 2, 5])
def test_a_larger_sample_holds_the_smaller_one(
    pairs: tuple[Pair, ...], passages: Mapping[str, Passage], fewest: int
) -> None:
    """Every sample is the beginning of the next larger one, so that no decision is lost by asking for more."""
    whole = keys(sample(pairs, passages, ReviewOptions(sample=500, min_per_stratum=fewest)))
    assert len(whole) == len(pairs)
    for size in (1, 7, 40, 133):
        assert keys(sample(pairs, passages, ReviewOptions(sample=size, min_per_stratum=fewest))) == whole[:size]


def test_a_sample_depends_on_texts_and_seed_alone(pairs: tuple[Pair, ...], passages: Mapping[str, Passage]) -> None:
    """Another order and other ids, as after chunking anew, draw the same cards; another seed draws others."""
    mixed = random.Random(1).sample(pairs, len(pairs))
    renamed = [replace(pair, query_id=f"x{pair.query_id}", passage_id=f"new-{pair.passage_id}") for pair in mixed]
    moved = {f"new-{id_}": replace(passage, id=f"new-{id_}") for id_, passage in passages.items()}
    options = ReviewOptions(sample=30)
    assert keys(sample(renamed, moved, options)) == keys(sample(pairs, passages, options))
    assert keys(sample(pairs, passages, replace(options, seed=14))) != keys(sample(pairs, passages, options))


def test_what_cannot_be_judged_is_not_shown(passages: Mapping[str, Passage]) -> None:
    """Curated negatives are left out, unknown passages are counted, equal texts are one card."""
    pairs = [
        Pair("a", "open the valve", "p1"), Pair("b", "open the valve", "p1", 1, "click"), Pair("c", "no", "p2", 0),
        Pair("d", "gone", "p999"),
    ]  # fmt: skip
    drawn = sample(pairs, passages, ReviewOptions())
    assert keys(drawn) == [key_of("open the valve", passages["p1"].text)]
    assert (drawn.unknown, drawn.available) == (1, 1)


def test_bands_follow_the_words_that_are_repeated(passages: Mapping[str, Passage]) -> None:
    """A query of the passage's words is high, of other words low, without content words none."""
    pairs = [Pair("a", "pump starts", "p1"), Pair("b", "steam boiler", "p1"), Pair("c", "what is it", "p1")]
    assert sorted(stratum.band for stratum in sample(pairs, passages, ReviewOptions()).sizes) == ["high", "low", "none"]


def test_large_kinds_are_measured_by_a_part() -> None:
    """Sizes of bands are estimated where a kind is large, and add up to it."""
    passages = {"p": Passage("p", "the valve opens")}
    pairs = [Pair(f"q{n}", f"{'valve opens' if n % 2 else 'steam boils'} {n}", "p", 1, "llm") for n in range(5000)]
    sizes = sample(pairs, passages, ReviewOptions()).sizes
    assert sum(sizes.values()) == 5000
    assert all(2200 < size < 2800 for size in sizes.values())


def test_sources_are_named_as_people_name_them(pairs: tuple[Pair, ...]) -> None:
    """A source is a provenance, the part before its colon, or the kind of it."""
    assert {pair.provenance for pair in chosen(pairs, ["llm"])} == {"llm:keyword", "llm:natural"}
    assert {pair.provenance for pair in chosen(pairs, ["llm:keyword", "structure"])} == {"llm:keyword", "heading"}
    assert {pair.split for pair in chosen(pairs, splits=["dev"])} == {"dev"}
    assert chosen(pairs) == pairs


def test_a_source_that_there_is_not_is_named_with_those_that_there_are(pairs: tuple[Pair, ...]) -> None:
    """An unknown source or split is refused with what could be meant."""
    with pytest.raises(InputError, match=r"(?s)'clicks'.*click, heading"):
        chosen(pairs, ["clicks"])
    with pytest.raises(InputError, match=r"(?s)'validation'.*train, dev, test"):
        chosen(pairs, splits=["validation"])


@pytest.mark.parametrize("wrong", [{"sample": 0}, {"min_per_stratum": -1}, {"wanted": 1.0}, {"confidence": 1.0}])
def test_options_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    """Each limit is checked, and named."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        ReviewOptions(**wrong)  # type: ignore[arg-type]
