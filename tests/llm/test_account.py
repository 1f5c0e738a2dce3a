"""What calls cost, before and after."""

from __future__ import annotations

import pytest

from jargonaut.errors import SettingsError
from jargonaut.llm import Account, Prices, estimate
from jargonaut.llm.account import about_tokens
from jargonaut.llm.cache import Answer
from jargonaut.protocols import ChatRequest, Message

REQUEST = ChatRequest("k", (Message("user", "a" * 396),))


def test_an_estimate_is_scaled_up_from_a_sample() -> None:
    """Ten requests of a hundred tokens stand for a thousand calls, and what was assumed is said."""
    made = estimate([REQUEST] * 10, 1000, reply_tokens=80, prices=Prices(0.5, 2.0))
    assert (made.calls, made.prompt_tokens, made.completion_tokens) == (1000, 103_000, 80_000)
    assert made.cost == pytest.approx(0.103 * 0.5 + 0.08 * 2)
    for part in ("1,000 calls", "0.21 USD", "4 characters a token", "80 tokens an answer", "no retries"):
        assert part in made.sentence


def test_without_prices_only_tokens_are_told() -> None:
    """No price list is assumed; half a price list is none."""
    made = estimate([REQUEST], 10, reply_tokens=80)
    assert made.cost is None
    assert "no prices given" in made.sentence
    assert Prices(input_per_million=1.0).cost(10, 10) is None
    assert Prices(0.0, 0.0).cost(10, 10) == 0


def test_no_calls_cost_nothing() -> None:
    """An empty plan is estimated too."""
    assert estimate([], 0, reply_tokens=80, prices=Prices(1, 1)).cost == 0


def test_scripts_without_spaces_have_more_tokens() -> None:
    """A character each, where four Latin ones are one."""
    assert about_tokens("冷却水を") == 4
    assert about_tokens("cold") == 1
    assert about_tokens("") == 0


def test_the_account_says_what_happened() -> None:
    """Calls, tokens and cost always; the rest where it is not nothing."""
    account = Account(cached=3).with_call(REQUEST, Answer("x", True, 1000, 50)).with_call(REQUEST, Answer("y", True))
    words = account.sentence(Prices(1.0, 1.0, "EUR"))
    assert (account.calls, account.prompt_tokens, account.completion_tokens, account.unmetered) == (2, 1103, 51, 1)
    for part in ("2 calls", "1,103 tokens sent", "0.00 EUR", "3 answered from the cache", "1 with estimated tokens"):
        assert part in words
    assert "failed" not in words


@pytest.mark.parametrize("price", [-1.0, float("inf"), float("nan")])
def test_prices_out_of_their_limits_are_refused(price: float) -> None:
    """A price is a number from 0."""
    with pytest.raises(SettingsError, match="input_per_million"):
        Prices(input_per_million=price)
