"""Which groups of pairs go to test and dev: whole groups, in an order that the seed decides, until a part is full.

Knows sizes and who may judge. What becomes of the pairs of a group is the splits' business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jargonaut.artifacts import content_hash
from jargonaut.pairs.grouping import DisjointSets, Grouping, Node
from jargonaut.pairs.judging import Held, Judges
from jargonaut.pairs.provenance import NEWEST
from jargonaut.records import Pair, SplitName, source_of

if TYPE_CHECKING:
    from jargonaut.pairs.splits import SplitOptions

_LEFT = {"test": 0.7, "dev": 0.5}
"""Where only some sources may judge: share of everything else that must be left when a part, test first, is filled."""


def sides(grouping: Grouping, options: SplitOptions, wanted: Sequence[Held], who: Judges) -> dict[Node, SplitName]:
    """Group → part, for the groups that do not go to train.

    Args:
        grouping: The pairs in groups.
        options: Shares and seed.
        wanted: The parts to fill, test first.
        who: Whose pairs may stand in them.
    """
    every = grouping.queries()
    # By all passages, not only those with pairs: more pairs of the same documents leave the order as it is.
    passages = {*grouping.sets.passages(), *(pair.passage_id for pair in grouping.kept)}
    names = group_names(passages, grouping.sets)
    order = sorted(every, key=lambda group: content_hash(options.seed, names[group]))
    found = _assigned(grouping, wanted, who)
    others = _Others.of(grouping, passages, who) if who.chosen else _Others(())
    total = left = sum(every.values())
    for group in found:
        left -= every[group]
        others.take(group)
    for part in wanted:
        if part in found.values():
            continue  # a source says itself what belongs there
        sizes = _judging(grouping, who, part)
        target, filled = _target(part, sum(sizes.values()), options, who), 0
        for group in (group for group in order if group in sizes and group not in found):
            if filled + sizes[group] <= target and others.allow(group, _LEFT[part]):
                found[group] = part
                filled += sizes[group]
                left -= every[group]
                others.take(group)
        for group in sorted((g for g in order if g in sizes and g not in found), key=sizes.__getitem__):
            if 2 * filled >= target or 2 * (left - every[group]) < total or not others.allow(group, _LEFT[part]):
                break
            found[group] = part
            filled += sizes[group]
            left -= every[group]
            others.take(group)
    return found


def group_names(passages: Iterable[str], sets: DisjointSets) -> dict[Node, str]:
    """Group → the smallest passage id that it holds among `passages`."""
    names: dict[Node, str] = {}
    for passage in sorted(passages):
        names.setdefault(sets.find(("passage", passage)), passage)
    return names


class _Others:
    """What a held-out group takes away from training: passages to ask about, and queries of those who only teach.

    Generated queries do not count, since others can be written; so a split does not depend on how many there are.

    Args:
        sizes: Group → how much of it, for each kind.
    """

    def __init__(self, sizes: Sequence[Mapping[Node, int]]) -> None:
        self._sizes = sizes
        self._totals = [sum(one.values()) for one in sizes]
        self._left = list(self._totals)

    @classmethod
    def of(cls, grouping: Grouping, passages: Iterable[str], who: Judges) -> _Others:
        """Counts both kinds."""

        def only_teaches(pair: Pair) -> bool:
            return source_of(pair.provenance) not in {"llm", *NEWEST, *who.test}

        found = Counter(grouping.group_of(passage) for passage in passages)
        return cls((found, grouping.queries(only_teaches)))

    def allow(self, group: Node, share: float) -> bool:
        """Whether enough of each kind is left without this group."""
        kinds = zip(self._sizes, self._left, self._totals, strict=True)
        return all(left - sizes.get(group, 0) >= share * total for sizes, left, total in kinds)

    def take(self, group: Node) -> None:
        """Counts a group as gone."""
        self._left = [left - sizes.get(group, 0) for sizes, left in zip(self._sizes, self._left, strict=True)]


def _judging(grouping: Grouping, who: Judges, part: Held) -> dict[Node, int]:
    return grouping.queries(lambda pair: who.may(pair, part))


def _assigned(grouping: Grouping, wanted: Sequence[Held], who: Judges) -> dict[Node, SplitName]:
    """Group → part, where a pair that may judge is assigned to it; test comes before dev."""
    found: dict[Node, SplitName] = {}
    for part in wanted:
        for pair in grouping.kept:
            if pair.split == part and who.may(pair, part):
                found.setdefault(grouping.group_of(pair.passage_id), part)
    return found


def _target(part: Held, judging: int, options: SplitOptions, who: Judges) -> int:
    """How many queries a part should have."""
    share, gold, gold_share, least, most = {
        "test": (options.test, options.gold_test, 0.6, options.min_test_queries, options.max_test_queries),
        "dev": (options.dev, options.gold_dev, 0.4, options.min_dev_queries, options.max_dev_queries),
    }[part]
    target = round(share * judging)
    if who.chosen and who.teaching >= options.teach_queries:
        target = max(target, min(round(gold_share * judging), gold))
    return min(max(target, least), most)
