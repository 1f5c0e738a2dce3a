"""Which of many sets resemble each other enough to be compared: MinHash signatures, hashed bands, bounded windows.

Candidates come from locality-sensitive hashing of MinHash signatures (Broder 1997; Indyk and Motwani 1998). Where a
bucket is crowded, as in a corpus whose passages share a template, its members are ordered by the signature that follows
the band, so that those with the longest common prefix are neighbours (LSH forest, Bawa, Condie and Ganesan 2005), and
each looks at its nearest neighbours only. So the work grows with the number of sets, not with its square. Knows sets of
strings, nothing of texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

WINDOW = 8
"""Neighbours on either side that a set looks at in the order of one band."""
MAX_CANDIDATES = 16
"""Most earlier sets that are candidates of one set."""
_FOUND = 0.99
"""Least probability with which a pair at the threshold shares a bucket."""
_ESTIMATE_SLACK = 0.12
"""A pair whose estimate is this far below the threshold is not worth comparing (over three standard errors)."""
_PREFIX = 32
"""Values of a signature by which a crowded bucket is ordered."""
_BLOCK = 1024
_PAIRS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class Sketches:
    """Sets of strings as hashes and signatures.

    Memory is 4 × `num_perm` bytes a set (512 at 128) and 4 bytes an element; a passage of 900 characters with its 140
    word shingles takes 1.1 kB.

    Attributes:
        hashes: 32-bit hashes of the elements, set after set, each set's sorted and distinct.
        starts: Where each set's begin and the last one's end, (sets + 1).
        signatures: MinHash signatures, (sets, num_perm); all zero for an empty set.
    """

    hashes: NDArray[np.uint32]
    starts: NDArray[np.int64]
    signatures: NDArray[np.uint32]

    @classmethod
    def of(cls, sets: Iterable[Collection[str]], num_perm: int, seed: int) -> Sketches:
        """Sketches sets as they come; they are not kept.

        Args:
            sets: Sets of strings.
            num_perm: Length of a signature.
            seed: Seed of its permutations.
        """
        hashes, signatures, lengths = array("I"), array("I"), [0]
        stream = iter(sets)
        while block := list(islice(stream, _BLOCK)):
            tokens = [np.array(each, dtype=np.uint64) for each in RMinHash.hash_token_sets(block)]
            sizes = np.array([len(each) for each in tokens])
            flat = np.concatenate(tokens)
            offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
            digests = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, num_perm, seed)
            rows = np.array(digests.to_rows(), dtype=np.uint32)
            rows[sizes == 0] = 0
            signatures.frombytes(rows.tobytes())
            coded = np.repeat(np.arange(len(block), dtype=np.uint64) << 32, sizes) | (flat & 0xFFFFFFFF)
            distinct = np.unique(coded)
            hashes.frombytes(distinct.astype(np.uint32).tobytes())
            lengths.extend(np.bincount((distinct >> 32).astype(np.int64), minlength=len(block)).tolist())
        return cls(
            np.frombuffer(hashes, np.uint32),
            np.cumsum(lengths, dtype=np.int64),
            np.frombuffer(signatures, np.uint32).reshape(-1, num_perm),
        )

    def jaccard(self, a: int, b: int) -> float:
        """|a ∩ b| / |a ∪ b| of two sets by their elements' hashes; 0 where one is empty."""
        one = self.hashes[self.starts[a] : self.starts[a + 1]]
        other = self.hashes[self.starts[b] : self.starts[b + 1]]
        if not len(one) or not len(other):
            return 0.0
        places = np.minimum(np.searchsorted(one, other), len(one) - 1)
        shared = int(np.count_nonzero(one[places] == other))
        return shared / (len(one) + len(other) - shared)


@dataclass(frozen=True, slots=True)
class Candidates:
    """For each set the earlier ones that may resemble it.

    Memory is 8 bytes a set and 8 a candidate, at most 136 a set; while they are searched for, about 1.5 kB a set more.

    Attributes:
        compared: Pairs whose signatures were compared, at most `WINDOW` a set and band.
    """

    compared: int
    _starts: NDArray[np.int64]
    _earlier: NDArray[np.int64]

    def __len__(self) -> int:
        """Candidate pairs."""
        return len(self._earlier)

    def of(self, position: int) -> list[int]:
        """Earlier sets, the most similar by estimate first; at most `MAX_CANDIDATES`."""
        found: list[int] = self._earlier[self._starts[position] : self._starts[position + 1]].tolist()
        return found


def candidates(sketches: Sketches, threshold: float) -> Candidates:
    """Pairs of sets that are worth comparing.

    A pair at the threshold is found with a probability of 0.99 where buckets are not crowded. In a template's crowd it
    is found by what it shares beside the template: the more it lies above the threshold, the more surely.

    Args:
        sketches: The sets; empty ones are candidates of none.
        threshold: Least Jaccard similarity that is looked for.
    """
    signatures = sketches.signatures
    count, num_perm = signatures.shape
    filled = np.flatnonzero(np.diff(sketches.starts))
    low = signatures.astype(np.uint8)  # equal by chance in 1 of 256 (Li and König 2010), which only adds candidates
    least = max(0, int(np.ceil((threshold - _ESTIMATE_SLACK) * num_perm)))
    best = np.empty(0, np.int64)  # (later, values that differ, earlier) in one number, so that sorting ranks
    compared = 0
    for band in _bands(threshold, num_perm):
        fresh = [best]
        for a, b in _neighbours(signatures, filled, band):
            compared += len(a)
            equal = (low[a] == low[b]).sum(axis=1, dtype=np.int64)
            near = equal >= least
            earlier, later = np.minimum(a[near], b[near]), np.maximum(a[near], b[near])
            fresh.append((later * (num_perm + 1) + num_perm - equal[near]) * count + earlier)
        best = _best(np.unique(np.concatenate(fresh)), (num_perm + 1) * count)
    starts = np.searchsorted(best, np.arange(count + 1) * ((num_perm + 1) * count))
    return Candidates(compared, starts.astype(np.int64), best % max(1, count))


def _best(codes: NDArray[np.int64], unit: int) -> NDArray[np.int64]:
    """The first `MAX_CANDIDATES` of each run of codes // unit, which are sorted."""
    if not len(codes):
        return codes
    later = codes // unit
    return codes[np.arange(len(codes)) - np.searchsorted(later, later) < MAX_CANDIDATES]


def _bands(threshold: float, num_perm: int) -> list[slice]:
    """The widest bands, which let the fewest others in, with which a pair at the threshold is found."""
    for rows in range(num_perm, 0, -1):
        if 1 - (1 - threshold**rows) ** (num_perm // rows) >= _FOUND:
            break
    return [slice(start, start + rows) for start in range(0, num_perm - rows + 1, rows)]


def _neighbours(
    signatures: NDArray[np.uint32], filled: NDArray[np.int64], band: slice
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of one bucket that are at most `WINDOW` apart in its order, block by block."""
    keys = _keys(signatures, band)[filled]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    crowded = np.zeros(len(order), dtype=bool)
    full = ordered[WINDOW + 1 :] == ordered[: -WINDOW - 1]
    for offset in range(WINDOW + 2):
        crowded[offset : offset + len(full)] |= full
    if crowded.any():
        members = order[crowded]
        columns = np.arange(band.start, band.start + min(_PREFIX, signatures.shape[1])) % signatures.shape[1]
        prefixes = np.ascontiguousarray(signatures[np.ix_(filled[members], columns)])
        members = members[np.argsort(prefixes.view(f"V{4 * len(columns)}").ravel(), kind="stable")]
        order[crowded] = members[np.argsort(keys[members], kind="stable")]
    sets = filled[order]
    for lag in range(1, WINDOW + 1):
        same = np.flatnonzero(ordered[lag:] == ordered[:-lag])
        for start in range(0, len(same), _PAIRS_AT_ONCE):
            at = same[start : start + _PAIRS_AT_ONCE]
            yield sets[at], sets[at + lag]


def _keys(signatures: NDArray[np.uint32], band: slice) -> NDArray[np.uint64]:
    """One 64-bit number for each signature's values in a band."""
    keys = np.zeros(len(signatures), dtype=np.uint64)
    for column in range(band.start, band.stop):
        keys = (keys ^ signatures[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
