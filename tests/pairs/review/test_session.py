"""A review goes on where it was left, and every step has a way back."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.errors import InputError
from jargonaut.pairs.review import Decision, DecisionStore, Review, ReviewOptions, Sample, key_of, sample
from jargonaut.records import Pair, Passage

from .conftest import clock

PASSAGES = {f"p{n}": Passage(f"p{n}", f"Valve {n} opens.") for n in range(8)}
DRAWN = sample([Pair(f"q{n}", f"steam {n}", f"p{n}") for n in range(8)], PASSAGES, ReviewOptions())
STEPS = ("accept", "reject", "edit", "skip", "undo")
steps = st.lists(st.sampled_from(STEPS), max_size=14)


def walk(session: Review, taken: list[str]) -> list[tuple[object, ...]]:
    """Takes steps while there is a card; gives the state before each."""
    seen = []
    for step in taken:
        seen.append(state(session))
        if step == "undo":
            session.undo()
        elif session.current is not None:
            {
                "accept": session.accept,
                "reject": lambda: session.reject("ambiguous", "twice"),
                "skip": session.skip,
                "edit": lambda: session.edit(f"better {session.current.key}"),
            }[step]()  # type: ignore[union-attr]
    return seen


def state(session: Review) -> tuple[object, ...]:
    """Where a reviewer stands: the card in turn, all that is said, and what it comes to."""
    said = tuple((one.says if (one := session.decision(card)) else None) for card in session.sample.cards)
    return session.current, said, session.results()


def opened(path: Path, reviewer: str = "anna", drawn: Sample = DRAWN, *, skipped: bool = False) -> Review:
    """The review of a store at noon."""
    return Review(drawn, DecisionStore(path), reviewer, skipped=skipped, clock=clock)


@settings(max_examples=10)
@given(steps.filter(lambda taken: "undo" not in taken))
def test_undo_after_any_steps_goes_back_through_them(taken: list[str]) -> None:
    """Each undo gives exactly the state before the step, down to the first; then there is nothing to undo."""
    with tempfile.TemporaryDirectory() as folder:
        session = opened(Path(folder) / "reviews.db")
        seen = walk(session, taken)[: len(DRAWN.cards)]
        for before in reversed(seen):
            assert session.undo() is not None
            assert state(session) == before
        assert session.undo() is None


@settings(max_examples=10)
@given(steps, st.integers(0, 14))
def test_going_on_after_any_step_is_doing_it_in_one_go(taken: list[str], stop: int) -> None:
    """A review that is left and opened again ends where one that went through does."""
    with tempfile.TemporaryDirectory() as folder:
        whole = opened(Path(folder) / "whole.db")
        walk(whole, taken)
        walk(opened(Path(folder) / "parts.db"), taken[:stop])
        parts = opened(Path(folder) / "parts.db")
        walk(parts, taken[stop:])
        assert state(parts) == state(whole)
        assert state(opened(Path(folder) / "parts.db")) == state(whole)


def test_what_was_decided_survives_kill_minus_nine(tmp_path: Path) -> None:
    """A process that is killed right after an answer loses none."""
    script = tmp_path / "reviewing.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from jargonaut.pairs.review import *
        from jargonaut.records import Pair, Passage
        passages = {{f"p{{n}}": Passage(f"p{{n}}", f"Valve {{n}} opens.") for n in range(8)}}
        drawn = sample([Pair(f"q{{n}}", f"steam {{n}}", f"p{{n}}") for n in range(8)], passages, ReviewOptions())
        session = Review(drawn, DecisionStore(Path({str(tmp_path / "reviews.db")!r})), "anna")
        session.accept(), session.reject("ambiguous"), session.edit("new words"), session.undo(), session.skip()
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    killed = subprocess.run([sys.executable, str(script)], check=False, env=os.environ.copy())
    assert killed.returncode == -signal.SIGKILL
    session = opened(tmp_path / "reviews.db")
    assert [one.verdict for card in DRAWN.cards if (one := session.decision(card))] == ["accept", "reject", "skip"]
    assert session.current == DRAWN.cards[3]


def test_decisions_are_found_again_after_chunking_anew(
    tmp_path: Path, pairs: tuple[Pair, ...], passages: Mapping[str, Passage]
) -> None:
    """They belong to texts: with other ids, and among new pairs, what was decided is not asked again."""
    first = opened(tmp_path / "reviews.db", drawn=sample(pairs, passages, ReviewOptions(sample=5)))
    walk(first, ["accept"] * 5)
    moved = {f"n{id_}": replace(passage, id=f"n{id_}", headings=()) for id_, passage in passages.items()}
    others = [replace(pair, query_id=f"n{pair.query_id}", passage_id=f"n{pair.passage_id}") for pair in pairs]
    again = opened(tmp_path / "reviews.db", drawn=sample(others, moved, ReviewOptions(sample=5)))
    assert again.current is None


def test_skipped_cards_come_again_only_when_asked_for(tmp_path: Path) -> None:
    """A skip is remembered; with `skipped` it is shown once more, and a second skip holds."""
    walk(opened(tmp_path / "reviews.db"), ["skip", "skip", *["accept"] * 6])
    assert opened(tmp_path / "reviews.db").current is None
    again = opened(tmp_path / "reviews.db", skipped=True)
    assert again.current == DRAWN.cards[0]
    again.skip()
    assert again.current == DRAWN.cards[1]
    again.accept()
    assert again.current is None
    again.undo()
    assert again.current == DRAWN.cards[1]


def test_reviewers_do_not_touch_each_other(tmp_path: Path) -> None:
    """Each has all cards to decide and undoes his own steps alone; what they disagree on is counted."""
    anna, ben = opened(tmp_path / "reviews.db"), opened(tmp_path / "reviews.db", "ben")
    anna.accept(), anna.accept(), anna.skip()
    ben.accept(), ben.reject("broken text"), ben.accept()
    assert opened(tmp_path / "reviews.db", "carl").undo() is None
    found = opened(tmp_path / "reviews.db").results()
    assert (found.judged_by_several, found.disagreements, found.reviewers) == (2, 1, ("anna", "ben"))
    assert (found.accepted, found.rejected, found.left, found.skipped) == (2, 1, 5, 1)


def test_an_edit_changes_nothing_where_nothing_is_said(tmp_path: Path) -> None:
    """An empty query and the same one, spaces aside, are refused, and the card stays in turn."""
    session = opened(tmp_path / "reviews.db")
    card = session.current
    assert card is not None
    for nothing in ("", " \n", f"  {card.pair.query} "):
        with pytest.raises(InputError):
            session.edit(nothing)
    assert session.current == card
    assert not (tmp_path / "reviews.db").exists()


def test_an_edit_keeps_the_old_query_and_names_the_new_card(tmp_path: Path) -> None:
    """The decision has both texts and the key of the new pair; control characters are dropped."""
    session = opened(tmp_path / "reviews.db")
    card = session.current
    assert card is not None
    made = session.edit(" how\tto \x1b[31mopen\nit ")
    assert (made.query, made.edited_query) == (card.pair.query, "how to [31mopen it")
    assert made.edited_card == key_of("how to [31mopen it", card.passage.text)


def test_after_the_last_card_a_decision_is_refused(tmp_path: Path) -> None:
    """There is nothing to decide; the error says what can be done."""
    session = opened(tmp_path / "reviews.db")
    walk(session, ["accept"] * 8)
    with pytest.raises(InputError, match="larger sample"):
        session.accept()


def test_a_reviewer_has_a_name(tmp_path: Path) -> None:
    """A blank name is refused."""
    with pytest.raises(InputError, match="name"):
        opened(tmp_path / "reviews.db", " ")


def test_the_sentence_says_the_rule_and_what_to_do(tmp_path: Path) -> None:
    """Regenerate, good enough, and undecided with the number of cards that would decide it."""
    many = [Pair(f"q{n}", f"steam {n}", "p1") for n in range(4000)]
    drawn = sample(many, PASSAGES, ReviewOptions(sample=40))
    ends = {}
    for name, rejected in itertools.product(("few", "many", "none"), (6,)):
        session = opened(tmp_path / f"{name}.db", drawn=drawn)
        wrong = {"few": rejected, "many": 30, "none": 0}[name]
        walk(session, ["reject"] * wrong + ["accept"] * (40 - wrong))
        ends[name] = session.results()
    assert ends["many"].outcome == "regenerate"
    assert "below 80%, regenerate" in ends["many"].sentence
    assert ends["none"].outcome == "good"
    assert ends["few"].outcome == "undecided"
    assert f"--sample {40 + ends['few'].more}" in ends["few"].sentence
    assert opened(tmp_path / "empty.db").results().outcome == "nothing"


def test_what_is_imported_is_not_undone_step_by_step(tmp_path: Path) -> None:
    """Undo goes through the reviewer's own steps, and leaves what came from a file."""
    store = DecisionStore(tmp_path / "reviews.db")
    store.take([Decision(DRAWN.cards[0].key, "anna", "accept")])
    session = opened(tmp_path / "reviews.db")
    assert session.current == DRAWN.cards[1]
    assert session.undo() is None


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    """Reading decisions writes nothing."""
    assert DecisionStore(tmp_path / "x" / "reviews.db").in_force() == {}
    assert not (tmp_path / "x").exists()
