"""Many questions to one OpenAI-compatible endpoint at once, each answer paid for once.

Knows what belongs together: endpoint, key, cache, account. The work is done by a `Session`. Reads no environment, and
knows nothing of what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from jargonaut.llm.account import Account
from jargonaut.llm.cache import AnswerCache
from jargonaut.llm.dialect import Dialect
from jargonaut.llm.endpoint import EndpointOptions, model_identity, open_sdk, require_endpoint, require_sdk, usable_key
from jargonaut.llm.patience import Effects
from jargonaut.llm.session import Learnt, Session
from jargonaut.protocols import ChatReply, ChatRequest


class ChatClient:
    """A `QueryWriter` over HTTP.

    Args:
        options: The endpoint; `base_url` and `model` are set.
        key: The secret; empty for a server that wants none.
        cache: File of the answers that were paid for.
        effects: Clock, sleep and chance.

    Raises:
        SettingsError: `base_url` or `model` is not set.
        InputError: The key cannot be one.
        ModelError: The `openai` package is not installed.
    """

    def __init__(self, options: EndpointOptions, key: str, cache: Path, effects: Effects | None = None) -> None:
        require_endpoint(options)
        require_sdk()
        self.options = options
        self._key = usable_key(key, options)
        self._cache = AnswerCache(cache)
        self._effects = effects or Effects()
        self._learnt = Learnt()

    @property
    def name(self) -> str:
        """The model's name at its endpoint."""
        return self.options.model or ""

    @property
    def identity(self) -> str:
        """What tells it from every other model: its name and its endpoint's address."""
        return model_identity(self.options)

    @property
    def account(self) -> Account:
        """What the calls of this object have cost so far."""
        return self._learnt.account

    @property
    def dialect(self) -> Dialect:
        """How the endpoint wants its requests, as far as that is known."""
        return self._learnt.dialect

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """One reply for every request, in the order of arrival.

        Twice as many requests as `concurrency` are drawn ahead, whatever their number. An answer is in the cache before
        it is given out; one that is there already costs nothing. Equal requests are sent once.

        Raises:
            ModelError: The endpoint refuses the key, does not know the model, or is out of reach for too long. Calls
                that are on their way are waited for and kept.
            DamagedError: The cache is damaged.
            JargonautError: Another process pays for answers to this cache now.
        """
        session = Session(self.options, self._key, self._cache, self._learnt, open_sdk, self._effects)
        try:
            yield from session.replies(requests)
        finally:
            session.close()
