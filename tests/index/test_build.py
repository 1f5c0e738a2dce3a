"""Building an index: finished or not there, never twice."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.errors import InputError
from jargonaut.index import LanceStore, build_index
from jargonaut.protocols import Encoder
from jargonaut.records import Passage


def texts(passages: list[Passage]) -> list[str]:
    """What is embedded."""
    return [p.content("headings") for p in passages]


def test_a_built_index_is_finished_and_named_by_its_content(
    store: LanceStore, passages: list[Passage], encoder: Encoder
) -> None:
    """Name, fingerprint, dimension and count are what was built."""
    info = build_index(store, "sentence/v1", passages, texts(passages), encoder)
    assert info.collection.startswith("sentence-v1-")
    assert (info.fingerprint, info.dimension, info.count, info.reused) == (encoder.fingerprint, 384, 6, False)
    assert [c.name for c in store.collections() if c.complete] == [info.collection]


def test_building_again_builds_nothing(
    store: LanceStore, passages: list[Passage], encoder: Encoder, tmp_path: Path
) -> None:
    """The second build finds the first one and asks the encoder for no vector."""
    first = build_index(store, "v1", passages, texts(passages), encoder)
    cached = CachedEncoder(encoder, tmp_path / "vectors")
    again = build_index(store, "v1", passages, texts(passages), cached)
    assert again == dataclasses.replace(first, reused=True)
    assert cached.misses == 0


@pytest.mark.parametrize("damage", ["no data", "cut", "no tag", "no version"])
def test_a_damaged_index_is_built_anew(
    store: LanceStore, passages: list[Passage], encoder: Encoder, damage: str
) -> None:
    """The second build notices what the first one lost, gives the same name again, and it can be searched."""
    first = build_index(store, "v1", passages, texts(passages), encoder)
    other = build_index(store, "v2", passages, texts(passages), encoder)
    folder = store.folder / f"{first.collection}.lance"
    if damage == "no data":
        shutil.rmtree(folder / "data")
    elif damage == "cut":
        (file,) = (folder / "data").iterdir()
        file.write_bytes(file.read_bytes()[:-10])
    elif damage == "no tag":
        (folder / "_refs" / "tags" / "complete.json").write_text("{")
    else:
        min((folder / "_versions").glob("*.manifest")).unlink()
    assert build_index(store, "v1", passages, texts(passages), encoder) == first
    store.open(first.collection, encoder.fingerprint).check()
    assert build_index(store, "v1", passages, texts(passages), encoder).reused
    assert build_index(store, "v2", passages, texts(passages), encoder) == dataclasses.replace(other, reused=True)


@pytest.mark.parametrize("change", ["text", "content", "title"])
def test_other_content_is_another_collection(
    store: LanceStore, passages: list[Passage], encoder: Encoder, change: str
) -> None:
    """The first index stays untouched beside the second one."""
    first = build_index(store, "v1", passages, texts(passages), encoder)
    contents = texts(passages)
    if change == "content":
        contents[0] += "!"
    else:
        passages[0] = dataclasses.replace(passages[0], **{change: "changed"})
    second = build_index(store, "v1", passages, contents, encoder)
    assert second.collection != first.collection
    assert {c.name for c in store.collections() if c.complete} == {first.collection, second.collection}


def test_a_build_that_fails_leaves_nothing_that_looks_complete(
    store: LanceStore, passages: list[Passage], encoder: Encoder
) -> None:
    """An encoder's error reaches the caller; the next build cleans up and succeeds."""
    broken = [*texts(passages)[:-1], None]
    with pytest.raises(TypeError):
        build_index(store, "v1", passages, [*broken], encoder)  # type: ignore[list-item]
    assert not any(c.complete for c in store.collections())
    build_index(store, "v1", passages, texts(passages), encoder)
    assert [c.complete for c in store.collections()] == [True]


def test_no_passages_and_repeated_ids_are_refused(store: LanceStore, passages: list[Passage], encoder: Encoder) -> None:
    """Input that cannot be searched is an error of the input."""
    with pytest.raises(InputError, match="no passages"):
        build_index(store, "v1", [], [], encoder)
    with pytest.raises(InputError, match="share an id"):
        build_index(store, "v1", [*passages, passages[0]], [*texts(passages), "x"], encoder)


BUILD = """
import sys
from pathlib import Path
import numpy as np
from jargonaut.index import BuildOptions, LanceStore, build_index
from jargonaut.records import Passage

class Numbers:  # a source of vectors, not a model: the store is what is tested here
    name, fingerprint, dimension, calls = "numbers", "f", 4, 0
    def encode_passages(self, texts):
        self.calls += 1
        if sys.argv[2] == str(self.calls):
            print("here", flush=True)
            sys.stdin.read()
        return np.stack([np.random.default_rng(int(t)).normal(size=4) for t in texts]).astype(np.float32)

passages = [Passage(str(i), str(i)) for i in range(50)]
info = build_index(LanceStore(Path(sys.argv[1])), "v1", passages, [p.id for p in passages], Numbers(),
                   options=BuildOptions(block=10))
print(info.count, info.reused, info.written)
"""


def _build_elsewhere(folder: Path, stop_at: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(folder), str(stop_at)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_kill_while_building_and_build_again(store: LanceStore) -> None:
    """After kill -9 in the third block nothing looks complete; the next build adds the rest, each passage once."""
    with _build_elsewhere(store.folder, 3) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()
    assert [(c.complete) for c in store.collections()] == [False]
    assert _build_elsewhere(store.folder, 0).communicate() == ("50 False 30\n", "")
    (made,) = store.collections()
    hits = store.open(made.name, "f").search(np.ones((1, 4), dtype=np.float32), 50)[0]
    assert {hit.passage_id for hit in hits} == {str(number) for number in range(50)}


@pytest.mark.slow
def test_two_processes_build_one_index(store: LanceStore) -> None:
    """The second one waits for the first and uses what it built."""
    first = _build_elsewhere(store.folder, 2)
    assert first.stdout is not None
    assert first.stdout.readline() == "here\n"
    second = _build_elsewhere(store.folder, 0)
    assert first.communicate("go on") == ("50 False 50\n", "")
    assert second.communicate() == ("50 True 0\n", "")
