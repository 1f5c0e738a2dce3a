"""The query log: opt-in, redacted, rotated, and never in the way of a search."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jargonaut.monitoring import QueryLog, QueryLogOptions, read_log, redacted
from jargonaut.records import BadRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class _Hit:
    score: float


@dataclass
class _Answer:
    query: str
    version: str = "v1"
    collection: str = "c"
    restricted: bool = False
    hits: tuple[_Hit, ...] = (_Hit(0.9), _Hit(0.5))


def _read(root: Path, since: timedelta = timedelta(days=1)) -> tuple[list, list[BadRow]]:
    bad: list[BadRow] = []
    return list(read_log(root, NOW - since, NOW, bad.append)), bad


def _log(root: Path, **options: object) -> QueryLog:
    return QueryLog(root, QueryLogOptions(enabled=True, **options), clock=lambda: NOW)  # type: ignore[arg-type]


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Off by default: not even a folder appears."""
    QueryLog(tmp_path / "q", QueryLogOptions()).record([_Answer("secret")])
    assert not (tmp_path / "q").exists()


def test_what_looks_personal_is_taken_out() -> None:
    """Addresses, links and long numbers go; short numbers and words stay."""
    text = "bill 2024 of ann.lee@mail.example.com, call +49 170 123 4567, see https://x.example/y?z card 4111-1111-1111"
    assert redacted(text) == "bill 2024 of <email>, call <number>, see <link> card <number>"


def test_a_hashed_log_cannot_be_read_and_knows_repeats(tmp_path: Path) -> None:
    """No word of a query is on the disk; equal queries have equal keys, in this workspace alone."""
    _log(tmp_path / "one", text="hashed").record([_Answer("liver  Failure"), _Answer("liver failure"), _Answer("x")])
    assert "liver" not in (tmp_path / "one" / "log.jsonl").read_text().casefold()
    rows, _ = _read(tmp_path / "one")
    assert rows[0].key == rows[1].key != rows[2].key
    _log(tmp_path / "two", text="hashed").record([_Answer("liver failure")])
    assert _read(tmp_path / "two")[0][0].key != rows[0].key


def test_a_share_is_sampled(tmp_path: Path) -> None:
    """What chance does not choose is not written."""
    chances = iter([0.05, 0.5, 0.09])
    log = QueryLog(tmp_path, QueryLogOptions(enabled=True, share=0.1), clock=lambda: NOW, chance=lambda: next(chances))
    log.record([_Answer("a"), _Answer("b"), _Answer("c")])
    assert [row.query for row in _read(tmp_path)[0]] == ["a", "c"]


def test_files_are_rotated_and_old_ones_removed(tmp_path: Path) -> None:
    """The log never grows beyond its files, and what is read is in order."""
    ticks = iter(NOW - timedelta(minutes=100 - n) for n in range(1000))
    log = QueryLog(tmp_path, QueryLogOptions(enabled=True, max_megabytes=0.001, files=2), clock=lambda: next(ticks))
    for number in range(60):
        log.record([_Answer(f"query {number}")])
    assert log.failures == 0
    assert len(list(tmp_path.glob("log-*.jsonl"))) == 2
    queries = [row.query for row in _read(tmp_path)[0]]
    assert queries == [f"query {n}" for n in range(60 - len(queries), 60)]


def test_a_search_never_notices_a_fault(tmp_path: Path) -> None:
    """The log's folder is a file, an answer is broken: counted, not raised."""
    (tmp_path / "q").write_text("")
    log = _log(tmp_path / "q")
    log.record([_Answer("a")])
    log.record([object()])  # type: ignore[list-item]
    assert log.failures == 2
    assert log.fault


def test_wrong_clocks_and_torn_lines_move_no_window(tmp_path: Path) -> None:
    """A row of tomorrow and a torn one are told; one after a clock was put back counts as asked when the one before."""
    rows = [
        {"at": (NOW - timedelta(hours=1)).isoformat(), "query": "a"},
        {"at": (NOW + timedelta(days=1)).isoformat(), "query": "tomorrow"},
        {"at": (NOW - timedelta(days=3)).isoformat(), "query": "put back"},
        {"at": "2026-03-01T11:30:00", "query": "no zone"},
    ]  # fmt: skip
    full = [json.dumps({"key": "k", "version": "v1", "collection": "c", "scores": [1], **row}) for row in rows]
    (tmp_path / "log.jsonl").write_text("\n".join([*full, '{"at": "2026-0']), encoding="utf-8")
    found, bad = _read(tmp_path)
    assert [row.query for row in found] == ["a", "put back"]
    assert [row.line for row in bad] == [2, 4, 5]
    assert "a clock is wrong" in bad[0].reason


def test_a_line_that_a_full_disk_tore_tears_no_other(tmp_path: Path) -> None:
    """What is written after a torn line can be read; the torn one alone is told."""
    log = _log(tmp_path)
    log.record([_Answer("a")])
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"at": "2026-03-01T1')
    log.record([_Answer("b")])
    found, bad = _read(tmp_path)
    assert [row.query for row in found] == ["a", "b"]
    assert [row.line for row in bad] == [2]


def test_without_a_key_nothing_is_hashed(tmp_path: Path) -> None:
    """A key that a full disk cut off would make hashes that anybody can guess: nothing is written with it."""
    (tmp_path / "salt").write_bytes(b"")
    log = _log(tmp_path, text="hashed")
    log.record([_Answer("liver failure")])
    assert (log.failures, (tmp_path / "log.jsonl").exists()) == (1, False)
    assert "no key" in log.fault


def test_a_search_among_some_documents_is_marked(tmp_path: Path) -> None:
    """Its scores are no measure of the others."""
    _log(tmp_path).record([_Answer("a", restricted=True), _Answer("b")])
    assert [row.restricted for row in _read(tmp_path)[0]] == [True, False]
