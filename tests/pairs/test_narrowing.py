"""From a document to its best passage by words alone."""

from __future__ import annotations

import math
import random
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pairs.wording import content_stems

TEXTS = {
    "a": "Setup > Install\nInstall the server on Linux",
    "b": "Setup > Backups\nThe server writes backups every night",
    "c": "Setup > Removal\nRemove the server from Linux",
}


def test_rare_words_count_more_than_common_ones() -> None:
    """`server` stands in all passages of the document, `backup` in one."""
    best = LexicalBest(TEXTS)
    assert best([("server on linux backup", ("a", "b", "c")), ("removing from linux", ("a", "b", "c"))]) == ["b", "c"]


def test_ties_go_to_the_first() -> None:
    """Also where no word is shared, or the query has none."""
    best = LexicalBest(TEXTS)
    assert best([("nothing shared", ("b", "a")), ("?", ("c", "a")), ("linux", ("c", "a"))]) == ["b", "c", "c"]


def test_nothing_asked_gives_nothing() -> None:
    """An empty batch is one."""
    assert LexicalBest(TEXTS)([]) == []


WORDS = st.lists(st.sampled_from(["pump", "valve", "seal", "motor", "fuse", "bearing"]), max_size=6).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=8), st.lists(WORDS, max_size=5))
def test_the_best_one_holds_the_heaviest_words(texts: list[str], asked: list[str]) -> None:
    """As a plain sum over every passage has it; ties go to the first."""
    named = {str(number): text for number, text in enumerate(texts)}
    stems = {id_: content_stems(text) for id_, text in named.items()}
    holding = Counter(stem for one in stems.values() for stem in one)
    weight = {stem: math.log1p((len(texts) - n + 0.5) / (n + 0.5)) for stem, n in holding.items()}
    for query, chosen in zip(asked, LexicalBest(named)([(query, tuple(named)) for query in asked]), strict=True):
        scores = {id_: math.fsum(weight[stem] for stem in content_stems(query) & one) for id_, one in stems.items()}
        assert chosen == max(scores, key=scores.__getitem__)


@pytest.mark.slow
def test_time_grows_with_passages_and_queries_not_with_their_product() -> None:
    """Four times as many of both in one document take about four times as long."""
    chance = random.Random(1)
    vocabulary = [f"word{number}" for number in range(5000)]

    def seconds(passages: int, queries: int) -> float:
        texts = {str(n): " ".join(chance.choices(vocabulary, k=40)) for n in range(passages)}
        asked = [(" ".join(chance.choices(vocabulary, k=6)), tuple(texts)) for _ in range(queries)]
        best = LexicalBest(texts)
        started = time.process_time()
        best(asked)
        return time.process_time() - started

    seconds(100, 10)
    assert seconds(4000, 1600) < 9 * seconds(1000, 400)
