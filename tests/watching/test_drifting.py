"""A day's tests of logged queries: how often they are wrong, and what is no ground for a comparison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from jargonaut.monitoring import DriftTest, LoggedQuery, QueryLog, QueryLogOptions, WatchOptions
from jargonaut.watching.drifting import Measured, day, query_tests, window
from tests.lifecycle.shop import WORDS
from tests.watching.conftest import Clock, Watched, value, watch_of

AT = datetime(2027, 1, 1, tzinfo=UTC)
LEVEL = 0.05
OPTIONS = WatchOptions(permutations=199, false_alarms_a_year=LEVEL * 365)


def _side(rng: np.random.Generator, count: int) -> Measured:
    """Queries of one and the same world; margins go with scores, as they do in a search."""
    vectors = rng.standard_normal((count, 6)).astype(np.float32)
    best = 0.6 + 0.1 * vectors[:, 0]
    margins = np.abs(0.5 * best + 0.02 * vectors[:, 1])
    strange = int((vectors[:, 2] > 1).sum())
    broken = tuple(np.round(np.abs(vectors[:, 3]), 1).tolist())
    return Measured(("",) * count, vectors, tuple(best.tolist()), tuple(margins.tolist()), broken, strange)


def test_days_without_a_change_have_no_more_findings_than_is_said() -> None:
    """300 workspaces that never change: findings, each test's counted, stay at the level; without the correction not.

    A workspace gives one day: days that share a reference are right or wrong together, and 1,000 of them say little
    more than the number of their references does.
    """
    rng = np.random.default_rng(5)
    found = unadjusted = 0
    for _ in range(300):
        drift = day(query_tests(_side(rng, 60), _side(rng, 40), OPTIONS)[0], OPTIONS)
        assert drift is not None
        assert (len(drift.tests), drift.level) == (6, LEVEL)
        found += sum(p <= drift.level for p in drift.adjusted)
        unadjusted += sum(test.p_value <= drift.level for test in drift.tests)
    most = 27  # the 99.9th percentile of a binomial of 300 at 5 %
    assert 1 <= found <= most
    assert unadjusted > most


def test_two_tests_that_go_together_are_no_two_findings() -> None:
    """The level is shared by all tests of a day, however they depend on one another: their findings add up to it."""
    tests = [DriftTest(name, p, 0, 9, 9) for name, p in (("best scores", LEVEL / 2), ("margins", LEVEL * 0.99))]
    drift = day(tests, OPTIONS)
    assert drift is not None
    assert [p <= drift.level for p in drift.adjusted] == [True, False]


def test_scores_that_cannot_be_compared_are_left_out() -> None:
    """One hit has no margin, and among some documents the best is worse than among all."""
    rows = [LoggedQuery(AT, "", f"k{n}", "v", "c", (0.9, 0.5)) for n in range(3)]
    rows += [LoggedQuery(AT, "", "one hit", "v", "c", (0.9,)), LoggedQuery(AT, "", "some", "v", "c", (0.1, 0.0), True)]
    found = window(rows, ("v", "c"), 10)
    assert (found.distinct, found.scores) == (5, ((0.9, 0.5),) * 3)


def test_scores_of_a_hashed_log_can_be_accepted(shop: Watched) -> None:
    """Where people ask otherwise than the labels, the first test says so, and after `--accept` none does."""
    clock = Clock()
    changes = {
        "query_log.enabled": True, "query_log.text": "hashed", "watch.min_queries": 20, "watch.sample": 60,
        "watch.permutations": 2_999,
    }  # fmt: skip
    log = QueryLog(shop.root / ".jargonaut" / "queries", QueryLogOptions(enabled=True, text="hashed"), clock=clock)
    raised = []
    for number in range(6):
        asked = [f"the {WORDS[n % 10]} of the {WORDS[n // 10]} is described in section {n}, first edition"
                 for n in range(number % 2, 80, 2)]  # fmt: skip
        log.record(watch_of(shop).asker.searcher.search(asked, 3))
        clock.now += timedelta(hours=23)
        watch = watch_of(shop, clock, **changes)
        found = watch.look()
        raised.append([alarm.name for alarm in found.raised])
        if number == 2:
            assert "query scores drifted" in [alarm.name for alarm in watch.accept()]
        if number > 2:
            assert value(found, "p: best scores") > LEVEL
        clock.now += timedelta(hours=1)
    assert [names for names in raised if names] == [["query scores drifted"]]
