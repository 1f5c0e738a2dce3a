"""Training anew when a rule asks for it: from alarm to promotion and back, and what survives a kill."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jargonaut import Workspace
from jargonaut.errors import InputError
from jargonaut.monitoring import Alarm, GoldenSets, PassRecord
from jargonaut.settings import Settings, override
from jargonaut.sources import PreparedCorpus
from jargonaut.watching import Watch, act, look
from jargonaut.watching.ledger import ATTEMPT
from tests.tinysets import write_clinic
from tests.watching.conftest import Watched

RECIPE = {"train.epochs": 1, "train.alphas": (0.5, 1.0), "evaluate.resamples": 500}


def _found(*reasons: str) -> PassRecord:
    from jargonaut.monitoring import Finding

    alarms = tuple(Alarm(n, name, "retrain", "2027-01-01", "because") for n, name in enumerate(reasons, start=1))
    findings = tuple(Finding(name, "retrain", True, 1, 1, "because") for name in reasons)
    return PassRecord(1, "2027-01-01T00:00:00+00:00", "v1", "c", "g1", (), findings, alarms)


def test_without_a_reason_nothing_is_trained(shop: Watched) -> None:
    """No alarm, or one that does not fire any more, or one for people to look at: no training."""
    watch = shop.open().watcher(shop.docs)
    assert act(watch, _found()) is None
    from dataclasses import replace

    quiet = _found("corpus shifted")
    assert act(watch, replace(quiet, findings=())) is None
    look = replace(quiet, open=tuple(replace(alarm, kind="look") for alarm in quiet.open))
    assert act(watch, look) is None


def test_an_attempt_that_nothing_asks_for_any_more_is_ended(shop: Watched) -> None:
    """Killed after the switch, or its reason is gone: `--act` ends it, and no later look tells of it again."""
    watch = shop.open().watcher(shop.docs)
    watch.series.remember(ATTEMPT, {"key": "k", "begun": "2027-01-01T00:00:00+00:00", "step": "switching to v1"})
    ended = act(watch, _found())
    assert ended is not None
    assert (ended.candidates, ended.promoted) == ((), "")
    assert "stopped at 'switching to v1' is ended" in ended.told
    assert watch.series.note(ATTEMPT)["step"] == "done"
    assert act(watch, _found()) is None
    assert not any("stopped at" in notice for notice in watch.look().notices)


def test_an_attempt_is_another_once_reviewers_or_settings_say_otherwise(shop: Watched) -> None:
    """A decision of a review changes the pairs, and any setting but monitoring's own may change the model."""
    from jargonaut.pairs.review import Decision, DecisionStore
    from jargonaut.watching.acting import _Attempt

    def key(**changes: object) -> str:
        one = _Attempt(shop.open(**changes).watcher(shop.docs), ())
        return one.key(one._golden())

    first = key()
    assert key(**{"watch.recall_drop": 0.3}) == first
    assert key(**{"evaluate.resamples": 500}) != first
    DecisionStore(shop.open().layout.reviews).add(Decision("c-1", "ann", "reject", at="2027-01-01T00:00:00+00:00"))
    assert key() != first


def test_one_trains_at_a_time(shop: Watched) -> None:
    """A second process is told; the lock goes with the first one."""
    from jargonaut.artifacts import held

    watch = shop.open().watcher(shop.docs)
    watch.layout.monitoring.mkdir(parents=True)
    lock = held(watch.layout.monitoring / "act.lock")
    assert lock is not None
    with pytest.raises(InputError, match="another process re-trains"):
        act(watch, _found("age"))
    os.close(lock)


def test_a_failed_training_leaves_what_is_live(shop: Watched) -> None:
    """The documents cannot be used: the error is told, the golden set was frozen first, nothing live has moved."""
    opened = shop.open()
    watch = opened.watcher(shop.docs)
    before = opened.registry().live()
    with pytest.raises(InputError):
        act(watch, _found("age"))  # passages without structure, from which no pair can be read
    aged = shop.open(**{"watch.max_age_days": 1e-9}).watch(shop.docs, act=True)
    assert any("training anew failed" in notice for notice in aged.record.notices)
    assert aged.record.signal("recall_at_10") is not None
    assert opened.registry().live() == before
    assert GoldenSets(watch.layout.golden).current() is not None
    assert watch.series.note(ATTEMPT)["step"] != "done"
    found = opened.watcher(shop.docs).look()
    assert any("a re-training of" in notice and "stopped at" in notice for notice in found.notices)


def test_a_full_disk_in_the_middle_is_told_with_what_was_found(shop: Watched) -> None:
    """The system's own error is no traceback: the look is told, and the failure among its notices."""

    def documents() -> PreparedCorpus:
        raise OSError(errno.ENOSPC, "No space left on device")

    opened = shop.open(**{"watch.max_age_days": 1e-9})
    watch = Watch(opened.layout, opened.settings, opened.index(shop.docs), documents, shop.listener)
    found = look(watch, acting=True).record
    assert any("training anew failed: [Errno 28]" in notice for notice in found.notices)
    assert found.signal("recall_at_10") is not None


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny labelled set."""
    root = tmp_path_factory.mktemp("clinic")
    return write_clinic(root / "clinic", root / "full")


@pytest.mark.slow
def test_from_healthy_to_alarm_to_retrained_to_rolled_back(clinic: Path, tmp_path: Path) -> None:
    """Documents come, a trainer is killed, the next look goes on, the gate decides, and the way back works.

    At no time does a golden query reach training, and until the end what is live stays as it was.
    """
    opened = Workspace(tmp_path / "w", settings=override(Settings(), RECIPE))
    opened.run(clinic)
    before = opened.registry().live()
    assert before is not None
    assert opened.watch().record.healthy
    golden = opened.golden().freeze()
    with (clinic / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        for number in range(40):
            row = {"_id": f"n{number}", "title": "", "text": f"Exposure to photolithography fumes, type {number}"}
            stream.write(json.dumps(row) + "\n")
    program = (
        "import sys; from jargonaut import Workspace; from jargonaut.settings import Settings, override; "
        "w = Workspace(sys.argv[1], settings=override(Settings(), eval(sys.argv[2]))); w.watch(act=True)"
    )
    changes = repr({**RECIPE, "train.epochs": 2})
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "w"), changes])
    series = opened.watcher().series
    deadline = time.monotonic() + 300
    while not str((series.note(ATTEMPT) or {}).get("step", "")).startswith("training from"):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert opened.registry().live() == before
    again = Workspace(tmp_path / "w", settings=override(opened.settings, {"train.epochs": 2}))
    result = again.watch(act=True)
    assert any("stopped at 'training from" in notice for notice in result.record.notices)
    acted = result.acted
    assert acted is not None
    assert {one.start for one in acted.candidates} >= {"base"}
    kinds = [one.kind for one in again.watcher().series.happenings()]
    assert kinds.index("retraining begun") < kinds.index("retraining taken up") < kinds.index("retraining ended")
    asked = {one.query for one in golden.queries}
    for part in (tmp_path / "w" / ".jargonaut" / "pairs").glob("*/train.jsonl"):
        assert not asked & {json.loads(line)["query"] for line in part.read_text(encoding="utf-8").splitlines()}
    if acted.promoted:
        assert again.registry().live().version == acted.promoted
        assert again.rollback() == before
    else:
        assert again.registry().live() == before
    once_more = again.watch(act=True).acted
    assert once_more is None or not once_more.candidates or not acted.promoted
