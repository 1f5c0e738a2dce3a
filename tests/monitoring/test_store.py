"""The series and the alarms: what a pass leaves, and that nobody is paged twice."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jargonaut.errors import JargonautError, SettingsError
from jargonaut.monitoring import Alarm, Finding, PassRecord, Series, Signal, WatchOptions
from jargonaut.monitoring.hysteresis import step

DAY = datetime(2026, 3, 1, tzinfo=UTC)
OPTIONS = WatchOptions()


def _pass(series: Series, day: int, fires: bool | None, *, sudden: bool = True, channels: tuple[str, ...] = ()):  # noqa: ANN202
    at = DAY + timedelta(days=day)
    finding = Finding("recall fell", "retrain", fires, 0.1, 0.02, "because", sudden)
    record = PassRecord(series.begin(at), at.isoformat(), "v1", "c", "g1", (Signal("recall_at_10", 0.5 + day / 100),),
                        (finding,), notices=("told",))  # fmt: skip
    return series.end(record, OPTIONS, channels, {"day": day})


def test_an_alarm_is_raised_once_and_ends_after_three_quiet_looks(tmp_path: Path) -> None:
    """However long a rule fires, one alarm is raised; it ends after `clear_after` looks in a row without it."""
    series = Series(tmp_path / "s.db")
    told = [
        _pass(series, day, fires) for day, fires in enumerate([False, True, True, False, True, False, False, False])
    ]
    assert [len(one.raised) for one in told] == [0, 1, 0, 0, 0, 0, 0, 0]
    assert [len(one.cleared) for one in told] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert [one.healthy for one in told] == [True, *[False] * 6, True]
    assert [(h.kind, h.detail["name"]) for h in series.happenings()] == [
        ("alarm raised", "recall fell"), ("alarm cleared", "recall fell"),
    ]  # fmt: skip


def test_a_look_that_cannot_tell_neither_raises_nor_ends(tmp_path: Path) -> None:
    """What is not known counts as no look at all."""
    series = Series(tmp_path / "s.db")
    told = [_pass(series, day, fires) for day, fires in enumerate([True, None, None, None, None])]
    assert not told[-1].cleared
    assert told[-1].reasons[0].name == "recall fell"


def test_drift_needs_two_of_three() -> None:
    """A test that is wrong once in a while raises nothing; the look that raises must be one that found something."""

    def said(*answers: bool, is_open: bool = False) -> str:
        return step(answers, is_open=is_open, sudden=False, options=OPTIONS)

    assert said(True) == "stay"
    assert said(True, False, True) == "raise"
    assert said(True, True, False) == "stay"
    assert said(True, False, False, True) == "stay"
    assert said(False, False, is_open=True) == "stay"
    assert said(False, False, False, is_open=True) == "clear"


def test_a_pass_that_never_ended_is_told_once(tmp_path: Path) -> None:
    """Killed between its beginning and its end, or without room on the disk: the next one says so, and only it."""
    series = Series(tmp_path / "s.db")
    series.begin(DAY)
    number = series.begin(DAY + timedelta(days=1))
    assert series.unended(number) == (DAY.isoformat(timespec="seconds"),)
    assert series.unended(number) == ()


def test_what_is_read_back_is_what_was_kept(tmp_path: Path) -> None:
    """The last pass, the series of a figure, a note."""
    series = Series(tmp_path / "s.db")
    assert (series.latest(), series.points("recall_at_10"), series.note("day")) == (None, (), None)
    for day in range(3):
        kept = _pass(series, day, False)
    assert series.latest() == kept
    assert [point.value for point in series.points("recall_at_10", 2)] == [0.51, 0.52]
    assert series.note("day") == 2


def test_accepting_ends_alarms_and_forgets_what_raised_them(tmp_path: Path) -> None:
    """After somebody says that all is well, earlier findings raise nothing any more."""
    series = Series(tmp_path / "s.db")
    for day in range(2):
        _pass(series, day, True, sudden=False)
    (ended,) = series.accept(DAY, {})
    assert ended.name == "recall fell"
    assert series.latest().healthy
    assert not _pass(series, 2, True, sudden=False).raised


def test_alerts_wait_until_somebody_takes_them(tmp_path: Path) -> None:
    """What failed is tried again and told; what was taken is not sent twice; what nobody wants any more is dropped."""
    series = Series(tmp_path / "s.db")
    _pass(series, 0, True, channels=("command", "webhook"))
    rows = series.unsent()
    assert [(channel, what, alarm.name) for _, channel, what, alarm in rows] == [
        ("command", "raised", "recall fell"), ("webhook", "raised", "recall fell"),
    ]  # fmt: skip
    series.delivered(DAY, {rows[0][0]: "", rows[1][0]: "it answered 500"}, ("command", "webhook"))
    assert [channel for _, channel, _, _ in series.unsent()] == ["webhook"]
    assert series.untold() == ("webhook did not take the alert 'recall fell': it answered 500",)
    series.delivered(DAY, {}, ("command",))
    assert series.unsent() == ()


def test_history_cannot_be_rewritten(tmp_path: Path) -> None:
    """The database itself refuses."""
    series = Series(tmp_path / "s.db")
    series.happened(DAY, "promoted", version="v2")
    with sqlite3.connect(series.path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("DELETE FROM happenings")


def test_old_passes_are_forgotten_and_alarms_stay(tmp_path: Path) -> None:
    """`keep_days` bounds the series, with all that belongs to a pass."""
    series = Series(tmp_path / "s.db")
    for day in (0, 800, 801):
        _pass(series, day, True if day == 0 else None)
    assert len(series.points("recall_at_10")) == 2
    with sqlite3.connect(series.path) as db:
        assert db.execute("SELECT count(*) FROM signals").fetchone()[0] == 2
    assert isinstance(series.alarms()[0], Alarm)


def test_one_look_with_a_wrong_clock_does_not_end_the_series(tmp_path: Path) -> None:
    """A clock that is years ahead for one look forgets nothing."""
    series = Series(tmp_path / "s.db")
    for day in (0, 1, 20_000, 2, 3):
        _pass(series, day, None)
    assert len(series.points("recall_at_10")) == 5


def test_a_full_disk_is_an_answer(tmp_path: Path) -> None:
    """Where nothing can be written the error says so, and is no traceback."""
    (tmp_path / "s.db").mkdir()
    with pytest.raises(JargonautError):
        Series(tmp_path / "s.db").begin(DAY)


def test_a_rate_that_no_test_could_reach_is_refused() -> None:
    """With too few shuffles a test could never find anything: that is told, not left to silence."""
    with pytest.raises(SettingsError, match="permutations must be 2,555 or more"):
        WatchOptions(permutations=999)
    assert WatchOptions(permutations=999, false_alarms_a_year=10).test_level == pytest.approx(10 / 365)
