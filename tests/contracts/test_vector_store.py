"""What every vector store promises. Vectors here are plain numbers: a store does not care where they come from."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jargonaut.errors import InputError, MismatchError
from jargonaut.index import Collection, CollectionInfo, Filter, VectorStore, passage_hash
from jargonaut.protocols import Vectors
from jargonaut.records import Passage
from tests.contracts.backends import Backend

FLOAT32 = 1e-5


def unit(count: int, dimension: int = 8, seed: int = 7) -> Vectors:
    """Random rows of length one."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def many(count: int) -> list[Passage]:
    """Short passages of ten documents."""
    return [Passage(f"p{n:05}", f"text {n}", f"title {n % 3}", (), f"d{n % 10}.md", n, n + 5) for n in range(count)]


def filled(
    store: VectorStore, passages: list[Passage], name: str = "v1-abc", *, dimension: int = 8, finish: bool = True
) -> Collection:
    """A collection with one random vector per passage."""
    collection = store.create(name, fingerprint="f", dimension=dimension, meta={"passages": "abc", "note": "ä 'x'"})
    collection.add(passages, unit(len(passages), dimension))
    if finish:
        collection.finish()
    return collection


def hashes(collection: Collection, block: int = 4096) -> dict[str, str]:
    """All of them; every block within its limit, no passage twice."""
    found: dict[str, str] = {}
    for page in collection.hashes(block):
        assert 0 < len(page) <= block
        assert not found.keys() & page.keys()
        found |= page
    return found


# Identity


def test_identity_lies_in_the_store(backend: Backend, store: VectorStore, passages: list[Passage]) -> None:
    """Fingerprint, dimension, notes and formats are read back by another program."""
    filled(store, passages)
    info = backend.open().open("v1-abc", "f").info
    assert info == CollectionInfo("v1-abc", "f", 8, {"passages": "abc", "note": "ä 'x'"}, complete=True)
    assert backend.open().collections() == [info]


def test_an_empty_store_has_nothing(store: VectorStore) -> None:
    """Nothing is there, nothing can be opened, and dropping nothing is no error."""
    assert store.collections() == []
    with pytest.raises(InputError, match="build one first"):
        store.open("x", "f")
    store.drop("x")


def test_another_encoder_is_refused(store: VectorStore, passages: list[Passage]) -> None:
    """The message shows both fingerprints."""
    filled(store, passages)
    with pytest.raises(MismatchError, match=r"built with encoder f, .* is other"):
        store.open("v1-abc", "other")


def test_an_unfinished_collection_cannot_be_opened_but_resumed(
    backend: Backend, store: VectorStore, passages: list[Passage]
) -> None:
    """What a killed build left is not searched; the next build may go on with it, with the same encoder."""
    filled(store, passages[:2], finish=False)
    again = backend.open()
    with pytest.raises(InputError, match="never finished"):
        again.open("v1-abc", "f")
    assert [info.complete for info in again.collections()] == [False]
    with pytest.raises(MismatchError, match="built with encoder f"):
        again.resume("v1-abc", "g")
    resumed = again.resume("v1-abc", "f")
    assert set(hashes(resumed)) == {p.id for p in passages[:2]}
    resumed.add(passages[2:], unit(6)[2:])
    resumed.finish()
    assert store.open("v1-abc", "f").count() == len(passages)
    with pytest.raises(InputError, match="is finished"):
        again.resume("v1-abc", "f")


def test_names_are_kept_apart(store: VectorStore, passages: list[Passage]) -> None:
    """Names that differ in case, length or punctuation only are different collections, listed by name."""
    names = ["V1-abc", "v1-abc", "v1.abc", "v1-abc-" + "x" * 60]
    for number, name in enumerate(names, start=1):
        filled(store, passages[:number], name)
    assert [info.name for info in store.collections()] == sorted(names)
    assert [store.open(name, "f").count() for name in names] == [1, 2, 3, 4]


def test_a_name_is_taken_once_and_freed_by_dropping(store: VectorStore, passages: list[Passage]) -> None:
    """Creating over a collection is refused; dropping is complete and may be repeated."""
    filled(store, passages)
    with pytest.raises(InputError, match="already"):
        store.create("v1-abc", fingerprint="g", dimension=8)
    store.drop("v1-abc")
    store.drop("v1-abc")
    assert store.collections() == []
    assert filled(store, passages[:1], dimension=4).count() == 1


def test_a_collection_that_was_built_anew_is_refused(
    backend: Backend, store: VectorStore, passages: list[Passage]
) -> None:
    """Whoever still holds the old one can neither search nor change the new one, and sees both fingerprints."""
    old = filled(store, passages)
    other = backend.open()
    other.drop("v1-abc")
    with pytest.raises(InputError, match="gone"):
        old.search(unit(1), 1)
    new = other.create("v1-abc", fingerprint="g", dimension=8)
    new.add(passages[:3], unit(3))
    new.finish()
    for use in (
        lambda: old.search(unit(1), 1),
        lambda: old.upsert(passages[3:4], unit(1)),
        lambda: old.delete([passages[0].id]),
    ):
        with pytest.raises(MismatchError, match=r"encoder g, the encoder in use is f"):
            use()
    assert new.count() == 3


@pytest.mark.parametrize(
    ("count", "dimension", "value"), [(2, 7, 1.0), (1, 8, 1.0), (2, 8, np.nan)], ids=["length", "number", "not finite"]
)
def test_wrong_vectors_are_refused(store: VectorStore, count: int, dimension: int, value: float) -> None:
    """Nothing is stored that could not be searched, before and after the end of a build."""
    collection = store.create("c", fingerprint="f", dimension=8)
    wrong = np.full((count, dimension), value, dtype=np.float32)
    with pytest.raises(MismatchError):
        collection.add(many(2), wrong)
    collection.finish()
    with pytest.raises(MismatchError):
        collection.upsert(many(2), wrong)
    assert collection.count() == 0


def test_wrong_queries_are_refused(store: VectorStore, passages: list[Passage]) -> None:
    """A query of another length is refused with both lengths, and one that is not finite."""
    collection = filled(store, passages)
    with pytest.raises(MismatchError, match=r"8-d vectors, not ones of shape \(1, 4\)"):
        collection.search(unit(1, 4), 1)
    with pytest.raises(MismatchError, match="not finite"):
        collection.search(np.full((1, 8), np.inf, dtype=np.float32), 1)


def test_a_finished_collection_takes_changes_only_by_upsert(store: VectorStore, passages: list[Passage]) -> None:
    """`add` belongs to building."""
    collection = filled(store, passages)
    with pytest.raises(MismatchError, match="finished"):
        collection.add(many(1), unit(1))
    assert collection.count() == len(passages)


def test_two_passages_of_one_id_are_refused(store: VectorStore) -> None:
    """A search could not tell them apart."""
    collection = store.create("c", fingerprint="f", dimension=8)
    with pytest.raises(InputError, match="share an id"):
        collection.upsert([Passage("a", "x"), Passage("a", "y")], unit(2))
    assert collection.count() == 0


# Search


@pytest.mark.parametrize("queries", [1, 33])
def test_search_is_exact_cosine(store: VectorStore, queries: int) -> None:
    """Hits and scores are those of a full comparison with numpy, best first, for vectors of any length."""
    vectors = unit(500, 16) * 5
    collection = store.create("c", fingerprint="f", dimension=16)
    collection.add(many(500)[:300], vectors[:300])
    collection.add(many(500)[300:], vectors[300:])
    collection.finish()
    asked = unit(queries, 16, seed=8)
    cosine = asked @ (vectors / 5).T
    best = np.argsort(-cosine, axis=1)[:, :10]
    found = store.open("c", "f").search(asked * 3, 10)
    assert [[int(hit.passage_id[1:]) for hit in row] for row in found] == best.tolist()
    scores = np.array([[hit.score for hit in row] for row in found])
    np.testing.assert_allclose(scores, np.take_along_axis(cosine, best, axis=1), atol=FLOAT32)


def test_ties_are_in_the_order_of_ids(store: VectorStore) -> None:
    """Equal scores give the same order every time."""
    collection = store.create("c", fingerprint="f", dimension=2)
    collection.add([Passage("b", "x"), Passage("a", "x"), Passage("c", "x")], np.ones((3, 2), dtype=np.float32))
    collection.finish()
    assert [hit.passage_id for hit in collection.search(np.ones((1, 2), dtype=np.float32), 3)[0]] == ["a", "b", "c"]


def test_fewer_passages_than_asked_for(store: VectorStore, passages: list[Passage]) -> None:
    """A small or empty collection gives what it has; no queries and no hits are no error."""
    empty = store.create("empty", fingerprint="f", dimension=8)
    empty.finish()
    assert empty.search(unit(2), 5) == [[], []]
    assert empty.count() == 0
    assert hashes(empty) == {}
    empty.check()
    collection = filled(store, passages)
    assert [len(row) for row in collection.search(unit(2), 50)] == [len(passages)] * 2
    assert collection.search(unit(2), 0) == [[], []]
    assert collection.search(unit(0), 3) == []


@pytest.mark.parametrize("approximate", [False, True])
def test_filters_decide_what_may_be_found(store: VectorStore, passages: list[Passage], *, approximate: bool) -> None:
    """Any of the values of a field, all of the fields, whatever characters they hold; all that fit are found."""
    collection = filled(store, passages)
    cases = [
        Filter(document_ids=("10k.md",)),
        Filter(document_ids=("10k.md", "ordner/größe.md", "nowhere.md")),
        Filter(titles=('O\'Brien "& co"',)),
        Filter(titles=("",)),
        Filter(document_ids=("icd.md",), titles=("10-K",)),
        Filter(ids=("ünï 漢字", "o'brien", "unknown")),
        Filter(document_ids=("icd.md", "10k.md"), titles=("ICD",), ids=("icd/2", "mk-1")),
        Filter(),
    ]
    for where in cases:
        allowed = {p.id for p in passages if where.allows(p)}
        for k in (1, 6):
            found = collection.search(unit(2, seed=3), k, where=where, approximate=approximate)
            assert [len(row) for row in found] == [min(k, len(allowed))] * 2, where
            assert {hit.passage_id for row in found for hit in row} <= allowed, where


def test_a_narrow_filter_loses_nothing(store: VectorStore) -> None:
    """The best of those that fit are found, however far they are from the query."""
    collection = filled(store, many(600))
    asked = unit(1, seed=9)
    cosine = (asked @ unit(600).T)[0]
    fitting = [n for n in np.argsort(-cosine) if n % 10 == 7][:5]
    found = collection.search(asked, 5, where=Filter(document_ids=("d7.md",)))
    assert [int(hit.passage_id[1:]) for hit in found[0]] == fitting


def test_approximate_search_finds_most_and_exact_search_all(store: VectorStore) -> None:
    """For every number format: the index finds at least 8 of 10 of the nearest, and comparing all stays possible."""
    # Fifty bundles of forty, as texts lie: what is near is nearer than the rest, or one bit a number says nothing.
    centres = unit(50, 32, seed=1)
    vectors = np.repeat(centres, 40, axis=0) + unit(2000, 32) * 0.6
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = centres[:20]
    best = np.argsort(-(asked @ vectors.T), axis=1)[:, :10]
    for quantisation in sorted(store.quantisations):
        name = f"c-{quantisation}"
        made = store.create(name, fingerprint="f", dimension=32, quantisation=quantisation, approximate=True)
        made.add(many(2000), vectors)
        made.finish()
        collection = store.open(name, "f")
        assert (collection.info.quantisation, collection.info.approximate) == (quantisation, True)
        near, all_ = collection.search(asked, 10), collection.search(asked, 10, approximate=False)
        for found, least in ((near, 0.8), (all_, 0.99 if quantisation == "float16" else 1.0)):
            hits = [{int(hit.passage_id[1:]) for hit in row} for row in found]
            recall = np.mean([len(row & set(best[n].tolist())) / 10 for n, row in enumerate(hits)])
            assert recall >= least, (quantisation, recall)
        changed = Passage("p00000", "changed", "", (), "new.md")
        collection.upsert([changed], asked[:1])
        assert collection.search(asked[:1], 1)[0][0].passage_id == "p00000"
        collection.delete(["p00000"])
        assert "p00000" not in {hit.passage_id for hit in collection.search(asked[:1], 10)[0]}
        collection.check()


def test_an_unknown_number_format_is_refused(store: VectorStore) -> None:
    """The message says which there are."""
    with pytest.raises(InputError, match=r"(?s)no int3 vectors.*float32"):
        store.create("c", fingerprint="f", dimension=8, quantisation="int3")  # type: ignore[arg-type]
    assert store.collections() == []


# What is stored


def test_passages_come_back_as_they_were(store: VectorStore, passages: list[Passage]) -> None:
    """Text, title, headings, source and offsets, whatever characters an id holds; unknown ids are left out."""
    collection = filled(store, passages)
    wanted = [p.id for p in passages][::-1]
    assert list(collection.fetch([*wanted, "unknown"]).items()) == [(p.id, p) for p in passages[::-1]]
    assert collection.fetch([]) == {}


def test_vectors_come_back_normalised(store: VectorStore, passages: list[Passage]) -> None:
    """What is read back is what was put in, at length one, in the order asked for."""
    collection = store.create("c", fingerprint="f", dimension=8)
    collection.add(passages, unit(6) * 7)
    collection.finish()
    found = collection.vectors([passages[4].id, "unknown", passages[1].id])
    assert list(found) == [passages[4].id, passages[1].id]
    np.testing.assert_allclose(np.stack(list(found.values())), unit(6)[[4, 1]], atol=FLOAT32)
    assert next(iter(found.values())).dtype == np.float32


def test_every_hash_is_listed_once(store: VectorStore) -> None:
    """In blocks of any size; the caller's hashes where it gave some, otherwise of all that a passage holds."""
    collection = store.create("c", fingerprint="f", dimension=8)
    collection.add(many(50)[:20], unit(20))
    collection.add(many(50)[20:], unit(30), [f"h{n}" for n in range(30)])
    collection.finish()
    expected = {p.id: passage_hash(p) for p in many(50)[:20]} | {p.id: f"h{n}" for n, p in enumerate(many(50)[20:])}
    assert hashes(collection, 7) == hashes(collection) == expected


def test_hashes_are_read_while_the_collection_changes(store: VectorStore) -> None:
    """A sync that changes what it has just read sees what was there at first at least once, and does not break."""
    collection = filled(store, many(60))
    seen: set[str] = set()
    for page in collection.hashes(10):
        seen |= page.keys()
        collection.delete(sorted(page)[:2])
        collection.upsert([Passage("new", "x")], unit(1))
    assert {p.id for p in many(60)} <= seen


# Changes of a finished collection


def test_upsert_replaces_and_adds(backend: Backend, store: VectorStore, passages: list[Passage]) -> None:
    """Text, vector and hash are the new ones, for whoever opens it and for whoever has it open; the rest stays."""
    reader = filled(backend.open(), passages)
    collection = store.open("v1-abc", "f")
    fresh = [Passage(passages[0].id, "rewritten", "New"), Passage("extra", "added")]
    target = unit(2, seed=5)
    for _ in range(2):  # twice is as once
        collection.upsert(fresh, target, ["h1", "h2"])
        for each in (collection, reader, backend.open().open("v1-abc", "f")):
            assert each.count() == len(passages) + 1
            assert each.fetch([passages[0].id, "extra", passages[1].id]) == {
                passages[0].id: fresh[0], "extra": fresh[1], passages[1].id: passages[1],
            }  # fmt: skip
            assert [row[0].passage_id for row in each.search(target, 1)] == [passages[0].id, "extra"]
            listed = hashes(each)
            assert (listed[passages[0].id], listed["extra"]) == ("h1", "h2")
    collection.upsert([], unit(0))
    collection.check()


def test_delete_removes(backend: Backend, store: VectorStore, passages: list[Passage]) -> None:
    """What is deleted is not found, fetched or counted; unknown ids and repeating it are no error."""
    collection = filled(store, passages)
    for _ in range(2):
        collection.delete(["o'brien", "ünï 漢字", "unknown"])
        again = backend.open().open("v1-abc", "f")
        assert again.count() == 4
        assert again.fetch(["o'brien"]) == {}
        assert {hit.passage_id for hit in again.search(unit(1), 6)[0]} == {"icd/1", "icd/2", "mk-1", "mk-2"}
    collection.delete([])
    collection.check()
    collection.delete([p.id for p in passages])
    assert (collection.count(), collection.search(unit(1), 3)) == (0, [[]])


def test_notes_are_changed_in_place(backend: Backend, store: VectorStore, passages: list[Passage]) -> None:
    """Those named are set, the others stay, and the collection is otherwise as it was."""
    collection = filled(store, passages)
    collection.annotate({"passages": "new", "synced": "yes"})
    collection.annotate({"synced": "twice"})
    info = backend.open().open("v1-abc", "f").info
    assert info.meta == {"passages": "new", "note": "ä 'x'", "synced": "twice"}
    assert collection.info == info
    assert collection.count() == len(passages)


_IDS = st.sampled_from([f"p{n:05}" for n in range(8)])
_CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.lists(_IDS, unique=True, max_size=5), st.integers(0, 99)),
        st.tuples(st.just("delete"), st.lists(_IDS, max_size=4), st.just(0)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_CHANGES)
def test_any_changes_equal_those_of_a_dictionary(store: VectorStore, changes: list[tuple[str, list[str], int]]) -> None:
    """After any upserts and deletes the collection holds, finds and lists what a dictionary would."""
    store.drop("c")
    collection = store.create("c", fingerprint="f", dimension=4)
    collection.finish()
    model: dict[str, tuple[Passage, Vectors]] = {}
    for kind, ids, seed in changes:
        if kind == "delete":
            collection.delete(ids)
            model = {id_: held for id_, held in model.items() if id_ not in ids}
            continue
        rows = unit(len(ids), 4, seed)
        put = [Passage(id_, f"text {seed}", document_id=f"d{seed}") for id_ in ids]
        collection.upsert(put, rows)
        model |= {p.id: (p, row) for p, row in zip(put, rows, strict=True)}
    ids = sorted(model)
    assert collection.count() == len(model)
    assert hashes(collection, 3) == {id_: passage_hash(model[id_][0]) for id_ in ids}
    assert collection.fetch(ids) == {id_: model[id_][0] for id_ in ids}
    asked = unit(1, 4, seed=123)
    scores = {hit.passage_id: hit.score for hit in collection.search(asked, 20)[0]}
    assert scores == pytest.approx({id_: float(asked[0] @ model[id_][1]) for id_ in ids}, abs=FLOAT32)


# The store


def test_one_at_a_time_builds(backend: Backend, store: VectorStore) -> None:
    """A second builder waits until the first is done."""
    order: list[str] = []

    def second() -> None:
        with backend.open().exclusive():
            order.append("second")

    thread = threading.Thread(target=second)
    with store.exclusive():
        thread.start()
        time.sleep(0.3)
        order.append("first")
        filled(store, many(2))  # the holder itself is not held up
    thread.join(20)
    assert order == ["first", "second"]


def test_two_writers_lose_nothing(backend: Backend, store: VectorStore) -> None:
    """Two programs that change one collection at once: every change is there at the end."""
    filled(store, many(4))
    faults: list[BaseException] = []

    def write(start: int) -> None:
        try:
            collection = backend.open().open("v1-abc", "f")
            for number in range(start, start + 4):
                collection.upsert([Passage(f"w{number}", "x")], unit(1, seed=number))
        except BaseException as error:  # noqa: BLE001  (shown by the test)
            faults.append(error)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    written = {f"w{n}" for start in (0, 100) for n in range(start, start + 4)}
    assert hashes(backend.open().open("v1-abc", "f")).keys() == written | {p.id for p in many(4)}


def test_second_names_move_in_one_step(backend: Backend, store: VectorStore, passages: list[Passage]) -> None:
    """Second names point at finished collections and move; a store without them says that it has none."""
    filled(store, passages, "a")
    filled(store, passages, "b", dimension=4)
    filled(store, passages, "c", finish=False)
    if not store.native_aliases:
        assert (store.set_alias("live", "a"), store.alias("live")) == (False, None)
        store.drop_alias("live")
        return
    assert store.alias("live") is None
    assert store.set_alias("live", "a")
    assert store.set_alias("live", "b")
    assert backend.open().alias("live") == "b"
    for wrong, message in (("c", "never finished"), ("d", "no collection")):
        with pytest.raises(InputError, match=message):
            store.set_alias("live", wrong)
    assert store.alias("live") == "b"
    store.drop_alias("live")
    store.drop_alias("live")
    assert backend.open().alias("live") is None
    assert {info.name for info in store.collections()} == {"a", "b", "c"}


def test_reading_all_finds_nothing_wrong(store: VectorStore, passages: list[Passage]) -> None:
    """A whole collection passes its check."""
    filled(store, passages).check()
