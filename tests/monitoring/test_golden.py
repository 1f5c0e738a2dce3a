"""Golden sets: frozen by content, grown by what is added."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jargonaut.errors import InputError, MismatchError
from jargonaut.monitoring import Added, GoldenQuery, GoldenSets

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_versions_are_frozen_by_content(tmp_path: Path) -> None:
    """What was added counts from the next version on; the same content is the same version; the first stays."""
    sets = GoldenSets(tmp_path)
    first = sets.freeze(AT, first=[GoldenQuery("a b", {"p1": 1})])
    added = sets.add([GoldenQuery("c d", {"p2": 1}), GoldenQuery("A  B", {"p3": 1}), GoldenQuery("a b", {"p1": 1})])
    assert added == Added(new=1, extended=1, known=1)
    assert sets.current() == first
    second = sets.freeze(AT)
    assert [one.version for one in sets.versions()] == ["g1", "g2"]
    assert {one.query: dict(one.positives) for one in second.queries} == {"a b": {"p1": 1, "p3": 1}, "c d": {"p2": 1}}
    assert sets.freeze(AT) == second
    assert sets.versions()[0] == first


def test_expired_queries_leave_the_next_version(tmp_path: Path) -> None:
    """A query that is left out is gone from the next version and stays in the one before."""
    sets = GoldenSets(tmp_path)
    first = sets.freeze(AT, first=[GoldenQuery("a", {"p1": 1}), GoldenQuery("b", {"p2": 1})])
    gone = next(one.id for one in first.queries if one.query == "a")
    assert [one.query for one in sets.freeze(AT, without=[gone]).queries] == ["b"]
    with pytest.raises(InputError, match="no queries"):
        sets.freeze(AT, without=[one.id for one in first.queries])


def test_an_altered_version_is_refused(tmp_path: Path) -> None:
    """A frozen file that somebody edited, or that is gone, is told; it is never asked."""
    sets = GoldenSets(tmp_path)
    sets.freeze(AT, first=[GoldenQuery("a", {"p1": 1})])
    path = tmp_path / "g1.jsonl"
    path.write_text(path.read_text().replace("p1", "p9"))
    with pytest.raises(MismatchError, match="not what was frozen"):
        sets.current()
    path.unlink()
    with pytest.raises(MismatchError, match="not what was frozen"):
        sets.current()


@pytest.mark.parametrize("query", [GoldenQuery(" ", {"p": 1}), GoldenQuery("a", {}), GoldenQuery("a", {"p": 0})])
def test_a_query_without_an_answer_is_refused(tmp_path: Path, query: GoldenQuery) -> None:
    """It could test nothing."""
    with pytest.raises(InputError, match="no words or no answer"):
        GoldenSets(tmp_path).add([query])
