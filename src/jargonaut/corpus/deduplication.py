"""Which passages say the same: exactly, or nearly by the Jaccard similarity of their word shingles.

Candidates come from MinHash with locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998) and are then verified
on the shingles themselves, so that no estimate decides. Knows texts and ids, nothing of documents or files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH

from jargonaut.records import Passage

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_MAX_INDEXED = 32
"""Members of one group that can be found; more would make a thousand variants of one template quadratic."""
_MAX_CANDIDATES = 512
_ESTIMATE_SLACK = 0.15
"""A candidate whose estimate is this far below the threshold is not worth verifying (over three standard errors)."""


@dataclass(frozen=True, slots=True)
class DedupOptions:
    """What counts as nearly the same.

    Attributes:
        threshold: Least Jaccard similarity of two texts' sets of word shingles.
        shingle_words: Words in a shingle.
        min_words: Shorter texts are only compared exactly (white space and case aside).
        num_perm: Length of a MinHash signature.
        seed: Seed of its permutations.
    """

    threshold: float = 0.85
    shingle_words: int = 3
    min_words: int = 5
    num_perm: int = 128
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """Passages without repeats.

    Attributes:
        kept: The first of each, in order.
        duplicate_of: Id of a dropped passage → id of the kept one that it repeats.
        exact: How many were dropped as the same but for white space and case.
        near: How many were dropped as nearly the same.
    """

    kept: tuple[Passage, ...]
    duplicate_of: Mapping[str, str]
    exact: int
    near: int


def near_duplicates(ids_and_texts: Iterable[tuple[str, str]], options: DedupOptions | None = None) -> dict[str, str]:
    """Groups texts that are exactly or nearly the same, also by way of a third; nothing is dropped.

    Args:
        ids_and_texts: Ids are unique; the order decides which id names a group.
        options: What counts as nearly the same.

    Returns:
        Every id → the first id of its group (its own id where it stands alone).
    """
    items = list(ids_and_texts)
    first, finder = _exact(items), _Finder(options or DedupOptions())
    parent: dict[int, int] = {}  # positions; the smaller one is the parent

    def root(position: int) -> int:
        while (above := parent.get(position, position)) != position:
            parent[position] = parent.get(above, above)
            position = above
        return position

    for position, leader in enumerate(first):
        if leader != position:
            parent[position] = leader
            continue
        joined = root(position)
        for other in finder.similar(items[position][1], distinct=root):
            low, high = sorted((joined, root(other)))
            parent[high] = joined = low
        finder.add(position, group=joined)
    return {id_: items[root(position)][0] for position, (id_, _) in enumerate(items)}


def deduplicate(passages: Iterable[Passage], options: DedupOptions | None = None) -> Deduplicated:
    """Drops exact and near-duplicates, keeping the first; every dropped passage resembles the one that is kept.

    Args:
        passages: In the order that decides which is first.
        options: What counts as nearly the same.
    """
    items = list(passages)
    first, finder = _exact([(p.id, p.text) for p in items]), _Finder(options or DedupOptions())
    kept: list[Passage] = []
    stands_for: dict[int, int] = {}
    exact = near = 0
    for position, leader in enumerate(first):
        if leader != position:
            stands_for[position] = stands_for.get(leader, leader)
            exact += 1
            continue
        similar = finder.similar(items[position].text)
        if similar:
            stands_for[position] = min(similar)
            near += 1
        else:
            finder.add(position, group=position)
            kept.append(items[position])
    return Deduplicated(tuple(kept), {items[a].id: items[b].id for a, b in stands_for.items()}, exact, near)


class _Finder:
    """Finds earlier texts that resemble a text."""

    def __init__(self, options: DedupOptions) -> None:
        self._options = options
        self._lsh = RMinHashLSH(options.threshold, options.num_perm, _bands(options))
        self._signatures: dict[int, NDArray[np.uint32]] = {}
        self._shingles: dict[int, frozenset[str]] = {}
        self._indexed: dict[int, int] = {}
        self._latest: tuple[frozenset[str], RMinHash | None, NDArray[np.uint32]]

    def similar(self, text: str, distinct: object = None) -> list[int]:
        """Positions of earlier texts at or above the threshold; with `distinct`, at most one of each group.

        Args:
            text: The text; `add` after this call adds it.
            distinct: Function from position to group.
        """
        shingles = shingle(text, self._options)
        if not shingles:
            self._latest = (shingles, None, np.empty(0, np.uint32))
            return []
        sketch = RMinHash(self._options.num_perm, self._options.seed)
        sketch.update(list(shingles))
        signature = np.asarray(sketch.digest(), dtype=np.uint32)
        self._latest = (shingles, sketch, signature)
        found: list[int] = []
        groups: set[int] = set()
        for other in self._promising(sketch, signature):
            group = distinct(other) if callable(distinct) else other
            if group not in groups and jaccard(shingles, self._shingles[other]) >= self._options.threshold:
                groups.add(group)
                found.append(other)
        return found

    def add(self, position: int, *, group: int) -> None:
        """Makes the text of the last `similar` call findable, unless its group is well represented."""
        shingles, sketch, signature = self._latest
        count = self._indexed.get(group, 0)
        if sketch is None or count >= _MAX_INDEXED:
            return
        self._indexed[group] = count + 1
        self._lsh.insert(position, sketch)
        self._signatures[position] = signature
        self._shingles[position] = shingles

    def _promising(self, sketch: RMinHash, signature: NDArray[np.uint32]) -> list[int]:
        candidates = sorted(set(self._lsh.query(sketch)))
        if not candidates:
            return []
        stored = np.stack([self._signatures[c] for c in candidates])
        estimates = (stored == signature).mean(axis=1)
        best = np.argsort(-estimates, kind="stable")[:_MAX_CANDIDATES]
        least = self._options.threshold - _ESTIMATE_SLACK
        return [candidates[i] for i in best if estimates[i] >= least]


def shingle(text: str, options: DedupOptions) -> frozenset[str]:
    """The set of word n-grams of a text; empty for one that is too short to compare so."""
    words = _WORD.findall(text.casefold())
    if len(words) < options.min_words:
        return frozenset()
    size = options.shingle_words
    return frozenset(" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """|a ∩ b| / |a ∪ b|; 0 for two empty sets."""
    shared = len(a & b)
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0


def _exact(items: list[tuple[str, str]]) -> list[int]:
    """For each item the position of the first with the same words, white space and case aside."""
    seen: dict[str, int] = {}
    return [seen.setdefault(" ".join(text.casefold().split()), i) for i, (_, text) in enumerate(items)]


def _bands(options: DedupOptions) -> int:
    """The fewest bands with which a pair at the threshold is found with probability 0.97 or more."""
    for bands in range(1, options.num_perm + 1):
        rows, left_over = divmod(options.num_perm, bands)
        if not left_over and 1 - (1 - options.threshold**rows) ** bands >= 0.97:
            return bands
    return options.num_perm
