"""What `answers` promises."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest

from jargonaut.evaluation import EvaluationOptions, answer_delta
from jargonaut.evaluation.answers import AnswerOptions, context_precision, read_judgement
from jargonaut.protocols import ChatReply, ChatRequest
from jargonaut.records import Query, Run

COUNT = 8
QUERIES = [Query(f"q{i}", f"question {i}") for i in range(COUNT)]
TEXTS = {f"p{i}": f"right {i}" for i in range(COUNT)} | {f"n{i}": f"wrong {i}" for i in range(COUNT)}
REFERENCES = {f"q{i}": TEXTS[f"p{i}"] for i in range(COUNT)}


class Judge:
    """A language model that finds `right` passages useful and supports what they say; it may fail at times."""

    name = "judge"

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.asked = 0

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """One reply for each request."""
        for request in requests:
            self.asked += 1
            task, shown = (message.content for message in request.messages)
            passages = [part.split("</passage")[0] for part in shown.split("<passage>\n")[1:]]
            if self.broken and self.broken in shown:
                yield ChatReply(request.key, "I would rather not.")
            elif "useful" in task:
                yield ChatReply(request.key, json.dumps({"useful": ["right" in text for text in passages]}))
            elif "statements" in task:
                said = {"statement": "s", "supported": any("right" in text for text in passages)}
                yield ChatReply(request.key, f"Here you are: {json.dumps({'statements': [said]})}")
            else:
                yield ChatReply(request.key, "An answer.")


def runs() -> tuple[Run, Run]:
    """A base that finds the answer second, and a tuned model that finds it first; for odd queries the base never."""
    base = {f"q{i}": {f"n{i}": 0.9, **({f"p{i}": 0.8} if i % 2 == 0 else {})} for i in range(COUNT)}
    return Run("base", base), Run("tuned", {f"q{i}": {f"p{i}": 0.9, f"n{i}": 0.8} for i in range(COUNT)})


def test_answers_are_judged_with_both_models_hits() -> None:
    """Precision, recall and faithfulness are means over the queries, with the difference and its interval."""
    judge = Judge()
    found = answer_delta(QUERIES, REFERENCES, runs(), TEXTS, judge, {}, options=EvaluationOptions(resamples=500))
    values = {one.name: (one.n, one.base, one.tuned) for one in found.metrics}
    assert values == {
        "context precision": (8, 0.25, 1.0), "context recall": (8, 0.5, 1.0), "faithfulness": (8, 0.5, 1.0)
    }  # fmt: skip
    assert found.metrics[0].low > 0
    assert judge.asked == 8 * COUNT
    assert "answers by judge on 8 queries: context precision 0.25 → 1.00" in found.sentence


def test_replies_of_no_use_are_counted_and_left_out() -> None:
    """A judge that answers one query with prose leaves that query out of every figure, for both models."""
    found = answer_delta(QUERIES, REFERENCES, runs(), TEXTS, Judge("right 3"), {}, AnswerOptions(), EvaluationOptions())
    assert [one.n for one in found.metrics] == [7, 7, 7]
    assert found.unusable > 0


def test_a_query_without_hits_is_no_crash() -> None:
    """A model that finds nothing has no context to judge, so the query counts for neither."""
    base, tuned = runs()
    found = answer_delta(QUERIES[:1], REFERENCES, (Run("base", {}), tuned), TEXTS, Judge(), {})
    assert found.metrics == ()
    assert "none could be judged" in found.sentence
    assert base.rankings


def test_context_precision_is_that_of_the_paper() -> None:
    """The mean of precision@k at the useful ranks: (1/1 + 2/3) / 2 for useful, useless, useful."""
    assert context_precision([True, False, True]) == pytest.approx(5 / 6)
    assert context_precision([False, False]) == 0.0


@pytest.mark.parametrize(
    "answer",
    ["", "[]", '{"useful": [true]}', '{"useful": ["yes", "no"]}', '{"useful": [true, false', '{"statements": []}'],
)
def test_a_judgement_must_fit_what_was_shown(answer: str) -> None:
    """Prose, broken JSON, too few values and words for values are no judgement."""
    assert read_judgement("context precision", answer, 2) is None
    assert read_judgement("faithfulness", answer, 2) is None
