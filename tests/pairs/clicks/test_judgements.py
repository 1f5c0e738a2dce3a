"""From a click log to judgements: what is evidence, what it is worth, and what a hostile log cannot do."""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.errors import InputError, SettingsError
from jargonaut.pairs.clicks import ClickOptions, JudgedLog, judge_log, similar
from jargonaut.records import BadRow

COLUMNS = ("query", "doc_id", "rank", "clicked", "time", "session")
START = 1_700_000_000
SMALL = ClickOptions(min_impressions=3, min_clicks=2, prior_strength=0.5, recent_share=0.0, min_relevance=0.4)
Line = tuple[object, ...]


def refuse(bad: BadRow) -> None:
    """Fails the test: every row is good here."""
    pytest.fail(str(bad))


def judged(
    folder: Path, rows: Iterable[Line], options: ClickOptions = SMALL, columns: Sequence[str] = COLUMNS
) -> JudgedLog:
    """A log without fault, judged."""
    path = folder / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return judge_log(path, options, refuse)


def page(query: str, session: str, time: int, *results: str, clicked: Sequence[str] = ()) -> list[Line]:
    """The rows of one result page."""
    return [(query, name, rank, int(name in clicked), time, session) for rank, name in enumerate(results, start=1)]


def pages(times: int, query: str = "late fee", clicked: str = "b", first: int = 0) -> list[Line]:
    """Pages of as many sessions, with one click each."""
    return [
        row
        for number in range(first, first + times)
        for row in page(query, f"s{number}", START + 100 * number, "a", "b", "c", clicked=[clicked])
    ]


def realistic(queries: int = 150, asked: int = 20, seed: int = 1) -> list[Line]:
    """A log of position-biased clicks with some noise, each result at several ranks."""
    chance = np.random.default_rng(seed)
    rows: list[Line] = []
    for number in range(queries * asked):
        query = number % queries
        order = chance.permutation(6)
        for rank, result in enumerate(order.tolist(), start=1):
            click = chance.random() < 1 / rank and chance.random() < (0.8 if result == query % 6 else 0.1)
            rows.append(
                (f"question {query}", f"d{query}-{result}", rank, int(click), START + 60 * number, f"s{number}")
            )
    return rows


def answers(log: JudgedLog) -> set[tuple[str, str]]:
    """The answers that were found in the part that trains."""
    return {(j.query, j.target) for j in log.judgements if j.relevance and j.provenance == "click"}


def test_what_is_clicked_is_an_answer_and_what_is_passed_over_is_not(tmp_path: Path) -> None:
    """A result above the clicked one, never clicked, is a hard negative; one below it is nothing."""
    log = judged(tmp_path, pages(8))
    assert [(j.query, j.target, j.relevance, j.provenance) for j in log.judgements] == [
        ("late fee", "a", 0, "click"),
        ("late fee", "b", 1, "click"),
    ]
    assert all(0 < (j.score or 0) <= 1 for j in log.judgements)


def test_a_realistic_log_gives_back_what_was_meant(tmp_path: Path) -> None:
    """Most of what is relevant is found, and nearly all of what is found is relevant."""
    log = judged(tmp_path, realistic(), ClickOptions())
    found = answers(log)
    right = {(q, d) for q, d in found if d == f"d{q.split()[1]}-{int(q.split()[1]) % 6}"}
    assert len(right) > 0.7 * 150
    assert len(right) > 0.95 * len(found)
    assert log.curve.method == "model"


def test_one_click_is_not_enough(tmp_path: Path) -> None:
    """Too few impressions or clicks judge nothing, and the log says so."""
    log = judged(tmp_path, pages(1))
    assert log.judgements == ()
    assert any("No result was shown 3 times" in notice for notice in log.notices)


def test_the_same_click_rate_is_worth_more_further_down(tmp_path: Path) -> None:
    """Position bias is corrected: what is clicked half as often at rank 3 as at rank 1 is the better answer."""
    rows: list[Line] = []
    for number in range(40):
        clicked = [name for name, times in (("a", 20), ("c", 13)) if number < times]
        rows += page("late fee", f"s{number}", START + number, "a", "b", "c", clicked=clicked)
    scores = {j.target: j.score or 0 for j in judged(tmp_path, rows).judgements if j.relevance}
    assert scores["c"] > scores["a"]


def test_a_bot_changes_nothing(tmp_path: Path) -> None:
    """Ten thousand clicks of one session, mixed into the log, leave every judgement and the curve as they were."""
    rows = realistic()
    bot = [(f"question {n % 150}", f"d{n % 150}-5", 1 + n % 6, 1, START + 9 * n, "bot") for n in range(10_000)]
    mixed = [row for both in itertools.zip_longest(rows, bot) for row in both if row is not None]
    alone, beside = judged(tmp_path, rows, ClickOptions()), judged(tmp_path, mixed, ClickOptions())
    assert alone.judgements
    assert beside.judgements == alone.judgements
    assert (beside.curve, beside.span, beside.recent_since) == (alone.curve, alone.span, alone.recent_since)
    assert sum(count for rule, count in beside.dropped.items() if rule.startswith("bot_")) == 10_000


def test_a_session_that_clicks_nearly_everything_is_a_bots(tmp_path: Path) -> None:
    """Even where it is neither long nor has very many clicks."""
    names = [f"r{n}" for n in range(10)]
    greedy = [
        row for n in range(4) for row in page(f"topic {n} {'abcd'[n]}", "greedy", START + n, *names, clicked=names)
    ]
    assert judged(tmp_path, [*pages(8), *greedy]).dropped == {"bot_click_share": 40}


def test_the_order_of_rows_and_interleaved_sessions_do_not_matter(tmp_path: Path) -> None:
    """The same rows in any order give the same result, as long as they have times."""
    rows = realistic(60)
    shuffled = [rows[place] for place in np.random.default_rng(3).permutation(len(rows)).tolist()]
    assert judged(tmp_path, rows, ClickOptions()) == judged(tmp_path, shuffled, ClickOptions())


def test_an_abandoned_query_is_no_evidence(tmp_path: Path) -> None:
    """A page without a click, whose query is soon asked in other words, does not count against its results."""
    rows: list[Line] = []
    for number in range(8):
        time = START + 10_000 * number
        rows += page("late fee", f"s{number}", time, "a", "b")
        rows += page("late fee refund", f"s{number}", time + 20, "b", "a", clicked=["a"])
    log = judged(tmp_path, rows)
    assert log.dropped == {"abandoned_query": 16}
    assert answers(log) == {("late fee refund", "a")}
    late = [(*row[:4], int(str(row[4])) + 1000 * (row[0] != "late fee"), row[5]) for row in rows]
    assert judged(tmp_path, late).dropped == {}  # the second query came too late to be a second try


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("late fee", "late fee refund", True),
        ("refund late fee", "late fee", True),
        ("lat fee", "late fee", True),
        ("late fee", "opening hours", False),
        ("", "late fee", False),
        ("a" * 300, "b" * 300, False),
    ],
)
def test_a_reformulation_is_longer_shorter_or_retyped(one: str, other: str, alike: bool) -> None:
    """And the other way round."""
    assert similar(one, other, 0.8) is alike
    assert similar(other, one, 0.8) is alike


def test_second_clicks_on_a_page_count_once(tmp_path: Path) -> None:
    """A doubled row and a count of clicks above one are one click of one impression."""
    rows = [row for row in pages(2) for _ in range(3)]
    log = judged(tmp_path, rows, replace(SMALL, min_impressions=1))
    assert log.dropped == {"repeated_on_page": 12}
    assert answers(log) == {("late fee", "b")}
    assert judged(tmp_path, rows, SMALL).judgements == ()  # twice shown is not three times
    counted = [(*row[:3], 7 * int(str(row[3])), *row[4:]) for row in pages(8)]
    assert judged(tmp_path, counted).judgements == judged(tmp_path, pages(8)).judgements


def test_the_newest_part_judges_and_never_trains(tmp_path: Path) -> None:
    """What is clicked only lately is no answer of the older part, nor the other way round."""
    rows = pages(80, clicked="b") + pages(20, clicked="c", first=80)
    log = judged(tmp_path, rows, replace(SMALL, recent_share=0.2))
    found = {(j.provenance, j.target) for j in log.judgements if j.relevance}
    assert found == {("click", "b"), ("recent-click", "c")}
    assert log.recent_since == "2023-11-15T00:26:40+00:00"
    assert log.recent_since is not None
    assert log.span is not None
    assert log.span[0] < log.recent_since < log.span[1]


def test_without_times_nothing_is_held_out_and_that_is_said(tmp_path: Path) -> None:
    """And nothing is held out where all times are the same."""
    untimed = [(*row[:4], row[5]) for row in pages(20)]
    log = judged(tmp_path, untimed, replace(SMALL, recent_share=0.2), [name for name in COLUMNS if name != "time"])
    assert answers(log) == {("late fee", "b")}
    assert (log.span, log.recent_since) == (None, None)
    assert any("no times" in notice for notice in log.notices)
    at_once = [(*row[:4], START, row[5]) for row in pages(20)]
    log = judged(tmp_path, at_once, replace(SMALL, recent_share=0.2))
    assert log.recent_since is None
    assert any("all times of the log are the same" in notice for notice in log.notices)


def test_without_sessions_pages_are_told_by_query_and_time(tmp_path: Path) -> None:
    """Judgements are the same; what cannot be done is said."""
    bare = [row[:5] for row in pages(8)]
    log = judged(tmp_path, bare, SMALL, COLUMNS[:5])
    assert log.judgements == judged(tmp_path, pages(8)).judgements
    assert log.pages == 8
    assert log.sessions == 0
    assert any("no sessions" in notice for notice in log.notices)


def test_without_sessions_and_times_a_result_that_comes_again_begins_a_page(tmp_path: Path) -> None:
    """A query asked eight times is eight pages, not one."""
    log = judged(tmp_path, [row[:4] for row in pages(8)], SMALL, COLUMNS[:4])
    assert log.pages == 8
    assert answers(log) == {("late fee", "b")}


@pytest.mark.parametrize("timed", [True, False])
def test_rows_without_a_session_are_told_apart_like_those_of_a_log_without_any(tmp_path: Path, timed: bool) -> None:
    """Thirty of forty pages name no session, as where people are not logged in: all forty count."""
    rows = [(*row[:4], row[4] if timed else 5, "" if number >= 30 else row[5]) for number, row in enumerate(pages(40))]
    columns = COLUMNS if timed else ("query", "doc_id", "rank", "clicked", "shelf", "session")
    log = judged(tmp_path, rows, SMALL, columns)
    assert log.pages == 40
    assert log.sessions == 10
    assert not log.dropped


@pytest.mark.parametrize(("days", "held"), [((100, 100, 300), 0), ((300, 100, 100), 100), ((100, 100, 80), 80)])
def test_the_newest_part_is_the_one_nearest_to_what_is_wanted(
    tmp_path: Path, days: tuple[int, int, int], held: int
) -> None:
    """Days are not divided: one that holds most of a log is not held out, and what is far off is said."""
    dates = [f"2024-03-{day + 1:02}" for day, number in enumerate(days) for _ in range(number)]
    rows = [
        row for number, date in enumerate(dates) for row in page("late fee", f"s{number}", 0, "a", "b", clicked=["b"])
        for row in [(*row[:4], date, row[5])]
    ]  # fmt: skip
    log = judged(tmp_path, rows, replace(SMALL, recent_share=0.2))
    assert log.recent_since == (f"{dates[-1]}T00:00:00+00:00" if held else None)
    assert any("newest part" in notice for notice in log.notices) == (abs(held / sum(days) - 0.2) > 0.05)


def test_the_newest_part_of_a_log_that_is_summed_up_counts_impressions(tmp_path: Path) -> None:
    """A hundred small days and one that holds nearly all: the latter teaches."""
    columns = ("query", "doc_id", "rank", "clicks", "impressions", "date")
    rows = [("late fee", "b", 1, 3, 9, f"2024-0{month}-{day:02}") for month in (1, 2, 3) for day in range(1, 29)]
    log = judged(tmp_path, [*rows, ("late fee", "b", 1, 300_000, 900_000, "2024-04-01")],
                 replace(SMALL, recent_share=0.2), columns)  # fmt: skip
    assert log.recent_since is None
    assert any("No newest part" in notice for notice in log.notices)


def test_clicks_without_impressions_are_counted_and_that_is_said(tmp_path: Path) -> None:
    """The result with most of its query's clicks is an answer; nothing is corrected and nothing is a negative."""
    rows = [row for row in pages(8) if row[3]] + [("late fee", "z", 1, 1, START + 99_999, "other")]
    log = judged(tmp_path, rows, replace(SMALL, min_relevance=None))
    assert answers(log) == {("late fee", "b")}
    assert log.count("click", 0) == 0
    assert "clicks without impressions" in log.notices[0]
    assert log.curve is None


def test_a_log_that_is_summed_up_is_understood(tmp_path: Path) -> None:
    """Columns as a search console gives them: average positions are rounded, more clicks than impressions are cut."""
    columns = ("Query", "Page", "Clicks", "Impressions", "CTR", "Position")
    rows = [
        ("late fee", "/fees", 60, 100, "60%", 1.4),
        ("late fee", "/home", 2, 100, "2%", 2.6),
        ("x y", "/x", 9, 3, "", 1),
    ]
    log = judged(tmp_path, rows, SMALL, columns)
    assert answers(log) == {("late fee", "/fees"), ("x y", "/x")}
    assert not log.dropped
    assert any("1 row tells of more clicks than impressions" in notice for notice in log.notices)
    assert any("summed up" in notice for notice in log.notices)


def test_a_log_of_pages_says_the_same_as_one_of_results(tmp_path: Path) -> None:
    """Lists of shown and clicked ids hold the same evidence."""
    path = tmp_path / "log.jsonl"
    rows = [{"query": "late fee", "results": ["a", "b", "c"], "clicked_ids": ["b"], "user": n} for n in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert judge_log(path, SMALL, refuse).judgements == judged(tmp_path, pages(8)).judgements


def test_the_commonest_spelling_stands_for_a_query(tmp_path: Path) -> None:
    """Spellings that differ in case and white space are one query."""
    rows = [*pages(5, "Late Fee"), *pages(3, "late  fee?", first=5)]
    assert {j.query for j in judged(tmp_path, rows).judgements} == {"Late Fee"}


@pytest.mark.parametrize(
    ("rows", "reading"),
    [
        ([], "no usable row"),
        ([("late fee", "a", 1, 1, START, "s")], "clicks without impressions"),
        (pages(1)[:1], "No result was shown"),
        ([(*row[:3], 1, *row[4:]) for row in pages(8)], "clicks without impressions"),
        ([(*row[:3], 0, *row[4:]) for row in pages(8)], "No result was shown"),
        ([(row[0], row[1], 1, *row[3:]) for row in pages(8)], "power law"),
    ],
    ids=["header only", "one click", "one row", "all clicked", "nothing clicked", "all at rank 1"],
)
def test_odd_logs_are_read_and_said_to_be_odd(tmp_path: Path, rows: list[Line], reading: str) -> None:
    """None is an error, and none is taken for more than it is."""
    assert any(reading in notice for notice in judged(tmp_path, rows).notices)


def test_queries_too_long_or_without_words_and_ranks_too_deep_are_counted(tmp_path: Path) -> None:
    """They are left out by rule, not by fault."""
    odd = [
        ("x" * 100_000, "a", 1, 1, START, "l"),
        ("???", "a", 1, 1, START, "w"),
        ("late fee", "a", 500, 1, START, "d"),
    ]
    log = judged(tmp_path, [*pages(8), *odd])
    assert log.dropped == {"query_too_long": 1, "query_without_words": 1, "rank_too_deep": 1}
    assert log.judgements == judged(tmp_path, pages(8)).judgements


def test_many_bots_may_be_an_office_and_that_is_said(tmp_path: Path) -> None:
    """Where most of a log is dropped, its reader learns what to raise."""
    shared = [
        (*row[:5], "proxy")
        for n in range(400)
        for row in page(f"q {n} {n * 7919}", "", START + n, "a", "b", clicked=["a"])
    ]
    assert any("raise max_session_queries" in notice for notice in judged(tmp_path, shared).notices)


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5)
CELL = st.sampled_from(
    ["", "0", "1", "2", "-1", "NaN", "a", "late fee", "true", "1e400", "2024-03-05", "9" * 40, "[1]"]
)


@settings(max_examples=150)
@given(st.lists(st.lists(CELL | WORDS, min_size=6, max_size=6), max_size=12), st.permutations(COLUMNS))
def test_no_log_breaks_the_reading(cells: list[list[str]], columns: list[str]) -> None:
    """Whatever stands in the cells: rows at fault are named, scores lie from 0 to 1, and each row is accounted for."""
    bad: list[BadRow] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        with path.open("w", encoding="utf-8", newline="", errors="replace") as stream:
            csv.writer(stream).writerows([columns, *cells])
        log = judge_log(path, replace(SMALL, min_impressions=1, min_clicks=1, recent_share=0.3), bad.append)
    assert all(0 <= (j.score or 0) <= 1 and j.query.strip() and j.target for j in log.judgements)
    assert log.impressions + len(bad) <= len(cells)


@pytest.mark.parametrize(
    "bad",
    [
        {"min_propensity": 0.0},
        {"recent_share": 1.0},
        {"eta": -1.0},
        {"min_clicks": 0},
        {"max_rank": 10**6},
        {"min_relevance": 2.0},
    ],
)
def test_limits_that_mean_nothing_are_refused(bad: dict[str, float]) -> None:
    """Each names its section and key."""
    with pytest.raises(SettingsError, match=rf"\[clicks\] {next(iter(bad))}"):
        ClickOptions(**bad)  # type: ignore[arg-type]


def test_what_is_no_log_is_refused_in_words(tmp_path: Path) -> None:
    """A file that is not there, and one of another kind."""
    with pytest.raises(InputError, match="cannot be read"):
        judge_log(tmp_path / "gone.csv")
    (tmp_path / "log.doc").write_bytes(b"x")
    with pytest.raises(InputError, match="this is no table"):
        judge_log(tmp_path / "log.doc")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """A hundred thousand rows of a few queries need no more memory than a quarter of them."""

    def rows(count: int) -> Iterator[Line]:
        for number in range(count // 10):
            for rank in range(10):
                clicked = (number * 7 + rank) % 11 == 0
                yield f"query {number % 50}", f"d{rank}", rank + 1, int(clicked), START + number, f"s{number}"

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert judged(tmp_path, rows(count), ClickOptions()).impressions == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    judged(tmp_path, rows(1_000), ClickOptions())  # loads what is loaded once
    assert peak(100_000) < peak(25_000) + 1e6  # 75 000 numbers would take more
