"""Queries that a language model rewrites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from jargonaut.errors import ModelError
from jargonaut.gate.rewriting import WORDINGS, expected, rewrite
from jargonaut.llm import Prices
from jargonaut.protocols import ChatReply, ChatRequest, SilentReporter
from jargonaut.records import Query

ASKED = tuple(Query(f"q{i}", f"query {i}") for i in range(4))


class Writer:
    """Answers what it is given, by kind of request.

    Args:
        answers: Kind → text; another kind is a fault.
    """

    name = "writer"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.requests: list[ChatRequest] = []

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """One reply each."""
        for request in requests:
            self.requests.append(request)
            text = self.answers.get(request.key.partition(":")[0])
            yield ChatReply(request.key, text or "", fault="" if text else "no answer in time")


def test_every_query_is_asked_twice() -> None:
    """For a passage that may answer it, and for other wordings; lists are read without their marks."""
    writer = Writer({"hyde": "A passage\nof two lines.", "wordings": '1. one\n- "two"\n\n* two\n3) three\nfour'})
    found = rewrite(ASKED, writer, 3, SilentReporter())
    assert len(writer.requests) == 2 * len(ASKED)
    assert all("query" in request.messages[0].content and request.seed == 3 for request in writer.requests)
    assert found.passages["q0"] == "A passage of two lines."
    assert found.wordings["q3"] == ("one", "two", "three")
    assert len(found.wordings["q3"]) == WORDINGS


def test_a_query_without_an_answer_is_missing_and_counted() -> None:
    """Half may fail; the queries stay as they are asked."""
    found = rewrite(ASKED, Writer({"hyde": "p"}), 0, SilentReporter())
    assert (len(found.passages), found.wordings, found.unanswered) == (4, {}, 4)


def test_a_model_that_answers_nothing_is_an_error() -> None:
    """With its fault in words."""
    with pytest.raises(ModelError, match=r"8 of 8 requests have no usable answer \(no answer in time\)"):
        rewrite(ASKED, Writer({}), 0, SilentReporter())


def test_costs_are_told_before() -> None:
    """By calls, tokens and prices; HyDE alone sends half of both."""
    prices = Prices(1.0, 2.0)
    both, hyde = expected(ASKED, 8, "", prices, 0), expected(ASKED, 4, "hyde", prices, 0)
    assert both.cost is not None
    assert hyde.cost is not None
    assert both.cost > hyde.cost > 0
