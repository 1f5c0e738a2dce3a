"""The registry: immutable versions, one pointer, an append-only history."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError, MismatchError
from jargonaut.records import IndexContent
from jargonaut.registry import IndexRecord, IndexVerification, Live, Registry, write_card
from jargonaut.registry.narration import narrate
from jargonaut.registry.versions import MANIFEST, model_hash, read_manifest

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=2)))
DETAILS: dict[str, Any] = {"name": "m", "fingerprint": "f", "dimension": 384, "base": "base", "run_id": "r1"}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry whose clock stands still."""
    return Registry(tmp_path / "registry.db", tmp_path / "models", clock=lambda: NOON)


def model(folder: Path, words: str = "weights") -> Path:
    """A folder of files, as a model is."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_text(words)
    (folder / "1_Pooling" / "config.json").write_text("{}")
    return folder


def indexed(registry: Registry, name: str, version: str, dimension: int = 384) -> str:
    """A collection that was recorded and verified; gives its name."""
    content = IndexContent("c", 2)
    registry.indexes.record(IndexRecord(name, version, "f", dimension, content))
    registry.indexes.verified(IndexVerification(name, content, intact=True, passed=True))
    return name


def promoted(registry: Registry, version: str, index: str, dimension: int = 384, **how: Any) -> Live:
    """Promotes a version with a verified collection."""
    return registry.promote(version, indexed(registry, index, version, dimension), dimension, **how)


def test_a_version_is_a_whole_copy(registry: Registry, tmp_path: Path) -> None:
    """Everything that was said comes back, the files are copied, the source stays as it was."""
    source = model(tmp_path / "run")
    made = registry.register(source, **DETAILS, metrics={"nDCG@10": 0.79}, lineage={"seed": 7, "dims": (64, 128)})
    assert registry.get("v1") == made
    assert (made.created, made.status, made.metrics) == ("2026-01-02T10:00:00+00:00", "available", {"nDCG@10": 0.79})
    assert made.lineage == {"seed": 7, "dims": [64, 128]}
    assert model_hash(made.path) == model_hash(source) == made.content_hash
    assert not (source / MANIFEST).exists()


def test_how_its_encoder_is_built_is_part_of_a_version(registry: Registry, tmp_path: Path) -> None:
    """Prompts and token limit come back as given; what was not given stays to the model's own files."""
    said = {"query_prompt": "query: ", "passage_prompt": "", "max_tokens": 128}
    made = registry.register(model(tmp_path / "run"), **DETAILS, **said)
    base = registry.register_base(model(tmp_path / "b"), name="b", fingerprint="b", dimension=8, **said)
    for version in (made, registry.get("v1"), base, registry.get("base")):
        assert (version.query_prompt, version.passage_prompt, version.max_tokens) == ("query: ", "", 128)
    plain = registry.register(model(tmp_path / "plain", "p"), **DETAILS)
    assert (plain.query_prompt, plain.passage_prompt, plain.max_tokens) == (None, None, None)


def test_a_card_of_ours_is_no_part_of_the_model(registry: Registry, tmp_path: Path) -> None:
    """It may be written and written again without altering the version; another's card stays, and is a part of it."""
    made = registry.register(model(tmp_path / "run"), **DETAILS)
    for text in ("first", "second"):
        assert write_card(made.path, f"---\nlicense: mit\n---\n{text}\n")
        assert registry.verify("v1") == made
        assert (made.path / "README.md").read_text(encoding="utf-8").endswith(f"license: mit\n---\n{text}\n")
    assert registry.register(made.path, **{**DETAILS, "run_id": "again"}) == made
    other = model(tmp_path / "other", "other")
    (other / "README.md").write_text("---\nlicense: mit\n---\nmine", encoding="utf-8")
    copied = registry.register(other, **DETAILS)
    assert not write_card(copied.path, "---\n---\nours")
    assert (copied.path / "README.md").read_text(encoding="utf-8").endswith("mine")
    (copied.path / "README.md").write_text("changed", encoding="utf-8")
    with pytest.raises(MismatchError, match="altered"):
        registry.verify(copied.version)


def test_versions_are_numbered(registry: Registry, tmp_path: Path) -> None:
    """Each new model takes the next number."""
    for words in ("a", "b", "c"):
        registry.register(model(tmp_path / words, words), **DETAILS)
    assert [v.version for v in registry.list()] == ["v1", "v2", "v3"]


def test_the_same_model_is_one_version(registry: Registry, tmp_path: Path) -> None:
    """Registering again gives the first version, also from another run; the same files read otherwise are another."""
    source = model(tmp_path / "run")
    first = registry.register(source, **DETAILS)
    assert registry.register(source, **{**DETAILS, "name": "other words", "run_id": "r2"}) == first
    assert registry.register(source, **{**DETAILS, "fingerprint": "g"}).version == "v2"
    assert [event.kind for event in registry.events()] == ["registered", "registered"]


def test_an_untested_version_takes_over_the_run_that_tests_it(registry: Registry, tmp_path: Path) -> None:
    """What the run found is told of it from then on, also by its folder; another run changes nothing any more."""
    source = model(tmp_path / "run")
    registry.register(source, **{**DETAILS, "run_id": ""}, lineage={"by": "train"})
    tested = registry.register(source, **DETAILS, metrics={"nDCG@10": 0.5}, lineage={"by": "run"})
    assert (tested.version, tested.run_id, tested.metrics) == ("v1", "r1", {"nDCG@10": 0.5})
    assert tested.lineage == {"by": "run"}
    assert registry.get("v1") == tested == registry.register(source, **{**DETAILS, "run_id": "r2"})
    assert read_manifest(tested.path) == tested
    assert list(narrate(registry.events(), registry.list())) == [
        "v1 was registered: m, tuned from base.", "v1 was tested; nDCG@10 on test 0.500.",
    ]  # fmt: skip


def test_a_registered_model_can_be_registered_again(registry: Registry, tmp_path: Path) -> None:
    """Our manifest in a version's folder is no part of the model."""
    first = registry.register(model(tmp_path / "run"), **DETAILS)
    again = registry.register(first.path, **{**DETAILS, "fingerprint": "g"})
    assert again.content_hash == first.content_hash


def test_a_lost_folder_is_restored(registry: Registry, tmp_path: Path) -> None:
    """A version whose folder was removed comes back under its own name."""
    source = model(tmp_path / "run")
    first = registry.register(source, **DETAILS)
    shutil.rmtree(first.path)
    assert registry.register(source, **DETAILS) == first
    assert registry.verify("v1") == first


def test_an_altered_folder_is_restored(registry: Registry, tmp_path: Path) -> None:
    """A version whose files were damaged is whole again after it is registered again."""
    source = model(tmp_path / "run")
    first = registry.register(source, **DETAILS)
    (first.path / "model.safetensors").write_text("w")
    assert registry.register(source, **DETAILS) == first
    assert registry.verify("v1") == first


def test_the_encoder_keeps_its_fingerprint(registry: Registry, tmp_path: Path, base_model_path: Path) -> None:
    """A real model has the same identity in the registry as where it came from, and is a model folder still."""
    source = shutil.copytree(base_model_path, tmp_path / "run")
    made = registry.register(source, **DETAILS)
    assert find_model(str(made.path)).weights == find_model(str(source)).weights


def test_no_model_is_an_error(registry: Registry, tmp_path: Path) -> None:
    """A missing or empty folder is refused and leaves no version."""
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(InputError, match=folder.name):
            registry.register(folder, **DETAILS)
    assert registry.list() == ()


def test_an_unknown_version_lists_the_known_ones(registry: Registry, tmp_path: Path) -> None:
    """The message says what would have worked."""
    with pytest.raises(InputError, match="none is registered yet"):
        registry.get("v9")
    registry.register(model(tmp_path / "run"), **DETAILS)
    with pytest.raises(InputError, match="known versions: v1"):
        registry.get("v9")


def test_verify_finds_a_changed_file(registry: Registry, tmp_path: Path) -> None:
    """A version that is not what was registered is named."""
    made = registry.register(model(tmp_path / "run"), **DETAILS)
    assert registry.verify("v1") == made
    (made.path / "1_Pooling" / "config.json").write_text("{ }")
    with pytest.raises(MismatchError, match="altered"):
        registry.verify("v1")


def test_the_base_is_registered_where_it_lies(registry: Registry, tmp_path: Path) -> None:
    """No copy; the same model is the same version, and moves only when it is gone; another one gets another name."""
    details: dict[str, Any] = {"name": "MiniLM", "dimension": 384}
    first = registry.register_base(model(tmp_path / "here"), fingerprint="f", **details)
    again = registry.register_base(model(tmp_path / "there"), fingerprint="f", **details)
    assert again.path == tmp_path / "here"
    shutil.rmtree(tmp_path / "here")
    moved = registry.register_base(tmp_path / "there", fingerprint="f", **details)
    other = registry.register_base(tmp_path / "there", fingerprint="g", **details)
    assert [v.version for v in (first, moved, other)] == ["base", "base", "base-2"]
    assert registry.get("base").path == tmp_path / "there"
    assert not (tmp_path / "models").exists()


def test_a_workspace_can_be_moved(registry: Registry, tmp_path: Path) -> None:
    """Paths of versions follow the models folder."""
    registry.register(model(tmp_path / "run"), **DETAILS)
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    moved = Registry(tmp_path / "registry.db", tmp_path / "elsewhere")
    assert moved.verify("v1").path == tmp_path / "elsewhere" / "v1"


@pytest.fixture
def three(registry: Registry, tmp_path: Path) -> Registry:
    """A registry of v1, v2 and v3."""
    for words in ("a", "b", "c"):
        registry.register(model(tmp_path / words, words), **DETAILS)
    return registry


def test_nothing_is_live_at_first(three: Registry) -> None:
    """No pointer until somebody promotes, and then nothing to go back to."""
    assert three.live() is None
    with pytest.raises(InputError, match="nothing to go back to"):
        three.rollback()
    promoted(three, "v1", "i1", 384)
    with pytest.raises(InputError, match="nothing to go back to"):
        three.rollback()


def test_the_pointer_binds_model_dimension_and_index(three: Registry) -> None:
    """All three move together, and a version's status follows."""
    promoted(three, "v1", "i1", 384)
    now = promoted(three, "v2", "i2", 64)
    assert three.live() == now
    assert (now.version, now.index, now.dimension) == ("v2", "i2", 64)
    assert [v.status for v in three.list()] == ["previous", "live", "available"]


def test_rollback_goes_back_step_by_step(three: Registry) -> None:
    """Two rollbacks undo two promotions; a promotion after a rollback starts from there."""
    for version in ("v1", "v2", "v3"):
        promoted(three, version, f"i-{version}", 384)
    assert [three.rollback().version, three.rollback().version] == ["v2", "v1"]
    promoted(three, "v3", "i-v3", 384)
    assert three.rollback().index == "i-v1"


def test_promoting_what_is_live_changes_nothing(three: Registry) -> None:
    """Asked twice, done once: the way back stays the way back."""
    promoted(three, "v1", "i1", 384)
    assert promoted(three, "v2", "i2", 64) == promoted(three, "v2", "i2", 64)
    assert three.rollback().version == "v1"


def test_a_decision_holds_only_for_what_it_was_made_on(three: Registry) -> None:
    """Promoting in place of something that is no longer live is refused, and nothing moves."""
    first = promoted(three, "v1", "i1", 384, instead_of=None)
    with pytest.raises(MismatchError, match="v1 went live meanwhile"):
        promoted(three, "v2", "i2", 384, instead_of=None)
    assert three.live() == first
    assert promoted(three, "v2", "i2", 384, instead_of=first).version == "v2"


def test_promotion_is_checked(three: Registry) -> None:
    """An unknown version or a dimension that it lacks is refused and nothing moves."""
    promoted(three, "v1", "i1", 384)
    with pytest.raises(InputError, match="no model version 'v9'"):
        three.promote("v9", "i", 384)
    with pytest.raises(InputError, match="384 dimensions, not 512"):
        promoted(three, "v2", "i", 512)
    assert three.live() is not None
    assert [event.kind for event in three.events() if event.kind == "promoted"] == ["promoted"]


def test_history_is_append_only(three: Registry) -> None:
    """Every step is an event, and the database itself refuses to change one."""
    promoted(three, "v1", "i1", 384)
    promoted(three, "v2", "i2", 64)
    three.rollback()
    assert [(e.number, e.kind, e.version) for e in three.events()[3:]] == [
        (4, "indexed", "v1"),
        (5, "verified", "v1"),
        (6, "promoted", "v1"),
        (7, "indexed", "v2"),
        (8, "verified", "v2"),
        (9, "promoted", "v2"),
        (10, "rolled back", "v1"),
    ]
    assert three.events()[-1].detail == {"index": "i1", "dimension": 384, "before": "v2"}
    connection = sqlite3.connect(three.path)
    for statement in ("DELETE FROM events", "UPDATE events SET kind = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def _register_elsewhere(tmp_path: Path, clock: str = "lambda: datetime.now(UTC)") -> subprocess.Popen[str]:
    """A process that registers tmp_path/run and prints the version it was given."""
    code = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from jargonaut.registry import Registry\n"
        "folder = Path(sys.argv[1]); calls = []\n"
        f"registry = Registry(folder / 'registry.db', folder / 'models', clock={clock})\n"
        f"print(registry.register(folder / 'run', **{DETAILS!r}).version)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_that_register_the_same_get_the_same_version(registry: Registry, tmp_path: Path) -> None:
    """Four at once, one version."""
    model(tmp_path / "run")
    processes = [_register_elsewhere(tmp_path) for _ in range(4)]
    assert [process.communicate() for process in processes] == [("v1\n", "")] * 4
    assert [v.version for v in registry.list()] == ["v1"]
    assert len(registry.events()) == 1


def test_a_kill_between_folder_and_database_is_mended(registry: Registry, tmp_path: Path) -> None:
    """A whole folder without a row is adopted with all it says of itself, not copied again."""
    source = model(tmp_path / "run")
    # The second time that the clock is asked, for the event, the folder is there and the row is not committed.
    clock = "lambda: (calls.append(1), os.kill(os.getpid(), 9) if len(calls) > 1 else datetime.now(UTC))[1]"
    with _register_elsewhere(tmp_path, clock) as process:
        assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "models" / "v1").is_dir()
    assert registry.list() == ()
    created = registry.register(source, **DETAILS).created
    assert created != NOON.astimezone(UTC).isoformat()
    assert [v.version for v in registry.list()] == ["v1"]
    assert [event.kind for event in registry.events()] == ["adopted"]


def test_a_lost_database_is_rebuilt_from_the_folders(three: Registry, tmp_path: Path) -> None:
    """Versions outlive their rows: the next registration adopts them all, in order."""
    before = three.list()
    for path in tmp_path.glob("registry.db*"):
        path.unlink()
    three.register(tmp_path / "b", **DETAILS)
    assert three.list() == before


def test_an_altered_orphan_is_not_adopted(three: Registry, tmp_path: Path) -> None:
    """A folder without a row whose files are not what its manifest says stays where it is, unregistered."""
    for path in tmp_path.glob("registry.db*"):
        path.unlink()
    (tmp_path / "models" / "v2" / "model.safetensors").write_text("x")
    three.register(model(tmp_path / "d", "d"), **DETAILS)
    assert [v.version for v in three.list()] == ["v1", "v3", "v4"]


@pytest.mark.parametrize("seed", range(8))
def test_kill_at_any_moment_and_register_again(registry: Registry, tmp_path: Path, seed: int) -> None:
    """After kill -9 at a random moment, registering again gives v1, whole, and leaves no half copy behind."""
    source = model(tmp_path / "run")
    for number in range(40):
        (source / f"part-{number}.bin").write_bytes(os.urandom(20_000))
    with _register_elsewhere(tmp_path) as process:
        deadline = time.monotonic() + 5
        while not (tmp_path / "registry.db").exists() and time.monotonic() < deadline:
            time.sleep(0.001)  # the moments worth a kill begin here
        time.sleep(random.Random(seed).uniform(0, 0.06))
        process.kill()
    registry.register(source, **DETAILS)
    assert [v.version for v in registry.list()] == ["v1"]
    registry.verify("v1")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["v1"]
