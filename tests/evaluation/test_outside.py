"""What comparing runs made anywhere promises."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from jargonaut.errors import InputError
from jargonaut.evaluation import compare_runs, runs_html, runs_json, runs_markdown, runs_text
from jargonaut.records import Qrel, Run
from tests.pages import Page

from .samples import OPTIONS, run_at

COUNT = 40
JUDGED = [Qrel(f"q{i}", f"p{i}", 1) for i in range(COUNT)]


def better() -> list[Run]:
    """A run that is measurably better than the first."""
    return [run_at("ours", [3] * COUNT), run_at("theirs", [1] * 30 + [4] * 10)]


def test_each_run_is_compared_with_the_first() -> None:
    """A paired difference with its interval for every measure, candidate − first."""
    found = compare_runs(better(), JUDGED, options=OPTIONS)
    assert [one.name for one in found.runs] == ["ours", "theirs"]
    assert (found.queries, found.groups, found.notices) == (COUNT, COUNT, ())
    first = found.of("theirs", "MRR@10")
    assert first is not None
    assert first.is_gain
    assert first.difference == pytest.approx((30 * (1 - 1 / 3) + 10 * (1 / 4 - 1 / 3)) / COUNT)
    assert found.of("ours") is None


def test_what_a_run_does_not_answer_scores_nothing_and_is_told() -> None:
    """Missing answers are counted as 0 and named, as are answers that nobody judged."""
    ours, theirs = better()
    partial = Run("theirs", {"strange": {"p1": 1.0}, **dict(list(theirs.rankings.items())[:10])})
    found = compare_runs([ours, partial], JUDGED, options=OPTIONS)
    assert found.runs[1].answered == 10
    assert found.runs[1].scores.mean("MRR@10") == pytest.approx(10 / COUNT)
    assert found.notices == (
        "theirs does not answer 30 of 40 queries; each of them scores 0",
        "theirs answers 1 queries that nobody judged; they do not count",
    )


def test_queries_without_an_answer_are_left_out() -> None:
    """A query whose grades are all 0 measures nothing: it is left out, counted, and drags no mean down."""
    found = compare_runs(better(), [*JUDGED[:-1], Qrel(f"q{COUNT - 1}", "p3", 0)], options=OPTIONS)
    assert found.queries == COUNT - 1
    assert found.notices == ("1 judged queries have no relevant passage; they are left out",)


def test_a_shared_passage_joins_queries() -> None:
    """Queries about one passage, or one known document, are drawn together; too few groups prove nothing, in words."""
    shared = [Qrel(f"q{i}", f"p{i}", 1) for i in range(COUNT)] + [Qrel(f"q{i}", "p0", 1) for i in range(COUNT)]
    assert compare_runs(better(), shared, options=OPTIONS).groups == 1
    found = compare_runs(better(), JUDGED, groups={f"p{i}": f"d{i % 3}" for i in range(COUNT)}, options=OPTIONS)
    assert found.groups == 3
    assert "3 independent groups of queries, too few" in found.notices[0]
    difference = found.of("theirs")
    assert difference is not None
    assert not difference.excludes_zero


def test_judged_says_how_much_of_the_top_ten_somebody_looked_at() -> None:
    """A run whose hits nobody judged shows it."""
    judged = [*JUDGED, *(Qrel("q0", f"p{i}", 0) for i in range(1, 60))]
    found = compare_runs(better(), judged, options=OPTIONS)
    assert found.runs[0].judged == pytest.approx((10 + COUNT - 1) / (10 * COUNT))


@pytest.mark.parametrize(
    ("runs", "qrels", "told"),
    [
        (list, JUDGED, "there is no run"),
        (lambda: [better()[0], better()[0]], JUDGED, "two runs are called 'ours'"),
        (better, [Qrel("q1", "p1", 0)], "has a relevant passage"),
        (better, [], "has a relevant passage"),
        (better, [Qrel("other", "p1", 1)], "answers none of the 1 judged queries: it answers 'q0', judged is 'other'"),
        (lambda: [Run("empty", {})], JUDGED, "it is empty"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs: Callable[[], list[Run]], qrels: list[Qrel], told: str) -> None:
    """No run, two of one name, no relevant passage, other queries: words, never a column of zeros."""
    with pytest.raises(InputError) as refused:
        compare_runs(runs(), qrels, options=OPTIONS)
    assert told in str(refused.value)


def test_every_form_tells_the_same() -> None:
    """Table, JSON, Markdown and page name every run and the difference; hostile names stay text."""
    ours, theirs = better()
    hostile = Run("<img src=x>|@you", theirs.rankings)
    found = compare_runs([ours, hostile], JUDGED, options=OPTIONS)
    words = found.of(hostile.name)
    assert words is not None
    text = runs_text(found)
    assert words.words in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100
    value = json.loads(json.dumps(runs_json(found), allow_nan=False))
    assert (value["baseline"], value["runs"][1]["name"]) == ("ours", hostile.name)
    markdown = runs_markdown(found, "runs")
    assert "&lt;img src=x&gt;\\|&#64;you" in markdown
    page = runs_html(found, "runs")
    assert Page(page).balanced
    assert "img" not in Page(page).tags
    assert page.count("<svg ") == 2
