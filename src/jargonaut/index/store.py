"""What any vector store must do: collections that know their encoder and that are either finished or not there.

A collection carries its encoder's fingerprint. Opening it for another encoder is refused, because vectors of two models
look alike and mean nothing to each other. Knows no particular store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from jargonaut.errors import InputError, MismatchError
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection says of itself.

    Attributes:
        name: Its name in the store.
        fingerprint: Identity of the encoder whose vectors it holds.
        dimension: Length of one vector.
        meta: Anything else that its builder noted.
        complete: Whether building it was finished; only such a collection can be opened.
    """

    name: str
    fingerprint: str
    dimension: int
    meta: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False


class DamagedCollectionError(MismatchError):
    """A finished collection whose files are missing or cannot be trusted."""

    def __init__(self, name: str, reason: str, where: str) -> None:
        super().__init__(
            f"the collection {name!r} is damaged ({reason})",
            where=where,
            remedy="run `jargonaut run` again, which builds it anew",
        )


class Collection(Protocol):
    """One set of vectors with the passages that they stand for. Reading a damaged one is a DamagedCollectionError."""

    @property
    def info(self) -> CollectionInfo:
        """What it was created with."""

    def add(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Adds rows; `vectors` has shape (passages, dimension) and is normalised here."""

    def finish(self) -> None:
        """Declares the collection complete. Nothing is added after this."""

    def count(self) -> int:
        """How many passages it holds."""

    def search(self, vectors: Vectors, k: int) -> list[list[ScoredPassage]]:
        """The `k` nearest passages of every row by cosine similarity, best first, ties by passage id."""

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages themselves, to be shown; unknown ids are left out."""

    def check(self) -> None:
        """Reads every vector, and one passage.

        Raises:
            DamagedCollectionError: Something cannot be read.
        """


class VectorStore(Protocol):
    """A place that holds collections."""

    def collections(self) -> list[CollectionInfo]:
        """All collections by name, unfinished ones too."""

    def create(
        self, name: str, *, fingerprint: str, dimension: int, meta: Mapping[str, str] | None = None
    ) -> Collection:
        """A new, empty, unfinished collection; one of this name must not exist."""

    def open(self, name: str, fingerprint: str) -> Collection:
        """A finished collection of this encoder.

        Raises:
            InputError: There is no finished collection of this name.
            MismatchError: It was built with another encoder.
            DamagedCollectionError: What was finished is no longer there.
        """

    def drop(self, name: str) -> None:
        """Removes a collection, finished or not; no error when there is none."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Waits until no other process builds in this store. A killed process holds nothing."""


def check_encoder(info: CollectionInfo, fingerprint: str, where: str) -> None:
    """Refuses an encoder that did not build this collection.

    Raises:
        MismatchError: The fingerprints differ; the message shows both.
    """
    if info.fingerprint != fingerprint:
        raise MismatchError(
            f"the collection {info.name!r} was built with encoder {info.fingerprint}, the encoder in use is "
            f"{fingerprint}",
            where=where,
            remedy="search with the model that built it, or build an index for this model",
        )


def unknown_collection(name: str, known: Sequence[CollectionInfo], where: str) -> InputError:
    """The error for a name that cannot be opened; lists those that can."""
    names = [info.name for info in known if info.complete]
    if any(info.name == name for info in known):
        return InputError(
            f"the collection {name!r} was never finished, or is damaged",
            where=where,
            remedy="run `jargonaut run` again, which builds it anew",
        )
    return InputError(
        f"there is no collection {name!r}",
        where=where,
        remedy=f"known collections: {', '.join(names)}" if names else "build one first",
    )
