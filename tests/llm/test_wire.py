"""What responses say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jargonaut.llm.cache import Answer
from jargonaut.llm.patience import Fault
from jargonaut.llm.wire import answer_of, read_refusal, retry_after

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, a date; nonsense is no wait."""
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": None, "refusal": "I will not."}, "I will not."),
        ({"content": None}, ""),
        ({"content": 5}, ""),
        ({}, ""),
    ],
)
def test_an_answer_is_read_in_all_its_forms(message: dict[str, object], text: str) -> None:
    """Text, parts, a refusal, nothing."""
    outcome = answer_of({"choices": [{"message": message}], "usage": {"prompt_tokens": True, "completion_tokens": -1}})
    assert outcome == Answer(text)


def test_an_error_under_status_200_is_told() -> None:
    """Some proxies answer so."""
    outcome = answer_of({"error": {"message": "model overloaded"}})
    assert isinstance(outcome, Fault)
    assert "model overloaded" in outcome.words


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [(401, "", "key"), (402, "", "credit"), (404, "", "address"), (408, "", "slow"), (413, "", "request"),
     (422, "", "request"), (429, "", "busy"), (429, "code insufficient_quota", "credit"), (500, "", "server"),
     (501, "", "request"), (529, "", "server")],
)  # fmt: skip
def test_a_status_has_its_kind(status: int, words: str, kind: str) -> None:
    """What can be waited for, what cannot, and what concerns one request alone."""
    assert read_refusal(status, {}, words).kind == kind
