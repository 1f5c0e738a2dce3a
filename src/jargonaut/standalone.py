"""A registered version as a folder that sentence-transformers loads by itself, an adapter together with its base.

The registry keeps an adapter without its base, so that ten of them do not hold the same weights ten times. Knows the
registry and what a version's folder holds; uploads nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jargonaut.adapters import AdaptedEncoder, save_adapter
from jargonaut.adapters.stock import write_stock
from jargonaut.artifacts import atomic_folder
from jargonaut.encoders import version_encoder
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.local import LocalEncoder, load_model, quiet_libraries
from jargonaut.encoding.models import own_prompts
from jargonaut.encoding.remote import RemoteEncoder
from jargonaut.errors import InputError
from jargonaut.registry import ModelVersion, Registry
from jargonaut.registry.versions import model_files
from jargonaut.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class StandaloneModel:
    """A folder that was written.

    Attributes:
        folder: The folder.
        version: What is in it.
        whole: Whether it can be loaded by itself; False for an adapter over an endpoint, of which the map alone is
            written.
    """

    folder: Path
    version: str
    whole: bool


def export_model(registry: Registry, version: str, folder: Path, settings: Settings) -> StandaloneModel:
    """Writes a version as a folder.

    Args:
        registry: Knows it.
        version: Such as `v2`.
        folder: To write to: empty or not there yet.
        settings: Whether code in model folders may run.

    Raises:
        InputError: There is no such version, the folder holds something, or there are no files to write.
        MismatchError: The version's files are gone or are not what was registered.
    """
    known = registry.verify(version)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("this is not an empty folder", where=str(folder), remedy="name one that is not there yet")
    encoder = version_encoder(registry, known, settings) if known.has_vectors else None
    if isinstance(encoder, RemoteEncoder):
        raise InputError(f"{version} runs behind an endpoint, so there are no files of it", where=encoder.name)
    whole = True
    with atomic_folder(folder) as temporary:  # a killed export leaves nothing that the next call would refuse
        if isinstance(encoder, AdaptedEncoder):
            whole = _adapter(encoder, known, temporary, settings)
        elif isinstance(encoder, LocalEncoder) and not _says_all(encoder):
            _write(encoder, temporary, settings)
        else:
            _copy(known.path, temporary)
    return StandaloneModel(folder, version, whole)


def _copy(source: Path, folder: Path) -> None:
    for path in model_files(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _says_all(encoder: LocalEncoder) -> bool:
    """Whether the files alone give a version's vectors: prompts and token limit may come from settings instead."""
    folder = encoder.folder
    limits = encoder.own_limit in (None, folder.max_tokens)
    return limits and folder.normalised and (own_prompts(folder.path) or Prompts()) == folder.prompts


def _write(encoder: LocalEncoder, folder: Path, settings: Settings) -> None:
    """Writes a model with all that makes its vectors here."""
    from sentence_transformers.sentence_transformer.modules import Normalize

    model = _loaded(encoder, settings)
    if not encoder.folder.normalised:
        model.append(Normalize())
    with quiet_libraries():
        model.save_pretrained(str(folder), create_model_card=False)


def _loaded(encoder: LocalEncoder, settings: Settings) -> SentenceTransformer:
    """The model in fp32, with its prompts and its token limit."""
    import torch

    return load_model(
        encoder.folder, settings.compute, max_tokens=encoder.own_limit, dtype=torch.float32,
        trust_remote_code=settings.base.trust_remote_code,
    )  # fmt: skip


def _adapter(encoder: AdaptedEncoder, version: ModelVersion, folder: Path, settings: Settings) -> bool:
    """Writes an adapter on its base, or alone where the base cannot be written; whether it is whole."""
    base = encoder.base
    if isinstance(base, RemoteEncoder):
        save_adapter(encoder.adapter, folder)
        return False
    if not isinstance(base, LocalEncoder):
        raise InputError(f"{version.version} is an adapter on an adapter", where=version.name,
                         remedy="train one on the model beneath: `jargonaut train --adapter --over`")  # fmt: skip
    write_stock(encoder.adapter, _loaded(base, settings), folder)
    return True
