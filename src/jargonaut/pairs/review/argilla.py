"""Cards and decisions as records of Argilla 2, and back.

Knows the shape that `rg.Dataset.records.from_json` reads and that `to_json`, `to_list` and `to_datasets` write: a
documented one, so Argilla itself is not needed. A decision that is made here travels as a suggestion, for a response
belongs to a user of the server that the records go to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jargonaut.artifacts import legible
from jargonaut.pairs.review.cards import Card
from jargonaut.pairs.review.decisions import REASONS, Decision

AGENT = "jargonaut"
QUESTIONS = ("decision", "reason", "comment", "edited_query")

SETTINGS = f"""\
import argilla as rg

client = rg.Argilla(api_url="YOUR SERVER", api_key="YOUR KEY")
settings = rg.Settings(
    guidelines="Would users ask this, and does the passage answer it?",
    fields=[
        rg.TextField(name="query"),
        rg.TextField(name="title", required=False),
        rg.TextField(name="passage"),
    ],
    questions=[
        rg.LabelQuestion(name="decision", labels=["accept", "edit", "reject"]),
        rg.LabelQuestion(
            name="reason",
            labels={list(REASONS)!r},
            required=False,
        ),
        rg.TextQuestion(name="edited_query", required=False),
        rg.TextQuestion(name="comment", required=False),
    ],
    allow_extra_metadata=True,
)
"""
"""Python that makes the settings of a data set for our records."""

UPLOAD = """\
dataset = rg.Dataset(name="pairs-review", settings=settings).create()
dataset.records.from_json({path!r})
# and when the experts are done; without the filter, drafts would count as answers:
submitted = rg.Query(filter=rg.Filter([("response.status", "==", "submitted")]))
dataset.records(query=submitted).to_json("answers.json")
"""
"""Python that follows it, for a file that is named."""


def record_of(card: Card, decision: Decision | None) -> dict[str, Any]:
    """One card as `rg.Record.from_dict` takes it.

    Args:
        card: The card.
        decision: What is said of it; a skip says nothing.
    """
    suggestions: dict[str, Any] = {}
    metadata = {
        "document": card.passage.document_id or card.passage.id, "provenance": card.pair.provenance,
        "split": card.pair.split or "",
    }  # fmt: skip
    if decision is not None and decision.verdict != "skip":
        says = dict(zip(QUESTIONS, decision.says, strict=True))
        suggestions = {name: {"value": value, "score": None, "agent": AGENT} for name, value in says.items() if value}
        metadata["reviewer"] = decision.reviewer
    fields = {"query": card.pair.query, "title": card.title, "passage": card.passage.text}
    fields = {name: legible(text) for name, text in fields.items()}
    return {
        "id": card.key,
        "fields": {name: text for name, text in fields.items() if text or name != "title"},
        "metadata": {name: value for name, value in metadata.items() if value},
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


def is_record(row: Mapping[str, Any]) -> bool:
    """Whether a row is one of Argilla's, nested or flattened."""
    return isinstance(row.get("responses"), Mapping) or any(str(name).endswith(".responses") for name in row)


def answers_in(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a record holds: (reviewer, question → value), our own earlier decisions first.

    A user of Argilla is named by the first digits of the id; answers that are drafts or were discarded are left out.
    """
    yield from _ours(row)
    by_user: dict[str, dict[str, Any]] = {}
    for question in QUESTIONS:
        for user, value in _responses(row, question):
            by_user.setdefault(user, {})[question] = value
    for user, values in by_user.items():
        yield f"argilla:{user[:8]}", values


def _ours(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    metadata, suggestions = row.get("metadata"), row.get("suggestions")
    if isinstance(suggestions, Mapping):
        reviewer = metadata.get("reviewer") if isinstance(metadata, Mapping) else None
        said = {
            name: one for name, one in suggestions.items() if isinstance(one, Mapping) and one.get("agent") == AGENT
        }
        values = {name: one.get("value") for name, one in said.items()}
    else:
        reviewer = row.get("reviewer")
        ours = [name for name in QUESTIONS if row.get(f"{name}.suggestion.agent") == AGENT]
        values = {name: row.get(f"{name}.suggestion") for name in ours}
    if values and isinstance(reviewer, str) and reviewer:
        yield reviewer, values


def _responses(row: Mapping[str, Any], question: str) -> Iterator[tuple[str, Any]]:
    """(user id, value) of one question, nested or flattened."""
    nested = row.get("responses")
    if isinstance(nested, Mapping):
        for one in _listed(nested.get(question)):
            if isinstance(one, Mapping) and _counts(one.get("status")):
                yield str(one.get("user_id") or "unknown"), one.get("value")
        return
    name = f"{question}.responses"
    values = _listed(row.get(name))
    users, states = _listed(row.get(f"{name}.users")), _listed(row.get(f"{name}.status"))
    for place, value in enumerate(values):
        if _counts(states[place] if place < len(states) else None):
            yield str(users[place] if place < len(users) and users[place] else "unknown"), value


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)) else []


def _counts(status: Any) -> bool:
    """Whether a response of this status is an answer; files of older versions do not say."""
    return status is None or str(getattr(status, "value", status)).rpartition(".")[2] == "submitted"
