"""A day's two-sample tests: logged queries against the reference, new documents against those of training.

Which texts are compared, when a test is due, and how many tests share one rate of false alarms. The tests themselves
are the monitoring room's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from jargonaut.artifacts import content_hash
from jargonaut.lifecycle import Answer
from jargonaut.monitoring import (
    Drift,
    DriftTest,
    LoggedQuery,
    Pieces,
    Signal,
    WatchOptions,
    energy_test,
    scores_test,
    shares_test,
    shattered,
    words,
)
from jargonaut.protocols import Vectors
from jargonaut.watching.asking import two_scores
from jargonaut.watching.snapshot import drawn

_LOW = 0.05
"""Share of the reference that scores below what is called low."""


@dataclass(frozen=True, slots=True)
class Window:
    """Distinct queries that were logged lately.

    Attributes:
        queries: Words of a sample of them; () where the log keeps hashes alone.
        scores: Of the first two hits of those of the sample that were asked for two or more of all passages, as the log
            keeps them; others cannot be compared.
        distinct: How many distinct ones there are.
        until: When the last of all was asked; None where there is none.
    """

    queries: tuple[str, ...]
    scores: tuple[tuple[float, float], ...]
    distinct: int
    until: datetime | None


def window(rows: Iterable[LoggedQuery], pointer: tuple[str, str], sample: int) -> Window:
    """The distinct queries of some rows that the live system answered; scores of another are on another scale.

    At most `sample` are kept, those whose keys have the smallest hashes: any number of rows may go by.
    """
    kept: dict[str, LoggedQuery] = {}
    heap: list[tuple[int, str]] = []
    seen: set[bytes] = set()
    until: datetime | None = None
    for row in rows:
        until = row.at if until is None else max(until, row.at)
        if (row.version, row.collection) != pointer:
            continue
        digest = content_hash(row.key)
        seen.add(bytes.fromhex(digest))
        place = -int(digest, 16)  # the largest hash leaves first
        if row.key in kept:
            kept[row.key] = row
        elif len(kept) < sample:
            heapq.heappush(heap, (place, row.key))
            kept[row.key] = row
        elif place > heap[0][0]:
            _, gone = heapq.heapreplace(heap, (place, row.key))
            del kept[gone]
            kept[row.key] = row
    chosen = [kept[key] for key in sorted(kept)]
    scores = tuple((row.scores[0], row.scores[1]) for row in chosen if len(row.scores) > 1 and not row.restricted)
    return Window(tuple(row.query for row in chosen if row.query), scores, len(seen), until)


def due(last: str | None, now: datetime, options: WatchOptions) -> bool:
    """Whether enough time has passed since the last tests; a clock that was put back does not stop them."""
    if last is None:
        return True
    passed = now - datetime.fromisoformat(last)
    # Ten minutes of slack, so that a daily pass that starts a little earlier than yesterday's still tests.
    slack = min(timedelta(minutes=10), timedelta(hours=options.test_every_hours / 10))
    return passed < timedelta(0) or passed >= timedelta(hours=options.test_every_hours) - slack


@dataclass(frozen=True, slots=True)
class Measured:
    """What one side's queries look like.

    Attributes:
        texts: The queries; () where only scores are known.
        vectors: Of the queries; None where only scores are known.
        best: Score of each one's first hit.
        margins: First − second score.
        shattered: Share of each one's words that the tokenizer shatters.
        strange: How many have a word that training's snapshot does not hold.
    """

    texts: tuple[str, ...]
    vectors: Vectors | None
    best: tuple[float, ...]
    margins: tuple[float, ...]
    shattered: tuple[float, ...]
    strange: int


def measured(
    texts: Sequence[str], vectors: Vectors, answers: Sequence[Answer], pieces: Pieces, known: Collection[str] | None
) -> Measured:
    """What queries, their vectors and what the live system answered tell.

    Args:
        texts: Queries.
        vectors: Of the queries, shape (queries, dimension).
        answers: To the queries.
        pieces: Cuts words as the encoder's tokenizer does.
        known: Words of training; None where they are not known.
    """
    pairs = [two_scores(answer) for answer in answers]
    strange = 0 if known is None else sum(any(word not in known for word in words(text)) for text in texts)
    return Measured(
        tuple(texts), vectors, tuple(one for one, _ in pairs), tuple(one - other for one, other in pairs),
        tuple(shattered(texts, pieces)), strange,
    )  # fmt: skip


def of_scores(scores: Sequence[tuple[float, float]]) -> Measured:
    """The same where the log keeps scores alone."""
    return Measured((), None, tuple(s[0] for s in scores), tuple(s[0] - s[1] for s in scores), (), 0)


def query_tests(
    before: Measured, now: Measured, options: WatchOptions, *, words_known: bool = True
) -> tuple[list[DriftTest], list[Signal]]:
    """Compares two sides' queries.

    Args:
        before: The reference.
        now: The window.
        options: Shuffles and seed.
        words_known: Whether it is known which words training saw.
    """
    low = float(np.quantile(before.best, _LOW))
    lows = [(sum(score < low for score in side.best), len(side.best)) for side in (before, now)]
    tests = [
        scores_test("best scores", before.best, now.best),
        scores_test("margins", before.margins, now.margins),
        shares_test("low scores", *lows),
    ]
    count = len(now.best)
    signals = [
        Signal("query_top_score", float(np.median(now.best)), count=count),
        Signal("query_margin", float(np.median(now.margins)), count=count),
        Signal("query_low_scores", lows[1][0] / lows[1][1], count=count),
    ]
    if before.vectors is not None and now.vectors is not None:
        tests.append(energy_test("query meaning", before.vectors, now.vectors, permutations=options.permutations,
                                 seed=options.seed))  # fmt: skip
        tests.append(scores_test("shattered words in queries", before.shattered, now.shattered))
        signals.append(Signal("query_shattered", float(np.mean(now.shattered)), count=count))
        if words_known:
            sides = [(side.strange, len(side.texts)) for side in (before, now)]
            tests.append(shares_test("unknown words in queries", *sides))
            signals.append(Signal("query_new_words", now.strange / len(now.texts), count=count))
    return tests, signals


def corpus_test(
    before: Sequence[str], fresh: Sequence[str], encode: Callable[[Sequence[str]], Vectors], options: WatchOptions
) -> DriftTest | None:
    """Whether new documents are like those of training, one passage of each; None where they are too few."""
    one, other = drawn(before, options.sample), drawn(fresh, options.sample)
    if min(len(one), len(other)) < options.min_queries:
        return None
    vectors = encode([*one, *other])
    return energy_test(
        "new documents", vectors[: len(one)], vectors[len(one) :], permutations=options.permutations, seed=options.seed
    )


def day(tests: Sequence[DriftTest], options: WatchOptions) -> Drift | None:
    """A day's tests with p-values for all of them together (Bonferroni), so that they share one rate of false alarms.

    Holm's procedure finds a little more and keeps the chance of any false finding, but not their number: with tests
    that depend on one another, as scores and margins do, it may raise two false alarms where one is allowed. Bonferroni
    bounds the number itself, whatever depends on what: it is what `false_alarms_a_year` counts.
    """
    if not tests:
        return None
    adjusted = tuple(min(1.0, len(tests) * test.p_value) for test in tests)
    return Drift(tuple(tests), adjusted, options.test_level)


def as_notes(drift: Drift) -> Mapping[str, float]:
    """Adjusted p-values by test."""
    return {test.name: p for test, p in zip(drift.tests, drift.adjusted, strict=True)}
