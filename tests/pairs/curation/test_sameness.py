"""What two queries must share to ask the same."""

from __future__ import annotations

import pytest

from jargonaut.errors import SettingsError
from jargonaut.pairs.curation.sameness import wording


def key(text: str) -> object:
    """What queries that ask the same have in common."""
    return wording(text).words, wording(text).in_order


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("reset password", "How do I reset my password?"),
        ("password reset", "reset password"),
        ("symptoms of diabetes", "What are the symptoms of diabetes?"),
        ("diabetes treatment", "treatment for diabetes"),
        ("how to convert a list to string", "how do I convert a list to string"),
        ("follow-up visit", "follow up visit"),
        ("Crohn’s disease", "crohn's disease"),
        ("can't log in", "cannot log in"),
        ("what causes diabetes", "causes of diabetes"),
    ],
)
def test_words_that_say_nothing_make_no_difference(one: str, other: str) -> None:
    """Articles, polite words, question forms, hyphens and the order of keywords are disregarded."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 mg", "50 mg"),
        ("5 mg aspirin", "5 g aspirin"),
        ("python 3.5", "python 5.3"),
        ("-5 degrees", "5 degrees"),
        ("5% growth", "5 growth"),
        ("10² cells", "102 cells"),
        ("E11.9", "E11.8"),
        ("C++ string", "C string"),
        ("C# string", "C string"),
        (".net core", "net core"),
        ("hepatitis A vaccine", "hepatitis B vaccine"),
        ("hepatitis A vaccine", "hepatitis vaccine"),
        ("type I error", "type error"),
        ("US revenue", "revenue"),
        ("IT support", "support"),
        ("WHO guideline", "guideline"),
        ("can log in", "can't log in"),
        ("works with insulin", "works without insulin"),
        ("coverage not included", "coverage included"),
        ("convert list to string", "convert string to list"),
        ("flights from Paris to London", "flights from London to Paris"),
        ("does stress cause pain", "does pain cause stress"),
        ("effect of heat on water", "effect of water on heat"),
        ("when was aspirin discovered", "who discovered aspirin"),
        ("why does it fail", "when does it fail"),
        ("before surgery", "after surgery"),
        ("A or B", "A and B"),
        ("how many users", "users"),
        ("Hund beißt Mann", "Hund beißt Katze"),
    ],
)
def test_what_changes_a_question_is_kept(one: str, other: str) -> None:
    """Numbers, units, codes, signs, letters, negations, directions and question words keep queries apart."""
    assert key(one) != key(other)


def test_other_languages_keep_the_order_of_words() -> None:
    """The lists are English, so elsewhere every word counts, in its place."""
    one, other = (wording(text, "german").words for text in ("Hund beißt Mann", "Mann beißt Hund"))
    assert one != other


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("treating infections", "treated infection", True),
        ("AIDS treatment", "aid treatment", False),
        ("5 mgs", "5 mg", False),
        ("iOS app", "io app", False),
    ],
)
def test_stems_join_inflections_but_no_codes(one: str, other: str, *, same: bool) -> None:
    """A stem stands for a word; abbreviations, units and codes have none."""
    assert (wording(one).stems("english") == wording(other).stems("english")) == same


def test_an_unknown_language_is_said() -> None:
    """A language without a stemmer is an answer, not a traceback."""
    with pytest.raises(SettingsError, match="there is no stemmer"):
        wording("words").stems("klingon")


@pytest.mark.parametrize("text", ["", "   ", "???", "- -", "what is the", "\u200b", "'", "n't", "'s", "\ud800 x"])
def test_strange_text_is_read(text: str) -> None:
    """No text is too strange to be read."""
    wording(text).stems("english")
