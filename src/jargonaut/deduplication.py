"""Which passages say the same: exactly, or nearly by the Jaccard similarity of their word shingles.

Candidates come from `sketches` and are verified on the shingles' hashes, so that no estimate decides. At most
`MAX_CANDIDATES` are verified for a passage, so time grows with the number of passages; what is held beside the texts is
512 bytes a passage and 4 a word (1.1 kB for 900 characters), at the peak about 3 kB a passage. Knows texts
and ids, nothing of documents or files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.errors import require_limits
from jargonaut.records import Passage
from jargonaut.sketches import Sketches, candidates

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True, slots=True)
class DedupOptions:
    """What counts as nearly the same.

    Attributes:
        threshold: Least Jaccard similarity of two texts' sets of word shingles.
        shingle_words: Words in a shingle.
        min_words: Shorter texts are only compared exactly (white space and case aside).
        num_perm: Length of a MinHash signature.
        seed: Seed of its permutations.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    threshold: float = 0.85
    shingle_words: int = 3
    min_words: int = 5
    num_perm: int = 128
    seed: int = 42

    def __post_init__(self) -> None:
        require_limits(
            "dedup",
            self,
            (
                ("threshold", 0 < self.threshold <= 1, "above 0, at most 1, such as 0.85"),
                ("shingle_words", self.shingle_words >= 1, "1 or more"),
                ("min_words", self.min_words >= 1, "1 or more"),
                ("num_perm", 16 <= self.num_perm <= 4096, "from 16 to 4096, such as 128"),
                ("seed", 0 <= self.seed < 2**63, "0 or more and fit into 63 bits"),
            ),
        )


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
    first = _exact(text for _, text in items)
    near = _Near((text for _, text in items), first, options or DedupOptions())
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
        for other in near.candidates(position):
            low, high = sorted((root(position), root(other)))
            if low != high and near.alike(position, other):
                parent[high] = low
    return {id_: items[root(position)][0] for position, (id_, _) in enumerate(items)}


def deduplicate(passages: Iterable[Passage], options: DedupOptions | None = None) -> Deduplicated:
    """Drops exact and near-duplicates, keeping the first; every dropped passage resembles the one that is kept.

    Args:
        passages: In the order that decides which is first.
        options: What counts as nearly the same.
    """
    items = list(passages)
    first = _exact(p.text for p in items)
    finder = _Near((p.text for p in items), first, options or DedupOptions())
    kept: list[Passage] = []
    stands_for: dict[int, int] = {}
    exact = near = 0
    for position, leader in enumerate(first):
        if leader != position:
            stands_for[position] = stands_for.get(leader, leader)
            exact += 1
            continue
        standing = {stands_for.get(other, other) for other in finder.candidates(position)}
        similar = next((other for other in sorted(standing) if finder.alike(position, other)), None)
        if similar is None:
            kept.append(items[position])
        else:
            stands_for[position] = similar
            near += 1
    return Deduplicated(tuple(kept), {items[a].id: items[b].id for a, b in stands_for.items()}, exact, near)


class _Near:
    """Which earlier texts resemble a text."""

    def __init__(self, texts: Iterable[str], first: Sequence[int], options: DedupOptions) -> None:
        self._threshold = options.threshold
        self._sketches = Sketches.of(
            (
                shingle(text, options) if leader == i else ()
                for i, (text, leader) in enumerate(zip(texts, first, strict=True))
            ),
            options.num_perm,
            options.seed,
        )
        self._candidates = candidates(self._sketches, options.threshold)

    def candidates(self, position: int) -> list[int]:
        """Positions of the few earlier texts that are worth verifying, the most similar first."""
        return self._candidates.of(position)

    def alike(self, a: int, b: int) -> bool:
        """Whether two texts are at or above the threshold."""
        return self._sketches.jaccard(a, b) >= self._threshold


def shingle(text: str, options: DedupOptions) -> frozenset[str]:
    """The set of word n-grams of a text; empty for one that is too short to compare so."""
    words = _WORD.findall(text.casefold())
    if len(words) < options.min_words:
        return frozenset()
    size = options.shingle_words
    return frozenset(" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def _exact(texts: Iterable[str]) -> list[int]:
    """For each text the position of the first with the same words, white space and case aside."""
    seen: dict[bytes, int] = {}
    return [seen.setdefault(_digest(" ".join(text.casefold().split())), i) for i, text in enumerate(texts)]


def _digest(text: str) -> bytes:
    """16 bytes that stand for a text of any length."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
