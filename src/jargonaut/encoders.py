"""The models of a workspace as encoders: the settings' base model, a registered version, or any other by its name.

Knows settings, layout and registry. What is encoded with them is not its business.
"""

from __future__ import annotations

from dataclasses import replace

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import ModelFolder, find_model
from jargonaut.errors import InputError, ModelError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.registry import ModelVersion, Registry
from jargonaut.settings import Settings


def base_model(settings: Settings) -> ModelFolder:
    """The base model that the settings name."""
    base = settings.base
    return find_model(
        base.model, query_prompt=base.query_prompt, passage_prompt=base.passage_prompt,
        trust_remote_code=base.trust_remote_code,
    )  # fmt: skip


def local_encoder(folder: ModelFolder, settings: Settings) -> LocalEncoder:
    """A model as the settings want it to encode."""
    return LocalEncoder(
        folder, settings.compute, max_tokens=settings.base.max_tokens,
        trust_remote_code=settings.base.trust_remote_code,
    )  # fmt: skip


def cached_encoder(folder: ModelFolder, settings: Settings, layout: Layout, reporter: Reporter) -> CachedEncoder:
    """A model that encodes every text of a workspace once."""
    return CachedEncoder(local_encoder(folder, settings), layout.vectors, reporter)


def version_encoder(registry: Registry, version: ModelVersion, settings: Settings) -> LocalEncoder:
    """A registered version, with the prompts and the token limit that it was made with.

    Raises:
        InputError: It is a reranker.
        MismatchError: Its files are gone or are not what was registered.
    """
    if version.kind == "reranker":
        raise InputError(f"version {version.version!r} is a reranker, which has no vectors",
                         remedy="name an encoder; `jargonaut models list` shows which is which")  # fmt: skip
    if not version.path.is_dir():
        registry.verify(version.version)  # which says what is gone
    try:
        folder = find_model(str(version.path), query_prompt=version.query_prompt, passage_prompt=version.passage_prompt)
    except ModelError:
        registry.verify(version.version)
        raise
    encoder = LocalEncoder(
        folder, settings.compute, max_tokens=version.max_tokens, trust_remote_code=settings.base.trust_remote_code
    )
    if encoder.fingerprint != version.fingerprint:
        registry.verify(version.version)
    return encoder


def named_encoder(name: str | None, settings: Settings, layout: Layout) -> LocalEncoder:
    """That of a registered version, or of a model of this name; of the settings' base model when None.

    Raises:
        ModelError: There is no such model.
        MismatchError: A version's files are gone or are not what was registered.
    """
    if name is not None and layout.registry.exists():
        registry = Registry(layout.registry, layout.models)
        for version in registry.list():
            if version.version == name:
                return version_encoder(registry, version, settings)
    base = settings.base if name is None else replace(settings.base, model=name)
    return local_encoder(base_model(replace(settings, base=base)), settings)
