"""Other base models side by side: by name, folder, registered version or endpoint, each at one or more dimensions.

Knows how a candidate is written and which encoder that means. Vectors of all of them are cached in the workspace, and
an endpoint's after every request, so that nothing is paid twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jargonaut.encoders import VersionEncoder, named_encoder, remote_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.remote import RemoteOptions
from jargonaut.encoding.remote_models import PROVIDERS, Provider, RemoteModel
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter, Vectors
from jargonaut.settings import BaseOptions, Settings

_DIMS = re.compile(r"(.+)@(\d+(?:/\d+)*)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A base model to try.

    Attributes:
        written: As the user wrote it.
        name: Without dimensions.
        remote: What is asked for at an endpoint; None for a model that runs here.
        dims: Dimensions to measure, largest first; empty for the whole vectors.
    """

    written: str
    name: str
    remote: RemoteModel | None = None
    dims: tuple[int, ...] = ()


def parse_candidate(written: str, options: RemoteOptions, where: str = "[assess] candidates") -> Candidate:
    """Reads one candidate: `NAME`, `NAME@DIM/DIM`, `openai:MODEL`, `openai:ADDRESS#MODEL`, `cohere:…`, `voyage:…`.

    From an endpoint the largest of the dimensions is asked for, once; shorter vectors are cut from it, as the
    endpoints' own parameter does for models that were trained for it.

    Args:
        written: By the user.
        options: Addresses of the endpoints.
        where: The setting or flag that it was written in.

    Raises:
        InputError: It names nothing.
    """
    text = written.strip()
    name, dims = text, tuple[int, ...]()
    if not Path(text).expanduser().is_dir() and (found := _DIMS.fullmatch(text)):
        name, dims = found[1], tuple(sorted({int(dim) for dim in found[2].split("/")}, reverse=True))
    provider, colon, rest = name.partition(":")
    if not name or 0 in dims or (colon and provider in PROVIDERS and not rest.rpartition("#")[2].strip()):
        raise InputError(
            f"{written!r} names no candidate", where=where,
            remedy="give a hub id, a folder, a version such as v1, or openai:MODEL, cohere:MODEL, voyage:MODEL; each "
            "may end in @DIM or @DIM/DIM",
        )  # fmt: skip
    known: Provider | None = next((one for one in PROVIDERS if one == provider), None)
    if not colon or known is None:
        return Candidate(text, name, None, dims)
    address, _, model = rest.rpartition("#")
    remote = RemoteModel(known, model.strip(), address or options.url(known), dims[0] if dims else None)
    return Candidate(text, name, remote, dims)


def open_candidate(
    candidate: Candidate, settings: Settings, layout: Layout, reporter: Reporter
) -> tuple[CachedEncoder, VersionEncoder]:
    """The candidate as an encoder that remembers, and the one inside that does not.

    The base's own prompts and token limit are not taken over: they are the base's.

    Raises:
        ModelError: There is no such model.
        InputError: A key cannot be one.
    """
    if candidate.remote is None:
        base = BaseOptions(model=candidate.name, trust_remote_code=settings.base.trust_remote_code)
        inner: VersionEncoder = named_encoder(candidate.name, replace(settings, base=base), layout)
    else:
        inner = remote_encoder(candidate.remote, settings)
    return CachedEncoder(inner, layout.vectors, reporter), inner


def encoded(encoder: CachedEncoder, texts: Sequence[str], reporter: Reporter, *, at_once: int | None = None) -> Vectors:
    """Vectors of passages, kept in the cache after every `at_once` of them (all at once when None)."""
    if at_once is None:
        return encoder.encode_passages(texts)
    parts = [texts[start : start + at_once] for start in range(0, len(texts), at_once)]
    shown = reporter.track(parts, f"asking {encoder.name} for {len(texts):,} vectors", len(parts))
    found = [encoder.encode_passages(part) for part in shown]
    return np.concatenate(found) if found else np.zeros((0, encoder.dimension), np.float32)
