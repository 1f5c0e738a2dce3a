"""Which passages hold the words of a text: equal, contained, or most alike by word shingles.

Knows texts and their places in a list. Works block by block on hashes; what is kept is what the wanted texts ask for,
so memory is linear in them and not in the corpus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.wording import normalised, words

SHINGLE = 5
"""Words of a shingle; a character of a script without spaces is a word."""
POSTINGS = 48
"""Passages that are remembered of one shingle, the first ones: what more have in common tells nothing."""
KEPT = 16
"""Most passages that a text may be found in."""
_FEWEST = 3
_LEAST_PART = 0.05
"""A short passage within a long text, such as a line that stands everywhere, must be so much of it to count."""
_BLOCK = 512
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


class Match(NamedTuple):
    """A passage that shares shingles with a text.

    Attributes:
        place: The passage's place in the corpus.
        shared: Distinct shingles that both have.
        share: The same as a share of the shorter one's shingles; 1 where one contains the other.
        of_text: The same as a share of the text's.
    """

    place: int
    shared: int
    share: float
    of_text: float


def digest(text: str) -> bytes:
    """Equal for texts that differ in case, width, white space and closing punctuation only."""
    return hashlib.blake2b(normalised(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Codes(dict[str, int]):
    """Word → a number that is the same on every machine."""

    def __missing__(self, word: str) -> int:
        code = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        self[word] = code
        return code


class Shingler:
    """Texts → hashes of their word shingles; the same on every machine."""

    def __init__(self) -> None:
        self._codes = _Codes()

    def of(self, text: str) -> Hashes:
        """The distinct shingles of a text, sorted; none of one with fewer words than a shingle has."""
        found = words(text)
        if len(found) < SHINGLE:
            return np.empty(0, np.uint64)
        codes = np.fromiter(map(self._codes.__getitem__, found), np.uint64, len(found))
        rolled = np.zeros(len(codes) - SHINGLE + 1, np.uint64)
        for offset in range(SHINGLE):
            rolled = (rolled ^ codes[offset : offset + len(rolled)]) * _MIX
            rolled ^= rolled >> np.uint64(29)
        return np.unique(rolled)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The shingles of all wanted texts.

    Attributes:
        shingles: Distinct ones, sorted.
        starts: Where each one's texts begin in `texts`, (shingles + 1).
        texts: Numbers of the texts that have it.
        sizes: Shingles of each text.
    """

    shingles: Hashes
    starts: Places
    texts: Places
    sizes: Places


def alike(texts: Sequence[str], passages: Iterable[str], least: float) -> list[list[Match]]:
    """For each text the passages that are most like it, those with the most shared shingles first.

    Containment rather than resemblance decides (Broder 1997): a text that is a part of a passage, or a passage that is
    a part of a text, is found however much the longer one holds beside. Texts of fewer than five words are not looked
    for, since many passages would hold them. One pass over the passages; linear in both.

    Args:
        texts: What is looked for.
        passages: The corpus, in its order.
        least: Least share of the shorter one's shingles that must be shared, above 0 to 1.

    Returns:
        At most `KEPT` matches a text; ties by the shorter passage, then by its place.
    """
    shingler = Shingler()
    asked = _gathered(shingler.of(text) for text in texts)
    found: list[list[tuple[Match, int]]] = [[] for _ in texts]
    if not len(asked.shingles):
        return [[] for _ in texts]
    postings = np.zeros(len(asked.shingles), np.int64)
    stream = enumerate(passages)
    while block := list(islice(stream, _BLOCK)):
        first = block[0][0]
        for text, place, shared, size in _shared(asked, [shingler.of(passage) for _, passage in block], postings):
            whole = int(asked.sizes[text])
            share = shared / min(size, whole)
            if share >= least and shared >= min(whole, max(_FEWEST, _LEAST_PART * whole)):
                found[text].append((Match(first + place, shared, share, shared / whole), size))
                if len(found[text]) >= 4 * KEPT:
                    found[text] = _ranked(found[text])
    return [[match for match, _ in _ranked(one)] for one in found]


def _ranked(found: list[tuple[Match, int]]) -> list[tuple[Match, int]]:
    return sorted(found, key=lambda one: (-one[0].shared, one[1], one[0].place))[:KEPT]


def _gathered(sets: Iterable[Hashes]) -> _Asked:
    listed = list(sets)
    sizes = np.array([len(one) for one in listed], np.int64)
    flat = np.concatenate(listed) if listed else np.empty(0, np.uint64)
    order = np.argsort(flat, kind="stable")
    shingles, first = np.unique(flat[order], return_index=True)
    texts = np.repeat(np.arange(len(listed), dtype=np.int64), sizes)[order]
    return _Asked(shingles, np.append(first, len(flat)).astype(np.int64), texts, sizes)


def _shared(asked: _Asked, block: Sequence[Hashes], postings: Places) -> Iterator[tuple[int, int, int, int]]:
    """(text, place in the block, shared shingles, shingles of the passage), by text and place; counts `postings` up."""
    sizes = np.array([len(one) for one in block], np.int64)
    flat = np.concatenate(block)
    owners = np.repeat(np.arange(len(block), dtype=np.int64), sizes)
    at = np.minimum(np.searchsorted(asked.shingles, flat), len(asked.shingles) - 1)
    known = asked.shingles[at] == flat
    at, owners = at[known], owners[known]
    order = np.argsort(at, kind="stable")  # within a shingle passages keep their order, and the first ones stay
    at, owners = at[order], owners[order]
    rank = np.arange(len(at)) - np.searchsorted(at, at)
    room = postings[at] + rank < POSTINGS
    np.add.at(postings, at[room], 1)
    at, owners = at[room], owners[room]
    many = asked.starts[at + 1] - asked.starts[at]
    offsets = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    texts = asked.texts[np.repeat(asked.starts[at], many) + offsets]
    codes, counts = np.unique(texts * len(block) + np.repeat(owners, many), return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        text, place = divmod(code, len(block))
        yield text, place, count, int(sizes[place])


def share_of(one: Hashes, other: Hashes) -> float:
    """Shared shingles as a share of the shorter one's; 0 where one has none."""
    shorter = min(len(one), len(other))
    return len(np.intersect1d(one, other, assume_unique=True)) / shorter if shorter else 0.0


def equal_texts(passages: Iterable[str]) -> Mapping[bytes, tuple[int, ...]]:
    """Digest → places of the passages that have these words, in their order."""
    found: dict[bytes, tuple[int, ...]] = {}
    for place, text in enumerate(passages):
        key = digest(text)
        before = found.get(key, ())
        if len(before) < KEPT:
            found[key] = (*before, place)
    return found
