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
from jargonaut.pairs.judging import HELD, Held, Judges, judges
from jargonaut.pairs.provenance import is_newest, trust
from jargonaut.pairs.repeats import distinct
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
        dropped: Rule `duplicate`: the (query, passage) came twice. `contradicted`: people say that it is no answer.
            `query_without_positive`: nothing but grade 0. `joins_groups`: see `SplitOptions.max_joined_share`.
            `negative_held_out`: a curated negative for training that lies in dev's or test's groups. `query_held_out`:
            a given train (dev) query that dev or test (test) asks too. `shown`: a test query that a language model was
            shown before it wrote for training. `held_out`: its group is dev's or test's, and its source may not judge
            there, or its source puts it into another held-out part. `newest_clicks`: its group is train's, and the
            newest clicks never train.
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
    language: str = "english",
) -> CountedSplits:
    """Divides pairs by groups: passages of one document, near-duplicates, and those that share a question.

    Whole groups are drawn in an order that the seed decides, first for test, then for dev, each as far as its size
    allows; a group that is larger than the part goes to train. If so few groups are small enough that less than half
    of a part would be filled, the smallest others follow, as long as train keeps half of all queries.

    Where pairs come from several sources, test and dev are filled with those that may judge (see `judges`), as many as
    `SplitOptions` says and as long as train keeps half of all queries; the other pairs of a held-out group are dropped.
    Where those leave a part with fewer queries than its minimum, the next best source judges there too. Parts that a
    source assigns itself (`Pair.split`) are taken over: its test is test, and never trains. Whether enough is left to
    learn from and to measure is asked by `require_enough`.

    Args:
        pairs: Relevance 0 goes where its query goes.
        documents: Passage id → document id, of the whole corpus.
        near_duplicates: Passage id → near-duplicate group id.
        options: Shares and seed.
        shown: Queries that do not test, since a language model was shown them; hand in a set. They change nothing else.
        language: Snowball's name of the queries' language.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    options = options or SplitOptions()
    dropped: list[RemovedPair] = []
    unique = once(pairs, dropped)
    sets = blocks(documents, near_duplicates)
    parts, joined = divided(unique, sets, options, ("test", "dev"), dropped, language)
    return finished(parts, joined, dropped, "ours", shown)


def held_out(splits: PairSplits) -> frozenset[str]:
    """The passages that must not serve as negatives: all of every group with a dev or test positive.

    Where the set brought its own split, some of them may be train positives too; `leakage` counts those.
    """
    held = {pair.passage_id for pair in (*splits.dev, *splits.test) if pair.relevance > 0}
    groups = {splits.groups[passage] for passage in held if passage in splits.groups}
    return frozenset(held | {passage for passage, group in splits.groups.items() if group in groups})


def require_enough(splits: PairSplits, options: SplitOptions) -> None:
    """Refuses what is too little to learn from or to measure by.

    Raises:
        InputError: Too few pairs, or too few groups, for a train, a dev and a test part.
    """
    trained = len(positives(splits.train))
    asked, tuned_on = len(queries(splits.test)), len(queries(splits.dev))
    enough = asked >= options.min_test_queries and tuned_on >= options.min_dev_queries
    if enough and trained >= options.min_train_positives:
        return
    sizes: dict[str, set[str]] = defaultdict(set)
    for name in SPLITS:
        for pair in positives(splits.part(name)):
            sizes[splits.groups.get(pair.passage_id, pair.passage_id)].add(pair.query_id)
    largest = max((len(ids) for ids in sizes.values()), default=0)
    raise InputError(
        f"too few pairs for an honest split: {trained} train positives "
        f"({options.min_train_positives} are needed), {asked} test queries ({options.min_test_queries} are needed) and "
        f"{tuned_on} dev queries ({options.min_dev_queries} are needed), "
        f"from {sum(map(len, sizes.values()))} queries in {len(sizes)} groups, the largest with {largest} queries",
        where="pairs",
        remedy="add documents or labelled pairs; queries about one document, or about near-duplicates of each other, "
        "stay on one side, so many small documents split better than a few large ones",
    )


def once(pairs: Iterable[Pair], dropped: list[RemovedPair]) -> list[Pair]:
    """Each (query, passage) once, sorted, as `distinct` has it; and no query without a positive."""
    listed = sorted(pairs, key=lambda p: (p.query_id, p.passage_id, p.provenance, -p.relevance, repr(p)))
    found = distinct(listed)
    dropped += [RemovedPair(listed[row], one.rule, found.detail(row)) for row, one in sorted(found.repeats.items())]
    kept = sorted(found.kept.values(), key=lambda p: (p.query_id, p.passage_id, trust(p), p.query))
    answered = {pair.query_id for pair in kept if pair.relevance > 0}
    dropped += [RemovedPair(pair, "query_without_positive") for pair in kept if pair.query_id not in answered]
    return [pair for pair in kept if pair.query_id in answered]


def divided(
    pairs: Sequence[Pair],
    sets: DisjointSets,
    options: SplitOptions,
    wanted: Sequence[Held],
    dropped: list[RemovedPair],
    language: str,
) -> tuple[dict[SplitName, list[Pair]], DisjointSets]:
    """Pairs by part, and the groups by which they were divided."""
    relevant = [pair for pair in pairs if pair.relevance > 0]
    shares = {"giant_share": options.giant_share, "joined_share": options.max_joined_share}
    grouping = group_pairs(relevant, sets, **shares, seed=options.seed, language=language)
    dropped += [RemovedPair(pair, "joins_groups", pair.passage_id) for pair in grouping.cut]
    who: Judges | None = judges(pairs, options.judge_queries)
    while who is not None:
        lost: list[RemovedPair] = []
        parts = _parts(pairs, grouping, sides(grouping, options, wanted, who), who, lost)
        who = _widened(who, parts, [part for part in wanted if all(pair.split != part for pair in relevant)], options)
    dropped += lost
    return parts, grouping.sets


def _widened(
    who: Judges, parts: Mapping[SplitName, Sequence[Pair]], drawn: Iterable[Held], options: SplitOptions
) -> Judges | None:
    """More judges for the drawn parts that are below their minimum; None where none is, or nobody else could judge."""
    fewest = {"test": options.min_test_queries, "dev": options.min_dev_queries}
    found: Judges | None = None
    for part in drawn:
        if len(queries(tuple(parts[part]))) < fewest[part]:
            found = (found or who).wider(part) or found
    return found


def _parts(
    pairs: Iterable[Pair],
    grouping: Grouping,
    sides: Mapping[Node, SplitName],
    who: Judges,
    dropped: list[RemovedPair],
) -> dict[SplitName, list[Pair]]:
    """The pairs by part; a query without a kept positive is gone, with its negatives."""

    def side(pair: Pair) -> SplitName:
        return sides.get(grouping.group_of(pair.passage_id), "train")

    part_of: dict[str, SplitName] = {}
    for pair in grouping.kept:
        if pair.split in HELD and pair.split == side(pair):  # its source says where its query goes
            part_of[pair.query_id] = pair.split
        part_of.setdefault(pair.query_id, side(pair))
    cut = set(grouping.cut)
    found: dict[SplitName, list[Pair]] = {name: [] for name in SPLITS}
    for pair in pairs:
        if pair in cut:
            continue
        part = part_of.get(pair.query_id)
        rule = _unfit(pair, part, who)
        if rule is None and pair.relevance > 0 and side(pair) != part:
            rule = "joins_groups"
        if rule is not None or part is None:
            dropped.append(RemovedPair(pair, rule or "query_without_positive", part or ""))
        else:
            found[part].append(pair)
    return {name: _answered(found[name], dropped) for name in SPLITS}


def _answered(pairs: Sequence[Pair], dropped: list[RemovedPair]) -> list[Pair]:
    """One part's pairs: each (query, passage) once, a newest click before an older one, and no query unanswered."""
    same = distinct(pairs, newest_apart=False)
    dropped += [RemovedPair(pairs[row], one.rule, same.detail(row)) for row, one in sorted(same.repeats.items())]
    answered = {pair.query_id for pair in same.kept.values() if pair.relevance > 0}
    dropped += [RemovedPair(p, "query_without_positive") for p in same.kept.values() if p.query_id not in answered]
    return [pair for pair in same.kept.values() if pair.query_id in answered]


def _unfit(pair: Pair, part: SplitName | None, who: Judges) -> str | None:
    """The rule by which a pair may not stand in the part of its query."""
    if part is None:
        return "query_without_positive"
    if part == "train":
        return "newest_clicks" if is_newest(pair) else "held_out" if pair.split in HELD else None
    return None if who.may(pair, part) else "held_out"


def finished(
    parts: Mapping[SplitName, Sequence[Pair]],
    sets: DisjointSets,
    dropped: Sequence[RemovedPair],
    origin: str,
    shown: Collection[str],
) -> CountedSplits:
    """Takes shown queries from test and held-out passages from train's negatives."""
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
    return splits
