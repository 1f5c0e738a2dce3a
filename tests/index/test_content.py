"""Digests of what collections hold, and sets of rows in few bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.index.build import BuildOptions, Pace
from jargonaut.index.content import Digest, RowSet, Sample, content_key, repeated_id
from jargonaut.records import Passage

ROWS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=20)


def digest(rows: dict[str, str], order: list[str]) -> object:
    """Of rows added in an order."""
    made = Digest()
    for id_ in order:
        made.add(id_, rows[id_])
    return made.content


@given(ROWS, st.randoms())
def test_a_digest_knows_no_order(rows: dict[str, str], chance: random.Random) -> None:
    """The same rows in any order give the same digest; one row more, less or changed gives another."""
    order = list(rows)
    whole = digest(rows, order)
    chance.shuffle(order)
    assert digest(rows, order) == whole
    if order:
        assert digest(rows, order[1:]) != whole
        assert digest({**rows, order[0]: rows[order[0]] + "x"}, order) != whole


@given(ROWS, st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))))
def test_a_row_set_holds_what_was_put_in(rows: dict[str, str], others: list[tuple[str, str]]) -> None:
    """Membership is that of an ordinary set."""
    kept = RowSet(rows.items())
    assert all(row in kept for row in rows.items())
    assert all((row in kept) == (row in set(rows.items())) for row in others)


def test_a_sample_depends_on_no_order() -> None:
    """The same ids in another order give the same sample; another seed another one."""
    ids = [str(number) for number in range(500)]
    taken = []
    for order, seed in ((ids, 1), (ids[::-1], 1), (ids, 2)):
        sample = Sample(20, seed)
        for id_ in order:
            sample.add(id_, "")
        taken.append(list(sample.rows))
    assert taken[0] == taken[1]
    assert set(taken[0]) != set(taken[2])
    assert len(taken[0]) == 20


def test_a_repeated_id_is_found() -> None:
    """Wherever it stands; none is found where none is."""
    passages = [Passage(str(number), "x") for number in range(1000)]
    assert repeated_id(passages) is None
    assert repeated_id([*passages, Passage("17", "y")]) == "17"


def test_everything_that_is_shown_or_embedded_counts() -> None:
    """Text, title, headings, place and embedded words each change a passage's key; lone surrogates are no error."""
    one = Passage("a", "text", "title", ("h",), "d", 1, 5)
    keys = {
        content_key(passage, content)
        for passage, content in (
            (one, "text"), (one, "title text"), (Passage("a", "text", "title", ("h",), "d", 2, 6), "text"),
            (Passage("a", "text", "", ("h",), "d", 1, 5), "text"), (Passage("a", "t\udcff", "title"), "text"),
        )
    }  # fmt: skip
    assert len(keys) == 5


def test_a_pace_is_kept() -> None:
    """Ten a second: after each of three blocks of five it has waited until they were due."""
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(10, sleep, lambda: now[0])
    for work in (0.1, 0.7, 0.0):
        now[0] += work
        pace.done(5)
    assert slept == pytest.approx([0.4, 0.3])  # after the second, which was late, there was nothing to wait for
    Pace(None, sleep, lambda: now[0]).done(1000)
    assert now[0] == pytest.approx(1.5)
    assert BuildOptions().most_per_second is None
