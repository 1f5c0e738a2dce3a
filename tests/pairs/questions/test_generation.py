"""Passages → judgements over a real endpoint that misbehaves: nothing is lost, and each failure has clear words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jargonaut.errors import ModelError
from jargonaut.llm import ChatClient, Effects, EndpointOptions
from jargonaut.pairs.questions import Assignment, Examples, LeftOut, QuestionOptions, generate, plan
from jargonaut.records import Judgement
from tests.llm.endpoint import Behaviour, Body, Endpoint, Response, endpoint, error, said

from .samples import RUSSIAN, TEXT, passage

PASSAGES = [passage(n, f"{TEXT} It is step number {n}.", f"d{n % 4}") for n in range(12)]
OPTIONS = QuestionOptions(multi_passage_share=0.0)
Run = Callable[..., tuple[list[Judgement], list[LeftOut], Endpoint]]


async def at_once(seconds: float) -> None:
    """Waits for nothing."""
    del seconds


def good(body: Body, number: int = 0) -> Response:
    """Three questions of their own for each passage."""
    del number
    step = body["messages"][1]["content"].partition("step number ")[2].partition(".")[0]
    rows = [
        {"kind": kind, "text": f"{kind} engine cooling repair {step} {i}?"} for i, kind in enumerate(["question"] * 3)
    ]
    return Response(body=said(json.dumps({"queries": rows})))


def corrections(body: Body) -> int:
    """How often the model was told that its answer was of no use."""
    return sum("cannot be used" in message["content"] for message in body["messages"])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Generates over a server that behaves as told; it is the same one throughout a test."""
    with endpoint(good) as server:

        def generated(
            behaviour: Behaviour, options: QuestionOptions = OPTIONS, passages: list = PASSAGES, **how: object
        ) -> tuple[list[Judgement], list[LeftOut], Endpoint]:
            left_out: list[LeftOut] = []
            server.behaviour = behaviour
            server.requests.clear()
            client = ChatClient(EndpointOptions(server.base_url, "m"), "", tmp_path / "a.db", Effects(sleep=at_once))
            assignments = plan(passages, options)
            found = generate(assignments, client, options, on_left_out=left_out.append, **how)  # type: ignore[arg-type]
            return list(found), left_out, server

        yield generated


def test_questions_become_judgements(run: Run) -> None:
    """Three for each passage, with its id, its text and the kind of question."""
    judgements, left_out, server = run(good)
    assert len(judgements) == 36
    assert {judgement.target for judgement in judgements} == {passage.id for passage in PASSAGES}
    assert all(judgement.provenance.startswith("llm:") and judgement.relevance == 1 for judgement in judgements)
    texts = {passage.id: passage.text for passage in PASSAGES}
    assert all(judgement.text == texts[judgement.target] for judgement in judgements)
    assert not left_out
    assert len(server.requests) == 12


def test_a_second_run_asks_for_nothing(run: Run) -> None:
    """The same judgements, and no call."""
    first, _, _ = run(good)
    second, _, server = run(good)
    assert first == second
    assert not server.requests


def test_the_order_of_arrival_decides_nothing(run: Run) -> None:
    """Whoever is slow, corrected or answered at once: judgements stand in the order of the passages."""

    def step(body: Body) -> int:
        return int(body["messages"][1]["content"].partition("step number ")[2].partition(".")[0])

    def slow(body: Body, number: int) -> Response:
        if step(body) % 3 == 0 and not corrections(body):
            return Response(body=said("no JSON"))
        return replace(good(body, number), after=0.03 * (11 - step(body)))

    judgements, _, server = run(slow)
    in_order = [assignment.key for assignment in plan(PASSAGES, OPTIONS)]
    assert list(dict.fromkeys(judgement.target for judgement in judgements)) == in_order
    arrived = [step(body) for body in server.requests if corrections(body)]
    assert len(arrived) == 4


BAD = {
    "prose": ("The passage is about engines.", "holds no list"),
    "half a JSON": ('{"queries": [{"kind": "question", "text": "how do', "breaks off"),
    "an empty list": ('{"queries": []}', "empty"),
    "nothing": ("", "empty"),
    "a refusal": ("I'm sorry, I can't help with that.", "refusal"),
    "another language": ('["как слить жидкость?", "где кран?"]', "another language"),
    "the passage": ('["What does the passage say about hoses?"]', "speaks of the passage"),
    "a copy": ('["is a leaking gasket replaced or sealed with paste"]', "words are the passage's"),
    "invalid UTF-8": ('["Wo ist das caf\ufffd?"]', "broken characters"),
}


@pytest.mark.parametrize(("answer", "fault"), BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_corrected_by_showing_its_fault(run: Run, answer: str, fault: str) -> None:
    """The model is shown its answer and what was wrong with it; the second one counts."""
    judgements, _, server = run(lambda b, n: good(b, n) if corrections(b) else Response(body=said(answer)))
    assert len(judgements) == 36
    assert len(server.requests) == 24
    corrected = next(body for body in server.requests if corrections(body))
    assert fault in corrected["messages"][-1]["content"]
    assert corrected["messages"][-2]["role"] == "assistant"


@pytest.mark.parametrize(("answer", "fault"), BAD.values(), ids=BAD.keys())
def test_what_fails_after_correction_is_kept_with_its_reason(run: Run, answer: str, fault: str) -> None:
    """No passage is silently without questions."""
    judgements, left_out, server = run(lambda _b, _n: Response(body=said(answer)))
    assert not judgements
    assert {one.passage_id for one in left_out if fault in one.reason and not one.text} == {p.id for p in PASSAGES}
    assert len(server.requests) == 24


def test_half_a_good_answer_is_used_without_another_call(run: Run) -> None:
    """What was written to its end counts; what was not is not asked for again."""
    cut = '{"queries": [{"kind": "question", "text": "which fluid goes out first?"}, {"kind": "keyword", "text": "ho'
    judgements, _, server = run(lambda _b, _n: Response(body=said(cut, finish="length")))
    assert {judgement.query for judgement in judgements} == {"which fluid goes out first?"}
    assert len(server.requests) == 12


def test_an_answer_cut_at_its_length_says_so(run: Run) -> None:
    """A model that thinks aloud past the limit: the user learns what to raise."""
    _, left_out, _ = run(lambda _b, _n: Response(body=said("<think>Let me see", finish="length")))
    assert "cut at the longest length" in left_out[0].reason


def test_single_bad_questions_are_told_and_the_others_stay(run: Run) -> None:
    """One of three mentions the text: two stay, and the third is in the list with its reason."""
    mixed = '["which fluid goes out first?", "What does the text say about hoses?", "gasket glue"]'
    judgements, left_out, _ = run(lambda _b, _n: Response(body=said(mixed)))
    assert len(judgements) == 24
    assert {one.text for one in left_out} == {"What does the text say about hoses?"}
    assert len(left_out) == 12


def test_more_corrections_when_asked_for(run: Run) -> None:
    """Three retries show three faults, each in the same conversation."""
    options = QuestionOptions(multi_passage_share=0.0, retries=3)
    behaviour = lambda b, n: good(b, n) if corrections(b) == 3 else Response(body=said("no JSON"))  # noqa: E731
    judgements, _, server = run(behaviour, options)
    assert len(judgements) == 36
    assert len(server.requests) == 12 * 4


def test_a_failed_request_is_told_and_the_others_go_on(run: Run) -> None:
    """An endpoint that refuses one passage."""

    def refusing(body: Body, number: int) -> Response:
        return error(400, "content filter") if "number 5." in str(body["messages"]) else good(body, number)

    judgements, left_out, _ = run(refusing)
    assert len(judgements) == 33
    assert [one.passage_id for one in left_out] == [p.id for p in PASSAGES if "number 5." in p.text]
    assert "content filter" in left_out[0].reason


def test_a_key_that_expires_stops_and_the_next_run_goes_on(run: Run) -> None:
    """What was paid is not asked for again."""
    with pytest.raises(ModelError, match="refuses the key"):
        run(lambda b, n: good(b, n) if n < 5 else error(401, "expired"))
    judgements, _, server = run(good)
    assert len(judgements) == 36
    assert len(server.requests) == 7


def test_two_passages_are_both_positives(run: Run) -> None:
    """A question over two passages is a judgement for each of them."""
    judgements, _, server = run(good, QuestionOptions(multi_passage_share=1.0))
    assert len(judgements) == 2 * 36
    assert {judgement.provenance for judgement in judgements} == {"llm:multi-passage"}
    assert len(server.requests) == 12


def test_examples_are_not_taken_for_questions(run: Run) -> None:
    """A model that repeats the examples of the prompt has written nothing."""
    _, left_out, _ = run(
        lambda _b, _n: Response(body=said('["My real query!"]')), examples=Examples(("my real query",))
    )
    assert any("same as another" in one.reason for one in left_out)


def test_a_wanted_language_may_differ_from_the_passages(run: Run) -> None:
    """Latin questions about Russian passages, because they were asked for."""
    options = QuestionOptions(multi_passage_share=0.0, language="English", min_passage_words=5)
    judgements, _, _ = run(good, options, [passage(0, RUSSIAN)])
    assert judgements


def test_passages_with_one_id_are_told_apart(tmp_path: Path) -> None:
    """Two assignments with one id: each has its own questions."""
    twins = [Assignment(passage(0, f"{TEXT} It is step number {n}."), ("question",) * 3) for n in (7, 8)]
    with endpoint(good) as server:
        client = ChatClient(EndpointOptions(server.base_url, "m"), "", tmp_path / "a.db")
        found = list(generate(twins, client, OPTIONS, on_left_out=lambda _: None))
    assert all(f"repair {judgement.text[-2]} " in judgement.query for judgement in found)
    assert len(found) == 6
