"""BM25 on real words."""

from __future__ import annotations

import pytest
import Stemmer

from jargonaut.errors import SettingsError
from jargonaut.records import Query
from jargonaut.retrieval import BM25, BM25Options
from jargonaut.retrieval.lexical import stop_words

PASSAGES = {
    "cholera": "Cholera due to Vibrio cholerae",
    "fracture": "Fractured neck of the left femur",
    "fever": "Typhoid fever with heart involvement",
    "renal": "Acute renal failure",
}


@pytest.fixture
def bm25() -> BM25:
    """An index over the four passages."""
    return BM25(list(PASSAGES), list(PASSAGES.values()))


def test_a_word_is_found_in_its_other_forms(bm25: BM25) -> None:
    """Stems meet: fractures finds Fractured."""
    assert list(bm25.search([Query("q", "two FRACTURES")], 3).rankings["q"]) == ["fracture"]


def test_passages_without_a_common_term_are_no_hits(bm25: BM25) -> None:
    """However many hits are asked for, every one has a positive score."""
    hits = bm25.search([Query("q", "failure of the heart")], 10).rankings["q"]
    assert set(hits) == {"renal", "fever"}
    assert min(hits.values()) > 0


def test_hits_are_ordered_by_score(bm25: BM25) -> None:
    """The passage that shares more terms comes first."""
    assert list(bm25.search([Query("q", "typhoid fever failure")], 2).rankings["q"]) == ["fever", "renal"]


@pytest.mark.parametrize("text", ["", "   ", "the of and", "zzyzx", "?!"])
def test_a_query_without_known_words_has_no_hits(bm25: BM25, text: str) -> None:
    """Empty queries, stop words and unknown words are answered with nothing, beside queries that have hits."""
    run = bm25.search([Query("a", text), Query("b", "renal")], 2)
    assert [list(run.rankings[q]) for q in ("a", "b")] == [[], ["renal"]]


@pytest.mark.parametrize("text", ["", "zzyzx"])
def test_a_lone_query_without_known_words_has_no_hits(bm25: BM25, text: str) -> None:
    """It need not stand beside one that has."""
    assert bm25.search([Query("a", text)], 2).rankings == {"a": {}}


@pytest.mark.parametrize("texts", [[], ["", ""], ["the of and"]])
def test_a_corpus_without_words_has_no_hits(texts: list[str]) -> None:
    """Every query is still answered."""
    index = BM25([str(number) for number in range(len(texts))], texts)
    assert index.search([Query("q", "renal failure")], 5).rankings == {"q": {}}


def test_no_queries_give_an_empty_run(bm25: BM25) -> None:
    """Nothing asked, nothing answered."""
    assert bm25.search([], 5).rankings == {}


def test_equal_passages_stand_in_corpus_order() -> None:
    """Ties are broken the same way in every run."""
    index = BM25(["b", "a", "c"], ["renal failure"] * 3)
    assert list(index.search([Query("q", "renal")], 3).rankings["q"]) == ["b", "a", "c"]


def test_stop_words_follow_the_language() -> None:
    """A German index leaves out German stop words, and keeps words that are stop words in English only."""
    texts = ["Bruch der Elle und der Speiche", "Die Cholera", "Der Arzt in Not"]
    index = BM25(["arm", "cholera", "need"], texts, BM25Options(language="german"))
    asked = [Query("stop", "und der die"), Query("stem", "Brüche der Ellen"), Query("english", "not")]
    found = {query: list(hits) for query, hits in index.search(asked, 3).rankings.items()}
    assert found == {"stop": [], "stem": ["arm"], "english": ["need"]}


@pytest.mark.parametrize("language", Stemmer.algorithms())
def test_every_stemmer_can_be_chosen(language: str) -> None:
    """With its stop words, or with none."""
    assert list(BM25(["a"], ["renal"], BM25Options(language=language)).search([Query("q", "renal")], 1).rankings["q"])


def test_languages_without_stop_words_keep_all_words() -> None:
    """The two old stemmers take the words of their language; one that has none is not given another's."""
    sizes = {language: bool(stop_words(language)) for language in ("porter", "dutch_porter", "danish", "finnish")}
    assert sizes == {"porter": True, "dutch_porter": True, "danish": True, "finnish": False}
    assert stop_words("porter") == stop_words("english")


@pytest.mark.parametrize("language", ["klingon", "English", "", "de"])
def test_an_unknown_language_is_explained(language: str) -> None:
    """Setting, value, and what can be chosen."""
    with pytest.raises(
        SettingsError, match=rf"(?s)\[bm25\] language: .*{language!r}.*choose one of: .*english.*german"
    ):
        BM25Options(language=language)
