"""The language model of a workspace: the endpoint that the settings or the environment name, else the embedded one.

Knows where to look for one. What it is asked, and what becomes of its answers, is decided elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import replace

from jargonaut.errors import SettingsError
from jargonaut.layout import Layout
from jargonaut.llm import ChatClient
from jargonaut.llm.endpoint import EndpointOptions
from jargonaut.llm.local import LocalModel
from jargonaut.settings import Settings

BASE_URL, MODEL = "OPENAI_BASE_URL", "OPENAI_MODEL"
Writer = ChatClient | LocalModel


def endpoint(options: EndpointOptions) -> EndpointOptions:
    """The options with what they leave open taken from `OPENAI_BASE_URL` and `OPENAI_MODEL`.

    Without an address nothing is sent anywhere, whatever keys are set.
    """
    address = options.base_url or os.environ.get(BASE_URL) or None
    return replace(options, base_url=address, model=options.model or os.environ.get(MODEL) or None)


def open_writer(settings: Settings, layout: Layout, *, local: bool = False) -> Writer:
    """The language model that writes questions; nothing is asked yet.

    Args:
        settings: Sections `llm` and `local_llm`.
        layout: Where answers are kept.
        local: Whether the embedded model is wanted although there is an endpoint.

    Raises:
        SettingsError: An address without a model.
        InputError: The key cannot be one.
        ModelError: A package is missing, or the embedded model.
    """
    options = endpoint(settings.llm)
    if local or options.base_url is None:
        return LocalModel(settings.local_llm, layout.replies)
    return ChatClient(options, os.environ.get(options.key_env, ""), layout.replies)


def open_judge(settings: Settings, layout: Layout, where: str = "[curate] judge") -> ChatClient:
    """The language model that judges pairs, which must be an endpoint: the embedded one cannot judge.

    Args:
        settings: Section `llm`.
        layout: Where answers are kept.
        where: The setting that wants a judge.

    Raises:
        SettingsError: There is no endpoint.
        InputError: The key cannot be one.
        ModelError: A package is missing.
    """
    options = endpoint(settings.llm)
    if options.base_url is None:
        raise SettingsError(
            "a judge is wanted, and there is no endpoint to ask", where=where,
            remedy=f"set [llm] base_url and model, or {BASE_URL} and {MODEL}",
        )  # fmt: skip
    return ChatClient(options, os.environ.get(options.key_env, ""), layout.replies)
