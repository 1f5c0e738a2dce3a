"""Click logs of any shape and notation are read alike, and rows at fault are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jargonaut.errors import InputError
from jargonaut.pairs.clicks import ClickLog, ClickOptions, Impression, open_log
from jargonaut.records import BadRow

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC).timestamp()


def refuse(bad: BadRow) -> None:
    """Fails the test: every row is good here."""
    pytest.fail(str(bad))


def log(folder: Path, text: str | bytes, options: ClickOptions | None = None, name: str = "log.csv") -> ClickLog:
    """A log that has no fault."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_log(path, refuse, options)


def faults(folder: Path, text: str, options: ClickOptions | None = None) -> tuple[list[Impression], list[BadRow]]:
    """What can be read of a log, and what cannot."""
    path = folder / "log.csv"
    path.write_text(text, encoding="utf-8")
    bad: list[BadRow] = []
    return list(open_log(path, bad.append, options).impressions), bad


@pytest.mark.parametrize(
    "header",
    [
        "query,document_id,rank,clicked,time,session_id",
        "Search Term,URL,Position,Is_Click,Timestamp,User ID",
        "q,docId,pos,click,ts,sid",
        "QUERY_TEXT,passage-id,shown rank,Clicks,Event Time,AnonID",
    ],
)
def test_columns_are_found_by_their_usual_names(tmp_path: Path, header: str) -> None:
    """Names count whatever their case and the signs between their words."""
    rows = list(log(tmp_path, f"{header}\nlate  fee,d1,2,1,2024-03-05T12:00:00Z,s1\n").impressions)
    assert rows == [Impression(2, "late fee", "d1", 2, 1, 1, NOON, "s1")]


def test_a_missing_column_is_named_with_what_there_is_and_how_to_say_it(tmp_path: Path) -> None:
    """The error lists the columns found and the flag that names the missing one."""
    with pytest.raises(InputError, match=r"columns are: query, rank, clicked\n.*--column document=COLUMN"):
        log(tmp_path, "query,rank,clicked\na,1,1\n")
    with pytest.raises(InputError, match=r"no column holds the query.*columns are: frage, doc_id, clicked"):
        log(tmp_path, "frage,doc_id,clicked\na,1,1\n")
    with pytest.raises(InputError, match=r"(?s)whether the result was clicked.*every_row_is_a_click=true"):
        log(tmp_path, "query,doc_id,rank\na,d,1\n")


def test_a_column_may_be_named(tmp_path: Path) -> None:
    """What the options name is taken before any usual name; a name that is not there is an error."""
    text = "frage,query,doc_id,clicked\nlate fee,other,d,1\n"
    rows = list(log(tmp_path, text, ClickOptions(query_column="Frage")).impressions)
    assert rows[0].query == "late fee"
    with pytest.raises(InputError, match="there is no column 'nope'"):
        log(tmp_path, text, ClickOptions(query_column="nope"))


def test_an_empty_file_is_no_log_and_a_header_alone_is_an_empty_one(tmp_path: Path) -> None:
    """Nothing at all is refused; no rows are just none."""
    with pytest.raises(InputError, match="this log is empty"):
        log(tmp_path, "")
    with pytest.raises(InputError, match="this log is empty"):
        log(tmp_path, "", name="log.jsonl")
    assert list(log(tmp_path, "query,doc_id,rank,clicked\n").impressions) == []


@pytest.mark.parametrize(
    ("cell", "clicks"),
    [("1", 1), ("0", 0), ("TRUE", 1), ("false", 0), ("Yes", 1), ("no", 0), ("2", 2), ("1.0", 1), ("", 0), ("null", 0)],
)
def test_a_click_may_be_written_in_any_usual_way(tmp_path: Path, cell: str, clicks: int) -> None:
    """Numbers, words and empty cells."""
    assert [one.clicks for one in log(tmp_path, f"query,doc_id,rank,clicked\na,d,1,{cell}\n").impressions] == [clicks]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("a,d,-1,1,0", "rank"),
        ("a,d,NaN,1,0", "rank"),
        ("a,d,,1,0", "rank"),
        ("a,d,1.5,1,0", "rank"),
        ("a,d,inf,1,0", "rank"),
        ("a,d,1,maybe,0", "clicked"),
        ("a,d,1,-1,0", "clicked"),
        ("a,d,1,1e30,0", "clicked"),
        ("   ,d,1,1,0", "query"),
        ("a,,1,1,0", "doc_id"),
        ("a,d,1,1,yesterday", "time"),
        ("a,d,1,1,", "time"),
        ("a,d,1,1,-5", "time"),
        ("a,d,0,1,0", "rank"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_go_on(tmp_path: Path, row: str, field: str) -> None:
    """File, line and field are told."""
    good = "a,d,1,1,0\n" * 5
    rows, bad = faults(tmp_path, f"query,doc_id,rank,clicked,time\n{good}{row}\nb,d,2,0,1\n")
    assert [(one.line, one.field) for one in bad] == [(7, field)]
    assert (len(rows), rows[-1].query) == (6, "b")


def test_ranks_from_0_are_shifted_and_that_is_said(tmp_path: Path) -> None:
    """Where rank 0 is as frequent as rank 1, counting starts at 0."""
    found = log(tmp_path, "query,doc_id,rank,clicked\n" + "a,d,0,1\na,e,1,0\n" * 3)
    assert [one.rank for one in found.impressions] == [1, 2] * 3
    assert "counted from 0" in found.notices[0]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("2024-03-05T12:00:00", NOON),
        ("2024-03-05 12:00:00+00:00", NOON),
        ("2024-03-05T13:00:00.000+01:00", NOON),
        ("2024-03-05 12:00:00 UTC", NOON),
        (f"{NOON:.0f}", NOON),
        (f"{NOON:.3f}", NOON),
        (f"{NOON * 1e3:.0f}", NOON),
        (f"{NOON * 1e6:.0f}", NOON),
        (f"{NOON * 1e9:.0f}", NOON),
        ("20240305120000", NOON),
        ("20240305", NOON - 12 * 3600),
        ("05.03.2024 12:00", NOON),
        ("2024/03/05 12:00:00", NOON),
        ("03/05/2024 12:00:00", NOON),
        ("03/05/2024 12:00:00 PM", NOON),
        ("05/Mar/2024:12:00:00 +0000", NOON),
        ('"Tue, 05 Mar 2024 12:00:00 GMT"', NOON),
        ('"Mar 05, 2024 12:00:00"', NOON),
    ],
)
def test_times_of_any_usual_form_are_read(tmp_path: Path, cell: str, seconds: float) -> None:
    """ISO 8601, epochs in four units, compact forms, and dates as people and servers write them."""
    found = log(tmp_path, f"query,doc_id,rank,clicked,time\na,d,1,1,{cell}\n")
    assert next(iter(found.impressions)).time == pytest.approx(seconds)


def test_a_date_with_slashes_is_read_as_the_log_shows(tmp_path: Path) -> None:
    """One date with a day above 12 tells the order for all; where none does, that is said."""
    header = "query,doc_id,rank,clicked,time\n"
    found = log(tmp_path, f"{header}a,d,1,1,05/03/2024 12:00\na,d,1,1,25/03/2024 12:00\n")
    assert next(iter(found.impressions)).time == NOON
    assert not found.notices
    assert "month first" in log(tmp_path, f"{header}a,d,1,1,03/05/2024 12:00\n").notices[0]


def test_a_query_may_be_a_word_for_nothing(tmp_path: Path) -> None:
    """People search for null and None; an empty cell is still a fault."""
    found = log(tmp_path, "query,doc_id,rank,clicked\nnull,d,1,1\nNone,d,1,1\nNaN,d,1,1\n")
    assert [one.query for one in found.impressions] == ["null", "None", "NaN"]


def test_a_click_time_stands_for_a_click(tmp_path: Path) -> None:
    """A result whose click has a time was clicked."""
    text = "query,doc_id,rank,click_time,time\na,d,1,2024-03-05 12:00,2024-03-05 11:59\na,e,2,,2024-03-05 11:59\n"
    assert [one.clicks for one in log(tmp_path, text).impressions] == [1, 0]


@pytest.mark.parametrize(
    ("shown", "clicked"),
    [
        (["d1", "d2", "d3"], ["d3", "d1"]),
        (["d1", "d2", "d3"], [1, 3]),
        (["d1", "d2", "d3"], [True, False, True]),
        (["d1", "d2", "d3"], [1, 0, 1]),
        ("d1|d2|d3", "d1|d3"),
        ("d1,d2,d3", "1,3"),
        ("['d1', 'd2', 'd3']", '["d1", "d3"]'),
        ([7, 8, 9], [7, 9]),
        ([{"id": "d1", "rank": 1}, {"id": "d2", "rank": 2}, {"id": "d3", "rank": 3}], "d1 d3"),
    ],
)
def test_a_log_of_pages_gives_a_row_for_each_result(tmp_path: Path, shown: Any, clicked: Any) -> None:
    """Shown and clicked results are lists in any notation: ids, ranks, or a flag for each."""
    row = json.dumps({"query": "a", "results": shown, "clicked": clicked, "session": "s"})
    found = list(log(tmp_path, row + "\n", name="log.jsonl").impressions)
    assert [(one.rank, one.clicks) for one in found] == [(1, 1), (2, 0), (3, 1)]
    assert found[0].document in {"d1", "7"}


def test_listed_results_may_say_themselves_that_they_were_clicked(tmp_path: Path) -> None:
    """A log of pages whose results carry their clicks needs no column for them."""
    shown = [{"url": "https://x/a", "clicked": False}, {"url": "https://x/b", "clicked": True}]
    found = log(tmp_path, json.dumps({"query": "a", "results": shown}) + "\n", name="log.jsonl")
    assert [(one.document, one.clicks) for one in found.impressions] == [("https://x/a", 0), ("https://x/b", 1)]
    with pytest.raises(InputError, match="which of the shown results were clicked"):
        log(tmp_path, json.dumps({"query": "a", "results": ["d1", "d2"]}) + "\n", name="log.jsonl")


def test_clicked_ranks_from_0_are_seen_where_no_click_is_empty(tmp_path: Path) -> None:
    """0 is a rank if pages without a click have an empty cell, and otherwise means that there was none."""
    header = "query,shown_ids,clicked_position\n"
    from_zero = log(tmp_path, f"{header}a,x|y,0\na,x|y,\na,x|y,1\n")
    assert [one.clicks for one in from_zero.impressions] == [1, 0, 0, 0, 0, 1]
    from_one = log(tmp_path, f"{header}a,x|y,0\na,x|y,2\na,x|y,1\n")
    assert [one.clicks for one in from_one.impressions] == [0, 0, 0, 1, 1, 0]


def test_a_click_on_what_was_not_shown_is_a_fault(tmp_path: Path) -> None:
    """The page is left out, since it would seem to have had no click."""
    rows, bad = faults(tmp_path, "query,shown_ids,clicked_ids\na,x|y,z\nb,x|y,y\n")
    assert [(one.line, one.field) for one in bad] == [(2, "clicked_ids")]
    assert "'z' was clicked but is not among the shown" in bad[0].reason
    assert {one.query for one in rows} == {"b"}


def test_a_log_that_names_clicked_results_lists_clicks_alone(tmp_path: Path) -> None:
    """As in the AOL log: a row without an address is a query without a click."""
    text = "AnonID\tQuery\tQueryTime\tItemRank\tClickURL\n1\tlate fee\t2024-03-05 12:00:00\t\t\n"
    found = log(tmp_path, text + "1\tlate fees\t2024-03-05 12:00:00\t1\thttp://x\n", name="log.tsv")
    assert list(found.impressions) == [
        Impression(2, "late fee", "", 0, 0, 1, NOON, "1"),
        Impression(3, "late fees", "http://x", 1, 1, 1, NOON, "1"),
    ]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Whole numbers that became fractions, timestamps and lists are what they stand for."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    moment = datetime(2024, 3, 5, 12, tzinfo=UTC)
    path = tmp_path / "log.parquet"
    columns = {"query": ["a", "b"], "shown": [["x", "y"], ["x"]], "clicked": [["y"], []], "time": [moment] * 2}
    pq.write_table(pa.table({**columns, "user_id": [7.0, 8.0]}), path)
    found = list(open_log(path, refuse).impressions)
    assert found[1] == Impression(1, "a", "y", 2, 1, 1, NOON, "7")
    assert len(found) == 3


def test_lines_in_another_encoding_are_read(tmp_path: Path) -> None:
    """A log put together from several servers may change its encoding from line to line."""
    text = b"query,doc_id,rank,clicked\n" + "gebühr,d,1,1\n".encode() + "gebühr,d,1,1\n".encode("cp1252")
    assert {one.query for one in log(tmp_path, text).impressions} == {"gebühr"}


def test_times_without_end_that_nothing_fits_are_refused_at_once() -> None:
    """A log whose times are no times takes seconds, and one fault does not spoil the good ones of its shape."""
    import time

    from jargonaut.pairs.clicks.times import Times

    times = Times("day")
    with pytest.raises(ValueError, match="a time is wanted, this is '99/99/2024'"):
        times.seconds("99/99/2024")
    assert times.seconds("05/03/2024") == NOON - 12 * 3600
    started = time.process_time()
    for number in range(20_000):
        with pytest.raises(ValueError, match="a time is wanted"):
            times.seconds(f"at {number % 24:02}:00 o'clock")
    assert time.process_time() - started < 20
