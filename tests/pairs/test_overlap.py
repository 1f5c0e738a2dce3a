"""Word overlap between queries and positives."""

from __future__ import annotations

import pytest

from jargonaut.errors import SettingsError
from jargonaut.pairs import overlap
from jargonaut.pairs.overlap import word_overlap
from jargonaut.records import Pair


def test_inflections_count_and_stop_words_do_not() -> None:
    """Words are compared by stem; words without a topic are left out."""
    assert word_overlap("How do I rotate the keys?", "Rotating a key takes a minute") == 1.0


def test_query_of_stop_words_has_no_overlap() -> None:
    """Where there is nothing to compare there is no number."""
    assert word_overlap("what is this", "what is this") is None


def test_summary_of_known_pairs() -> None:
    """Mean, median, high share and histogram come from the positives alone."""
    texts = {"p": "red green blue", "n": "nothing"}
    pairs = [Pair("a", "red", "p"), Pair("b", "red yellow", "p"), Pair("c", "violet", "p"), Pair("d", "red", "n", 0)]
    result = overlap(pairs, texts)
    assert (result.pairs, result.mean, result.median) == (3, 0.5, 0.5)
    assert result.high_share == pytest.approx(1 / 3)
    assert result.histogram == (1, 0, 0, 0, 0, 1, 0, 0, 0, 1)


def test_no_pairs_give_zeros() -> None:
    """Nothing to measure is no error."""
    assert overlap([], {}).pairs == 0


def test_unknown_language_is_answered() -> None:
    """A language without a stemmer is refused with the choice of languages."""
    with pytest.raises(SettingsError, match="klingon"):
        word_overlap("a query", "a text", "klingon")
