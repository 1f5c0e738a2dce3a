"""What a review makes of pairs."""

from __future__ import annotations

from dataclasses import replace

from jargonaut.pairs import RemovedPair, query_id
from jargonaut.pairs.repeats import distinct
from jargonaut.pairs.review import Decision, apply, key_of
from jargonaut.records import Pair, Passage

TEXT = "The valve opens when the pump starts."
PASSAGES = {"p": Passage("p", TEXT)}
PAIRS = (
    Pair("a", "accepted", "p", 1, "llm:natural", 0.9, "train"), Pair("r", "rejected", "p", 1, "llm:natural"),
    Pair("e", "edited", "p", 2, "click", 0.4, "dev"), Pair("u", "undecided", "p", 1, "heading"),
    Pair("n", "rejected", "p", 0, "label"), Pair("x", "rejected", "gone", 1, "label"),
)  # fmt: skip


def said(query: str, verdict: str, **more: str) -> tuple[str, dict[str, Decision]]:
    """One reviewer's decision on a query."""
    key = key_of(query, TEXT)
    return key, {"anna": Decision(key, "anna", verdict, **more)}  # type: ignore[arg-type]


DECISIONS = dict(
    [
        said("accepted", "accept"), said("rejected", "reject", reason="other", comment="too short"),
        said("edited", "edit", edited_query="Better words?"), said("undecided", "skip"),
    ]
)  # fmt: skip


def test_rejected_pairs_go_with_their_reason_and_edited_ones_change() -> None:
    """The rest stays as it was, in order; an edit changes query and id, and nothing else."""
    done = apply(PAIRS, PASSAGES, DECISIONS)
    edited = Pair(query_id("Better words?"), "Better words?", "p", 2, "click", 0.4, "dev")
    assert done.kept == (PAIRS[0], edited, PAIRS[3], PAIRS[4], PAIRS[5])
    assert done.removed == (RemovedPair(PAIRS[1], "review", "other: too short"),)
    assert (done.accepted, done.edited) == (1, 1)


def test_judged_pairs_may_become_labels() -> None:
    """With `as_gold` accepted and edited pairs are labels; undecided ones are not."""
    done = apply(PAIRS, PASSAGES, DECISIONS, as_gold=True)
    assert [pair.provenance for pair in done.kept] == ["label", "label", "heading", "label", "label"]


def test_an_edit_that_repeats_another_pair_is_told_as_its_repeat() -> None:
    """It comes with the others, so that what stands is decided in one place, and in the stricter part."""
    there = Pair(query_id("better words"), "better words", "p")
    done = apply([*(replace(pair, split="test") for pair in PAIRS), there], PASSAGES, DECISIONS)
    same = distinct([pair for pair in done.kept if (pair.query_id, pair.passage_id) == (there.query_id, "p")])
    assert [pair.split for pair in same.kept.values()] == ["test"]
    assert len(same.repeats) == 1


def test_applying_twice_changes_nothing_more() -> None:
    """What a review left is left alone by it."""
    once = apply(PAIRS, PASSAGES, DECISIONS)
    assert apply(once.kept, PASSAGES, DECISIONS).kept == once.kept


def test_equal_texts_share_their_decision() -> None:
    """Pairs of other ids but the same texts go together."""
    copy = Pair("r2", "rejected", "q", 1, "click")
    passages = {**PASSAGES, "q": Passage("q", TEXT, "another title")}
    assert len(apply([*PAIRS, copy], passages, DECISIONS).removed) == 2
