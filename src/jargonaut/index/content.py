"""What a collection holds, as one hash, however its passages are ordered.

Knows ids and hashes of passages. Equal contents give equal digests whether they were built at once or brought up to
date step by step, so a digest says whether two collections, or a collection and the documents, agree.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from jargonaut.index.store import Collection
from jargonaut.records import IndexContent, Passage

Item_co = TypeVar("Item_co", covariant=True)

_MODULUS = 1 << 256


class Many(Protocol[Item_co]):
    """Things that can be counted, and gone through more than once: a list, or the lines of a file."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Item_co]: ...


def content_key(passage: Passage, content: str) -> str:
    """The hash that a collection keeps of a passage: another one means that it, or what is embedded for it, changed."""
    p = passage
    fields = [p.id, p.text, p.title, p.headings, p.document_id, p.start, p.end, content]
    return hashlib.blake2b(json.dumps(fields, ensure_ascii=True).encode(), digest_size=16).hexdigest()


class Digest:
    """The digest of passages that are added one by one, in any order.

    The sum, modulo 2²⁵⁶, of a hash of each (Bellare and Micciancio 1997): nothing has to be sorted or held.
    """

    def __init__(self) -> None:
        self._sum = 0
        self._count = 0

    def add(self, id_: str, key: str) -> None:
        """Counts one passage in."""
        self._sum += int.from_bytes(_row(id_, key, 32), "big")
        self._count += 1

    @property
    def content(self) -> IndexContent:
        """Digest and count so far."""
        whole = (self._sum % _MODULUS).to_bytes(32, "big") + self._count.to_bytes(8, "big")
        return IndexContent(hashlib.blake2b(whole, digest_size=16).hexdigest(), self._count)


class Sample:
    """Some of many ids, the same ones in whatever order they come: those whose seeded hash is lowest.

    Args:
        size: How many.
        seed: Chooses others.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._lowest: list[tuple[int, str, str]] = []

    def add(self, id_: str, key: str) -> None:
        """Looks at one id."""
        row = (-int.from_bytes(_row(id_, str(self._seed), 8), "big"), id_, key)
        if len(self._lowest) < self._size:
            heapq.heappush(self._lowest, row)
        else:
            heapq.heappushpop(self._lowest, row)

    @property
    def rows(self) -> dict[str, str]:
        """Id → hash of those chosen so far, in an order that depends on nothing else."""
        return {id_: key for _, id_, key in sorted(self._lowest)}


def content_of(collection: Collection) -> IndexContent:
    """What a collection holds now, by the hashes that it keeps; reads no text and no vector."""
    digest = Digest()
    for block in collection.hashes():
        for id_, key in block.items():
            digest.add(id_, key)
    return digest.content


def content_of_passages(passages: Iterable[Passage], contents: Iterable[str]) -> IndexContent:
    """What a collection of these passages would hold.

    Args:
        passages: In any order.
        contents: The words that are embedded for each.
    """
    digest = Digest()
    for passage, content in zip(passages, contents, strict=True):
        digest.add(passage.id, content_key(passage, content))
    return digest.content


class RowSet:
    """Which (id, hash) pairs were seen, in 8 bytes each.

    Two of a million pairs are mistaken for each other once in 40 million times; whoever acts on that counts again.
    """

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        short = (int.from_bytes(_row(id_, key, 8), "big") for id_, key in rows)
        self._sorted: NDArray[np.uint64] = np.sort(np.fromiter(short, dtype=np.uint64))

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, row: tuple[str, str]) -> bool:
        wanted = np.uint64(int.from_bytes(_row(*row, 8), "big"))
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def repeated_id(passages: Iterable[Passage]) -> str | None:
    """An id that two passages share; None when there is none. Takes 8 bytes for each passage."""
    short = np.fromiter((_short(p.id) for p in passages), dtype=np.uint64)
    ordered = np.sort(short)
    suspects = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    seen: set[str] = set()
    for passage in passages if suspects else ():
        if _short(passage.id) in suspects:
            if passage.id in seen:
                return passage.id
            seen.add(passage.id)
    return None


def _short(id_: str) -> int:
    return int.from_bytes(_row(id_, "", 8), "big")


def _row(id_: str, key: str, size: int) -> bytes:
    text = json.dumps([id_, key], ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=size).digest()
