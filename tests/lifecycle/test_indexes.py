"""The life of an index: built beside the live one, verified, switched to, rolled back, synced, removed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jargonaut.errors import InputError, MismatchError
from jargonaut.evaluation import MEASURES, PER_QUERY, Scores, write_per_query
from jargonaut.formats import read_records
from jargonaut.index import LanceStore, content_of
from jargonaut.records import IndexContent, Pair, Passage
from jargonaut.registry import IndexVerification
from tests.lifecycle.shop import Shop, documents, text_of


def collection_of(shop: Shop, name: str) -> object:
    """A collection as somebody else would open it."""
    store = LanceStore(shop.root / ".jargonaut" / "index")
    info = next(info for info in store.collections() if info.name == name)
    return store.open(name, info.fingerprint)


def golden_check(verification: IndexVerification) -> Mapping[str, Any]:
    """What the golden queries said."""
    return next(check for check in verification.checks if check["name"] == "golden queries")


def test_a_build_leaves_what_is_live_alone(live: Shop) -> None:
    """The new collection lies beside the live one, is a candidate, and the pointer has not moved."""
    index = live.open().index()
    before = index.registry.live()
    made = index.build("v1")
    assert index.registry.live() == before
    assert {one.name: one.role for one in index.status()} == {
        before.index if before else "": "live",
        made.info.collection: "candidate",
    }
    assert made.record.content.count == 40


def test_unchanged_passages_come_from_the_cache(live: Shop) -> None:
    """After two of forty texts changed, a build encodes two; the same build again encodes none and builds nothing."""
    live.write(documents(range(40), {3: "second", 5: "second"}))
    index = live.open().index()
    assert index.build("base").encoded == 2
    again = index.build("base")
    assert (again.encoded, again.info.reused) == (0, True)


def test_an_unverified_collection_is_verified_before_it_goes_live(live: Shop) -> None:
    """A switch records a verification that passed; the pointer binds version, dimension, format and collection."""
    index = live.open().index()
    made = index.build("v1", dimension=16)
    assert index.registry.indexes.verification(made.info.collection) is None
    now = index.switch("v1")
    found = index.registry.indexes.verification(made.info.collection)
    assert found is not None
    assert found.passed
    assert (now.version, now.dimension, now.quantisation, now.index) == ("v1", 16, "float32", made.info.collection)


def test_a_roll_back_takes_less_than_a_second_and_loads_no_model(live: Shop) -> None:
    """The pointer is back where it was, and searches with it; no encoder is asked for."""
    index = live.open().index()
    before = index.registry.live()
    index.build("v1")
    index.switch("v1")

    def refuse(version: object) -> object:
        raise AssertionError(version)

    index.encoders = refuse  # type: ignore[assignment]
    started = time.monotonic()
    assert index.rollback() == before
    assert time.monotonic() - started < 1
    assert live.open().search("ledger").version == "base"


def test_a_roll_back_imports_nothing_heavy(live: Shop) -> None:
    """A new process that rolls back has imported neither torch nor LanceDB, which would take longer than the rest."""
    index = live.open().index()
    index.build("v1")
    index.switch("v1")
    code = (
        "import sys; from pathlib import Path; from jargonaut import Workspace\n"
        "print(Workspace(Path(sys.argv[1])).rollback().version)\n"
        "print([name for name in ('torch', 'lancedb', 'pyarrow', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(live.root)], capture_output=True, text=True, check=True)
    assert done.stdout == "base\n[]\n"


def test_a_roll_back_to_a_collection_that_is_gone_is_refused(live: Shop) -> None:
    """The pointer stays where it is rather than name nothing."""
    index = live.open().index()
    old = index.registry.live()
    index.build("v1")
    now = index.switch("v1")
    assert old is not None
    shutil.rmtree(live.root / ".jargonaut" / "index" / f"{old.index}.lance")
    with pytest.raises(InputError, match="there is no collection"):
        index.rollback()
    assert index.registry.live() == now


def test_a_collection_that_fails_is_not_switched_to(live: Shop) -> None:
    """Somebody replaced a vector: the check is named with both values, and the pointer stays."""
    index = live.open().index()
    made, before = index.build("v1"), index.registry.live()
    index.verify("v1")
    other = collection_of(live, made.info.collection)
    passage = Passage("p7", text_of(7), document_id="p7")
    other.upsert([passage], np.ones((1, 32), dtype=np.float32), ["forged"])  # type: ignore[attr-defined]
    with pytest.raises(MismatchError, match=r"failed its verification \(content: "):
        index.switch("v1")
    assert index.registry.live() == before


@pytest.mark.parametrize("kept", ["hash", "nothing"])
def test_an_edited_text_is_found_even_where_its_hash_was_kept(live: Shop, kept: str) -> None:
    """Words that are not what was hashed fail a check of the sample, or of the content."""
    index = live.open(**{"verify.sample": 40}).index()
    made = index.build("v1")
    other = collection_of(live, made.info.collection)
    hashes = {id_: key for block in other.hashes() for id_, key in block.items()}  # type: ignore[attr-defined]
    vector = other.vectors(["p7"])["p7"]  # type: ignore[attr-defined]
    passage = dataclasses.replace(other.fetch(["p7"])["p7"], text="edited")  # type: ignore[attr-defined]
    key = hashes["p7"] if kept == "hash" else "new"
    other.upsert([passage], vector[None], [key])  # type: ignore[attr-defined]
    found = index.verify("v1")
    failed = {check["name"] for check in found.checks if not check["passed"]}
    assert not found.intact
    assert "texts" in failed
    assert ("content" in failed) == (kept == "nothing")


def test_a_live_collection_that_somebody_emptied_is_not_searched(live: Shop) -> None:
    """A search refuses and says both counts; a sync repairs it, and searches work again."""
    name = live.open().index().catalogue.find(None).name
    collection_of(live, name).delete(["p1", "p2"])  # type: ignore[attr-defined]
    with pytest.raises(MismatchError, match="holds 38 passages, remembered are 40"):
        live.open().search("ledger")
    assert not live.open().index().verify().passed
    assert live.open().index().sync().added == 2
    assert live.open().search("ledger", k=40).hits[-1].rank == 40


def test_altered_model_files_are_not_switched_to(live: Shop) -> None:
    """The files of a version are hashed again before it goes live."""
    index = live.open().index()
    index.build("v1")
    weights = live.root / ".jargonaut" / "models" / "v1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(MismatchError, match="'v1' was altered"):
        live.open().index().switch("v1")


def test_golden_queries_hold_the_floor(live: Shop) -> None:
    """The first verification sets the reference; a collection whose answers are gone falls below it and fails."""
    index = live.open().index()
    first = index.verify(index.build("v1").info.collection)
    assert golden_check(first)["value"] > 0.3
    live.write({f"p{n}": text_of((n + 17) % 40) for n in range(40)})
    lost = live.open().index()
    second = lost.verify(lost.build("v1").info.collection)
    assert not golden_check(second)["passed"]
    assert second.intact
    assert not second.passed


def test_golden_queries_are_compared_with_what_they_reached_themselves(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    """Of the run's queries only some are asked, which may be harder than the rest; so it is for the run's base."""
    shop = Shop(tmp_path, *models, **{"verify.golden": 3}).stock({"recall@10": 1.0})
    index = shop.open().index()
    made = index.build("v1").info
    unknown = golden_check(index.verify(made.collection))
    assert unknown["value"] < 0.9
    assert not unknown["passed"]
    asked = [pair.query_id for pair in read_records(shop.root / ".jargonaut" / "pairs" / "k" / "test.jsonl", Pair)]
    reached = np.where(np.arange(len(asked)) < 3, unknown["value"], 1.0)
    scores = Scores(tuple(asked), dict.fromkeys(MEASURES, reached))
    run = shop.root / ".jargonaut" / "runs" / "r" / PER_QUERY
    write_per_query(run, {f"tuned-{made.dimension}": scores})
    known = golden_check(index.verify(made.collection))
    assert known["passed"]
    assert f"{unknown['value']:.3f} on them in its run" in known["wanted"]
    assert "first time" in golden_check(index.verify(index.build("base").info.collection))["wanted"]
    write_per_query(run, {f"base-{made.dimension}": scores})
    of_base = golden_check(index.verify(index.build("base").info.collection))
    assert f"{unknown['value']:.3f} on them in its run" in of_base["wanted"]


def test_a_sync_follows_the_documents(live: Shop) -> None:
    """Added, changed and removed passages are found by hash; after it the collection is what a new build would be."""
    live.write(documents(range(5, 45), {7: "second"}))
    index = live.open().index()
    done = index.sync()
    assert (done.added, done.changed, done.removed, done.count) == (5, 1, 5, 40)
    record = index.catalogue.find(None)
    fresh = Shop(live.root.parent / "fresh", live.base, live.tuned).stock()
    fresh.write(documents(range(5, 45), {7: "second"}))
    assert fresh.open().index().build("base").record.content == record.content
    assert live.open().search(text_of(7, "second"), k=1).hits[0].passage.id == "p7"
    assert (record.generation, index.status()[0].verified) == (1, "passed")


def test_going_to_older_documents_is_told(live: Shop) -> None:
    """A switch and a roll back to what was not brought up to date say so and say what does; going to newer ones not."""
    behind = live.open().index().build("v1").info.collection
    live.write(documents(range(5, 45)))
    live.open().index().sync()
    index = live.open().index()
    index.switch(behind)
    (said,) = live.listener.warnings
    assert said.startswith(f"{behind} holds older documents than base-")
    index.rollback()
    assert index.sync(behind).count == 40
    index.switch(behind)
    live.write(documents(range(40)))
    index = live.open().index()
    index.sync()
    assert live.listener.warnings == [said]
    index.rollback()
    assert live.listener.warnings[1].startswith("base-")


def test_a_sync_of_nothing_does_nothing(live: Shop) -> None:
    """Run again on the same documents it changes nothing, neither the collection nor the history."""
    index = live.open().index()
    events = index.registry.events()
    done = index.sync()
    assert (done.added, done.changed, done.removed) == (0, 0, 0)
    assert index.registry.events() == events


def test_a_sync_that_breaks_off_goes_on(live: Shop) -> None:
    """Stopped in the middle, searches still work, and the same command ends in the same place."""
    live.write(documents(range(10, 50)))
    opened = live.open()
    index = opened.index()
    encoder = opened._encoder(index.registry.get("base"))
    calls = []

    def stop(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return type(encoder).encode_passages(encoder, texts)

    encoder.encode_passages = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        index.sync()
    assert live.open().index().status()[0].syncing
    assert live.open().search("ledger", k=3).hits
    with pytest.raises(MismatchError, match="begun and not ended"):
        live.open().index().verify()
    live.open().index().sync()
    index = live.open().index()
    collection, _ = index.opened(index.catalogue.find(None))
    assert content_of(collection) == index.catalogue.find(None).content
    assert not index.status()[0].syncing


def test_a_broken_off_sync_of_what_is_not_live_any_more_can_be_ended(live: Shop) -> None:
    """It is refused as long as it is half done; ended by its name, it can be switched to."""
    tolerant = {"verify.golden_tolerance": 1.0}
    index = live.open(**tolerant).index()
    first, other = index.catalogue.find("base"), index.build("v1").info.collection
    index.registry.indexes.begin_sync(first.name, IndexContent("half", 1))
    index.switch(other)
    with pytest.raises(MismatchError, match=f"--collection {first.name}"):
        index.switch(first.name)
    live.write(documents(range(10, 50)))
    done = live.open(**tolerant).index().sync(first.name)
    assert (done.collection, done.removed) == (first.name, 10)
    assert live.open(**tolerant).index().switch(first.name).index == first.name


def test_the_wrong_documents_empty_no_index(live: Shop) -> None:
    """A sync that would remove most of the index is refused, unless that is asked for."""
    live.write(documents([1, 2]))
    with pytest.raises(InputError, match="are these the right documents"):
        live.open().index().sync()
    assert live.open(**{"build.most_removed": 1.0}).index().sync().count == 2


def test_another_chunker_is_refused_with_both_values(live: Shop, tmp_path: Path) -> None:
    """Passages that were cut in another way are not mixed into an index."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Ledgers\n\n" + " ".join(text_of(n) for n in range(30)))
    opened = live.open(**{"build.most_removed": 1.0})
    with pytest.raises(MismatchError, match=r"chunker: 'as given.*in the index.*tokens at most.*now"):
        opened.index(folder).sync()
    index = opened.index(folder)
    index.switch(index.build("base").info.collection)
    again = live.open(**{"chunk.max_tokens": 40}).index(folder)
    with pytest.raises(MismatchError, match=r"tokens at most.*in the index.*40 tokens at most.*now"):
        again.sync()


def test_a_synced_collection_is_not_taken_for_what_it_was(live: Shop) -> None:
    """Going back to the old documents by a build makes a collection of its own; the live one stays."""
    index = live.open().index()
    first = index.catalogue.find(None)
    live.write(documents(range(41)))
    live.open().index().sync()
    live.write(documents(range(40)))
    made = live.open().index().build("base")
    assert made.info.collection == f"{first.name}-2"
    assert made.record.content == first.content


def test_gc_keeps_what_is_pointed_at(live: Shop) -> None:
    """Live, way back and the newest `keep` stay; a dry run says the same; no pointer can go where the rest was."""
    index = live.open().index()
    first = index.registry.live()
    assert first is not None
    made = [index.build("v1", dimension=dimension).info.collection for dimension in (8, 12, 16, 24)]
    now = index.switch(made[1])
    foreseen = index.gc(keep=1, dry_run=True)
    done = index.gc(keep=1)
    assert set(foreseen.collections) == set(done.collections) == {made[0], made[2]}
    assert {one.name for one in index.status()} == {first.index, now.index, made[3]}
    with pytest.raises(InputError, match="was removed"):
        index.registry.promote("v1", made[0], 8)
    assert index.rollback() == first
    assert index.build("v1", dimension=8).info.collection == made[0]
    assert index.switch(made[0]).dimension == 8


def test_gc_without_a_pointer_removes_nothing(shop: Shop) -> None:
    """Where nothing is live everything would go, so it is refused."""
    index = shop.open().index()
    index.build("v1")
    with pytest.raises(InputError, match="nothing is live"):
        index.gc(keep=0)
    assert len(index.status()) == 1


def test_a_retired_version_is_passed_over(live: Shop) -> None:
    """It cannot be switched to, and a roll back goes further back."""
    index = live.open().index()
    for dimension in (8, 16):
        index.switch(index.build("v1", dimension=dimension).info.collection)
    index.switch(index.build("base", dimension=16).info.collection)
    index.registry.retire("v1", "withdrawn")
    with pytest.raises(InputError, match="was retired"):
        index.switch("v1")
    assert (index.rollback().version, index.registry.live().dimension) == ("base", 32)  # type: ignore[union-attr]
    index.registry.reinstate("v1")
    assert index.switch("v1").version == "v1"


def test_collections_of_an_older_release_are_remembered(live: Shop) -> None:
    """Where the registry lost its collections, one that is asked for by name is recorded and verified again."""
    import sqlite3

    index = live.open().index()
    name = index.build("v1").info.collection
    connection = sqlite3.connect(index.registry.path)
    connection.execute("DELETE FROM collections")
    connection.commit()
    connection.close()
    assert live.open().search("ledger").version == "base"
    assert live.open().index().switch(name).version == "v1"


def test_a_workspace_is_planned_for_with_what_it_measured(live: Shop) -> None:
    """Twice the passages take twice of everything; half the dimensions half the vectors; assumptions are told."""
    index = live.open().index()
    one, two = index.plan(1_000_000, [32]), index.plan(2_000_000, [32, 16])
    assert two.rows[0].hours == pytest.approx(2 * one.rows[0].hours)
    assert {row.quantisation for row in one.rows} == {"float32", "float16", "int8", "binary"}
    assert two.rows[4].dimension == 16
    assert any("measured in this workspace" in text for text in one.assumptions)
    with pytest.raises(InputError):
        index.plan(0)
