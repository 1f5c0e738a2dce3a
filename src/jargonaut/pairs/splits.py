"""Train, dev and test parts that share no document, no near-duplicate and no query.

Knows pairs and which passages belong together. Never looks at what a model makes of them: a split depends on the data,
the options and the seed alone, and not on the order of its input.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jargonaut.errors import InputError, require_limits
from jargonaut.pairs.drawing import group_names, sides
from jargonaut.pairs.filters import RemovedPair
from jargonaut.pairs.grouping import DisjointSets, Grouping, Node, blocks, group_pairs
from jargonaut.pairs.judging import Held, Judges, judges, trust
from jargonaut.pairs.wording import normalised
from jargonaut.records import SPLITS, Pair, PairSplits, SplitName, positives, queries, source_of


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
        judge_queries: Where pairs come from several sources, those that people judged stand alone in test if they ask
            at least this many queries, and with the newest clicks if those bring them up to it.
        teach_queries: With fewer queries that only teach, those that may judge are needed for training too, and dev and
            test get no more than their shares.
        gold_dev: Of the queries that may judge, 40 % go to dev but no more than this, unless `dev` asks for more.
        gold_test: Of the queries that may judge, 60 % go to test but no more than this, unless `test` asks for more.

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
    judge_queries: int = 50
    teach_queries: int = 1000
    gold_dev: int = 200
    gold_test: int = 300

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
                ("judge_queries", self.judge_queries >= 1, "1 or more"),
                ("teach_queries", self.teach_queries >= 0, "0 or more"),
                ("gold_dev", self.gold_dev >= 0, "0 or more"),
                ("gold_test", self.gold_test >= 0, "0 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class CountedSplits(PairSplits):
    """Splits, with the pairs that had to be left out of them.

    Attributes:
        dropped: Rule `duplicate`: the (query, passage) came twice. `query_without_positive`: nothing but grade 0.
            `joins_groups`: see `SplitOptions.max_joined_share`. `negative_held_out`: a curated negative for training
            that lies in dev's or test's groups. `query_held_out`: a given train (dev) query that dev or test (test)
            asks too. `shown`: a test query that a language model was shown before it wrote for training. `held_out`:
            its group is dev's or test's, and its source may not judge there. `newest_clicks`: its group is train's,
            and the newest clicks never train.
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
    shown: Collection[str] = (),
) -> CountedSplits:
    """Divides pairs by groups: passages of one document, near-duplicates, and those that share a query.

    Whole groups are drawn in an order that the seed decides, first for test, then for dev, each as far as its size
    allows; a group that is larger than the part goes to train. If so few groups are small enough that less than half
    of a part would be filled, the smallest others follow, as long as train keeps half of all queries.

    Where pairs come from several sources, test and dev are filled with those that may judge (see `judges`), as many as
    `SplitOptions` says and as long as train keeps half of all queries; the other pairs of a held-out group are dropped.
    Parts that a source assigns itself (`Pair.split`) are taken over: its test is test.

    Args:
        pairs: Relevance 0 goes where its query goes.
        documents: Passage id → document id, of the whole corpus.
        near_duplicates: Passage id → near-duplicate group id.
        options: Shares and seed.
        shown: Queries that do not test, since a language model was shown them; hand in a set. They change nothing else.

    Raises:
        InputError: Too few pairs, or too few groups, for a train and a test part.
    """
    options = options or SplitOptions()
    unique, dropped = _distinct(pairs)
    sets = blocks(documents, near_duplicates)
    parts, joined = _divided(unique, sets, options, ("test", "dev"), dropped)
    return _finished(parts, joined, dropped, options, "ours", shown)


def given_splits(
    parts: Mapping[SplitName, Sequence[Pair]],
    documents: Mapping[str, str],
    near_duplicates: Mapping[str, str],
    options: SplitOptions | None = None,
    more: Sequence[Pair] = (),
    shown: Collection[str] = (),
) -> CountedSplits:
    """Takes over the split that a data set brings, and carves from train what it does not bring.

    A train query that dev or test asks too, in the same words, is dropped, and likewise a dev query that test asks.
    With dev and test but no train, dev serves as train and a new dev is carved from it. With one part only, all is
    divided by `split_pairs`. Groups are documents and near-duplicates here: a set's own split may well use one passage
    for a train query and a test query, and `leakage` counts that.

    Args:
        parts: The set's own.
        documents: Passage id → document id, of the whole corpus.
        near_duplicates: Passage id → near-duplicate group id.
        options: Shares and seed, for what is carved.
        more: Pairs of other sources. They teach, if their group is neither dev's nor test's; those that their source
            puts into dev or test join these.
        shown: Queries that do not test, since a language model was shown them; hand in a set.

    Raises:
        InputError: Too few train positives or test queries.
    """
    options = options or SplitOptions()
    given = {name: list(parts.get(name, ())) for name in SPLITS}
    if sum(bool(given[name]) for name in SPLITS) < 2:
        whole = [pair for name in SPLITS for pair in given[name]]
        return split_pairs([*whole, *more], documents, near_duplicates, options, shown)
    if not given["train"]:
        given["train"], given["dev"] = given["dev"], []
    sets = blocks(documents, near_duplicates)
    dropped: list[RemovedPair] = []
    asked: set[str] = set()
    for pair in more:
        if pair.split in {"dev", "test"}:
            given[pair.split].append(pair)
    free = [pair for pair in more if pair.split not in {"dev", "test"}]
    given["train"] += _teaching(free, sets, [*given["test"], *given["dev"]], dropped)
    for name in ("test", "dev", "train"):
        unique, repeated = _distinct(given[name])
        given[name] = [pair for pair in unique if normalised(pair.query) not in asked]
        dropped += repeated
        dropped += [RemovedPair(pair, "query_held_out", name) for pair in unique if normalised(pair.query) in asked]
        asked |= {normalised(pair.query) for pair in unique if pair.relevance > 0}
    held: tuple[Held, ...] = ("test", "dev")
    missing = [name for name in held if not given[name]]
    if missing:
        carved, _ = _divided(given["train"], sets, options, missing, dropped)
        given["train"] = carved["train"]
        for name in missing:
            given[name] = carved[name]
    return _finished(given, sets, dropped, options, "given", shown)


def held_out(splits: PairSplits) -> frozenset[str]:
    """The passages that must not serve as negatives: all of every group with a dev or test positive.

    Where the set brought its own split, some of them may be train positives too; `leakage` counts those.
    """
    held = {pair.passage_id for pair in (*splits.dev, *splits.test) if pair.relevance > 0}
    groups = {splits.groups[passage] for passage in held if passage in splits.groups}
    return frozenset(held | {passage for passage, group in splits.groups.items() if group in groups})


def _distinct(pairs: Iterable[Pair]) -> tuple[list[Pair], list[RemovedPair]]:
    """Each (query, passage) once, sorted, as the most trusted source grades it; and no query without a positive.

    A log's newest clicks stand beside an older pair of the same two: only one of them may judge, only the other teach.
    """
    best: dict[tuple[str, str, bool], Pair] = {}
    dropped: list[RemovedPair] = []
    for pair in sorted(pairs, key=lambda p: (p.query_id, p.passage_id, trust(p), -p.relevance, p.provenance, p.query)):
        newest = source_of(pair.provenance) == "recent-click"
        first = best.setdefault((pair.query_id, pair.passage_id, newest), pair)
        if first is not pair:
            agree = (first.relevance > 0) == (pair.relevance > 0)
            dropped += [RemovedPair(pair, "duplicate" if agree else "contradicted")]
    answered = {pair.query_id for pair in best.values() if pair.relevance > 0}
    dropped += [RemovedPair(p, "query_without_positive") for p in best.values() if p.query_id not in answered]
    return [pair for pair in best.values() if pair.query_id in answered], dropped


def _teaching(
    more: Iterable[Pair], sets: DisjointSets, judged: Iterable[Pair], dropped: list[RemovedPair]
) -> list[Pair]:
    """The pairs of other sources that may teach beside a set's own dev and test."""
    held = {sets.find(("passage", pair.passage_id)) for pair in judged if pair.relevance > 0}
    kept: list[Pair] = []
    for pair in more:
        if source_of(pair.provenance) == "recent-click":
            dropped.append(RemovedPair(pair, "newest_clicks"))
        elif pair.relevance > 0 and sets.find(("passage", pair.passage_id)) in held:
            dropped.append(RemovedPair(pair, "held_out", pair.passage_id))
        else:
            kept.append(pair)
    return kept


def _divided(
    pairs: Sequence[Pair],
    sets: DisjointSets,
    options: SplitOptions,
    wanted: Sequence[Held],
    dropped: list[RemovedPair],
) -> tuple[dict[SplitName, list[Pair]], DisjointSets]:
    """Pairs by part, and the groups by which they were divided."""
    grouping = _grouped(pairs, sets, options)
    dropped += [RemovedPair(pair, "joins_groups", pair.passage_id) for pair in grouping.cut]
    who = judges(pairs, options.judge_queries)
    return _parts(pairs, grouping, sides(grouping, options, wanted, who), who, dropped), grouping.sets


def _grouped(pairs: Iterable[Pair], sets: DisjointSets, options: SplitOptions) -> Grouping:
    relevant = [pair for pair in pairs if pair.relevance > 0]
    shares = {"giant_share": options.giant_share, "joined_share": options.max_joined_share}
    return group_pairs(relevant, sets, **shares, seed=options.seed)


def _parts(
    pairs: Iterable[Pair],
    grouping: Grouping,
    sides: Mapping[Node, SplitName],
    who: Judges,
    dropped: list[RemovedPair],
) -> dict[SplitName, list[Pair]]:
    """The pairs by part; a query without a kept positive is gone, with its negatives."""
    part_of = {pair.query_id: sides.get(grouping.group_of(pair.passage_id), "train") for pair in grouping.kept}
    cut = set(grouping.cut)
    found: dict[tuple[SplitName, str, str], Pair] = {}
    for pair in pairs:
        part = part_of.get(pair.query_id)
        if pair in cut:
            continue
        rule = _unfit(pair, part, who)
        if rule is None and part is not None:
            first = found.setdefault((part, pair.query_id, pair.passage_id), pair)
            rule = None if first is pair else "duplicate"
        if rule is not None:
            dropped.append(RemovedPair(pair, rule, part or ""))
    parts: dict[SplitName, list[Pair]] = {name: [] for name in SPLITS}
    answered = {(part, query) for (part, query, _), pair in found.items() if pair.relevance > 0}
    for (part, query, _), pair in found.items():
        if (part, query) in answered:
            parts[part].append(pair)
        else:
            dropped.append(RemovedPair(pair, "query_without_positive"))
    return parts


def _unfit(pair: Pair, part: SplitName | None, who: Judges) -> str | None:
    """The rule by which a pair may not stand in the part of its query."""
    if part is None:
        return "query_without_positive"
    if part == "train":
        return "newest_clicks" if source_of(pair.provenance) == "recent-click" else None
    return None if who.may(pair, part) else "held_out"


def _finished(
    parts: Mapping[SplitName, Sequence[Pair]],
    sets: DisjointSets,
    dropped: Sequence[RemovedPair],
    options: SplitOptions,
    origin: str,
    shown: Collection[str],
) -> CountedSplits:
    """Takes shown queries from test and held-out passages from train's negatives; sees that enough is left."""
    dropped = [*dropped, *(RemovedPair(pair, "shown", "test") for pair in parts["test"] if pair.query in shown)]
    parts = {**parts, "test": [pair for pair in parts["test"] if pair.query not in shown]}
    names = group_names({pair.passage_id for part in parts.values() for pair in part}, sets)
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
