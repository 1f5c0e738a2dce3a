"""Which pairs have to stay together: union-find over documents, near-duplicates and shared queries.

Knows who belongs to whom. Which side of a split a group goes to is not decided here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jargonaut.artifacts import content_hash
from jargonaut.pairs.wording import normalised
from jargonaut.records import Pair

Node = tuple[Literal["passage", "document", "duplicate", "query", "words"], str]


class DisjointSets:
    """Union-find; anything that was never joined stands alone. Results do not depend on the order of joining."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}

    def find(self, node: Node) -> Node:
        """The member that stands for the set of `node`."""
        root = node
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while node != root:
            following = self._parents.get(node, node)
            self._parents[node] = root
            node = following
        return root

    def join(self, one: Node, other: Node) -> None:
        """Makes two sets one; the smaller representative stays."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parents[low] = self._parents[high] = low

    def passages(self) -> list[str]:
        """Ids of all passages that were ever joined with anything."""
        return [name for kind, name in self._parents if kind == "passage"]

    def copy(self) -> DisjointSets:
        """An independent copy."""
        twin = DisjointSets()
        twin._parents = dict(self._parents)
        return twin


@dataclass(frozen=True, slots=True)
class Grouping:
    """Positives in groups that must not be divided.

    Attributes:
        sets: Joined passages; `group_of` reads it.
        kept: The positives that lie in the group of their query.
        cut: Positives left out, because they would have joined what must stay apart.
    """

    sets: DisjointSets
    kept: tuple[Pair, ...]
    cut: tuple[Pair, ...] = ()

    def group_of(self, passage_id: str) -> Node:
        """The group of a passage."""
        return self.sets.find(("passage", passage_id))

    def queries(self, counts: Callable[[Pair], bool] = lambda _: True) -> dict[Node, int]:
        """Group → number of its queries with a positive that `counts`; groups without one are left out."""
        members: dict[Node, set[str]] = defaultdict(set)
        for pair in filter(counts, self.kept):
            members[self.group_of(pair.passage_id)].add(pair.query_id)
        return {group: len(ids) for group, ids in members.items()}


def blocks(documents: Mapping[str, str], near_duplicates: Mapping[str, str]) -> DisjointSets:
    """Passages joined by document and by near-duplicate group.

    Args:
        documents: Passage id → document id.
        near_duplicates: Passage id → id of its near-duplicate group.
    """
    sets = DisjointSets()
    for passage, document in documents.items():
        sets.join(("passage", passage), ("document", document))
    for passage, group in near_duplicates.items():
        sets.join(("passage", passage), ("duplicate", group))
    return sets


def group_pairs(
    pairs: Sequence[Pair], sets: DisjointSets, *, giant_share: float, joined_share: float, seed: int
) -> Grouping:
    """Joins blocks that share a query, unless that would leave nothing to split.

    If the largest group then holds more than `giant_share` of the queries, queries join blocks only as long as the
    joined group has at most `joined_share` of the positives. A query that would join more keeps the positives in the
    group where it has most of them, and the others are cut.

    Args:
        pairs: Positives, each (query, passage) once.
        sets: From `blocks`; not changed.
        giant_share: Between 0 and 1.
        joined_share: Between 0 and 1.
        seed: Decides which queries join first.
    """
    asked = _by_query(pairs)
    free = sets.copy()
    for members in asked.values():
        for pair in members[1:]:
            free.join(("passage", members[0].passage_id), ("passage", pair.passage_id))
    whole = Grouping(free, tuple(pairs))
    sizes = whole.queries()
    if not sizes or max(sizes.values()) <= giant_share * sum(sizes.values()):
        return whole
    limit = max(5, int(joined_share * len(pairs)))
    return _join_within(asked, sets.copy(), limit, seed)


def _by_query(pairs: Iterable[Pair]) -> dict[Node, list[Pair]]:
    """Pairs of one question, whether by id or by words, in an order of their own."""
    same = DisjointSets()
    listed = sorted(pairs, key=lambda pair: (pair.passage_id, pair.query_id))
    for pair in listed:
        same.join(("query", pair.query_id), ("words", normalised(pair.query)))
    asked: dict[Node, list[Pair]] = defaultdict(list)
    for pair in listed:
        asked[same.find(("query", pair.query_id))].append(pair)
    return asked


def _join_within(asked: Mapping[Node, list[Pair]], sets: DisjointSets, limit: int, seed: int) -> Grouping:
    weights: Counter[Node] = Counter()
    for members in asked.values():
        weights.update(sets.find(("passage", pair.passage_id)) for pair in members)
    home: dict[Node, Node] = {}
    for query in sorted(asked, key=lambda node: content_hash(seed, node)):
        shares = Counter(sets.find(("passage", pair.passage_id)) for pair in asked[query])
        first, *others = sorted(shares, key=lambda block: (-shares[block], content_hash(seed, block)))
        home[query] = first
        for other in others:
            group = sets.find(first)
            joined = weights[group] + weights[other]
            if joined <= limit:
                sets.join(group, other)
                weights[sets.find(group)] = joined
    kept: list[Pair] = []
    cut: list[Pair] = []
    for query, members in asked.items():
        group = sets.find(home[query])
        for pair in members:
            (kept if sets.find(("passage", pair.passage_id)) == group else cut).append(pair)
    return Grouping(sets, tuple(kept), tuple(cut))
