"""A language model as a judge."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.llm import ChatClient, EndpointOptions
from jargonaut.pairs.questions import judge
from jargonaut.pairs.questions.judge import verdict
from jargonaut.records import Pair
from tests.llm.endpoint import Behaviour, Body, Response, endpoint, said

from .samples import TEXT

TEXTS = {"p1": TEXT, "p2": "Something else altogether."}
PAIRS = [Pair("q1", "how to drain it", "p1"), Pair("q1", "how to drain it", "p2"), Pair("q2", "gasket", "p1")]


def judged(behaviour: Behaviour, tmp_path: Path, pairs: list[Pair]) -> dict:
    """Scores."""
    with endpoint(behaviour) as server:
        client = ChatClient(EndpointOptions(server.base_url, "m"), "", tmp_path / "a.db")
        return judge(pairs, TEXTS, client)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ('{"answers": 3, "self_contained": true, "realistic": true}', 1.0),
        ('```json\n{"answers": 2, "self_contained": true, "realistic": true}\n```', 2 / 3),
        ('{"answers": 3, "self_contained": false, "realistic": true}', 0.5),
        ('{"answers": "3", "self_contained": "no", "realistic": "No"}', 0.25),
        ('{"answers": 0, "self_contained": true, "realistic": true}', 0.0),
        ('{"answers": 2, "self_contained": true, "rea', 2 / 3),
        ("Score: 2", 2 / 3),
        ("2/3", 2 / 3),
        ('{"Answers": 1}', 1 / 3),
        ('{"answers": 7}', None),
        ('{"answers": true}', None),
        ("I think that it is quite good, 10 of 10", None),
        ("", None),
        ("[]", None),
    ],
)
def test_verdicts_are_read(answer: str, score: float | None) -> None:
    """Grade by 3, halved for each no; None where there is no grade, with a reason."""
    found, fault = verdict(answer)
    assert found == pytest.approx(score)
    assert bool(fault) == (score is None)


@given(st.text())
def test_any_verdict_can_be_read(answer: str) -> None:
    """A score in its limits, or a reason."""
    score, fault = verdict(answer)
    assert bool(fault) if score is None else 0 <= score <= 1


def test_every_pair_is_scored(tmp_path: Path) -> None:
    """By query and passage, so that one query with two passages has two scores."""

    def by_passage(body: Body, number: int) -> Response:
        del number
        grade = 3 if "coolant" in body["messages"][1]["content"] else 0
        return Response(body=said(f'{{"answers": {grade}, "self_contained": true, "realistic": true}}'))

    scores = judged(by_passage, tmp_path, PAIRS)
    assert scores == {("q1", "p1"): 1.0, ("q1", "p2"): 0.0, ("q2", "p1"): 1.0}


def test_a_pair_without_a_verdict_has_none(tmp_path: Path) -> None:
    """Prose twice, or a passage that is not there: no score."""
    pairs = [PAIRS[0], Pair("q3", "x", "missing")]
    scores = judged(lambda _b, _n: Response(body=said("Looks fine to me")), tmp_path, pairs)
    assert scores == {("q1", "p1"): None, ("q3", "missing"): None}


def test_a_bad_verdict_is_asked_for_again(tmp_path: Path) -> None:
    """The judge is shown what was wrong."""

    def learns(body: Body, number: int) -> Response:
        del number
        return Response(body=said('{"answers": 3}' if len(body["messages"]) > 2 else "hm"))

    assert judged(learns, tmp_path, PAIRS[:1]) == {("q1", "p1"): 1.0}
