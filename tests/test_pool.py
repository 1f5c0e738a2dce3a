"""What a user brought in stays as it was said, and can be replaced and taken out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jargonaut.errors import InputError, MismatchError
from jargonaut.pool import Built, Entry, Pool
from jargonaut.records import BadRow, Judgement

SAID = [Judgement("who asks", "p1", line=2), Judgement("and what", text="the words", relevance=0, score=0.25, line=3)]


def add(pool: Pool, name: str = "gold.csv", said: Sequence[Judgement] = SAID, bad: Sequence[BadRow] = ()) -> Entry:
    """Adds judgements as a file of labels would."""

    def build(on_bad: Callable[[BadRow], None]) -> Built:
        for row in bad:
            on_bad(row)
        return Built(said, lambda: {"format": "table"})

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


def test_a_name_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Generated questions never take the place of labels."""
    pool = Pool(tmp_path)
    add(pool, "generated")
    with pytest.raises(InputError, match="name of other pairs"):
        pool.add("generated", "questions", version=1, inputs={}, options=None, build=lambda _: Built(SAID, dict))
    assert [entry.kind for entry in pool.entries()] == ["labels"]


def test_a_replaced_entry_is_told_and_a_left_over_of_a_kill_counts_once(tmp_path: Path) -> None:
    """The newer of two entries of one name is the entry, whichever was made first."""
    pool = Pool(tmp_path / "one")
    first = add(pool)
    saved = tmp_path / "saved"
    shutil.copytree(first.artifact.path, saved)
    second = add(pool, said=SAID[:1])
    assert second.replaced == 2
    shutil.copytree(saved, first.artifact.path)  # as if the kill had come before it was removed
    os.utime(first.artifact.path / "manifest.json", (1, 1))
    assert [entry.judgements for entry in pool.entries()] == [1]
    assert add(pool).replaced == 1
    assert [entry.judgements for entry in pool.entries()] == [2]


def test_damage_is_told_and_never_passed_over(tmp_path: Path) -> None:
    """Training without the user's labels would be silent otherwise."""
    pool = Pool(tmp_path)
    (add(pool).artifact.path / "judgements.jsonl").write_text("")
    with pytest.raises(MismatchError, match="damaged"):
        pool.entries()


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
