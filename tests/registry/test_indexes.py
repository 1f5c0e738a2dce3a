"""What a registry remembers of collections, and how an older registry comes to remember it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.records import IndexContent
from jargonaut.registry import (
    IndexRecord,
    IndexVerification,
    Registry,
    RegistryOptions,
    compare,
    narrate,
    track_version,
)
from jargonaut.registry.tables import MIGRATIONS

DETAILS: dict[str, Any] = {"name": "m", "fingerprint": "f", "dimension": 384, "base": "base"}
FULL, OTHER = IndexContent("full", 3), IndexContent("other", 4)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry of v1 and v2, whose collections a and b were recorded."""
    made = Registry(tmp_path / "registry.db", tmp_path / "models")
    for number, name in enumerate("ab"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.safetensors").write_text(name)
        made.register(folder, **DETAILS, run_id=name, metrics={"nDCG@10": 0.5 + number / 10}, lineage={"seed": number})
        made.indexes.record(IndexRecord(name, f"v{number + 1}", "f", 384, FULL))
    return made


def verified(registry: Registry, name: str, content: IndexContent = FULL, *, passed: bool = True) -> None:
    """Records an examination."""
    checks = ({"name": "count", "found": "1", "wanted": "3", "passed": passed},)
    registry.indexes.verified(IndexVerification(name, content, passed, passed, checks))


def test_only_a_verified_collection_goes_live(registry: Registry) -> None:
    """Never recorded, never verified, failed, or changed since: each is refused in its own words."""
    for index, words in (("c", "does not know"), ("a", "was never verified")):
        with pytest.raises(JargonautError, match=words):
            registry.promote("v1", index, 384)
    verified(registry, "a", passed=False)
    with pytest.raises(MismatchError, match="failed its last verification"):
        registry.promote("v1", "a", 384)
    verified(registry, "a", OTHER)
    with pytest.raises(MismatchError, match="changed since it was verified"):
        registry.promote("v1", "a", 384)
    verified(registry, "a")
    assert registry.promote("v1", "a", 384).index == "a"


def test_a_collection_of_another_model_is_refused_with_both_values(registry: Registry, tmp_path: Path) -> None:
    """Fingerprint and dimension of a pair must agree."""
    verified(registry, "a")
    registry.register(tmp_path / "a", **{**DETAILS, "fingerprint": "g"}, run_id="g")
    with pytest.raises(MismatchError, match="384-d vectors of encoder f, wanted are 384-d ones of g"):
        registry.promote("v3", "a", 384)
    with pytest.raises(MismatchError, match="wanted are 64-d ones"):
        registry.promote("v1", "a", 64)


def test_verifications_are_never_changed(registry: Registry) -> None:
    """The database itself refuses to change or remove one."""
    verified(registry, "a")
    connection = sqlite3.connect(registry.path)
    for statement in ("DELETE FROM verifications", "UPDATE verifications SET passed = 0"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_sync_ends_in_one_step(registry: Registry) -> None:
    """Until it ends nothing can be promoted; then content, count and proof are the new ones together."""
    verified(registry, "a")
    assert registry.indexes.begin_sync("a", OTHER).target == OTHER
    with pytest.raises(MismatchError, match="begun and not ended"):
        registry.promote("v1", "a", 384)
    found = IndexVerification("a", OTHER, intact=True, passed=True)
    done = registry.indexes.end_sync("a", {"added": 1, "changed": 0, "removed": 0}, found)
    assert (done.content, done.target, done.generation) == (OTHER, None, 1)
    assert registry.promote("v1", "a", 384).generation == 1
    with pytest.raises(InputError, match="no sync"):
        registry.indexes.end_sync("a", {}, found)


def test_the_newest_does_not_depend_on_the_clock(registry: Registry) -> None:
    """With a clock that goes backwards, events, collections and roll backs keep their order."""
    times = iter(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=n) for n in range(100))
    backwards = Registry(registry.path, registry.models, clock=lambda: next(times))
    for name in ("c", "d"):
        backwards.indexes.record(IndexRecord(name, "v1", "f", 384, FULL))
        verified(backwards, name)
        backwards.promote("v1", name, 384)
    assert [one.name for one in backwards.indexes.all()] == ["a", "b", "c", "d"]
    assert [event.number for event in backwards.events()] == sorted(event.number for event in backwards.events())
    assert backwards.rollback().index == "c"
    backwards.indexes.record(IndexRecord("a", "v1", "f", 384, FULL))  # asked for again, so it is the newest
    assert backwards.indexes.all()[-1].name == "a"


def test_giving_up_keeps_what_is_pointed_at(registry: Registry) -> None:
    """Live, way back and the newest others stay; what was given up cannot be promoted until it is recorded again."""
    for name in "abcd":
        registry.indexes.record(IndexRecord(name, "v1", "f", 384, FULL))
        verified(registry, name)
    registry.promote("v1", "a", 384)
    registry.promote("v1", "b", 384)
    assert registry.indexes.give_up(["a", "b", "c", "d"], keep=1) == ("c",)
    with pytest.raises(InputError, match="was removed"):
        registry.promote("v1", "c", 384)
    registry.indexes.record(IndexRecord("c", "v1", "f", 384, FULL))
    assert registry.promote("v1", "c", 384).index == "c"


def test_an_older_registry_opens_and_goes_on(tmp_path: Path) -> None:
    """A database of each earlier format keeps versions, pointer, way back and history, and takes what is new."""
    for number in (1, 2):
        path = tmp_path / f"{number}.db"
        connection = sqlite3.connect(path)
        for migration in MIGRATIONS[:number]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        for version in ("base", "v1"):
            connection.execute(
                "INSERT INTO versions (version, content_hash, name, path, fingerprint, dimension, base, run_id, "
                "created, metrics, lineage) VALUES (?, ?, 'm', '/nowhere', 'f', 384, '', '', '2026', '{}', '{}')",
                (version, version),
            )
        connection.execute("INSERT INTO pointers VALUES (1, 'base', 384, 'i-base', '2026', NULL)")
        connection.execute("INSERT INTO pointers VALUES (2, 'v1', 384, 'i-v1', '2026', 1)")
        connection.execute("INSERT INTO live VALUES (1, 2)")
        connection.execute("INSERT INTO events (at, kind, version, detail) VALUES ('2026', 'promoted', 'v1', '{}')")
        connection.commit()
        connection.close()
        opened = Registry(path, tmp_path / "models")
        live = opened.live()
        assert live is not None
        assert (live.version, live.index, live.quantisation, live.generation) == ("v1", "i-v1", "float32", 0)
        assert opened.way_back() == opened.rollback()
        opened.indexes.record(IndexRecord("new", "v1", "f", 384, FULL))
        verified(opened, "new")
        assert opened.promote("v1", "new", 384).index == "new"
        assert [event.kind for event in opened.events()] == [
            "promoted",
            "rolled back",
            "indexed",
            "verified",
            "promoted",
        ]


def test_a_retired_version_is_not_served(registry: Registry) -> None:
    """It cannot be promoted, what is live cannot be retired, a roll back passes it over, and it can be undone."""
    for name, version in (("a", "v1"), ("b", "v2")):
        verified(registry, name)
        registry.promote(version, name, 384)
    with pytest.raises(InputError, match="is live"):
        registry.retire("v2")
    assert registry.retire("v1", "withdrawn").status == "retired"
    assert registry.way_back() is None
    with pytest.raises(InputError, match="was retired"):
        registry.promote("v1", "a", 384)
    assert registry.reinstate("v1").status == "previous"
    assert registry.rollback().version == "v1"


def test_versions_are_compared_side_by_side(registry: Registry) -> None:
    """What differs is shown with both values, and metrics with their difference."""
    rows = {row.name: row for row in compare(registry.get("v1"), registry.get("v2"))}
    assert rows["metrics.nDCG@10"].change == pytest.approx(0.1)
    assert (rows["lineage.seed"].first, rows["lineage.seed"].second, rows["lineage.seed"].same) == (0, 1, False)
    assert rows["fingerprint"].same


def test_the_history_reads_as_sentences(registry: Registry) -> None:
    """Every kind of event has its sentence, and one of a later release is not lost."""
    verified(registry, "a")
    verified(registry, "b", passed=False)
    verified(registry, "b")
    registry.promote("v1", "a", 384)
    registry.promote("v2", "b", 384)
    registry.rollback()
    registry.retire("v2", "too slow")
    registry.reinstate("v2")
    registry.indexes.begin_sync("a", OTHER)
    found = IndexVerification("a", OTHER, intact=True, passed=True)
    registry.indexes.end_sync("a", {"added": 1, "changed": 2, "removed": 3}, found)
    connection = sqlite3.connect(registry.path)
    connection.execute("INSERT INTO events (at, kind, version, detail) VALUES ('2030', 'exported', 'v2', '{}')")
    connection.commit()
    connection.close()
    told = list(narrate(registry.events(), registry.list()))
    assert len(told) == len(registry.events())
    for sentence in (
        "v1 was registered: m, tuned from base; nDCG@10 on test 0.500.",
        "The index b of v2 failed its verification (count).",
        "v2 went live on b (384 dimensions) in place of v1.",
        "v2 was rolled back: v1 is live again on a (384 dimensions).",
        "v2 was retired: too slow.",
        "The index a of v1 followed the documents: 1 added, 2 changed, 3 removed.",
        "v2: exported.",
    ):
        assert sentence in told


def test_every_version_is_verified(registry: Registry) -> None:
    """One altered file is named; the others are told to be whole."""
    (registry.models / "v2" / "model.safetensors").write_text("x")
    found = registry.verify_all()
    assert found["v1"] is None
    assert "'v2' was altered" in str(found["v2"])


@pytest.mark.slow
def test_processes_promote_at_once(registry: Registry, tmp_path: Path) -> None:
    """Four processes promote in turns: every promotion is one event, and the chain of roll backs is whole."""
    for name in "ab":
        verified(registry, name)
    code = (
        "import sys; from pathlib import Path; from jargonaut.registry import Registry\n"
        "root = Path(sys.argv[1]); registry = Registry(root / 'registry.db', root / 'models')\n"
        "for turn in range(10):\n"
        "    registry.promote(*(('v1', 'a') if turn % 2 else ('v2', 'b')), 384)\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    promotions = [event for event in registry.events() if event.kind == "promoted"]
    for _ in range(len(promotions) - 1):
        registry.rollback()
    with pytest.raises(InputError, match="nothing to go back to"):
        registry.rollback()


def test_a_version_is_told_to_mlflow_once(registry: Registry, tmp_path: Path) -> None:
    """Metrics, lineage and identity are there under their names; telling it again makes no second run."""
    mlflow = pytest.importorskip("mlflow")
    options = RegistryOptions(mlflow=(tmp_path / "runs").as_uri())
    run = track_version(registry.get("v2"), options)
    assert track_version(registry.get("v2"), options) == run
    kept = mlflow.MlflowClient(tracking_uri=options.mlflow).get_run(run)
    assert kept.data.metrics == {"nDCG_at_10": 0.6}
    assert (kept.data.params["seed"], kept.data.params["base"], kept.info.run_name) == ("1", "base", "v2")
    assert kept.info.status == "FINISHED"
    assert track_version(registry.get("v1"), RegistryOptions()) is None


def test_an_mlflow_that_refuses_is_a_sentence(registry: Registry, tmp_path: Path) -> None:
    """A tracking folder that is a file is an error of the setting, not a traceback."""
    pytest.importorskip("mlflow")
    (tmp_path / "runs").write_text("")
    with pytest.raises(JargonautError, match="MLflow did not take version 'v1'"):
        track_version(registry.get("v1"), RegistryOptions(mlflow=(tmp_path / "runs").as_uri()))
