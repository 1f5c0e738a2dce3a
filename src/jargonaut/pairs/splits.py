"""Train, dev and test parts that share no document, no near-duplicate and no query.

Knows pairs and which passages belong together. Never looks at what a model makes of them: a split depends on the data,
the options and the seed alone, and not on the order of its input.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jargonaut.artifacts import content_hash
from jargonaut.errors import InputError, require_limits
from jargonaut.pairs.filters import RemovedPair
from jargonaut.pairs.grouping import DisjointSets, Grouping, Node, blocks, group_pairs
from jargonaut.pairs.wording import normalised
from jargonaut.records import SPLITS, Pair, PairSplits, SplitName, positives, queries


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How pairs are divided.

    Attributes:
        dev: Share of the queries for dev, between 0 and 1.
        test: Share of the queries for test, between 0 and 1.
        seed: Decides which groups go where.
        max_dev_queries: Dev is no larger than this.
        max_test_queries: Test is no larger than this.
        min_train_positives: With fewer there is nothing to learn from.
        min_test_queries: With fewer there is nothing to measure.
        min_dev_queries: With fewer there is nothing to choose the best epoch by.
        giant_share: If queries with positives in several documents join more than this share of all queries into
            one group, such queries are cut back (see `max_joined_share`).
        max_joined_share: Then a query joins documents only while their group has at most this share of all positives;
            its positives beyond that are dropped and counted as `joins_groups`.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    dev: float = 0.1
    test: float = 0.1
    seed: int = 13
    max_dev_queries: int = 1000
    max_test_queries: int = 2000
    min_train_positives: int = 20
    min_test_queries: int = 5
    min_dev_queries: int = 5
    giant_share: float = 0.5
    max_joined_share: float = 0.05

    def __post_init__(self) -> None:
        whole = self.dev + self.test < 1
        require_limits(
            "split",
            self,
            (
                ("dev", 0 <= self.dev < 1 and whole, "from 0 to below 1, and with test below 1, or train gets nothing"),
                ("test", 0 <= self.test < 1, "from 0 to below 1"),
                ("seed", self.seed >= 0, "0 or more"),
                ("min_dev_queries", self.min_dev_queries >= 0, "0 or more"),
                ("min_test_queries", self.min_test_queries >= 0, "0 or more"),
                ("min_train_positives", self.min_train_positives >= 0, "0 or more"),
                ("max_dev_queries", self.max_dev_queries >= self.min_dev_queries, "no less than min_dev_queries"),
                ("max_test_queries", self.max_test_queries >= self.min_test_queries, "no less than min_test_queries"),
                ("giant_share", 0 <= self.giant_share <= 1, "from 0 to 1"),
                ("max_joined_share", 0 <= self.max_joined_share <= 1, "from 0 to 1"),
            ),
        )


@dataclass(frozen=True, slots=True)
class CountedSplits(PairSplits):
    """Splits, with the pairs that had to be left out of them.

    Attributes:
        dropped: Rule `duplicate`: the (query, passage) came twice. `query_without_positive`: nothing but grade 0.
            `joins_groups`: see `SplitOptions.max_joined_share`. `negative_held_out`: a curated negative for training
            that lies in dev's or test's groups. `query_held_out`: a given train (dev) query that dev or test (test)
            asks too.
    """

    dropped: tuple[RemovedPair, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rule → how many pairs it dropped."""
        return dict(sorted(Counter(removed.rule for removed in self.dropped).items()))


def split_pairs(
    pairs: Iterable[Pair],
    documents: Mapping[str, str],
    near_duplicates: Mapping[str, str],
    options: SplitOptions | None = None,
) -> CountedSplits:
    """Divides pairs by groups: passages of one document, near-duplicates, and those that share a query.

    Whole groups are drawn in an order that the seed decides, first for test, then for dev, each as far as its size
    allows; a group that is larger than the part goes to train. If so few groups are small enough that less than half
    of a part would be filled, the smallest others follow, as long as train keeps half of all queries.

    Args:
        pairs: Relevance 0 goes where its query goes.
        documents: Passage id → document id, of the whole corpus.
        near_duplicates: Passage id → near-duplicate group id.
        options: Shares and seed.

    Raises:
        InputError: Too few pairs, or too few groups, for a train and a test part.
    """
    options = options or SplitOptions()
    unique, dropped = _distinct(pairs)
    sets = blocks(documents, near_duplicates)
    grouping = _grouped(unique, sets, options)
    dropped += [RemovedPair(pair, "joins_groups", pair.passage_id) for pair in grouping.cut]
    sides = _sides(grouping, options, ("test", "dev"))
    parts = _parts(unique, grouping, sides, dropped)
    return _finished(parts, grouping.sets, dropped, options, "ours")


def given_splits(
    parts: Mapping[SplitName, Sequence[Pair]],
    documents: Mapping[str, str],
    near_duplicates: Mapping[str, str],
    options: SplitOptions | None = None,
) -> CountedSplits:
    """Takes over the split that a data set brings, and carves from train what it does not bring.

    A train query that dev or test asks too, in the same words, is dropped, and likewise a dev query that test asks.
    With dev and test but no train, dev serves as train and a new dev is carved from it. With one part only, all is
    divided by `split_pairs`. Groups are documents and near-duplicates here: a set's own split may well use one passage
    for a train query and a test query, and `leakage` counts that.

    Raises:
        InputError: Too few train positives or test queries.
    """
    options = options or SplitOptions()
    given = {name: list(parts.get(name, ())) for name in SPLITS}
    if sum(bool(given[name]) for name in SPLITS) < 2:
        return split_pairs([pair for name in SPLITS for pair in given[name]], documents, near_duplicates, options)
    if not given["train"]:
        given["train"], given["dev"] = given["dev"], []
    sets = blocks(documents, near_duplicates)
    dropped: list[RemovedPair] = []
    asked: set[str] = set()
    for name in ("test", "dev", "train"):
        unique, repeated = _distinct(given[name])
        given[name] = [pair for pair in unique if normalised(pair.query) not in asked]
        dropped += repeated
        dropped += [RemovedPair(pair, "query_held_out", name) for pair in unique if normalised(pair.query) in asked]
        asked |= {normalised(pair.query) for pair in unique if pair.relevance > 0}
    missing: list[SplitName] = [name for name in ("test", "dev") if not given[name]]
    if missing:
        grouping = _grouped(given["train"], sets, options)
        dropped += [RemovedPair(pair, "joins_groups", pair.passage_id) for pair in grouping.cut]
        carved = _parts(given["train"], grouping, _sides(grouping, options, missing), dropped)
        given |= {name: carved[name] for name in ("train", *missing)}
    return _finished(given, sets, dropped, options, "given")


def held_out(splits: PairSplits) -> frozenset[str]:
    """The passages that must not serve as negatives: all of every group with a dev or test positive.

    Where the set brought its own split, some of them may be train positives too; `leakage` counts those.
    """
    held = {pair.passage_id for pair in (*splits.dev, *splits.test) if pair.relevance > 0}
    groups = {splits.groups[passage] for passage in held if passage in splits.groups}
    return frozenset(held | {passage for passage, group in splits.groups.items() if group in groups})


def _distinct(pairs: Iterable[Pair]) -> tuple[list[Pair], list[RemovedPair]]:
    """Each (query, passage) once, with its highest grade, sorted; and no query without a positive."""
    best: dict[tuple[str, str], Pair] = {}
    dropped: list[RemovedPair] = []
    for pair in sorted(pairs, key=lambda p: (p.query_id, p.passage_id, -p.relevance, p.provenance, p.query)):
        if best.setdefault((pair.query_id, pair.passage_id), pair) is not pair:
            dropped += [RemovedPair(pair, "duplicate")]
    answered = {pair.query_id for pair in best.values() if pair.relevance > 0}
    dropped += [RemovedPair(p, "query_without_positive") for p in best.values() if p.query_id not in answered]
    return [pair for pair in best.values() if pair.query_id in answered], dropped


def _grouped(pairs: Iterable[Pair], sets: DisjointSets, options: SplitOptions) -> Grouping:
    relevant = [pair for pair in pairs if pair.relevance > 0]
    shares = {"giant_share": options.giant_share, "joined_share": options.max_joined_share}
    return group_pairs(relevant, sets, **shares, seed=options.seed)


def _sides(grouping: Grouping, options: SplitOptions, wanted: Sequence[SplitName]) -> dict[Node, SplitName]:
    """Group → part, for the groups that do not go to train."""
    sizes = grouping.queries()
    names = _group_names({pair.passage_id for pair in grouping.kept}, grouping.sets)
    order = sorted(sizes, key=lambda group: content_hash(options.seed, names[group]))
    total = sum(sizes.values())
    targets = {
        "test": min(max(round(options.test * total), options.min_test_queries), options.max_test_queries),
        "dev": min(max(round(options.dev * total), options.min_dev_queries), options.max_dev_queries),
    }
    sides: dict[Node, SplitName] = {}
    for part in wanted:
        filled = 0
        for group in order:
            if group not in sides and filled + sizes[group] <= targets[part]:
                sides[group] = part
                filled += sizes[group]
        for group in sorted((g for g in order if g not in sides), key=sizes.__getitem__):
            left = total - sum(sizes[g] for g in sides) - sizes[group]
            if 2 * filled >= targets[part] or 2 * left < total:
                break
            sides[group] = part
            filled += sizes[group]
    return sides


def _parts(
    pairs: Iterable[Pair], grouping: Grouping, sides: Mapping[Node, SplitName], dropped: list[RemovedPair]
) -> dict[SplitName, list[Pair]]:
    """The pairs by part; a query without a kept positive is gone, with its negatives."""
    part_of = {pair.query_id: sides.get(grouping.group_of(pair.passage_id), "train") for pair in grouping.kept}
    cut = set(grouping.cut)
    parts: dict[SplitName, list[Pair]] = {name: [] for name in SPLITS}
    for pair in pairs:
        if pair in cut:
            continue
        if pair.query_id in part_of:
            parts[part_of[pair.query_id]].append(pair)
        else:
            dropped.append(RemovedPair(pair, "query_without_positive"))
    return parts


def _group_names(passages: Iterable[str], sets: DisjointSets) -> dict[Node, str]:
    """Group → the smallest passage id that it holds among `passages`."""
    names: dict[Node, str] = {}
    for passage in sorted(passages):
        names.setdefault(sets.find(("passage", passage)), passage)
    return names


def _finished(
    parts: Mapping[SplitName, Sequence[Pair]],
    sets: DisjointSets,
    dropped: Sequence[RemovedPair],
    options: SplitOptions,
    origin: str,
) -> CountedSplits:
    """Names the groups, takes held-out passages from train's negatives, and sees that enough is left."""
    names = _group_names({pair.passage_id for part in parts.values() for pair in part}, sets)
    passages = {*sets.passages(), *names.values()}
    group_of = {passage: names.get(sets.find(("passage", passage))) for passage in sorted(passages)}
    groups = {passage: f"g-{name}" for passage, name in group_of.items() if name is not None}
    train, dev, test = (tuple(parts[name]) for name in SPLITS)
    splits = CountedSplits(train, dev, test, groups, "given" if origin == "given" else "ours", tuple(dropped))
    held = held_out(splits)
    bad = [pair for pair in train if pair.relevance <= 0 and pair.passage_id in held]
    if bad:
        lost = tuple(RemovedPair(pair, "negative_held_out", pair.passage_id) for pair in bad)
        refused = set(bad)
        train = tuple(pair for pair in train if pair not in refused)
        splits = replace(splits, train=train, dropped=(*splits.dropped, *lost))
    _require_enough(splits, options)
    return splits


def _require_enough(splits: CountedSplits, options: SplitOptions) -> None:
    counts = {name: len(positives(splits.part(name))) for name in SPLITS}
    asked = len(queries(splits.test))
    tuned_on = len(queries(splits.dev))
    enough = asked >= options.min_test_queries and tuned_on >= options.min_dev_queries
    if enough and counts["train"] >= options.min_train_positives:
        return
    sizes: dict[str, set[str]] = defaultdict(set)
    for name in SPLITS:
        for pair in positives(splits.part(name)):
            sizes[splits.groups.get(pair.passage_id, pair.passage_id)].add(pair.query_id)
    largest = max((len(ids) for ids in sizes.values()), default=0)
    raise InputError(
        f"too few pairs for an honest split: {counts['train']} train positives "
        f"({options.min_train_positives} are needed), {asked} test queries ({options.min_test_queries} are needed) and "
        f"{tuned_on} dev queries ({options.min_dev_queries} are needed), "
        f"from {sum(map(len, sizes.values()))} queries in {len(sizes)} groups, the largest with {largest} queries",
        where="pairs",
        remedy="add documents or labelled pairs; queries about one document, or about near-duplicates of each other, "
        "stay on one side, so many small documents split better than a few large ones",
    )
