"""How often monitoring is wrong, how soon it notices, and what a look costs.

    python -m benchmarks.monitoring [DATA/financial_qa] [--other DATA/stackfaq] [--mixed MODEL] [--days 1000] [--json]

Without `--mixed` the mixed-up model is the shipped one with noise on its weights.

Queries and passages of a real set are encoded once; days are drawn from them. What is tested is the package's own: the
day's tests, their correction, the rules, the hysteresis. The cost is that of real looks at a real index of vectors that
are made up. Knows how changes are injected; judges nothing.
"""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.conditions import Conditions, LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import mean_interval
from jargonaut.monitoring import Change, CorpusChange, Drift, Facts, WatchOptions, findings
from jargonaut.monitoring.hysteresis import step
from jargonaut.watching import asking, drifting, golden

TOKENS, QUERIES, PASSAGES, OTHERS = 128, 700, 1_500, 300
REFERENCE, DAY, BUSY, DOCUMENTS = 250, 100, 300, 60
"""Queries of the reference, of a day and of a busy one; new documents that are compared."""
SHUFFLES = 2_599
"""Enough for the level of the settings; more make p-values finer and the benchmark slower."""
WORKSPACES = 100
"""Days of one workspace share a reference, and most of their queries: what says how often a test is wrong is the number
of workspaces, not of days."""
NOISE = 0.3
"""Standard deviation of the noise on a mixed-up model's weights, as a share of theirs."""
DAYS = 1_000
OTHER = "stackfaq"
HORIZON = 14
REPEATS = 20
STRICT = 0.05
"""A level at which so many findings are expected that the rate can be seen."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Material:
    """What was encoded.

    Attributes:
        queries: Of the set.
        passages: Of the set.
        relevant: Query → rows of its positives.
        strange: Queries of the other set.
        topic: Passages of the other set.
        mixed: The set's queries by another model.
    """

    queries: Vectors
    passages: Vectors
    relevant: tuple[tuple[int, ...], ...]
    strange: Vectors
    topic: Vectors
    mixed: Vectors


@dataclass(frozen=True, slots=True)
class Found:
    """Days without a change on which a test found something.

    Attributes:
        days: How many.
        workspaces: In how many workspaces they lie.
        low: Lower end of the 95 % interval of their share, workspaces being drawn anew.
        high: Its upper end.
    """

    days: int
    workspaces: int
    low: float
    high: float

    @classmethod
    def of(cls, found: Sequence[bool], seeds: Sequence[str]) -> Found:
        """Counts them.

        Args:
            found: Of each day.
            seeds: The workspace of each day.
        """
        span = mean_interval(np.array(found, dtype=np.float64), seeds)
        where = {seed for one, seed in zip(found, seeds, strict=True) if one}
        return cls(sum(found), len(where), span.low, span.high)

    @property
    def words(self) -> str:
        """For a table."""
        return f"{self.days} days in {self.workspaces} workspaces ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Days without a change.

    Attributes:
        days: How many.
        level: The level of the settings.
        found: Days with a finding at that level.
        strict: The same at `STRICT`.
        alarms: Alarms that were raised.
    """

    days: int
    level: float
    found: Found
    strict: Found
    alarms: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """What became of an injected change.

    Attributes:
        change: What was changed.
        power: Share of the repeats in which an alarm was raised within `HORIZON` looks.
        delay: Median of the looks until then, the first being 1; None where none was.
        rules: Which rules raised it.
    """

    change: str
    power: float
    delay: float | None
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a look takes.

    Attributes:
        passages: In the index.
        queries: Golden queries.
        first: Seconds of the first look.
        seconds: Seconds of the next one.
        busy: Seconds of processor time of that one, on whatever cores: what else a machine does is not in it.
        encoding: Seconds of processor time that the shipped model takes for the queries; the made-up vectors take none.
        grown_mb: By how much the process grew.
    """

    passages: int
    queries: int
    first: float
    seconds: float
    busy: float
    encoding: float
    grown_mb: float


def encoded(data: Path, other: Path, mixed: str) -> Material:
    """Encodes both sets once."""
    one, second = LabelledSet.read(data), LabelledSet.read(other)
    model = _model(EMBEDDED)
    answers: dict[str, list[str]] = {}
    for judged in (*one.test, *one.dev, *one.train):
        answers.setdefault(judged.query_id, []).append(judged.passage_id)
    texts = {passage.id: passage.content("title") for passage in one.passages}
    asked = list(answers)[:QUERIES]
    needed = list(dict.fromkeys(p for query in asked for p in answers[query]))
    rows = list(dict.fromkeys([*needed, *texts]))[: max(PASSAGES, len(needed))]
    place = {passage: row for row, passage in enumerate(rows)}
    strange = list(dict.fromkeys(second.queries[judged.query_id] for judged in (*second.test, *second.train)))[:OTHERS]
    questions = [one.queries[query] for query in asked]
    return Material(
        model.encode_queries(questions), model.encode_passages([texts[p] for p in rows]),
        tuple(tuple(place[p] for p in answers[query]) for query in asked), model.encode_queries(strange),
        model.encode_passages([passage.content("title") for passage in second.passages[:OTHERS]]),
        _model(mixed).encode_queries(questions),
    )  # fmt: skip


def _model(name: str) -> LocalEncoder:
    return LocalEncoder(find_model(name), ComputeOptions(), max_tokens=TOKENS)


def side(queries: Vectors, passages: Vectors) -> drifting.Measured:
    """What a search would tell of some queries."""
    scores = np.partition(queries @ passages.T, -2, axis=1)[:, -2:]
    second, best = scores.min(axis=1), scores.max(axis=1)
    texts = ("",) * len(queries)
    return drifting.Measured(
        texts, queries, tuple(best.tolist()), tuple((best - second).tolist()), (0.0,) * len(texts), 0
    )


class Workspace:
    """A made-up workspace: what was seen before, and days that are drawn from the rest."""

    def __init__(self, it: Material, seed: int, options: WatchOptions) -> None:
        self.it, self.options, self.rng = it, options, np.random.default_rng(seed)
        queries, passages = (self.rng.permutation(len(x)) for x in (it.queries, it.passages))
        self.known, self.rest = queries[:REFERENCE], queries[REFERENCE:]
        self.trained, self.later = passages[: options.sample], passages[options.sample :]
        self.before = side(it.queries[self.known], it.passages)
        self.said: dict[str, list[bool]] = {}
        self.week: list[tuple[frozenset[int], frozenset[int]]] = []
        for _ in range(6):
            self.asked(DAY)

    def tests(self, queries: Vectors, fresh: Vectors | None) -> Drift | None:
        """A day's tests."""
        made, _ = drifting.query_tests(self.before, side(queries, self.it.passages), self.options, words_known=False)
        if fresh is not None:
            pooled = np.concatenate([self.it.passages[self.trained], fresh])
            first = len(self.trained)
            names = [f"a{row:05}" for row in range(first)], [f"b{row:05}" for row in range(len(fresh))]
            place = {name: row for row, name in enumerate([*names[0], *names[1]])}
            test = drifting.corpus_test(*names, lambda some: pooled[[place[name] for name in some]], self.options)
            made += [] if test is None else [test]
        return drifting.day(made, self.options)

    def asked(self, count: int, strange: int = 0) -> Vectors:
        """A day's queries, some of them strangers; gives the distinct ones of the last seven days."""
        own = self.rng.choice(self.rest, count - strange, replace=False)
        others = self.rng.choice(len(self.it.strange), strange, replace=False)
        self.week = [*self.week, (frozenset(own.tolist()), frozenset(others.tolist()))][-7:]
        rows, strangers = (sorted(frozenset().union(*(day[side] for day in self.week))) for side in (0, 1))
        found: Vectors = np.concatenate([self.it.queries[rows], self.it.strange[strangers]])
        kept = self.rng.permutation(len(found))[: self.options.sample]
        return found[kept]

    def documents(self, count: int = DOCUMENTS) -> Vectors:
        """New documents like the old ones."""
        found: Vectors = self.it.passages[self.rng.choice(self.later, count, replace=False)]
        return found

    def look(self, facts: Facts) -> list[str]:
        """Rules that raise an alarm after this look."""
        raised = []
        for one in findings(facts):
            if one.fires is None:
                continue
            answers = self.said.setdefault(one.name, [])
            answers.append(one.fires)
            if step(answers, is_open=False, sudden=one.sudden, options=self.options) == "raise":
                raised.append(one.name)
        return raised


def quiet(it: Material, days: int, options: WatchOptions) -> Quiet:
    """Days on which nothing changes, in several workspaces, since all days of one share its reference."""
    least: list[float] = []
    seeds: list[str] = []
    alarms = 0
    for seed in range(WORKSPACES):
        one, is_open = Workspace(it, seed, options), False
        for _ in range(days // WORKSPACES):
            drift = one.tests(one.asked(DAY), one.documents())
            assert drift is not None  # noqa: S101 - a day has queries
            least.append(min(drift.adjusted))
            seeds.append(str(seed))
            raised = one.look(Facts(options, drift=drift))
            alarms += 0 if is_open else len(raised)
            is_open = bool(raised)
    found, strict = (Found.of([p <= level for p in least], seeds) for level in (options.test_level, STRICT))
    return Quiet(len(least), options.test_level, found, strict, alarms)


Day = Callable[[Workspace, int], Facts]


def noticed(change: str, it: Material, options: WatchOptions, day: Day) -> Noticed:
    """Injects a change in many workspaces and looks until an alarm is raised."""
    delays, rules = [], []
    for seed in range(REPEATS):
        one = Workspace(it, 10_000 + seed, options)
        for number in range(1, HORIZON + 1):
            raised = one.look(day(one, number))
            if raised:
                delays.append(number)
                rules += raised
                break
    often = sorted(set(rules), key=lambda rule: (-rules.count(rule), rule))
    return Noticed(change, len(delays) / REPEATS, float(np.median(delays)) if delays else None, tuple(often))


def changes(it: Material, options: WatchOptions) -> Iterator[Noticed]:
    """All changes."""
    for share, count in ((0.05, DAY), (0.10, DAY), (0.20, DAY), (0.05, BUSY), (0.10, BUSY)):
        name = f"{share:.0%} of {count} queries a day come from another set"
        yield noticed(name, it, options, _strangers(share, count))
    for share in (0.25, 0.5, 1.0):
        yield noticed(f"20 new documents a day, {share:.0%} of them on a new topic", it, options, _topic(share))
    for share in (0.02, 0.05, 0.10):
        yield noticed(f"{share:.0%} of the golden passages are missing from the index", it, options, _missing(share))
    yield noticed("12% of the golden passages are withdrawn", it, options, _withdrawn)
    yield noticed("queries are embedded by another model than the passages", it, options, _mixed)


def _strangers(share: float, asked: int) -> Day:
    def day(one: Workspace, number: int) -> Facts:
        del number
        queries = one.asked(asked, round(share * asked))
        return Facts(one.options, drift=one.tests(queries, None))

    return day


def _topic(share: float) -> Day:
    def day(one: Workspace, number: int) -> Facts:
        total = min(20 * number, len(one.it.topic))
        topic = round(share * total)
        fresh = np.concatenate([one.documents(total - topic), one.it.topic[:topic]]) if topic < total else (
            one.it.topic[:topic]
        )  # fmt: skip
        trained = len(one.it.passages)
        corpus = CorpusChange(trained + total, total, 0, trained, 0.0)
        drift = one.tests(one.asked(DAY), fresh if total >= one.options.min_queries else None)
        return Facts(one.options, corpus=corpus, drift=drift)

    return day


def _asked(one: Workspace, queries: Vectors, missing: frozenset[int]) -> golden.Asked:
    """Golden queries, which are the reference's, over what is left of the index."""
    scores = queries[one.known] @ one.it.passages.T
    scores[:, sorted(missing)] = -2
    top = np.argsort(-scores, axis=1, kind="stable")[:, : asking.K]
    ids = tuple(str(row) for row in one.known)
    recall = tuple(
        len(set(found.tolist()) & set(one.it.relevant[row])) / len(one.it.relevant[row])
        for row, found in zip(one.known.tolist(), top, strict=True)
    )
    best = tuple(float(row[first]) for row, first in zip(scores, top[:, 0], strict=True))
    return golden.Asked(ids, recall, recall, best, dict(zip(ids, ids, strict=True)), frozenset())


def _golden(one: Workspace, queries: Vectors, missing: frozenset[int]) -> Facts:
    before = golden.Reference(("v1", "c"), _asked(one, one.it.queries, frozenset()).scores)
    now = _asked(one, queries, missing)
    recall, scores = (golden.change(before, now, column, one.options) for column in (0, 2))
    return Facts(one.options, recall=recall, scores=scores)


def _missing(share: float) -> Day:
    def day(one: Workspace, number: int) -> Facts:
        del number
        named = sorted({row for query in one.known.tolist() for row in one.it.relevant[query]})
        gone = np.random.default_rng(int(one.known[0])).choice(named, max(1, round(share * len(named))), replace=False)
        return _golden(one, one.it.queries, frozenset(int(row) for row in gone))

    return day


def _withdrawn(one: Workspace, number: int) -> Facts:
    del number
    return Facts(one.options, golden=REFERENCE, expired=round(0.12 * REFERENCE), recall=Change(0.8, 0.8, 0, 0, 220))


def _mixed(one: Workspace, number: int) -> Facts:
    del number
    return _golden(one, one.it.mixed, frozenset())


class MadeUp:
    """An encoder whose vectors depend on a text's hash alone."""

    def __init__(self, like: LocalEncoder) -> None:
        self.name, self.fingerprint, self.dimension = like.name, like.fingerprint, like.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Random unit vectors."""
        import zlib

        rows = np.stack([
            np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension, dtype=np.float32)
            for text in texts
        ])  # fmt: skip
        made: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return made

    encode_passages = encode_queries


def cost(passages: int = 100_000, queries: int = 1_000) -> Cost:
    """Looks at a real index of made-up vectors."""
    from datetime import UTC, datetime

    from jargonaut import Workspace as Project
    from jargonaut.index import open_store
    from jargonaut.layout import Layout
    from jargonaut.lifecycle import IndexLifecycle
    from jargonaut.monitoring import GoldenQuery, GoldenSets
    from jargonaut.protocols import SilentReporter
    from jargonaut.registry import Registry
    from jargonaut.settings import Settings, override
    from jargonaut.watching import Watch

    model = _model(EMBEDDED)
    with tempfile.TemporaryDirectory(prefix="jargonaut-watch-") as folder:
        # What is near to what among texts that are made up says nothing.
        layout, settings = Layout(Path(folder)), override(Settings(), {"dedup.min_words": 1_000})
        rows = (
            json.dumps({"_id": f"p{n}", "text": f"Passage {n} of {n % 977}, on {n % 89}."}) for n in range(passages)
        )
        docs = layout.root / "passages.jsonl"
        docs.write_text("\n".join(rows), encoding="utf-8")
        registry = Registry(layout.registry, layout.models)
        registry.register_base(
            find_model(EMBEDDED).path, name="made up", fingerprint=model.fingerprint, dimension=model.dimension
        )
        project = Project(layout.root, settings=settings)
        index = IndexLifecycle(
            layout, settings, registry, open_store(settings.index, layout.index), lambda _: MadeUp(model),
            project.index(docs).corpus, SilentReporter(),
        )  # fmt: skip
        index.switch(index.build("base").info.collection)
        asked = [GoldenQuery(f"Passage {n} of {n % 977}, on {n % 89}.", {f"p{n}": 1}) for n in range(queries)]
        GoldenSets(layout.golden).freeze(datetime.now(UTC), first=asked)
        watch = Watch(layout, settings, index, project.watcher(docs).documents, SilentReporter())
        watch.asker.searcher.warm()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times = []
        for _ in range(2):
            started, busy = time.monotonic(), time.process_time()
            watch.look()
            times.append((time.monotonic() - started, time.process_time() - busy))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    model.encode_queries(["warm"])
    started = time.process_time()
    model.encode_queries([f"what does section {n} say about an impairment of goodwill" for n in range(queries)])
    return Cost(passages, queries, times[0][0], *times[1], time.process_time() - started, grown)


def noisy(folder: Path) -> Path:
    """The shipped model with noise on its weights, in a folder: another model whose vectors look alike."""
    from safetensors.numpy import load_file, save_file

    copy = folder / "mixed up"
    shutil.copytree(find_model(EMBEDDED).path, copy)
    weights = next(copy.rglob("model.safetensors"))
    rng = np.random.default_rng(0)
    made = {
        name: (one + NOISE * one.std() * rng.standard_normal(one.shape)).astype(one.dtype) if one.ndim > 1 else one
        for name, one in load_file(weights).items()
    }
    save_file(made, weights, metadata={"format": "pt"})
    return copy


def lines(calm: Quiet, found: Sequence[Noticed], price: Cost) -> Iterator[str]:
    """The figures as a page's part."""
    allowed = calm.days * calm.level
    yield f"| without a change, {calm.days:,} days in {WORKSPACES} workspaces | measured | on average at most |"
    yield "|---|---|---|"
    yield f"| alarms | {calm.alarms} | {allowed:.1f} |"
    yield f"| days with a finding at the level of the settings, {calm.level:.2%} | {calm.found.words} | {allowed:.1f} |"
    yield f"| the same at a level of {STRICT:.0%} | {calm.strict.words} | {calm.days * STRICT:.0f} |"
    yield ""
    yield f"| injected change ({REPEATS} repeats) | noticed within {HORIZON} looks | median looks | by |"
    yield "|---|---|---|---|"
    for one in found:
        delay = "–" if one.delay is None else f"{one.delay:g}"
        yield f"| {one.change} | {one.power:.0%} | {delay} | {', '.join(one.rules) or '–'} |"
    yield ""
    yield paragraph(
        f"One look, {price.queries:,} golden queries over {price.passages:,} passages (384-d, exact search): "
        f"{price.seconds:.1f} s by the clock, beside whatever else the machine did (the first {price.first:.1f} s), "
        f"and {price.busy:.1f} s of processor time. Encoding the queries takes {price.encoding:.1f} s more, once. The "
        f"process grew by {price.grown_mb:.0f} MB."
    )


def measure(data: Path, other: Path, mixed: str | None, days: int) -> tuple[Quiet, list[Noticed], Cost]:
    """Everything.

    Args:
        data: The set that queries and passages come from.
        other: The set that strangers come from.
        mixed: The model that is mixed up with the shipped one; None makes one.
        days: Days without a change.
    """
    options = replace(WatchOptions(), permutations=SHUFFLES)
    price = cost()
    with tempfile.TemporaryDirectory(prefix="jargonaut-watch-") as folder:
        it = encoded(data, other, mixed or str(noisy(Path(folder))))
    found = list(changes(it, options))
    return quiet(it, days, options), found, price


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the set that strangers come from lies beside `source`."""
    return "\n".join(
        [paragraph(Conditions.here().sentence), "", *lines(*measure(source, source.parent / OTHER, None, DAYS))]
    )


def main() -> None:
    """Prints the figures."""
    line = parser("benchmarks.monitoring", __doc__)
    line.add_argument("--other", type=Path, help=f"the set that strangers come from (default: {OTHER}, beside it)")
    line.add_argument("--mixed", help="the model that is mixed up with the shipped one (default: that one with noise)")
    line.add_argument("--days", type=int, default=DAYS, help="days without a change (default: %(default)s)")
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    given = line.parse_args()
    with sentences():
        calm, found, price = measure(given.data, given.other or given.data.parent / OTHER, given.mixed, given.days)
    told: Mapping[str, Any] = {"quiet": plain(calm), "changes": plain(found), "cost": plain(price)}
    print(json.dumps(told, indent=2) if given.json else "\n".join(lines(calm, found, price)))


if __name__ == "__main__":
    main()
