"""Which pairs have to stay together: union-find over documents, near-duplicates and shared queries.

Knows who belongs to whom. Which side of a split a group goes to is not decided here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jargonaut.artifacts import content_hash
from jargonaut.pairs.curation.sameness import gist
from jargonaut.pairs.provenance import stricter
from jargonaut.pairs.wording import normalised
from jargonaut.records import Pair, SplitName

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
        kept: The positives that lie in the group of their query, or that their source puts into the held-out part that
            the query goes to.
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


def question(text: str, language: str = "english") -> str:
    """What queries have in common that ask the same: word order, inflection, case and polite words do not count.

    It joins a little more than curation merges, so that nobody is tested on what was merged into another wording.

    Args:
        text: A query.
        language: Snowball's name of its language.
    """
    return repr(gist(normalised(text), language))


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
    pairs: Sequence[Pair], sets: DisjointSets, *, giant_share: float, joined_share: float, seed: int,
    language: str = "english",
) -> Grouping:  # fmt: skip
    """Joins blocks that share a query, unless that would leave nothing to split.

    If the largest group then holds more than `giant_share` of the queries, queries join blocks only as long as the
    joined group has at most `joined_share` of the positives. A query that would join more keeps the positives in the
    group where it has most of them, or where its source holds it out, and the others are cut.

    Args:
        pairs: Positives, each (query, passage) once.
        sets: From `blocks`; not changed.
        giant_share: Between 0 and 1.
        joined_share: Between 0 and 1.
        seed: Decides which queries join first.
        language: Snowball's name of the queries' language.
    """
    asked = _by_query(pairs, language)
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


def _by_query(pairs: Iterable[Pair], language: str) -> dict[Node, list[Pair]]:
    """Pairs of one question, whether by id or by words, in an order of their own."""
    same = DisjointSets()
    listed = sorted(pairs, key=lambda pair: (pair.passage_id, pair.query_id))
    for id_, text in {(pair.query_id, pair.query) for pair in listed}:
        same.join(("query", id_), ("words", question(text, language)))
    asked: dict[Node, list[Pair]] = defaultdict(list)
    for pair in listed:
        asked[same.find(("query", pair.query_id))].append(pair)
    return asked


def _join_within(asked: Mapping[Node, list[Pair]], sets: DisjointSets, limit: int, seed: int) -> Grouping:
    weights: Counter[Node] = Counter()
    for members in asked.values():
        weights.update(sets.find(("passage", pair.passage_id)) for pair in members)
    home: dict[Node, Node] = {}
    part_of = {query: _held_out_by_source(members) for query, members in asked.items()}
    for query in sorted(asked, key=lambda node: content_hash(seed, node)):
        shares = Counter(sets.find(("passage", pair.passage_id)) for pair in asked[query])
        part = part_of[query]
        put = {sets.find(("passage", pair.passage_id)) for pair in asked[query] if part and pair.split == part}
        first, *others = sorted(shares, key=lambda block: (block not in put, -shares[block], content_hash(seed, block)))
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
        group, part = sets.find(home[query]), part_of[query]
        for pair in members:
            # What goes to one held-out part need not be joined to be together.
            stays = sets.find(("passage", pair.passage_id)) == group or (part is not None and pair.split == part)
            (kept if stays else cut).append(pair)
    return Grouping(sets, tuple(kept), tuple(cut))


def _held_out_by_source(members: Iterable[Pair]) -> SplitName | None:
    """The held-out part that a source puts a query in; None where none does."""
    part: SplitName | None = None
    for pair in members:
        part = stricter(part, pair.split)
    return None if part == "train" else part
