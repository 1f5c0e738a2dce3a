"""Files that are either whole or absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.artifacts import (
    MANIFEST,
    Artifact,
    atomic_folder,
    atomic_write,
    content_hash,
    ensure,
    file_hash,
    legible,
    plain,
    read,
    write_json,
)
from jargonaut.errors import InputError, JargonautError, MismatchError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Options:
    """A stage's options."""

    size: int = 3
    dims: tuple[int, ...] = (64, 128)
    folder: Path = Path("a") / "b"


def writes(text: str) -> Callable[[Path], Mapping[str, Any]]:
    """A build that writes one file."""

    def build(folder: Path) -> Mapping[str, Any]:
        (folder / "deep").mkdir()
        (folder / "deep" / "out.txt").write_text(text)
        return {"characters": len(text)}

    return build


def make(root: Path, build: Callable[[Path], Mapping[str, Any]], **changes: Any) -> Artifact:
    """The artifact of a stage with usual arguments."""
    arguments: dict[str, Any] = {"version": 1, "inputs": {"corpus": "abc"}, "options": Options(), **changes}
    return ensure(root, "stage", build=build, **arguments)


@given(JSON)
def test_equal_values_have_equal_hashes(value: Any) -> None:
    """A value that went through JSON and back has the same hash, whatever the order of its keys."""
    again = json.loads(json.dumps(value))
    backwards = dict(reversed(again.items())) if isinstance(again, dict) else again
    assert content_hash(value) == content_hash(again) == content_hash(backwards)


def test_hashes_are_the_same_on_every_machine() -> None:
    """A fixed value has a fixed hash: artifacts can be shared."""
    assert content_hash("a", 1, Options()) == "05269d4967300edc76994b879dac6d14"


def test_parts_are_not_run_together() -> None:
    """Where one part ends and the next begins matters."""
    assert len({content_hash("ab", "c"), content_hash("a", "bc"), content_hash("abc"), content_hash(["ab", "c"])}) == 4


def test_plain_turns_records_into_json_values() -> None:
    """Dataclasses, tuples, sets and paths have one plain form."""
    assert plain({"o": Options(), 1: {3, 1, 2}}) == {
        "o": {"size": 3, "dims": [64, 128], "folder": "a/b"},
        "1": [1, 2, 3],
    }


def test_file_hash_is_sha256(tmp_path: Path) -> None:
    """The hash is the one that users can check with `sha256sum`."""
    (tmp_path / "x").write_bytes(b"abc")
    assert file_hash(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_that_cannot_be_read_is_an_answer(tmp_path: Path) -> None:
    """A file that vanished is named, and no traceback."""
    with pytest.raises(InputError, match=r"gone\.jsonl: it cannot be read \(No such file"):
        file_hash(tmp_path / "gone.jsonl")


def test_lone_surrogates_can_be_hashed_and_written(tmp_path: Path) -> None:
    """The name of a file that is not UTF-8 has a hash of its own and survives its JSON."""
    assert content_hash("caf\udce9.md") != content_hash("caf\udce8.md")
    write_json(tmp_path / "x.json", {"name": "caf\udce9.md"})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"name": "caf\udce9.md"}


@given(st.text())
def test_legible_text_can_be_written_and_changes_only_where_it_must(text: str) -> None:
    """Good text stays as it is; a lone surrogate, wherever it stands, is one U+FFFD."""
    assert legible(text) == text
    assert legible(f"{text}\ud83d") == legible(f"{text}\udc00") == f"{text}\ufffd"
    assert legible(f"\udce9{text}") == legible(f"\ud83d{text}") == f"\ufffd{text}"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """An error while writing changes nothing and leaves no temporary file."""
    write_json(tmp_path / "x.json", {"old": True})
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"new": object()})
    assert json.loads((tmp_path / "x.json").read_text()) == {"old": True}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_a_write_makes_its_folders_and_replaces_the_file(tmp_path: Path) -> None:
    """A clean exit puts the new file in place of the old one."""
    for text in ("one", "two"):
        with atomic_write(tmp_path / "new" / "x") as temporary:
            temporary.write_text(text)
    assert (tmp_path / "new" / "x").read_text() == "two"


def test_a_stage_is_built_once(tmp_path: Path) -> None:
    """The second call finds the artifact with its counts and does not build."""
    first = make(tmp_path, writes("hello"))
    again = make(tmp_path, lambda _: pytest.fail("built twice"))
    assert (first.reused, again.reused) == (False, True)
    assert (again.path, again.key, again.counts) == (first.path, first.key, {"characters": 5})
    assert (again.path / "deep" / "out.txt").read_text() == "hello"


@pytest.mark.parametrize("change", [{"version": 2}, {"inputs": {"corpus": "abd"}}, {"options": Options(size=4)}])
def test_any_change_is_another_artifact(tmp_path: Path, change: dict[str, Any]) -> None:
    """Stage version, inputs and options each have a part in the key."""
    assert make(tmp_path, writes("a")).path != make(tmp_path, writes("b"), **change).path


def test_the_manifest_says_what_was_done(tmp_path: Path) -> None:
    """Options, inputs and counts can be read without our code."""
    manifest = json.loads((make(tmp_path, writes("hello")).path / MANIFEST).read_text())
    assert manifest.pop("seconds") >= 0
    assert len(manifest.pop("key")) == 32
    assert manifest == {
        "stage": "stage",
        "version": 1,
        "inputs": {"corpus": "abc"},
        "options": {"size": 3, "dims": [64, 128], "folder": "a/b"},
        "counts": {"characters": 5},
        "files": {"deep/out.txt": 5},
    }


def test_a_build_that_raises_leaves_nothing_that_counts(tmp_path: Path) -> None:
    """The error reaches the caller; there is no artifact; the next call builds."""

    def fails(folder: Path) -> Mapping[str, Any]:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        make(tmp_path, fails)
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".building-")] == []
    built = make(tmp_path, writes("whole"))
    assert [path.name for path in tmp_path.iterdir()] == [built.key]
    assert not (built.path / "half.txt").exists()


def test_a_killed_build_is_cleaned_up(tmp_path: Path) -> None:
    """The folder of a build whose process is gone is removed; nothing of it is in the result."""
    key = make(tmp_path / "elsewhere", writes("")).key
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    root = tmp_path / "root"
    abandoned = root / f".building-{key}-{int(gone.stdout)}"
    abandoned.mkdir(parents=True)
    (abandoned / "half.txt").write_text("half")
    built = make(root, writes("whole"))
    assert [path.name for path in root.iterdir()] == [key]
    assert sorted(path.name for path in built.path.iterdir()) == ["deep", MANIFEST]


def test_a_killed_build_of_other_inputs_is_cleaned_up(tmp_path: Path) -> None:
    """Whatever was being built when its process died, the stage's next build removes it."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    abandoned = tmp_path / f".building-{'0' * 32}-{int(gone.stdout)}"
    (abandoned / "deep").mkdir(parents=True)
    built = make(tmp_path, writes("whole"))
    assert [path.name for path in tmp_path.iterdir()] == [built.key]


@pytest.mark.parametrize("pid", [os.getppid(), os.getpid()], ids=["another", "this"])
def test_a_build_that_is_under_way_is_left_alone(tmp_path: Path, pid: int) -> None:
    """A living process's half-built folder is not removed, whatever its inputs; another thread's neither."""
    key = make(tmp_path / "elsewhere", writes("")).key
    wanted = {f".building-{'0' * 32}-{pid}", *([f".building-{key}-{pid}"] if pid != os.getpid() else [])}
    for name in wanted:
        (tmp_path / "root" / name).mkdir(parents=True)
    make(tmp_path / "root", writes("whole"))
    assert {path.name for path in (tmp_path / "root").iterdir()} == wanted | {key}


@pytest.mark.parametrize(
    "name", [".building-", ".building-x-y", ".building-notes", f".building-ab-{'9' * 30}", ".building-ab--1"]
)
def test_folders_that_are_not_ours_are_left_alone(tmp_path: Path, name: str) -> None:
    """A name that no build makes neither stops a build nor is removed by it."""
    (tmp_path / name).mkdir()
    make(tmp_path, writes("whole"))
    assert (tmp_path / name).exists()


def test_the_first_of_two_builders_wins(tmp_path: Path) -> None:
    """Who finishes second gets a whole artifact too, and nothing is left over."""

    def overtaken(folder: Path) -> Mapping[str, Any]:
        first = make(tmp_path / "other", writes("first"))
        first.path.rename(tmp_path / "root" / first.key)
        return writes("second")(folder)

    built = make(tmp_path / "root", overtaken)
    assert (built.path / "deep" / "out.txt").read_text() == "first"
    assert [path.name for path in (tmp_path / "root").iterdir()] == [built.key]


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    """A manifest that cannot be read is an error that says which folder to remove."""
    built = make(tmp_path, writes("a"))
    (built.path / MANIFEST).write_text("{")
    with pytest.raises(MismatchError, match=f"remove .*{built.key}"):
        read(built.path)
    assert read(tmp_path / "nothing") is None


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"key": 1}', '{"key": "k", "counts": [], "seconds": 1}'])
def test_a_manifest_of_something_else_is_named(tmp_path: Path, text: str) -> None:
    """JSON that is no manifest is the same error as no JSON, and no traceback."""
    built = make(tmp_path, writes("a"))
    (built.path / MANIFEST).write_text(text)
    with pytest.raises(MismatchError, match=f"remove .*{built.key}"):
        make(tmp_path, writes("a"))


@pytest.mark.parametrize("damage", ["missing", "truncated", "a folder", "no manifest"])
def test_a_damaged_artifact_is_built_again(tmp_path: Path, damage: str) -> None:
    """A file that was lost or cut under an intact manifest, or a lost manifest, makes the stage run again, once."""
    first = make(tmp_path, writes("hello"))
    file = first.path / ("deep/out.txt" if damage != "no manifest" else MANIFEST)
    if damage == "truncated":
        file.write_text("hel")
    else:
        file.unlink()
    if damage == "a folder":
        file.mkdir()
    again = make(tmp_path, writes("hello"))
    assert (again.reused, again.path) == (False, first.path)
    assert (again.path / "deep" / "out.txt").read_text() == "hello"
    assert [path.name for path in tmp_path.iterdir()] == [first.key]
    assert make(tmp_path, writes("hello")).reused


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    """A workspace in which no folder can be made is an answer, and no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JargonautError, match=r"(?s)stages: nothing can be written here.*--workspace"):
        make(tmp_path / "file" / "stages", writes("a"))


def test_files_that_were_added_later_change_nothing(tmp_path: Path) -> None:
    """Only what the stage wrote is compared."""
    first = make(tmp_path, writes("hello"))
    (first.path / ".DS_Store").write_text("x")
    assert first.changed_files == []
    assert make(tmp_path, writes("hello")).reused


def test_a_manifest_without_a_list_of_files_is_believed(tmp_path: Path) -> None:
    """What an earlier version built is not built again."""
    first = make(tmp_path, writes("hello"))
    manifest = json.loads((first.path / MANIFEST).read_text())
    del manifest["files"]
    (first.path / MANIFEST).write_text(json.dumps(manifest))
    assert make(tmp_path, writes("hello")).reused


def test_a_file_that_people_fill_in_is_no_damage(tmp_path: Path) -> None:
    """What somebody wrote into such a file stays, and nothing is built again for it."""
    sheet = make(tmp_path, writes("empty"), editable=("deep/out.txt",)).path / "deep" / "out.txt"
    sheet.write_text("hours of work")
    again = make(tmp_path, writes("empty"), editable=("deep/out.txt",))
    assert again.reused
    assert sheet.read_text() == "hours of work"


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_whole_or_not_there(tmp_path: Path, there: bool) -> None:
    """What is written appears at the end; an error in between leaves what was there, an empty folder included."""
    folder = tmp_path / "model"
    if there:
        folder.mkdir()

    def half() -> None:
        with atomic_folder(folder) as temporary:
            (temporary / "half").write_text("x", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])
    with atomic_folder(folder) as temporary:
        (temporary / "part").mkdir()
        (temporary / "part" / "file").write_text("x", encoding="utf-8")
        assert not (folder / "part").exists()
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["file", "model", "part"]
