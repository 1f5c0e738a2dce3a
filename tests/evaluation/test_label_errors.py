"""What `label_errors` promises."""

from __future__ import annotations

from jargonaut.evaluation import likely_label_errors
from jargonaut.records import Qrel, Query, Run


def run(**rankings: str) -> Run:
    """A run from letters: each is a passage, best first."""
    return Run("r", {q: {p: 1 - i / 10 for i, p in enumerate(hits)} for q, hits in rankings.items()})


def queries(*ids: str) -> list[Query]:
    """Queries by id."""
    return [Query(one, one) for one in ids]


def test_agreement_against_the_labels_is_suspicious() -> None:
    """A first hit that both models share and the labels do not accept is listed, with its margin over the answer."""
    judged = [Qrel("a", "y", 1), Qrel("b", "x", 1), Qrel("c", "z", 1)]
    base, tuned = run(a="xyz", b="xyz", c="xyz"), run(a="xzy", b="xyz", c="yxz")
    (found,) = likely_label_errors(queries("a", "b", "c"), judged, base, tuned).all
    assert (found.query.id, found.passage_id, found.positive_id, found.positive_rank) == ("a", "x", "y", 3)
    assert not found.judged
    assert round(found.margin, 6) == 0.2


def test_a_rejected_passage_is_told_from_an_unjudged_one() -> None:
    """Grade 0 means that somebody looked; of several judgements the highest counts."""
    judged = [Qrel("a", "y", 1), Qrel("a", "x", 0), Qrel("b", "y", 1), Qrel("b", "x", 1), Qrel("b", "x", 0)]
    found = likely_label_errors(queries("a", "b"), judged, run(a="xy", b="xy"), run(a="xy", b="xy"))
    assert [(one.query.id, one.judged) for one in found.all] == [("a", True)]


def test_near_duplicates_of_an_answer_come_first() -> None:
    """A copy of an accepted passage is nearly certainly an answer, so it leads the list; then the larger margin."""
    judged = [Qrel(q, "y", 1) for q in "abc"]
    answers = run(a="xzzzy"[:2] + "y", b="wy", c="xvuy")
    found = likely_label_errors(queries("a", "b", "c"), judged, answers, answers, {"w": "g", "y": "g"})
    assert [one.query.id for one in found.all] == ["b", "c", "a"]
    assert found.all[0].repeats_answer
    assert "near-duplicates of an accepted answer" in found.sentence


def test_a_hit_must_look_right() -> None:
    """A hit that is less similar than right first hits usually are is counted as agreed on, and not listed."""
    judged = [Qrel(q, "y", 1) for q in "abcde"]
    tops = {"a": "y", "b": "y", "c": "y", "d": "x", "e": "x"}
    scores = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.75, "e": 0.85}
    answers = Run("r", {q: {tops[q]: scores[q], "z": 0.1} for q in tops})
    found = likely_label_errors(queries(*"abcde"), judged, answers, answers)
    assert [one.query.id for one in found.all] == ["e"]
    assert (found.agreed, found.least) == (2, 0.8)


def test_an_answer_that_is_not_found_has_no_rank() -> None:
    """The margin is then over the last hit, and nothing breaks on queries without labels or answers."""
    judged = [Qrel("a", "q", 1)]
    found = likely_label_errors(queries("a", "b"), judged, run(a="xy"), run(a="xy"))
    assert (found.all[0].positive_rank, round(found.all[0].margin, 6), found.queries) == (None, 0.1, 1)
    nothing = likely_label_errors(queries("a"), judged, Run("r", {}), run(a="xy"))
    assert not nothing.all
    assert "no passage that both models put first looks" in nothing.sentence
