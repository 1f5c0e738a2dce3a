"""What goes wrong under an index: full disks, folders that may not be written, two writers, damaged files."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jargonaut.errors import JargonautError, MismatchError
from jargonaut.index import content_of
from tests.lifecycle.shop import Shop, documents, text_of


@pytest.fixture
def small(tmp_path: Path, models: tuple[Path, Path]) -> Iterator[Shop]:
    """A workspace on a disk of 64 MB, the base live, with both models loaded by nobody."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or os.getuid() != 0
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("a small disk wants Linux and the right to mount")
    try:
        shop = Shop(folder / "shop", *models).stock()
        index = shop.open().index()
        index.switch(index.build("base").info.collection)
        yield shop
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes the last byte of a disk; gives the file that holds it."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(b"x" * size)
    assert shutil.disk_usage(folder).free == 0
    return path


def test_a_full_disk_stops_a_build_and_no_search(small: Shop) -> None:
    """With no byte free, searches go on, build and sync fail in a sentence; with room they succeed."""
    searcher = small.open().serving()
    (before,) = searcher.search(["the ledger"], 3)
    live = small.open().registry().live()
    small.write(documents(range(4, 44)))
    opened = small.open()
    filler = fill(small.root.parent)
    for work in (lambda: opened.index().build("v1"), lambda: opened.index().sync()):
        with pytest.raises((JargonautError, OSError)):
            work()
        assert searcher.search(["the ledger"], 3) == [before]
    filler.unlink()
    index = small.open().index()
    assert index.registry.live() == live
    index.sync()
    assert index.switch(index.build("v1").info.collection).version == "v1"
    assert small.open().search(text_of(43), k=1).version == "v1"


def test_what_may_only_be_read_is_searched_and_not_changed(small: Shop) -> None:
    """On a read-only file system searches and the status work; every change is refused in a sentence."""
    small.open().index().build("v1")
    opened = small.open()
    opened.index().build("base")
    folder = str(small.root.parent)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    try:
        assert opened.search("the ledger", k=2).version == "base"
        index = opened.index()
        assert {one.role for one in index.status()} == {"live", "candidate"}
        changes = (
            lambda: index.switch("v1"), index.rollback, lambda: index.gc(keep=0),
            lambda: index.build("v1", dimension=8),
        )  # fmt: skip
        for change in changes:
            with pytest.raises((JargonautError, OSError)):
                change()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    assert small.open().index().switch("v1").version == "v1"


WORK = """
import os, sys
os.environ["LANCE_LOG"] = "error"
from pathlib import Path
from jargonaut import Workspace
from jargonaut.settings import Settings, override
root, base, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = override(Settings(), {"base.model": base, "build.block": 4, "verify.sample": 8})
index = Workspace(root, settings=settings).index()
print("ready", flush=True)
sys.stdin.readline()
print(index.sync().count if what == "sync" else index.build("v1").info.collection)
"""


def elsewhere(shop: Shop, what: str) -> subprocess.Popen[str]:
    """A process that is about to sync or to build."""
    command = [sys.executable, "-c", WORK, str(shop.root), str(shop.base), what]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_two_writers_at_once_end_as_one_would(live: Shop) -> None:
    """Two syncs and two builds started together: all succeed, nothing is doubled, everything verifies."""
    live.write(documents(range(3, 43)))
    live.open()
    processes = [elsewhere(live, what) for what in ("sync", "sync", "build", "build")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ends
    assert [out for out, _ in ends[:2]] == ["40\n"] * 2
    assert ends[2][0] == ends[3][0]
    index = live.open().index()
    assert index.verify().passed
    assert index.verify("v1").passed
    assert index.catalogue.find("v1").content == index.catalogue.find(None).content
    assert [event.kind for event in index.registry.events()].count("synced") == 1


def test_a_damaged_index_file_is_found_and_built_anew(live: Shop) -> None:
    """A verification names it, a switch to it is refused, and a build under the same name mends it."""
    index = live.open().index()
    made = index.build("v1")
    for path in (live.root / ".jargonaut" / "index" / f"{made.info.collection}.lance" / "data").iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MismatchError):
        live.open().index().switch("v1")
    assert not live.open().index().verify("v1").intact
    again = live.open().index()
    assert again.build("v1").info.collection == made.info.collection
    assert again.switch("v1").version == "v1"
    collection, _ = again.opened(again.catalogue.find("v1"))
    assert content_of(collection) == made.record.content
