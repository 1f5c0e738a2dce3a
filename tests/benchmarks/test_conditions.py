"""The labelled set as the benchmarks read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.conditions import LabelledSet, mean_tokens
from jargonaut.errors import InputError
from jargonaut.formats import write_beir
from jargonaut.records import Passage, Qrel, Query

PASSAGES = [
    Passage(f"p{n}", f"The {n}th filing reports revenue, costs and the outlook of the year.") for n in range(40)
]
QUERIES = [Query(f"q{n}", f"What does the {n}th filing report?") for n in range(40)]


@pytest.fixture
def labelled(tmp_path: Path) -> LabelledSet:
    """Forty passages; q0 has two positives, and p1 answers two queries."""
    train = [Qrel(f"q{n}", f"p{n}", 1) for n in range(30)] + [Qrel("q0", "p30", 1), Qrel("q31", "p1", 1)]
    write_beir(tmp_path, PASSAGES, QUERIES, {"train": train, "test": [Qrel("q35", "p35", 1), Qrel("q35", "p36", 0)]})
    return LabelledSet.read(tmp_path)


def test_no_text_comes_twice_in_the_pairs(labelled: LabelledSet) -> None:
    """In-batch negatives are distinct, so that neither engine gains from leaving repeats out."""
    pairs = labelled.pairs()
    assert len(pairs) == 30
    assert all(len({pair[side] for pair in pairs}) == 30 for side in (0, 1))
    assert pairs == labelled.pairs()
    assert [q.passage_id for q in labelled.test] == ["p35"]


@pytest.mark.parametrize("tokens", [32, 64, 220])
def test_joined_passages_have_about_the_length_that_was_asked_for(labelled: LabelledSet, tokens: int) -> None:
    """Consecutive passages are joined and cut, each within 8 % of the length."""
    passages = labelled.passages_of_length(tokens)
    assert all(0.9 * tokens <= mean_tokens([text]) <= 1.08 * tokens for text in passages)
    assert {passage for _, passage in labelled.pairs_of_length(tokens)} <= set(passages)


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    """The message says what is wanted."""
    with pytest.raises(InputError, match="no labelled set"):
        LabelledSet.read(tmp_path / "nowhere")
