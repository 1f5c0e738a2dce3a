"""The models of a workspace as encoders: the settings' base model, a registered version, or any other by its name.

Knows settings, layout and registry, and what a version's folder holds: a model, an adapter on top of another version,
or the name of a model behind an endpoint. What is encoded with them is not its business.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from jargonaut.adapters import AdaptedEncoder, SpaceEncoder, load_adapter
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import ModelFolder, find_model
from jargonaut.encoding.remote import RemoteEncoder
from jargonaut.encoding.remote_models import RemoteModel, is_remote, read_remote
from jargonaut.errors import InputError, MismatchError, ModelError
from jargonaut.layout import Layout
from jargonaut.protocols import Encoder, Reporter
from jargonaut.registry import ModelVersion, Registry
from jargonaut.settings import Settings

VersionEncoder: TypeAlias = LocalEncoder | RemoteEncoder | AdaptedEncoder
"""What a registered version encodes with; it remembers nothing."""


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


def version_encoder(registry: Registry, version: ModelVersion, settings: Settings) -> VersionEncoder:
    """A registered version, with the prompts and the token limit that it was made with.

    Raises:
        MismatchError: Its files are gone or are not what was registered, or an adapter's base is another than it was
            fitted on.
        ModelError: An adapter's files cannot be read.
        InputError: It is a reranker.
    """
    version.require_vectors()
    if not version.path.is_dir():
        registry.verify(version.version)  # which says what is gone
    if version.kind == "adapter":
        return _adapted(registry, version, settings)
    if is_remote(version.path):
        return remote_encoder(read_remote(version.path), settings, dimension=version.dimension)
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


def _adapted(registry: Registry, version: ModelVersion, settings: Settings) -> AdaptedEncoder:
    """An adapter on its base, which is another registered version."""
    try:
        adapter = load_adapter(version.path)
    except ModelError:
        registry.verify(version.version)
        raise
    try:
        base = registry.get(version.base)
    except InputError as error:
        raise MismatchError(
            f"{version.version} is an adapter on {version.base} (encoder {adapter.base}), which is not registered here",
            remedy="register that base again: run with it, or train the adapter anew",
        ) from error
    encoder = AdaptedEncoder(version_encoder(registry, base, settings), adapter, version.name)
    if encoder.fingerprint != version.fingerprint:
        registry.verify(version.version)
        raise MismatchError(
            f"version {version.version} was registered as encoder {version.fingerprint}, its files and its base make "
            f"{encoder.fingerprint}", where=str(version.path), remedy="train the adapter again",
        )  # fmt: skip
    return encoder


def remote_encoder(model: RemoteModel, settings: Settings, *, dimension: int | None = None) -> RemoteEncoder:
    """A model behind an endpoint, with the key that the environment holds, and with its dimension where that is known.

    Raises:
        InputError: The key cannot be one.
    """
    given = replace(model, url=settings.remote.url(model.provider))
    known = given if given.server == model.server else model  # the settings' address may hold a password
    key = os.environ.get(settings.remote.key_env(model.provider), "")
    return RemoteEncoder(known, settings.remote, key, dimension=dimension)


def remembering(encoder: Encoder, vectors: Path, reporter: Reporter) -> CachedEncoder | AdaptedEncoder:
    """The same encoder over cached vectors; beneath an adapter the base's are cached, and mapping costs nothing."""
    if isinstance(encoder, CachedEncoder):
        return encoder
    if isinstance(encoder, AdaptedEncoder):
        return AdaptedEncoder(remembering(encoder.base, vectors, reporter), encoder.adapter, encoder.name)
    return CachedEncoder(encoder, vectors, reporter)


def uncached(encoder: Encoder) -> Encoder:
    """The encoder that computes, without a cache before it or beneath its adapter."""
    if isinstance(encoder, CachedEncoder):
        return encoder.encoder
    if isinstance(encoder, AdaptedEncoder) and isinstance(encoder.base, (CachedEncoder, AdaptedEncoder)):
        return AdaptedEncoder(uncached(encoder.base), encoder.adapter, encoder.name)
    return encoder


def endpoint_of(encoder: Encoder | None) -> RemoteEncoder | None:
    """The endpoint that an encoder asks in the end, if it does."""
    while isinstance(encoder, (CachedEncoder, AdaptedEncoder)):
        encoder = encoder.encoder if isinstance(encoder, CachedEncoder) else encoder.base
    return encoder if isinstance(encoder, RemoteEncoder) else None


def paid(endpoint: RemoteEncoder, settings: Settings) -> str:
    """What was sent to an endpoint, and its price where that is known."""
    price = settings.remote.price(endpoint.model.provider)
    money = "price not known" if price is None else f"{endpoint.tokens * price / 1e6:,.4f} {settings.prices.currency}"
    return f"{endpoint.tokens:,} tokens were sent now ({money})"


def account(encoder: Encoder | None, settings: Settings) -> str:
    """What the endpoint behind an encoder was sent; empty where there is none, or nothing was."""
    endpoint = endpoint_of(encoder)
    return paid(endpoint, settings) if endpoint is not None and endpoint.tokens else ""


def searching(encoder: Encoder) -> Encoder:
    """An encoder as the index that it searches knows it: a query adapter under its base's fingerprint."""
    return SpaceEncoder(encoder) if isinstance(encoder, AdaptedEncoder) and encoder.space else encoder


def named_encoder(name: str | None, settings: Settings, layout: Layout) -> VersionEncoder:
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
