"""Judgements → pairs of a corpus."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.errors import SettingsError
from jargonaut.pairs.attribution import Attributed, AttributionOptions, attribute
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pairs.wording import query_id
from jargonaut.records import BadRow, Judgement, Pair, Passage

PASSAGES = (
    Passage("guide/setup.md#0", "Install the server with the package manager you have.", document_id="guide/setup.md"),
    Passage("guide/setup.md#1", "Backups are written every night to a second disk.", document_id="guide/setup.md"),
    Passage("guide/setup.md#2", "Remove old backups by hand once in a while, please.", document_id="guide/setup.md"),
    Passage("errors.md#0", "Error 42 means that the disk is full.", document_id="errors.md"),
    Passage("copy.md#0", "Error 42 means that the disk is full.", document_id="copy.md"),
    Passage("long.md#0", " ".join(f"long{i}" for i in range(200)), document_id="long.md"),
    Passage("long.md#1", " ".join(f"long{i}" for i in range(200, 400)), document_id="long.md"),
)  # fmt: skip

SECOND = "guide/setup.md#1"


def found(*judgements: Judgement, passages: Sequence[Passage] = PASSAGES, **options: Any) -> Attributed:
    """Attributes with the lexical choice, without bad rows."""
    return attribute(judgements, passages, lexical(passages), refuse, source="x", options=AttributionOptions(**options))


def lexical(passages: Sequence[Passage]) -> LexicalBest:
    """The choice by words."""
    return LexicalBest({passage.id: passage.content("headings") for passage in passages})


def refuse(bad: BadRow) -> None:
    """Fails the test: everything is known here."""
    pytest.fail(str(bad))


def ids(result: Attributed) -> list[tuple[str, int]]:
    """(passage, grade) of every pair."""
    return [(pair.passage_id, pair.relevance) for pair in result.pairs]


@pytest.mark.parametrize(
    ("judgement", "passage", "way"),
    [
        (Judgement("q", "errors.md#0"), "errors.md#0", "passage id"),
        (Judgement("q", ".\\guide\\setup.md#1"), "guide/setup.md#1", "passage id"),
        (Judgement("backups at night", "guide/setup.md"), "guide/setup.md#1", "document id"),
        (Judgement("q", "errors.md"), "errors.md#0", "document id"),
        (Judgement("backups at night", "https://x.org/guide/setup.html"), "guide/setup.md#1", "document name"),
        (Judgement("q", text="error 42 means that the DISK is full"), "errors.md#0", "text"),
        (Judgement("q", text="Now backups are written every night to a second disk"), SECOND, "contained text"),
        (Judgement("q", text="written every night to a second"), "guide/setup.md#1", "contained text"),
        (Judgement("q", text="Backups are written every night to a third disk."), "guide/setup.md#1", "similar text"),
        (Judgement("q", "Error 42 means that the disk is full."), "errors.md#0", "text"),
        (Judgement("q", "nowhere", "Error 42 means that the disk is full."), "errors.md#0", "text"),
    ],
)  # fmt: skip
def test_ways_to_a_passage(judgement: Judgement, passage: str, way: str) -> None:
    """Ids, documents, names and words; what is equal in several documents is the first."""
    result = found(judgement)
    assert (ids(result), result.ways) == ([(passage, 1)], {way: 1})


def test_pairs_keep_what_their_source_says() -> None:
    """The query's identity is that of its words, whatever the source calls it."""
    judged = Judgement("How?", "errors.md#0", "", 2, "label:experts", "id-7", 0.75, "dev", 3)
    assert found(judged).pairs == (Pair(query_id("how"), "How?", "errors.md#0", 2, "label:experts", 0.75, "dev"),)


def test_a_text_narrows_its_document() -> None:
    """The chunk that holds the words, not the one that the query resembles."""
    judged = Judgement("install the server", "guide/setup.md", "Remove old backups by hand once in a while")
    result = found(judged)
    assert (ids(result), result.narrowed, result.conflicting) == ([("guide/setup.md#2", 1)], 1, 0)


def test_a_copy_in_the_named_document_is_taken() -> None:
    """Although another document has the same words, first."""
    assert ids(found(Judgement("q", "copy.md", "Error 42 means that the disk is full"))) == [("copy.md#0", 1)]


def test_a_long_answer_gives_its_best_passage() -> None:
    """A text that spans several passages is like a document."""
    text = " ".join(f"long{i}" for i in range(400))
    result = found(Judgement("what of long350", text=text), Judgement("what of long50", text=text))
    assert ids(result) == [("long.md#1", 1), ("long.md#0", 1)]
    assert result.narrowed == 2


def test_the_text_counts_where_it_is_clearly_anothers() -> None:
    """Ids of another corpus happen to exist in this one; it is counted and told."""
    result = found(Judgement("q", "errors.md#0", "Backups are written every night to a second disk.", line=7))
    assert (ids(result), result.conflicting) == ([("guide/setup.md#1", 1)], 1)
    assert (
        "line 7: 'errors.md#0' is errors.md#0, but its text is that of guide/setup.md#1"
        in (result.conflicting_examples[0])
    )


def test_the_id_counts_where_the_text_is_nobodys() -> None:
    """It is told apart, since many such mean another corpus; a text of few words says nothing."""
    strange = Judgement("q", "errors.md#0", "words that stand in no passage of this corpus at all")
    result = found(strange, Judgement("r", "errors.md#0", "disk full"))
    assert (ids(result), result.unlike, result.conflicting) == ([("errors.md#0", 1), ("errors.md#0", 1)], 1, 0)


def test_what_is_unknown_is_named_with_its_line() -> None:
    """Each with what was looked for; the others go on."""
    bad: list[BadRow] = []
    judged = [
        Judgement("q", "nowhere.md", line=1),
        Judgement("q", text="words that stand in no passage", line=2),
        Judgement("q", "nowhere.md", "it's words that stand in no passage", line=3),
        Judgement("?!", "errors.md", line=4),
        Judgement("q", line=5),
        Judgement("q", "errors.md", line=6),
    ]
    result = attribute(judged, PASSAGES, lexical(PASSAGES), bad.append, source="x.csv")
    assert ids(result) == [("errors.md#0", 1)]
    assert (result.judgements, result.unknown) == (6, 5)
    assert sorted(map(str, bad)) == [
        "x.csv:1: 'nowhere.md' is no passage and no document of the corpus",
        "x.csv:2: no passage holds the words 'words that stand in no passage'",
        "x.csv:3: neither 'nowhere.md' nor its text is in the corpus",
        "x.csv:4: field 'query': '?!' has no words",
        "x.csv:5: neither an id nor a text says what is judged",
    ]


def test_a_name_of_two_documents_is_none() -> None:
    """And says so."""
    bad: list[BadRow] = []
    passages = [Passage("1", "one", document_id="a/x.md"), Passage("2", "two", document_id="b/x.md")]
    attribute([Judgement("q", "x.md")], passages, lexical(passages), bad.append, source="x")
    assert [row.reason for row in bad] == ["'x.md' may mean any of 2 documents"]


def test_the_highest_grade_of_a_pair_counts() -> None:
    """However a query is spelled and its passage named; contradictions are counted."""
    result = found(
        Judgement("How to?", "errors.md#0", relevance=0),
        Judgement("how to", "errors.md", relevance=2, score=0.5, provenance="label:b"),
        Judgement("HOW TO", text="Error 42 means that the disk is full.", relevance=2, score=0.9),
        Judgement("other", "errors.md", relevance=1),
        Judgement("other", "errors.md", relevance=1),
    )
    assert [(pair.query, pair.relevance, pair.score) for pair in result.pairs] == [
        ("How to?", 2, 0.9),
        ("other", 1, None),
    ]
    assert (result.duplicates, result.contradictions, result.queries) == (3, 1, 2)


def test_a_pair_in_two_parts_is_in_the_stricter_one() -> None:
    """What is tested is not trained on."""
    parts: list[Any] = ["test", None, "train", "dev"]
    result = found(*(Judgement("q", "errors.md", split=part) for part in parts))
    assert ([pair.split for pair in result.pairs], result.split_conflicts) == (["test"], 1)


def test_a_document_that_answers_gives_no_negative_of_an_arbitrary_chunk() -> None:
    """Whichever comes first; one that does not answer gives its best chunk."""
    result = found(
        Judgement("backups", "guide/setup.md", relevance=0),
        Judgement("backups", "guide/setup.md#1", relevance=1),
        Judgement("long300", "long.md", relevance=0),
    )
    assert ids(result) == [("guide/setup.md#1", 1), ("long.md#1", 0)]
    assert result.negatives_beside_positives == 1


def test_a_chunk_that_was_refused_is_not_chosen_for_its_document() -> None:
    """A document is relevant, but not because of the passage that somebody looked at in vain."""
    result = found(
        Judgement("backups at night", "guide/setup.md", relevance=1),
        Judgement("backups at night", "guide/setup.md#1", relevance=0),
    )
    assert dict(ids(result)) == {"guide/setup.md#2": 1, "guide/setup.md#1": 0}


def test_the_choice_is_asked_in_batches_and_once() -> None:
    """For the same query and document; documents of one passage leave no choice."""
    asked: list[tuple[str, Sequence[str]]] = []

    def last(requests: Sequence[tuple[str, Sequence[str]]], /) -> Sequence[str]:
        asked.extend(requests)
        return [candidates[-1] for _, candidates in requests]

    judged = [Judgement("q", "guide/setup.md"), Judgement("Q", "guide\\setup.md"), Judgement("q", "errors.md")]
    result = attribute(judged, PASSAGES, last, refuse, source="x")
    assert ids(result) == [("guide/setup.md#2", 1), ("errors.md#0", 1)]
    assert asked == [("q", ("guide/setup.md#0", "guide/setup.md#1", "guide/setup.md#2"))]


def test_no_judgement_gives_no_pair() -> None:
    """And no error; who reads files says what is missing."""
    assert found() == Attributed(())
    assert found().counts["pairs"] == 0


def test_options_have_limits() -> None:
    """A share of nothing would make every text similar to every other."""
    with pytest.raises(SettingsError, match="least_overlap must be"):
        AttributionOptions(least_overlap=0)


JUDGEMENTS = st.builds(
    Judgement,
    st.sampled_from(["what", "What?", "how", "why not"]),
    st.sampled_from(["", "errors.md", "copy.md#0", "guide/setup.md", "setup", "long.md", "gone"]),
    st.sampled_from(["", *(p.text for p in PASSAGES), "written every night to a second", "nobody wrote these words"]),
    st.integers(0, 2),
    split=st.sampled_from([None, "train", "test"]),
)  # fmt: skip


def test_an_older_and_a_newest_click_on_one_answer_are_two_pairs() -> None:
    """One teaches, the other judges; a stable log clicks on the same answers before and after."""
    result = found(
        Judgement("how to", "errors.md#0", provenance="click", score=0.9),
        Judgement("how to", "errors.md#0", provenance="recent-click", score=0.4),
        Judgement("How to?", "errors.md#0", provenance="recent-click", score=0.3),
    )
    assert sorted((pair.provenance, pair.score) for pair in result.pairs) == [("click", 0.9), ("recent-click", 0.4)]
    assert result.duplicates == 1


@settings(max_examples=80)
@given(st.lists(JUDGEMENTS, max_size=12), st.integers(0, 9))
def test_pairs_do_not_depend_on_the_order_of_judgements(judged: list[Judgement], seed: int) -> None:
    """Every judgement becomes a pair, a duplicate, a dropped negative or an unknown one; no pair comes twice."""
    shuffled = list(judged)
    random.Random(seed).shuffle(shuffled)
    bad: list[BadRow] = []
    one = attribute(judged, PASSAGES, lexical(PASSAGES), bad.append, source="x")
    other = attribute(shuffled, PASSAGES, lexical(PASSAGES), lambda _: None, source="x")

    def plain(result: Attributed) -> set[tuple[Any, ...]]:
        return {(p.query_id, p.passage_id, p.relevance, p.split) for p in result.pairs}

    assert plain(one) == plain(other)
    assert {**one.counts} == {**other.counts}
    assert len({(p.query_id, p.passage_id) for p in one.pairs}) == len(one.pairs)
    assert len(judged) == len(one.pairs) + one.duplicates + one.negatives_beside_positives + one.unknown
    assert len(bad) == one.unknown
