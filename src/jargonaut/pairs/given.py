"""The split that a data set brings, and what of other sources may stand beside it.

The set's own test is left as it is; all else gives way to it. Groups are documents and near-duplicates here: a set's
own split may well use one passage for a train query and a test query, and `leakage` counts that. Knows parts and
groups; how parts are drawn where the split is ours is the splits' business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jargonaut.pairs.drawing import sides
from jargonaut.pairs.filters import RemovedPair
from jargonaut.pairs.grouping import DisjointSets, Grouping, Node, blocks, question
from jargonaut.pairs.judging import HELD, Held, Judges
from jargonaut.pairs.provenance import NEWEST, is_newest
from jargonaut.pairs.splits import CountedSplits, SplitOptions, divided, finished, once, split_pairs
from jargonaut.records import SPLITS, Pair, SplitName, queries

_HELD: tuple[Held, ...] = ("test", "dev")


def is_divided(parts: Mapping[SplitName, Sequence[Pair]]) -> bool:
    """Whether a set brings a split: with one part only there is none."""
    return sum(bool(parts.get(name)) for name in SPLITS) > 1


def given_splits(
    parts: Mapping[SplitName, Sequence[Pair]],
    documents: Mapping[str, str],
    near_duplicates: Mapping[str, str],
    options: SplitOptions | None = None,
    more: Sequence[Pair] = (),
    shown: Collection[str] = (),
    language: str = "english",
) -> CountedSplits:
    """Takes over the split that a data set brings, and carves from train what it does not bring.

    A train query that dev or test asks too, by `question`, is dropped, and likewise a dev query that test asks. With
    dev and test but no train, dev serves as train and a new dev is carved from it. With one part only, all is divided
    by `split_pairs`.

    Pairs of other sources teach, if their group is neither dev's nor test's. Those that their source puts into dev or
    test join these, and no pair of their groups trains, not even one of the set's own. A log's newest clicks join dev,
    as many as may judge beside what they take from the other sources; those that lie in the groups of the set's own
    train do not.

    Args:
        parts: The set's own.
        documents: Passage id → document id, of the whole corpus.
        near_duplicates: Passage id → near-duplicate group id.
        options: Shares and seed, for what is carved.
        more: Pairs of other sources.
        shown: Queries that do not test, since a language model was shown them; hand in a set.
        language: Snowball's name of the queries' language.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    options = options or SplitOptions()
    if not is_divided(parts):
        whole = [pair for name in SPLITS for pair in parts.get(name, ())]
        return split_pairs([*whole, *more], documents, near_duplicates, options, shown, language)
    taking = _Taking(blocks(documents, near_duplicates), options, language)
    taking.take({name: list(parts.get(name, ())) for name in SPLITS}, more)
    return finished(taking.given, taking.sets, taking.dropped, "given", shown)


@dataclass(slots=True)
class _Taking:
    """A given split on its way.

    Attributes:
        sets: Passages joined by document and near-duplicate.
        options: Shares and seed.
        language: Of the queries.
        given: Pairs by part.
        asked: Questions of dev and test.
        held: Groups of dev's and test's positives.
        dropped: What has no place.
    """

    sets: DisjointSets
    options: SplitOptions
    language: str
    given: dict[SplitName, list[Pair]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    held: dict[Held, set[Node]] = field(default_factory=dict)
    dropped: list[RemovedPair] = field(default_factory=list)

    def take(self, own: dict[SplitName, list[Pair]], more: Sequence[Pair]) -> None:
        """Puts every pair where it belongs: test first, then dev, then what may still train."""
        if not own["train"]:
            own["train"], own["dev"] = own["dev"], []
        put = {part: [pair for pair in more if pair.split == part] for part in _HELD}
        theirs: set[Node] = set()  # groups that a source holds out itself
        for part in _HELD:
            fitting = self._outside(own[part], theirs, part)
            fitting += self._outside(put[part], self.held.get("test", set()), part)
            self.given[part] = self._unasked(once(fitting, self.dropped), part)
            self._hold(part, self.given[part])
            theirs |= self._groups(put[part])
        own["train"] = self._outside(own["train"], theirs, "train")
        free = self._outside((pair for pair in more if pair.split not in HELD), self.held["test"], "train")
        free = self._unlike(free, [pair for part in _HELD for pair in put[part]])
        newest = [pair for pair in free if is_newest(pair)]
        free = [pair for pair in free if not is_newest(pair)]
        missing = [part for part in _HELD if not self.given[part]]
        if "dev" in missing:
            own["train"] += newest  # what is carved from it for dev may hold them
        else:
            free = self._outside(free, self.held["dev"], "train")
            self._join(newest, free, own["train"])
            free = self._outside(free, self.held["dev"], "train")
        self.given["train"] = self._unasked(once([*own["train"], *free], self.dropped), "train")
        if missing:
            train = self.given["train"]
            carved, _ = divided(train, self.sets, self.options, missing, self.dropped, self.language)
            self.given["train"] = carved["train"]
            self.given |= {name: carved[name] for name in missing}

    def _join(self, newest: Sequence[Pair], free: Sequence[Pair], own: Sequence[Pair]) -> None:
        """Lets the newest clicks join dev where they take nothing from the set's own train and not too much else."""
        taught, known = self._groups(own), {self._question(pair) for pair in own if pair.relevance > 0}
        fit = [
            pair for pair in newest
            if pair.relevance > 0 and self._group(pair) not in taught and self._question(pair) not in known | self.asked
        ]  # fmt: skip
        room = max(0, self.options.max_dev_queries - len(queries(tuple(self.given["dev"]))))
        grouping = Grouping(self.sets, (*fit, *(pair for pair in free if pair.relevance > 0)))
        drawn = sides(
            grouping, replace(self.options, min_dev_queries=0, max_dev_queries=room), ("dev",),
            Judges(NEWEST, NEWEST, frozenset(), self.options.teach_queries),
        )  # fmt: skip
        open_to = {*drawn, *self.held["dev"]}
        joining = {pair for pair in fit if self._group(pair) in open_to}
        answered = {pair.query_id for pair in joining}
        joining |= {pair for pair in newest if pair.relevance <= 0 and pair.query_id in answered}
        self.dropped += [RemovedPair(pair, "newest_clicks", "train") for pair in newest if pair not in joining]
        found = once([pair for pair in newest if pair in joining], self.dropped)
        self.given["dev"] += found
        self._hold("dev", found)

    def _hold(self, part: Held, pairs: Iterable[Pair]) -> None:
        listed = list(pairs)
        self.asked |= {self._question(pair) for pair in listed if pair.relevance > 0}
        self.held.setdefault(part, set()).update(self._groups(listed))

    def _outside(self, pairs: Iterable[Pair], groups: Collection[Node], part: SplitName) -> list[Pair]:
        """The pairs but for positives in some groups."""
        kept: list[Pair] = []
        for pair in pairs:
            if pair.relevance > 0 and self._group(pair) in groups:
                self.dropped.append(RemovedPair(pair, "held_out", part))
            else:
                kept.append(pair)
        return kept

    def _unlike(self, pairs: Sequence[Pair], put: Iterable[Pair]) -> list[Pair]:
        """The pairs but for those that stand in dev or test under another grade."""
        held = {(pair.query_id, pair.passage_id) for pair in put}
        self.dropped += [RemovedPair(p, "held_out", "train") for p in pairs if (p.query_id, p.passage_id) in held]
        return [pair for pair in pairs if (pair.query_id, pair.passage_id) not in held]

    def _unasked(self, pairs: Iterable[Pair], part: SplitName) -> list[Pair]:
        """The pairs whose question no part before asks."""
        kept: list[Pair] = []
        for pair in pairs:
            if self._question(pair) in self.asked:
                self.dropped.append(RemovedPair(pair, "query_held_out", part))
            else:
                kept.append(pair)
        return kept

    def _groups(self, pairs: Iterable[Pair]) -> set[Node]:
        return {self._group(pair) for pair in pairs if pair.relevance > 0}

    def _group(self, pair: Pair) -> Node:
        return self.sets.find(("passage", pair.passage_id))

    def _question(self, pair: Pair) -> str:
        return question(pair.query, self.language)
