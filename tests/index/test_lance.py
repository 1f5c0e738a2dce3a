"""The embedded vector store. Vectors here are plain numbers: the store does not care where they come from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.index import DamagedCollectionError, LanceStore
from jargonaut.index.lance_collection import LanceCollection
from jargonaut.records import Passage

RANDOM = np.random.default_rng(7)


def filled(store: LanceStore, passages: list[Passage], name: str = "c", dimension: int = 8) -> LanceCollection:
    """A collection with one random vector per passage, not finished."""
    collection = store.create(name, fingerprint="f", dimension=dimension, meta={"passages": "abc"})
    collection.add(passages, RANDOM.normal(size=(len(passages), dimension)).astype(np.float32))
    return collection


def many(count: int) -> list[Passage]:
    """Short passages with the ids `0`, `1` and so on."""
    return [Passage(str(number), f"text {number}") for number in range(count)]


def test_identity_survives_in_the_table(store: LanceStore, passages: list[Passage]) -> None:
    """Fingerprint, dimension and notes are read back from the table itself, by a fresh store."""
    filled(store, passages).finish()
    info = LanceStore(store.folder).open("c", "f").info
    assert (info.fingerprint, info.dimension, info.meta, info.complete) == ("f", 8, {"passages": "abc"}, True)
    assert LanceStore(store.folder).collections() == [info]


def test_another_encoder_is_refused(store: LanceStore, passages: list[Passage]) -> None:
    """The message shows both fingerprints."""
    filled(store, passages).finish()
    with pytest.raises(MismatchError, match=r"built with encoder f, .* is other"):
        store.open("c", "other")


def test_an_unfinished_collection_cannot_be_opened(store: LanceStore, passages: list[Passage]) -> None:
    """What was not finished does not look complete."""
    filled(store, passages)
    with pytest.raises(InputError, match="never finished"):
        store.open("c", "f")
    assert [info.complete for info in store.collections()] == [False]


def test_a_folder_that_is_no_table_is_an_unfinished_collection(store: LanceStore, passages: list[Passage]) -> None:
    """A kill while a table was created does not break the store."""
    filled(store, passages).finish()
    (store.folder / "half.lance").mkdir()
    assert [(info.name, info.complete) for info in store.collections()] == [("c", True), ("half", False)]
    store.drop("half")
    assert [info.name for info in store.collections()] == ["c"]


def test_an_unknown_collection_lists_the_known_ones(store: LanceStore, passages: list[Passage]) -> None:
    """The message says what would have worked; an empty store makes no folder."""
    with pytest.raises(InputError, match="build one first"):
        store.open("x", "f")
    assert not store.folder.exists()
    filled(store, passages).finish()
    with pytest.raises(InputError, match="known collections: c"):
        store.open("x", "f")


def test_a_dropped_collection_is_gone(store: LanceStore, passages: list[Passage]) -> None:
    """Dropping is complete, may be repeated, and frees the name."""
    filled(store, passages).finish()
    store.drop("c")
    store.drop("c")
    assert store.collections() == []
    assert filled(store, passages).count() == len(passages)


def test_a_name_is_taken_once(store: LanceStore, passages: list[Passage]) -> None:
    """Creating over an existing collection is refused."""
    filled(store, passages)
    with pytest.raises(InputError, match="already"):
        store.create("c", fingerprint="g", dimension=8)


@pytest.mark.parametrize("queries", [1, 2, 300])
def test_search_is_exact_cosine(store: LanceStore, queries: int) -> None:
    """Hits and scores are those of a full comparison with numpy, best first, also for vectors of any length."""
    vectors = RANDOM.normal(size=(500, 16)).astype(np.float32) * 5
    collection = store.create("c", fingerprint="f", dimension=16)
    collection.add(many(300), vectors[:300])
    collection.add(many(500)[300:], vectors[300:])
    collection.finish()
    asked = RANDOM.normal(size=(queries, 16)).astype(np.float32)
    cosine = (asked / np.linalg.norm(asked, axis=1, keepdims=True)) @ (
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ).T
    found = store.open("c", "f").search(asked, 10)
    best = np.argsort(-cosine, axis=1)[:, :10]
    assert [[int(hit.passage_id) for hit in row] for row in found] == best.tolist()
    scores = np.array([[hit.score for hit in row] for row in found])
    np.testing.assert_allclose(scores, np.take_along_axis(cosine, best, axis=1), atol=1e-5)


def test_ties_are_in_the_order_of_ids(store: LanceStore) -> None:
    """Equal scores give the same order every time."""
    collection = store.create("c", fingerprint="f", dimension=2)
    collection.add([Passage("b", "x"), Passage("a", "x"), Passage("c", "x")], np.ones((3, 2), dtype=np.float32))
    assert [hit.passage_id for hit in collection.search(np.ones((1, 2), dtype=np.float32), 3)[0]] == ["a", "b", "c"]


def test_fewer_passages_than_asked_for(store: LanceStore, passages: list[Passage]) -> None:
    """A small or empty collection gives what it has."""
    empty = store.create("empty", fingerprint="f", dimension=8)
    assert empty.search(np.ones((2, 8), dtype=np.float32), 5) == [[], []]
    rows = filled(store, passages).search(np.ones((2, 8), dtype=np.float32), 50)
    assert [len(row) for row in rows] == [len(passages)] * 2


def test_passages_come_back_as_they_were(store: LanceStore, passages: list[Passage]) -> None:
    """Text, title, headings, source and offsets, whatever characters an id holds; unknown ids are left out."""
    collection = filled(store, passages)
    wanted = [p.id for p in passages][::-1]
    assert list(collection.fetch([*wanted, "unknown"]).items()) == [(p.id, p) for p in passages[::-1]]
    assert collection.fetch([]) == {}


@pytest.mark.parametrize(
    ("count", "dimension", "value"), [(2, 7, 1.0), (1, 8, 1.0), (2, 8, np.nan)], ids=["length", "number", "not finite"]
)
def test_wrong_vectors_are_refused(store: LanceStore, count: int, dimension: int, value: float) -> None:
    """Nothing is stored that could not be searched."""
    collection = store.create("c", fingerprint="f", dimension=8)
    with pytest.raises(MismatchError):
        collection.add(many(2), np.full((count, dimension), value, dtype=np.float32))
    assert collection.count() == 0


def test_a_finished_collection_does_not_change(store: LanceStore, passages: list[Passage]) -> None:
    """What serves users is what was finished, even if something writes to the table."""
    collection = filled(store, passages)
    collection.finish()
    with pytest.raises(MismatchError, match="finished"):
        collection.add(many(1), np.ones((1, 8), dtype=np.float32))
    import lancedb

    table = lancedb.connect(store.folder).open_table("c")
    extra = Passage("extra", "x")
    columns = {name: [getattr(extra, name)] for name in ("id", "text", "title", "document_id", "start", "end")}
    columns["hash"] = ["h"]
    table.add(pa.table({**columns, "headings": [[]], "vector": [[1.0] * 8]}, schema=table.schema))
    assert store.open("c", "f").count() == len(passages)


def test_searching_writes_nothing_to_the_terminal(
    store: LanceStore, passages: list[Passage], capfd: pytest.CaptureFixture[str]
) -> None:
    """The library's own notices stay away from the user."""
    collection = filled(store, passages)
    collection.finish()
    collection.search(np.ones((3, 8), dtype=np.float32), 2)
    collection.fetch(["icd/1"])
    assert capfd.readouterr() == ("", "")


def test_the_store_lives_where_it_was_told(tmp_path: Path, passages: list[Passage]) -> None:
    """A folder with blanks and other letters is a folder."""
    store = LanceStore(tmp_path / "mein Index ü")
    filled(store, passages).finish()
    assert store.open("c", "f").count() == len(passages)


def damage(folder: Path, kind: str) -> None:
    """Harms a finished table as disks and people do."""
    data = sorted((folder / "data").iterdir())
    if kind == "no data":
        shutil.rmtree(folder / "data")
    elif kind == "cut":
        data[0].write_bytes(data[0].read_bytes()[:-10])
    else:
        data[0].write_bytes(b"\xff" * data[0].stat().st_size)


@pytest.mark.parametrize("kind", ["no data", "cut", "overwritten"])
def test_a_damaged_collection_says_so(store: LanceStore, passages: list[Passage], kind: str) -> None:
    """Searching, fetching and checking name the collection and the way out; a whole one passes the check."""
    filled(store, passages).finish()
    store.open("c", "f").check()
    damage(store.folder / "c.lance", kind)
    collection = store.open("c", "f")
    for read in (
        lambda: collection.search(np.ones((1, 8), dtype=np.float32), 2),
        lambda: collection.fetch(["icd/1"]),
        collection.check,
    ):
        with pytest.raises(DamagedCollectionError, match=r"(?s)'c' is damaged \(.*jargonaut run"):
            read()


def test_a_finished_version_that_is_gone_is_damage(store: LanceStore, passages: list[Passage]) -> None:
    """A table whose finished version was removed cannot be opened, and says why."""
    filled(store, passages).finish()
    min((store.folder / "c.lance" / "_versions").glob("*.manifest")).unlink()  # the newest: Lance counts down
    with pytest.raises(DamagedCollectionError, match="damaged"):
        store.open("c", "f")


def test_a_tag_that_cannot_be_read_is_none(store: LanceStore, passages: list[Passage]) -> None:
    """Such a table counts as unfinished, can be listed and can be dropped."""
    filled(store, passages).finish()
    (store.folder / "c.lance" / "_refs" / "tags" / "complete.json").write_text("{")
    assert [info.complete for info in store.collections()] == [False]
    store.drop("c")
    assert store.collections() == []


def test_too_many_open_files_are_no_damage(store: LanceStore, passages: list[Passage]) -> None:
    """What the system refuses for the moment is said as that, so nothing is built anew for it."""
    resource = pytest.importorskip("resource")  # the system's limits, where it has them
    filled(store, passages).finish()
    collection = store.open("c", "f")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free, so that none is below the limit
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(JargonautError, match="cannot be read now") as raised:
            collection.check()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not isinstance(raised.value, MismatchError)
    collection.check()
