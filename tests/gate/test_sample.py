"""What the gate measures on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jargonaut.errors import InputError
from jargonaut.evaluation import AssessmentOptions
from jargonaut.gate import Sample, evidence_of
from jargonaut.records import Pair

from .worlds import corpus, splits


def test_test_is_never_among_what_is_asked(tmp_path: Path) -> None:
    """Only dev's queries are."""
    sample = Sample.of(corpus(tmp_path / "c"), splits(), AssessmentOptions())
    assert {query.id for query in sample.asked} == {pair.query_id for pair in splits().dev}
    assert "t" not in {judgement.query_id for judgement in sample.judged}


def test_a_limit_keeps_every_answer_and_says_how_deep_to_look(tmp_path: Path) -> None:
    """Of a larger corpus the passages that answer stay, others fill up to the limit, and more queries hold fewer."""
    whole = corpus(tmp_path / "c")
    many = replace(whole.passages[0], id="")
    whole.__dict__["passages"] = (*whole.passages, *(replace(many, id=f"x{i}") for i in range(400)))
    few = Sample.of(whole, splits(), AssessmentOptions(queries=5, passages=100))
    more = Sample.of(whole, splits(), AssessmentOptions(queries=10, passages=100))
    assert len(few.passages) == 100
    assert {q.passage_id for q in few.judged} <= set(few.ids)
    assert more.asked[:5] == few.asked
    assert few.share == 4.4
    assert few.depth.hits == pytest.approx(10 / 4.4)


def test_no_dev_query_is_told(tmp_path: Path) -> None:
    """Without any, or with grades of 0 alone, there is nothing to assess on, and the remedy says what to add."""
    nothing = tuple(replace(pair, relevance=0) for pair in splits().dev)
    for dev in ((), nothing):
        with pytest.raises(InputError, match="dev holds no query with an answer") as caught:
            Sample.of(corpus(tmp_path / f"c{len(dev)}"), replace(splits(), dev=dev), AssessmentOptions())
        assert caught.value.remedy


def test_evidence_is_counted_by_source() -> None:
    """Labels, generated questions and headings apart; grade 0 is no pair."""
    found = evidence_of(replace(splits(), train=(*splits().train, Pair("c", "z", "p03", 0))))
    assert dict(found.by_source) == {"label": 1, "llm": 1, "structure": 1}
    assert (found.judged, found.unjudged, found.queries) == (1, 2, 2)
    assert str(found) == "3 training pairs of 2 queries (1 generated, 1 headings, 1 labels)"
