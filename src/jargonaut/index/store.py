"""What any vector store must do: collections that know their encoder and that are either finished or not there.

A collection carries its encoder's fingerprint, its vectors' length and their number format. Opening it for another
encoder is refused, because vectors of two models look alike and mean nothing to each other. Knows no particular store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

Quantisation = Literal["float32", "float16", "int8", "binary"]
"""How an approximate search compares vectors: as they are, or rounded to 16, 8 or 1 bit per number."""
BLOCK = 4096
"""Rows read or written at a time where a caller does not say."""


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection says of itself.

    Attributes:
        name: Its name in the store.
        fingerprint: Identity of the encoder whose vectors it holds.
        dimension: Length of one vector.
        meta: Anything else that its builder noted.
        complete: Whether building it was finished; only such a collection can be opened.
        quantisation: How an approximate search compares its vectors.
        approximate: Whether a search may use an approximate index unless it says otherwise.
    """

    name: str
    fingerprint: str
    dimension: int
    meta: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False
    quantisation: Quantisation = "float32"
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Which passages a search may find: those that meet every condition that is set.

    Attributes:
        document_ids: The passage is from one of these documents (for a folder: their paths in it); empty for any.
        titles: Its title is one of these; empty for any.
        ids: It is one of these passages; empty for any.
    """

    document_ids: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """Field of the passage → values of which it must have one; only fields that are restricted."""
        wanted = {"document_id": self.document_ids, "title": self.titles, "id": self.ids}
        return {key: values for key, values in wanted.items() if values}

    def allows(self, passage: Passage) -> bool:
        """Whether a passage meets all conditions."""
        return all(getattr(passage, key) in values for key, values in self.conditions.items())


class DamagedCollectionError(MismatchError):
    """A finished collection whose files are missing or cannot be trusted."""

    def __init__(self, name: str, reason: str, where: str) -> None:
        super().__init__(
            f"the collection {name!r} is damaged ({reason})",
            where=where,
            remedy="run `jargonaut run` again, which builds it anew",
        )


class StoreUnavailableError(JargonautError):
    """The store did not answer, broke off, or refused; what was under way may be repeated safely."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(
            f"the vector store did not do what it was asked ({reason})",
            where=where,
            remedy="check that it runs, can be reached and has room; then repeat the command: nothing unfinished is "
            "used, and what was written already is written over",
        )


class Collection(Protocol):
    """One set of vectors with the passages that they stand for.

    Reading a damaged one is a DamagedCollectionError. A store that cannot be reached is a StoreUnavailableError. Before
    anything is searched or changed, the collection is asked whether it is still the one that was opened: it is a
    MismatchError, with both values, when its fingerprint or dimension changed.
    """

    @property
    def info(self) -> CollectionInfo:
        """What it was created with, and its notes."""

    def add(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds new passages to an unfinished collection; the fast way to fill one.

        Args:
            passages: Their ids are not in the collection yet; to repeat a call that failed, `upsert`.
            vectors: Shape (passages, dimension); normalised here.
            hashes: One per passage: changes when it must be embedded again. `passage_hash` when None.

        Raises:
            MismatchError: The collection is finished, or number, length or values of the vectors are wrong.
        """

    def upsert(self, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None = None) -> None:
        """Adds passages, or replaces those with the same ids; the collection may be finished. Repeating it is harmless.

        Where the store has transactions all of them are seen at once, otherwise one after the other, each whole.

        Args:
            passages: No two share an id.
            vectors: Shape (passages, dimension); normalised here.
            hashes: As for `add`.

        Raises:
            MismatchError: Number, length or values of the vectors are wrong.
            InputError: Two passages share an id.
        """

    def delete(self, ids: Sequence[str]) -> None:
        """Removes passages; ids that are not there are no error. The collection may be finished."""

    def annotate(self, meta: Mapping[str, str]) -> None:
        """Changes notes: those named are set, the others stay. The collection may be finished."""

    def finish(self) -> None:
        """Builds what a search needs and declares the collection complete. `add` is refused after this."""

    def count(self) -> int:
        """How many passages it holds."""

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, approximate: bool | None = None
    ) -> list[list[ScoredPassage]]:
        """The `k` nearest passages of every row by cosine similarity, best first, ties by passage id.

        Args:
            vectors: Shape (queries, dimension); normalised here.
            k: Hits per query; fewer come back where fewer passages may be found.
            where: Which passages may be found; all when None.
            approximate: False compares all vectors; True uses the store's index where there is one; None does what the
                collection was created for.

        Raises:
            MismatchError: The vectors are not of this collection's length, or not finite, or the collection changed
                its encoder.
        """

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages themselves, in the order of `ids`; unknown ids are left out."""

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Their vectors as stored, normalised, in the order of `ids`; unknown ids are left out."""

    def hashes(self, block: int = BLOCK) -> Iterator[dict[str, str]]:
        """Every passage's id → its hash, in no promised order, at most `block` at a time."""

    def check(self) -> None:
        """Reads every vector, and one passage.

        Raises:
            DamagedCollectionError: Something cannot be read.
        """


class VectorStore(Protocol):
    """A place that holds collections."""

    @property
    def location(self) -> str:
        """Where it is, for messages: a folder or an address without secrets."""

    @property
    def quantisations(self) -> frozenset[Quantisation]:
        """The number formats that it has."""

    @property
    def native_aliases(self) -> bool:
        """Whether it has second names for collections, that other programs can search by."""

    def collections(self) -> list[CollectionInfo]:
        """All collections by name, unfinished ones too."""

    def create(
        self,
        name: str,
        *,
        fingerprint: str,
        dimension: int,
        meta: Mapping[str, str] | None = None,
        quantisation: Quantisation = "float32",
        approximate: bool = False,
    ) -> Collection:
        """A new, empty, unfinished collection.

        Raises:
            InputError: One of this name exists, or the store does not have this quantisation.
        """

    def open(self, name: str, fingerprint: str) -> Collection:
        """A finished collection of this encoder.

        Raises:
            InputError: There is no finished collection of this name.
            MismatchError: It was built with another encoder.
            DamagedCollectionError: What was finished is no longer there.
        """

    def resume(self, name: str, fingerprint: str) -> Collection:
        """An unfinished collection of this encoder, to go on filling it.

        Raises:
            InputError: There is no unfinished collection of this name.
            MismatchError: It was begun with another encoder.
        """

    def drop(self, name: str) -> None:
        """Removes a collection, finished or not; no error when there is none."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Waits until no other process builds in or changes this store. A killed process holds nothing for long."""

    def alias(self, name: str) -> str | None:
        """The collection that a second name stands for; None where there is none, or the store has no such names."""

    def set_alias(self, name: str, collection: str) -> bool:
        """Lets a second name stand for a collection, in one step; the live pointer's copy for other programs.

        Returns:
            Whether it was set: False, and nothing is done, where the store has no such names.

        Raises:
            InputError: There is no finished collection of this name.
        """

    def drop_alias(self, name: str) -> None:
        """Forgets a second name; no error when there is none."""


def passage_hash(passage: Passage) -> str:
    """A hash of everything that a passage holds: another one means that it changed."""
    p = passage
    fields = [p.id, p.text, p.title, p.headings, p.document_id, p.start, p.end]
    return hashlib.blake2b(json.dumps(fields, ensure_ascii=True).encode(), digest_size=16).hexdigest()


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


def check_unchanged(opened: CollectionInfo, now: CollectionInfo | None, where: str) -> None:
    """Refuses to go on with a collection that is no longer the one that was opened.

    Raises:
        InputError: It is gone.
        MismatchError: It has another encoder or another dimension now, or is being built again; both are shown.
    """
    if now is None:
        raise InputError(
            f"the collection {opened.name!r} is gone", where=where, remedy="something else removed it; open another one"
        )
    check_encoder(now, opened.fingerprint, where)
    if now.dimension != opened.dimension:
        raise MismatchError(
            f"the collection {opened.name!r} holds {now.dimension}-d vectors now, {opened.dimension}-d ones when it "
            "was opened",
            where=where,
            remedy="something else built it anew; open it again",
        )
    if opened.complete and not now.complete:
        raise MismatchError(
            f"the collection {opened.name!r} was finished and is unfinished now",
            where=where,
            remedy="something else builds it anew; wait for it and open it again",
        )


def check_rows(
    info: CollectionInfo, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str] | None
) -> tuple[Vectors, list[str]]:
    """What is stored for passages: normalised vectors, and a hash each.

    Raises:
        MismatchError: Number, length or values of the vectors are wrong.
        InputError: Two passages share an id.
    """
    rows = normalised(info, vectors)
    if len(rows) != len(passages):
        raise MismatchError(f"{len(passages)} passages, {len(rows)} vectors", where=info.name)
    if hashes is not None and len(hashes) != len(passages):
        raise MismatchError(f"{len(passages)} passages, {len(hashes)} hashes", where=info.name)
    if len({p.id for p in passages}) != len(passages):
        raise InputError("two passages share an id, so a search could not tell them apart", where=info.name)
    return rows, [passage_hash(p) for p in passages] if hashes is None else list(hashes)


def check_unfinished(info: CollectionInfo) -> None:
    """Refuses to add to what is finished.

    Raises:
        MismatchError: The collection is complete.
    """
    if info.complete:
        raise MismatchError("a finished collection takes no more passages", where=info.name, remedy="upsert them")


def normalised(info: CollectionInfo, vectors: Vectors) -> Vectors:
    """Rows of length one.

    Raises:
        MismatchError: The vectors are not of this collection's length, or not finite.
    """
    if vectors.ndim != 2 or vectors.shape[1] != info.dimension:
        raise MismatchError(
            f"this collection holds {info.dimension}-d vectors, not ones of shape {vectors.shape}", where=info.name
        )
    if not np.isfinite(vectors).all():
        raise MismatchError("a vector holds values that are not finite", where=info.name)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def check_quantisation(store: VectorStore, quantisation: Quantisation) -> None:
    """Refuses a number format that the store does not have.

    Raises:
        InputError: It has others.
    """
    if quantisation not in store.quantisations:
        raise InputError(
            f"this store has no {quantisation} vectors",
            where=store.location,
            remedy=f"it has: {', '.join(sorted(store.quantisations))}",
        )


def best_first(hits: Sequence[ScoredPassage]) -> list[ScoredPassage]:
    """Hits by falling score, ties by passage id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))


def unknown_collection(name: str, known: Sequence[CollectionInfo], where: str, *, complete: bool = True) -> InputError:
    """The error for a name that cannot be opened, or resumed where `complete` is False; lists those that can."""
    names = [info.name for info in known if info.complete == complete]
    if any(info.name == name for info in known):
        return InputError(
            f"the collection {name!r} was never finished, or is damaged"
            if complete
            else f"the collection {name!r} is finished",
            where=where,
            remedy="run `jargonaut run` again, which builds it anew" if complete else "open it",
        )
    return InputError(
        f"there is no collection {name!r}",
        where=where,
        remedy=f"known collections: {', '.join(names)}" if names else "build one first",
    )
