"""The name of a model behind an endpoint, and how a registered version keeps it: as one small file.

Knows names and addresses; speaks to nobody, and never writes a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from jargonaut.artifacts import write_json
from jargonaut.errors import ModelError

Provider = Literal["openai", "cohere", "voyage"]
PROVIDERS: tuple[Provider, ...] = ("openai", "cohere", "voyage")

_FILE = "remote.json"


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model behind an endpoint.

    Attributes:
        provider: How it is spoken to.
        model: Its name there.
        url: Address of the endpoint.
        dimension: Length of vectors that is asked for; None takes what comes.
    """

    provider: Provider
    model: str
    url: str
    dimension: int | None = None

    @property
    def server(self) -> str:
        """The address without a password that may stand in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2].lower()).geturl().rstrip("/")


def is_remote(folder: Path) -> bool:
    """Whether a folder holds no model but the name of one."""
    return (folder / _FILE).is_file()


def write_remote(model: RemoteModel, folder: Path) -> None:
    """Writes the name of a model into a folder, without the password that its address may hold."""
    folder.mkdir(parents=True, exist_ok=True)
    said: Mapping[str, object] = {
        "provider": model.provider, "model": model.model, "url": model.server, "dimension": model.dimension,
    }  # fmt: skip
    write_json(folder / _FILE, said)


def read_remote(folder: Path) -> RemoteModel:
    """Reads what `write_remote` wrote.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        provider = next(one for one in PROVIDERS if one == said["provider"])
        asked = said["dimension"]
        return RemoteModel(provider, str(said["model"]), str(said["url"]), None if asked is None else int(asked))
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise ModelError("this file names no model behind an endpoint", where=str(folder / _FILE),
                         remedy="train the adapter again") from error  # fmt: skip
