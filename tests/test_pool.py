"""What a user brought in stays as it was said, and can be replaced and taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from jargonaut.errors import InputError
from jargonaut.pool import Entry, Pool
from jargonaut.records import BadRow, Judgement

SAID = [Judgement("who asks", "p1", line=2), Judgement("and what", text="the words", relevance=0, score=0.25, line=3)]


def add(pool: Pool, name: str = "gold.csv", said: Sequence[Judgement] = SAID, bad: Sequence[BadRow] = ()) -> Entry:
    """Adds judgements as a file of labels would."""

    def build(on_bad: Callable[[BadRow], None]) -> tuple[Sequence[Judgement], Any]:
        for row in bad:
            on_bad(row)
        return said, lambda: {"format": "table"}

    return pool.add(name, "labels", version=1, inputs={"content": [repr(said)]}, options=None, build=build)


def test_judgements_come_back_as_they_were_said(tmp_path: Path) -> None:
    """Every field of a judgement, its bad rows and what was counted."""
    bad = [BadRow("gold.csv", 4, "query", "missing")]
    add(Pool(tmp_path), bad=bad)
    (entry,) = Pool(tmp_path).entries()
    assert list(entry) == SAID
    assert entry.bad_rows() == bad
    assert (entry.name, entry.kind, entry.judgements, entry.left_out) == ("gold.csv", "labels", 2, 1)
    assert entry.artifact.counts["format"] == "table"


def test_the_same_again_is_done_before(tmp_path: Path) -> None:
    """Adding twice adds once."""
    pool = Pool(tmp_path)
    first, second = add(pool), add(pool)
    assert (first.artifact.reused, second.artifact.reused) == (False, True)
    assert len(pool.entries()) == 1


def test_another_content_of_the_same_name_takes_its_place(tmp_path: Path) -> None:
    """There are never two of one name; others stay."""
    pool = Pool(tmp_path)
    add(pool)
    add(pool, "other.csv")
    add(pool, said=SAID[:1])
    assert {entry.name: entry.judgements for entry in pool.entries()} == {"gold.csv": 1, "other.csv": 2}


def test_a_source_that_says_nothing_is_refused_with_its_first_reasons(tmp_path: Path) -> None:
    """Nothing is kept of it, and what was added before under its name stays."""
    pool = Pool(tmp_path)
    add(pool)
    with pytest.raises(InputError, match=r"(?s)gold\.csv.*missing"):
        add(pool, said=[], bad=[BadRow("gold.csv", 4, "query", "missing")])
    assert [entry.judgements for entry in pool.entries()] == [2]


def test_what_is_removed_is_gone_and_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    """By name."""
    pool = Pool(tmp_path)
    add(pool)
    with pytest.raises(InputError, match=r"no pairs called 'gold'") as caught:
        pool.remove("gold")
    assert "gold.csv" in (caught.value.remedy or "")
    assert pool.remove("gold.csv").name == "gold.csv"
    assert pool.entries() == []
