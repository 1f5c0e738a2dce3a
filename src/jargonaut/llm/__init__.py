"""Language models that are asked many things: an OpenAI-compatible endpoint, or the small one that is embedded.

Knows calls, faults, answers that were paid for, and what they cost. Knows nothing of what is asked.
"""

from jargonaut.llm.account import Account, Estimate, Prices, estimate
from jargonaut.llm.cache import AnswerCache
from jargonaut.llm.client import ChatClient
from jargonaut.llm.endpoint import EndpointOptions
from jargonaut.llm.patience import Effects

__all__ = ["Account", "AnswerCache", "ChatClient", "Effects", "EndpointOptions", "Estimate", "Prices", "estimate"]
