"""The mining benchmark gives both sides the same, and ends what takes too much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.mining import NEGATIVES, PEER, SMALL_BLOCK, WAYS, Load, make, measure, measure_all
from jargonaut.protocols import SilentReporter


def test_queries_lie_near_their_positives(tmp_path: Path) -> None:
    """The made-up vectors have hard negatives: the positive is ahead of the crowd, but not of everything."""
    load = Load(tmp_path, 2000, 200)
    make(load)
    passages, queries = np.load(load.vectors("passages")), np.load(load.vectors("queries"))
    scores = queries @ passages.T
    own = scores[np.arange(200), load.positives()]
    assert np.abs(np.linalg.norm(passages, axis=1) - 1).max() < 1e-5
    assert own.mean() > np.median(scores) + 0.3
    assert len(set(load.passage_texts())) == 2000


@pytest.mark.slow
def test_both_sides_find_the_same(tmp_path: Path) -> None:
    """From the same vectors and rules come the same negatives, so their times can be compared."""
    del tmp_path
    report = measure_all([600], 100, SilentReporter(), ways=["jargonaut, exact", PEER])
    mine, theirs = report.rows
    assert theirs.same is not None
    assert theirs.same > 0.99
    assert mine.negatives == theirs.negatives > 0.5 * NEGATIVES * 100
    assert f"| 600 | 100 | {PEER} |" in report.to_markdown()
    assert f"{PEER}, blocks of {SMALL_BLOCK:,}" in WAYS


@pytest.mark.slow
def test_what_takes_too_much_is_ended(tmp_path: Path) -> None:
    """A limit of memory ends a way, and the table says so in place of a time."""
    load = Load(tmp_path, 600, 100)
    make(load)
    row, found = measure(load, PEER, 60, 100)
    assert (row.seconds, found) == (None, {})
    assert row.stopped.startswith("ended at")
