"""What is asked of a database that is to hold collections: the few plain operations that no rule can be made of.

A new store is one `Engine`. The rules (fingerprints, finished or not, filters, retries) are in `engine_store.py`, once
for all. Knows how a collection is named and remembered in a foreign database; knows no database.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jargonaut.databases import database, transaction
from jargonaut.errors import JargonautError
from jargonaut.index.store import CollectionInfo, Filter, Quantisation, StoreUnavailableError
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

STATE = "jargonaut"
"""The key under which a database keeps what is known of a collection, where it has keys."""
_LOCKED_AT_MOST = 7 * 24 * 3600.0
_POINTS = uuid.UUID("6f0c9f5e-3a0b-5d51-9b1f-5b6c2f0f8a11")  # any fixed one: the same passage is the same point


@dataclass(frozen=True, slots=True)
class Row:
    """What a database holds for a passage; `vector` is None where it was not asked for."""

    passage: Passage
    hash: str
    vector: NDArray[np.float32] | None

    @property
    def stored(self) -> NDArray[np.float32]:
        """The vector of a row that must have one.

        Raises:
            ValueError: It was not asked for.
        """
        if self.vector is None:
            raise ValueError(f"the row of {self.passage.id!r} was read without its vector")
        return self.vector


class Engine(Protocol):
    """One database. Names are `native_name`s; whatever its client raises is let through, `errors` translates it."""

    @property
    def location(self) -> str:
        """Where it is, without secrets."""

    @property
    def quantisations(self) -> frozenset[Quantisation]:
        """The number formats that it has."""

    @property
    def native_aliases(self) -> bool:
        """Whether it has second names for collections."""

    @property
    def writes_at_once(self) -> int:
        """Rows that it takes in one request."""

    def errors(self) -> AbstractContextManager[None]:
        """Turns what its client raises into a StoreUnavailableError."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Held by one process at a time, and by none that was killed."""

    def states(self) -> dict[str, str]:
        """Native name → state of every collection that is ours."""

    def state(self, native: str) -> str | None:
        """The state of one; None when there is no such collection."""

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A new, empty collection; an error when there is one."""

    def set_state(self, native: str, state: str) -> None:
        """Exchanges a collection's state, in one step."""

    def remove(self, native: str) -> None:
        """Removes a collection that is there."""

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """Whatever must be built or waited for before a filled collection is searched."""

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """Adds or replaces rows, and returns when they can be read; all have vectors."""

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """Removes the rows of these passages."""

    def count(self, native: str) -> int:
        """How many rows there are."""

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]] | None:
        """The `k` of the greatest dot products of every row; None where it cannot do this exactly."""

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """The rows of these passages, in any order."""

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows, at most `block` at a time. Rows may be written and deleted while this goes on."""

    def alias(self, name: str) -> str | None:
        """The native name that a second name stands for."""

    def set_alias(self, name: str, native: str) -> None:
        """Lets a second name stand for a collection, in one step."""

    def drop_alias(self, name: str) -> None:
        """Forgets a second name that is there."""


def native_name(prefix: str, name: str) -> str:
    """A collection's name as every database accepts it: at most 43 of a to z, 0 to 9 and `_`, a letter first."""
    readable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:10].strip("_") or "c"
    return f"{prefix}_{readable}_{hashlib.blake2b(name.encode(), digest_size=5).hexdigest()}"


def state_of(info: CollectionInfo) -> str:
    """What a database remembers of a collection, as JSON."""
    return json.dumps({**asdict(info), "meta": dict(info.meta)}, ensure_ascii=True, sort_keys=True)


def info_from(state: str) -> CollectionInfo:
    """The reverse of `state_of`."""
    return CollectionInfo(**json.loads(state))


def point_id(passage_id: str) -> str:
    """A passage's id where only UUIDs are taken."""
    return str(uuid.uuid5(_POINTS, passage_id))


def payload_of(row: Row) -> dict[str, Any]:
    """A passage as flat fields of text and whole numbers, which every database can hold and filter by."""
    p = row.passage
    return {
        "id": p.id,
        "text": p.text,
        "title": p.title,
        "headings": json.dumps(p.headings, ensure_ascii=False),
        "document_id": p.document_id,
        "start": p.start,
        "end": p.end,
        "hash": row.hash,
    }


def row_from(payload: Mapping[str, Any], vector: Any = None) -> Row:
    """The reverse of `payload_of`; numbers may have become floats on the way."""
    passage = Passage(
        payload["id"],
        payload["text"],
        payload["title"],
        tuple(json.loads(payload["headings"])),
        payload["document_id"],
        int(payload["start"]),
        int(payload["end"]),
    )
    return Row(passage, payload["hash"], None if vector is None else np.asarray(vector, dtype=np.float32))


@contextlib.contextmanager
def client_errors(location: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turns a client's own exceptions, and broken connections, into a StoreUnavailableError."""
    try:
        yield
    except JargonautError:
        raise
    except Exception as error:
        if not isinstance(error, (*kinds, OSError)):
            raise
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise StoreUnavailableError(reason, location) from error


class WithoutAliases:
    """The part of an `Engine` whose database has no second names for collections."""

    native_aliases = False

    def alias(self, name: str) -> str | None:
        """None: there is no second name."""
        del name
        return None

    def set_alias(self, name: str, native: str) -> None:
        """Never asked for."""

    def drop_alias(self, name: str) -> None:
        """Never asked for."""


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Held by one process of this workspace at a time. SQLite's: the system frees it with the process."""
    with database(folder / "builders.db", (), patience=_LOCKED_AT_MOST) as connection, transaction(connection):
        yield


def missing_client(extra: str, error: ImportError) -> JargonautError:
    """The error for a store whose client is not installed."""
    return JargonautError(
        f"the store {extra} needs a package that is not installed ({error.name})",
        where="[index] store",
        remedy=f"pip install 'jargonaut[{extra}]'",
    )
