"""Reading what language models answer: any envelope, and nothing unusable inside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs.questions import parse
from jargonaut.pairs.questions.parsing import json_in
from jargonaut.pairs.wording import normalised

from .samples import GERMAN, JAPANESE, RUSSIAN, assignment

ASKED = ["Can I fix a seeping seal with glue?", "thermostat swap", "engine gets hot after repair"]
ROWS = [{"kind": kind, "text": text} for kind, text in zip(("question", "keyword", "how-to"), ASKED, strict=True)]
GOOD = json.dumps({"queries": ROWS})


def texts(answer: str) -> list[str]:
    """What can be used of an answer."""
    return [question.text for question in parse(answer, assignment()).questions]


ENVELOPES = {
    "plain": GOOD,
    "indented": json.dumps({"queries": ROWS}, indent=2),
    "fence": f"```json\n{GOOD}\n```",
    "fence without a name": f"```\n{GOOD}\n```",
    "fence that is never closed": f"```json\n{GOOD}",
    "prose around it": f"Sure! Here are three queries:\n{GOOD}\nLet me know if you need more.",
    "thinking first": f'<think>The user wants {{"queries": ["a wrong one?"]}} hm</think>{GOOD}',
    "trailing commas": GOOD.replace("}]", "},]").replace('"}', '",}'),
    "single quotes": str({"queries": ROWS}),
    "smart structure": json.dumps({"output": {"results": {"queries": ROWS}}}),
    "other keys": json.dumps({"items": [{"type": "keyword", "question": text} for text in ASKED]}),
    "a list of texts": json.dumps(ASKED),
    "a list of rows": json.dumps(ROWS),
    "one object each": json.dumps({"a": ROWS[:1], "b": ROWS[1:]}),
    "by kind": json.dumps({"question": ASKED[0], "keyword": ASKED[1], "how-to": ASKED[2]}),
    "numbered keys": json.dumps({f"query_{n}": text for n, text in enumerate(ASKED)}),
    "a numbered list": "\n".join(f"{n}. {text}" for n, text in enumerate(ASKED, 1)),
    "a bulleted list": "Here you go:\n" + "\n".join(f"- **{text}**" for text in ASKED),
    "a list with kinds": "\n".join(f"{n}) question: {text}" for n, text in enumerate(ASKED, 1)),
    "a list in quotes": "\n".join(f'* "{text}"' for text in ASKED),
    "numbers inside JSON": json.dumps([f"{n}. {text}" for n, text in enumerate(ASKED, 1)]),
}


@pytest.mark.parametrize("answer", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_the_envelope_does_not_matter(answer: str) -> None:
    """However the list is wrapped, the same queries come out, in order."""
    parsed = parse(answer, assignment())
    assert [question.text for question in parsed.questions] == ASKED
    assert not parsed.fault


def test_kinds_are_as_asked_for() -> None:
    """A kind that is missing, unknown or said too often is chosen among those that were asked for."""
    assert [q.kind for q in parse(GOOD, assignment()).questions] == ["question", "keyword", "how-to"]
    wrong = json.dumps([{"kind": "riddle", "text": text} for text in ASKED])
    assert sorted(q.kind for q in parse(wrong, assignment()).questions) == ["how-to", "keyword", "question"]
    same = json.dumps([{"kind": "keyword", "text": text} for text in ASKED])
    assert sorted(q.kind for q in parse(same, assignment()).questions) == ["how-to", "keyword", "question"]


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_half_an_answer_gives_no_half_a_question(length: int) -> None:
    """Wherever the answer breaks off, what comes out was written to its end, or the fault is told."""
    parsed = parse(GOOD[:length], assignment())
    assert [q.text for q in parsed.questions] == ASKED[: len(parsed.questions)]
    assert parsed.questions or parsed.fault


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("<think>and then I thought", "empty"),
        ("[]", "list of queries is empty"),
        ('{"queries": []}', "list of queries is empty"),
        ("I'm sorry, but I cannot help with that.", "refusal"),
        ("As an AI language model, I do not write queries.", "refusal"),
        ("The passage is about cooling systems and how to drain them.", "holds no list"),
        ('{"queries": [{"kind": "question", "te', "breaks off"),
        ('{"queries": ["string", "...", "<query>"]}', "placeholder"),
        ('{"queries": ["I cannot create queries about this."]}', "refusal"),
        ('{"queries": ["42", "???"]}', "no words"),
        ('{"queries": ["What is a caf\ufffd?"]}', "broken characters"),
        ('{"queries": [null, 3, true]}', "holds no list|breaks off"),
        (json.dumps({"queries": ["why " * 70]}), "too long"),
        (json.dumps(["The coolant is drained first and then all hoses are pulled off by hand."]), "statement"),
    ],
)  # fmt: skip
def test_an_answer_of_no_use_says_why(answer: str, fault: str) -> None:
    """The reason is in words that the model and the user understand."""
    parsed = parse(answer, assignment())
    assert not parsed.questions
    assert any(part in parsed.fault for part in fault.split("|")), parsed.fault


@pytest.mark.parametrize(
    "text",
    [
        "What does the passage say about coolant?",
        "According to the text, how are clamps loosened?",
        "according to this document what is a petcock",
        "Which steps are mentioned in the article?",
        "What is described in the given text?",
        "How do the two passages differ on gaskets?",
        "What does the author suggest about paste?",
        "What is the above mentioned procedure?",
        "Based on the provided context, when is the hose removed?",
    ],
)
def test_questions_that_speak_of_the_passage_are_refused(text: str) -> None:
    """Whoever searches has never seen it."""
    parsed = parse(json.dumps([text, *ASKED]), assignment())
    assert text not in [question.text for question in parsed.questions]
    assert "passage" in dict(parsed.rejected)[text]


@pytest.mark.parametrize(
    "text",
    [
        "how do I sign a document online?",
        "does the text message gateway retry?",
        "bird passage migration dates",
        "Which section of the pipe rusts first?",
        "How do I get the document number of a lost passport?",
        "Where do I find an article number?",
    ],
)
def test_words_of_a_domain_are_not_taken_for_the_passage(text: str) -> None:
    """Documents, texts and sections are also what people ask about."""
    assert texts(json.dumps([text])) == [text]


@pytest.mark.parametrize("passage", [RUSSIAN, JAPANESE])
def test_another_language_is_refused(passage: str) -> None:
    """Latin questions about a passage in another script are not what its readers type."""
    parsed = parse(GOOD, assignment(text=passage))
    assert not parsed.questions
    assert "another language" in parsed.fault
    assert parse(GOOD, assignment(text=passage), same_script=False).questions


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        ("как слить охлаждающую жидкость?", RUSSIAN),
        ("冷却水 交換", JAPANESE),
        ("ガスケットは再利用できますか？", JAPANESE),
        ("Muss die Dichtung neu?", GERMAN),
        ("PostgreSQL 设置", "数据库 PostgreSQL 的连接设置必须写在配置文件里，否则服务无法启动。"),
        ("postgresql", "数据库 PostgreSQL 的连接设置必须写在配置文件里，否则服务无法启动。"),
    ],
)
def test_the_passages_own_language_passes(text: str, passage: str) -> None:
    """Also a product's name in Latin letters."""
    parsed = parse(json.dumps([text]), assignment(text=passage))
    assert [question.text for question in parsed.questions] == [text], parsed


def test_repeats_are_given_once() -> None:
    """Repeats within an answer, and of the examples that the prompt showed, are no new questions."""
    parsed = parse(json.dumps([ASKED[0], ASKED[0].upper(), ASKED[1]]), assignment(), known={normalised(ASKED[1])})
    assert [question.text for question in parsed.questions] == ASKED[:1]
    assert [reason for _, reason in parsed.rejected] == ["the same as another one"] * 2


def test_no_more_are_taken_than_were_asked_for() -> None:
    """A model that goes on and on fills no passage with questions."""
    parsed = parse(json.dumps([f"what is part number {n}" for n in range(500)]), assignment())
    assert len(parsed.questions) == 3
    assert len(parsed.rejected) == 497


def test_copied_questions_are_refused() -> None:
    """A run of the passage's words, or nearly all words from it; short queries may name the passage's things."""
    run = "why must the thermostat housing be so hot when the coolant must be drained before the thermostat housing"
    words = "is a leaking gasket replaced or sealed with paste"
    fair = "radiator hose"
    parsed = parse(json.dumps([run, words, fair]), assignment(), max_overlap=0.8)
    assert [question.text for question in parsed.questions] == [fair]
    assert ["row" in reason or "words" in reason for _, reason in parsed.rejected] == [True, True]
    assert len(parse(json.dumps([run, words, fair]), assignment()).questions) == 3


@given(st.text(max_size=300))
def test_any_text_can_be_read(answer: str) -> None:
    """No answer raises, and each gives questions or a fault."""
    parsed = parse(answer, assignment(), max_overlap=0.8)
    assert bool(parsed.questions) != bool(parsed.fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.integers(0, 40))
def test_any_json_can_be_read_and_may_break_off(value: object, missing: int) -> None:
    """Whatever shape it has, whole or not."""
    answer = json.dumps(value)
    parsed = parse(answer[: max(0, len(answer) - missing)], assignment())
    assert bool(parsed.questions) != bool(parsed.fault)


def test_deep_nesting_is_survived() -> None:
    """A model that repeats one bracket for ever."""
    assert parse("[" * 20_000, assignment()).fault
    assert json_in("[" * 20_000) is None
