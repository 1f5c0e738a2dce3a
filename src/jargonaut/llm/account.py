"""What language-model calls cost: an estimate before, an account after.

Knows tokens and prices. Knows no price list: prices change, so they are the user's to give.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from jargonaut.errors import require_limits
from jargonaut.llm.cache import Answer
from jargonaut.protocols import ChatRequest

CHARS_PER_TOKEN = 4
_MESSAGE_TOKENS = 4
"""What a chat template puts around each message, about."""
_DENSE = re.compile(r"[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Prices:
    """What an endpoint charges.

    Attributes:
        input_per_million: Price of a million tokens sent; not set counts tokens only.
        output_per_million: Price of a million tokens answered; not set counts tokens only.
        currency: What the prices are in.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    input_per_million: float | None = None
    output_per_million: float | None = None
    currency: str = "USD"

    def __post_init__(self) -> None:
        def fits(price: float | None) -> bool:
            return price is None or 0 <= price < float("inf")

        require_limits(
            "prices",
            self,
            (
                ("input_per_million", fits(self.input_per_million), "0 or more, or not set"),
                ("output_per_million", fits(self.output_per_million), "0 or more, or not set"),
            ),
        )

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None where a price is not known."""
        if self.input_per_million is None or self.output_per_million is None:
            return None
        return (prompt_tokens * self.input_per_million + completion_tokens * self.output_per_million) / 1e6

    def shown(self, prompt_tokens: int, completion_tokens: int) -> str:
        """The same in words."""
        cost = self.cost(prompt_tokens, completion_tokens)
        return "cost not known (no prices given)" if cost is None else f"{cost:,.2f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will cost, about.

    Attributes:
        calls: Calls, without retries.
        prompt_tokens: Tokens sent.
        completion_tokens: Tokens answered.
        cost: In the prices' currency; None where a price is not known.
        sentence: The same in words, with what was assumed.
    """

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Account:
    """What a job has cost so far.

    Attributes:
        calls: Requests that the endpoint answered.
        cached: Requests that were answered by an earlier run, for nothing.
        retried: Calls that were made again after a fault.
        failed: Requests without an answer.
        prompt_tokens: Tokens sent, as the endpoint counted them.
        completion_tokens: Tokens answered, as the endpoint counted them.
        unmetered: Answers whose tokens the endpoint did not count; theirs are estimated and are in the two sums.
    """

    calls: int = 0
    cached: int = 0
    retried: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmetered: int = 0

    def with_call(self, request: ChatRequest, answer: Answer) -> Account:
        """The account with one more answered call."""
        counted = answer.prompt_tokens is not None and answer.completion_tokens is not None
        sent = answer.prompt_tokens if answer.prompt_tokens is not None else prompt_tokens(request)
        given = answer.completion_tokens if answer.completion_tokens is not None else about_tokens(answer.text)
        return replace(
            self,
            calls=self.calls + 1,
            prompt_tokens=self.prompt_tokens + sent,
            completion_tokens=self.completion_tokens + given,
            unmetered=self.unmetered + (not counted),
        )

    def sentence(self, prices: Prices | None = None) -> str:
        """The account in words."""
        parts = [
            f"{self.calls:,} calls",
            f"{self.prompt_tokens:,} tokens sent",
            f"{self.completion_tokens:,} answered",
            (prices or Prices()).shown(self.prompt_tokens, self.completion_tokens),
        ]
        extra = {
            "answered from the cache for nothing": self.cached,
            "tried again": self.retried,
            "failed": self.failed,
            "with estimated tokens, since the endpoint counts none": self.unmetered,
        }
        return ", ".join([*parts, *(f"{count:,} {what}" for what, count in extra.items() if count)])


def estimate(
    sample: Iterable[ChatRequest],
    calls: int,
    *,
    reply_tokens: int,
    prices: Prices | None = None,
) -> Estimate:
    """What a job will cost, judged by some of its requests.

    Args:
        sample: Requests as they will be sent; a few hundred, evenly taken, are enough.
        calls: How many there will be in all.
        reply_tokens: Tokens that an answer will have, about.
        prices: What the endpoint charges; without, tokens only.
    """
    prices = prices or Prices()
    sizes = [prompt_tokens(request) for request in sample]
    sent = round(calls * sum(sizes) / len(sizes)) if sizes else 0
    given = calls * reply_tokens
    sentence = (
        f"about {calls:,} calls, {sent:,} tokens sent and {given:,} answered, {prices.shown(sent, given)}. Assumed: "
        f"{CHARS_PER_TOKEN} characters a token, {reply_tokens} tokens an answer, no retries, nothing cached, no "
        "thinking aloud before the answer"
    )
    return Estimate(calls, sent, given, prices.cost(sent, given), sentence)


def prompt_tokens(request: ChatRequest) -> int:
    """Tokens of a request, about."""
    return sum(about_tokens(message.content) + _MESSAGE_TOKENS for message in request.messages)


def about_tokens(text: str) -> int:
    """Tokens of a text, about: four characters each, and one each in scripts written without spaces."""
    dense = 0 if text.isascii() else len(_DENSE.findall(text))
    return dense + -(-(len(text) - dense) // CHARS_PER_TOKEN)
