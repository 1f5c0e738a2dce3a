"""The evaluation benchmark hands both sides the same, and they agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.evaluation import measure, read
from jargonaut.formats import write_beir
from jargonaut.records import Passage, Qrel, Query


@pytest.mark.slow
def test_both_tables_are_the_same() -> None:
    """From the same vectors come the same measures at every dimension, so the times can be compared."""
    report = measure(40, 600, dims=(384, 64))
    assert report.given.models * report.given.dims == 4
    assert report.given.furthest < 1e-6
    assert [side.encodings for side in report.given.sides] == [2, 4]
    assert "| jargonaut |" in report.to_markdown()


@pytest.mark.slow
def test_from_texts_both_tables_are_the_same_too(tmp_path: Path) -> None:
    """The peer and jargonaut embed the same texts alike, so a table that begins with texts can be compared."""
    words = ("ledger", "river", "engine", "violin", "pepper", "glacier")
    judged = [Qrel(f"q{i}", f"p{i}", 1) for i in range(len(words))]
    write_beir(
        tmp_path,
        [Passage(f"p{i}", f"The {word} is described in part {i}.") for i, word in enumerate(words)],
        [Query(f"q{i}", f"where is the {word}?") for i, word in enumerate(words)],
        {"train": judged, "test": judged},
    )
    race = read(tmp_path, dims=(384, 64))
    assert race.furthest < 1e-6
    assert [side.encodings for side in race.sides] == [1, 2]
