"""Which words and phrases of a domain get a vector of their own."""

from __future__ import annotations

import pytest

from jargonaut.errors import SettingsError
from jargonaut.students import StaticOptions
from jargonaut.students.vocabulary import domain_terms

TEXTS = ["Deferred goodwill of the amortisation", "goodwill amortisation 2023", "deferred goodwill impaired"]


def test_frequent_words_that_the_tokenizer_cuts_come_first_then_phrases() -> None:
    """Known words, rare ones and numbers are left out; a phrase may consist of known words."""
    found = domain_terms(TEXTS, {"deferred"}, StaticOptions(fewest=2), lowercase=True)
    assert found == ("goodwill", "amortisation", "deferred goodwill")


def test_case_counts_where_the_tokenizer_tells_it() -> None:
    """`Deferred` and `deferred` are two words then, each of which occurs once."""
    found = domain_terms(TEXTS, (), StaticOptions(fewest=2), lowercase=False)
    assert "deferred" not in found
    assert found[0] == "goodwill"


def test_there_are_no_more_than_asked_for_and_equals_are_in_order() -> None:
    """Of words that occur equally often the first of the alphabet is kept, on every machine."""
    assert domain_terms(["beta alpha"] * 3, (), StaticOptions(words=1, phrases=0), lowercase=True) == ("alpha",)


@pytest.mark.parametrize(
    ("key", "value"), [("dim", 0), ("sif", 0.0), ("ridge", 0.0), ("fewest", 0), ("epochs", -1), ("lr", float("nan"))]
)
def test_options_outside_their_limits_are_refused(key: str, value: float) -> None:
    """The message names the section and the key."""
    with pytest.raises(SettingsError, match=rf"\[static\] {key}"):
        StaticOptions(**{key: value})  # type: ignore[arg-type]
