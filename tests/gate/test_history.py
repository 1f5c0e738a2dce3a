"""How fast a corpus changes, by the versions that a workspace holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jargonaut.artifacts import Artifact
from jargonaut.gate.history import churn, versions

from .worlds import corpus

DAY = 86_400


def aged(folder: Path, days: float) -> Path:
    """Sets the date of an artifact."""
    os.utime(folder / "manifest.json", (1e9 - days * DAY, 1e9 - days * DAY))
    return folder


def test_half_of_the_passages_changed_in_two_days(tmp_path: Path) -> None:
    """Twenty of forty passages have other words: twenty of sixty in either are shared."""
    aged(corpus(tmp_path / "old").artifact.path, 2)
    aged(corpus(tmp_path / "between", edition="other", source="u").artifact.path, 1)
    now = corpus(tmp_path / "new", edition="second", source="t")
    aged(now.artifact.path, 0)
    known = versions(now.artifact)
    found = churn(known, "new", reindex_hours=12.0)
    assert found is not None
    assert (found.share, found.days, found.versions) == (pytest.approx(2 / 3), pytest.approx(2.0), 3)
    assert found.while_reindexed == pytest.approx(2 / 3 / 4)


@pytest.mark.parametrize(("days", "between"), [(2.0, False), (0.5, True)])
def test_one_change_and_a_mornings_work_are_no_rate(tmp_path: Path, days: float, *, between: bool) -> None:
    """Somebody who adds a folder of documents has no corpus that changes too fast."""
    aged(corpus(tmp_path / "old").artifact.path, days)
    if between:
        aged(corpus(tmp_path / "between", edition="other", source="u").artifact.path, days / 2)
    now = aged(corpus(tmp_path / "new", edition="second", source="t").artifact.path, 0)
    assert churn(versions(Artifact(now, "new")), "new", 12.0) is None


def test_the_same_corpus_read_with_other_options_is_no_change(tmp_path: Path) -> None:
    """Other chunks differ without anybody having written anything."""
    old = corpus(tmp_path / "old").artifact.path
    manifest = json.loads((old / "manifest.json").read_text())
    (old / "manifest.json").write_text(json.dumps({**manifest, "options": {"chunk": 1}}))
    now = corpus(tmp_path / "new", source="t")
    assert [one.key for one in versions(now.artifact)] == ["new"]
    assert churn(versions(now.artifact), "new", 1.0) is None


def test_another_corpus_in_the_same_workspace_is_no_change(tmp_path: Path) -> None:
    """Two versions that share next to nothing are not of one corpus."""
    old = corpus(tmp_path / "old").artifact.path
    text = (old / "passages.jsonl").read_text().replace("explained", "told")
    (old / "passages.jsonl").write_text(text)
    aged(old, 3)
    between = aged(corpus(tmp_path / "between", source="u").artifact.path, 2)
    (between / "passages.jsonl").write_text(text)
    now = corpus(tmp_path / "new", source="t")
    aged(now.artifact.path, 0)
    assert len(versions(now.artifact)) == 3
    assert churn(versions(now.artifact), "new", 1.0) is None


def test_broken_and_half_built_folders_are_passed_over(tmp_path: Path) -> None:
    """What a kill left is no version."""
    now = corpus(tmp_path / "new")
    for name in (".building-1-1", "broken", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    assert [one.key for one in versions(now.artifact)] == ["new"]
