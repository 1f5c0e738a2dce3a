"""Queries that a language model rewrites before they are searched: HyDE and several wordings.

Knows what is asked of the model and how its answers are read. Knows no endpoint and no searcher.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.errors import ModelError
from jargonaut.llm import Estimate, Prices, estimate
from jargonaut.protocols import ChatRequest, Message, QueryWriter, Reporter
from jargonaut.records import Query

HYDE_TOKENS, WORDINGS_TOKENS = 160, 100
WORDINGS = 3
_HYDE = (
    "Write one short passage, of about 80 words, as it could stand in a document that answers the question. Write in "
    "the question's language. Write the passage alone, nothing before or after it.\n\nQuestion: {query}\n\nPassage:"
)
_ASKED_OTHERWISE = (
    f"Write {WORDINGS} other ways to ask the question below for a search engine, in its language, each on a line of "
    "its own. Use other words where there are some. Write nothing else.\n\nQuestion: {query}"
)
_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d+[.):])\s*")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a language model made of queries; a query that it gave no answer for is missing.

    Attributes:
        passages: Query id → a passage that might answer it (HyDE: Gao et al. 2022).
        wordings: Query id → other ways to ask it.
        unanswered: Requests without an answer.
    """

    passages: Mapping[str, str]
    wordings: Mapping[str, tuple[str, ...]]
    unanswered: int


def rewrite(asked: Sequence[Query], writer: QueryWriter, seed: int, reporter: Reporter) -> Rewritten:
    """Has every query rewritten in both ways.

    Raises:
        ModelError: More than half of the requests have no answer, or nothing can be answered any more.
    """
    passages: dict[str, str] = {}
    wordings: dict[str, tuple[str, ...]] = {}
    fault = ""
    requests = reporter.track(_requests(asked, seed), f"asking {writer.name} to rewrite", 2 * len(asked))
    for reply in writer.complete_many(requests):
        kind, _, query_id = reply.key.partition(":")
        fault = reply.fault or fault
        if kind == "hyde" and reply.text.strip():
            passages[query_id] = " ".join(reply.text.split())
        elif kind == "wordings" and (found := _lines(reply.text)):
            wordings[query_id] = found
    unanswered = 2 * len(asked) - len(passages) - len(wordings)
    if unanswered > len(asked):
        raise ModelError(
            f"{unanswered:,} of {2 * len(asked):,} requests have no usable answer{f' ({fault})' if fault else ''}",
            where=writer.name, remedy="look at what the model answers, or set [assess] rewrites = 0",
        )  # fmt: skip
    return Rewritten(passages, wordings, unanswered)


def expected(asked: Sequence[Query], calls: int, kind: str, prices: Prices, seed: int) -> Estimate:
    """What so many calls of one kind, or of both, cost, judged by some queries."""
    sample = [one for one in _requests(asked[:50], seed) if one.key.startswith(kind)]
    tokens = {"hyde": HYDE_TOKENS, "wordings": WORDINGS_TOKENS}.get(kind, (HYDE_TOKENS + WORDINGS_TOKENS) // 2)
    return estimate(sample, calls, reply_tokens=tokens, prices=prices)


def _requests(asked: Sequence[Query], seed: int) -> Iterator[ChatRequest]:
    for query in asked:
        for kind, text, tokens in (("hyde", _HYDE, HYDE_TOKENS), ("wordings", _ASKED_OTHERWISE, WORDINGS_TOKENS)):
            said = (Message("user", text.replace("{query}", query.text)),)
            yield ChatRequest(f"{kind}:{query.id}", said, temperature=0.7, max_tokens=3 * tokens, seed=seed)


def _lines(text: str) -> tuple[str, ...]:
    """The wordings of an answer, without numbers and bullets before them."""
    lines = (_MARK.sub("", line).strip().strip('"') for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))[:WORDINGS]
