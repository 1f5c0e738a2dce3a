"""Metrics as Prometheus reads them."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from jargonaut.errors import InputError
from jargonaut.monitoring import Alarm, Finding, PassRecord, Signal
from jargonaut.monitoring.prometheus import serve, write_textfile
from jargonaut.monitoring.telling import sparkline

pytest.importorskip("prometheus_client")

FOUND = PassRecord(
    3, "2026-03-01T00:00:00+00:00", "v2", "c", "g1",
    (Signal("recall_at_10", 0.75, 0.7, 0.8), Signal("p: margins", 0.5)),
    (Finding("recall fell", "retrain", True, 1, 1, "e"), Finding("age", "retrain", False, 0, 1, "e")),
    (Alarm(1, "recall fell", "retrain", "2026-03-01", "e"),), seconds=1.5,
)  # fmt: skip


def test_figures_intervals_and_alarms_are_gauges(tmp_path: Path) -> None:
    """Each with the workspace and the version; a quote in a name breaks nothing."""
    path = tmp_path / "sub" / "w.prom"
    write_textfile(path, FOUND, 'my "shop"')
    lines = path.read_text().splitlines()
    labels = 'version="v2",workspace="my \\"shop\\""'
    assert f'jargonaut_recall_at_10{{part="value",{labels}}} 0.75' in lines
    assert f'jargonaut_recall_at_10{{part="low",{labels}}} 0.7' in lines
    assert f'jargonaut_drift_p_value{{test="margins",{labels}}} 0.5' in lines
    assert f'jargonaut_alarm{{kind="retrain",rule="recall fell",{labels}}} 1.0' in lines
    assert f'jargonaut_alarm{{kind="retrain",rule="age",{labels}}} 0.0' in lines


def test_a_port_answers_with_the_latest_pass() -> None:
    """Before the first pass there is nothing to tell; a port that is taken is an answer."""
    latest: list[PassRecord | None] = [None]
    stop = serve(39464, lambda: latest[0], "w")
    try:
        with urllib.request.urlopen("http://127.0.0.1:39464/metrics") as answer:
            assert b"jargonaut" not in answer.read()
        latest[0] = FOUND
        with urllib.request.urlopen("http://127.0.0.1:39464/metrics") as answer:
            assert b"jargonaut_recall_at_10" in answer.read()
        with pytest.raises(InputError, match="port 39464 cannot be used"):
            serve(39464, lambda: None, "w")
    finally:
        stop()


def test_a_sparkline_spans_its_values() -> None:
    """From the lowest bar to the highest; a flat series is flat; nothing is nothing."""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([2, 2]) == "▄▄"
    assert sparkline([]) == ""
    assert len(sparkline(range(100))) == 30
