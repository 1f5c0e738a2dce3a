"""What a workspace that is taken out as a BEIR folder promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import load_dataset

from jargonaut import formats
from jargonaut.artifacts import Artifact
from jargonaut.errors import InputError
from jargonaut.formats import is_beir, write_jsonl
from jargonaut.integrations.mteb import _read
from jargonaut.interchange import ExportedSet, export_beir
from jargonaut.pairs import CountedSplits
from jargonaut.records import BadRow, Pair, Passage
from jargonaut.sources import Kind, PreparedCorpus, Source

PASSAGES = (
    Passage("guide a.md#1", "Press the  button.\nTwice.", "Guide", ("Guide", "Start"), "guide a.md"),
    Passage("guide a.md#2", "Release it.", "Guide", (), "guide a.md"),
    Passage("faq\tb.md#1", 'Ünïcode "quotes" | and \u2028 lines', "FAQ", (), "faq\tb.md"),
)
SPLITS = CountedSplits(
    train=(Pair("t1", "how to press?", "guide a.md#1"), Pair("t1", "how to press?", "guide a.md#2", 0)),
    dev=(),
    test=(Pair("q 1", "what is\tunicode?", "faq\tb.md#1", 2),),
    groups={},
)


def prepared(folder: Path, kind: Kind = "documents") -> PreparedCorpus:
    """The corpus as its stage leaves it."""
    write_jsonl(folder / "corpus" / "passages.jsonl", PASSAGES)
    return PreparedCorpus(Artifact(folder / "corpus", "key"), Source(folder / "manuals", kind, "digest"))


@pytest.fixture
def exported(tmp_path: Path) -> ExportedSet:
    """A workspace over documents, taken out."""
    return export_beir(prepared(tmp_path), SPLITS, tmp_path / "out")


def test_the_folder_is_beir(exported: ExportedSet) -> None:
    """It is read back whole by the reader of BEIR folders: no row is left out, and ids meet across the files."""
    bad: list[BadRow] = []
    folder = exported.folder
    assert is_beir(folder)
    passages = {p.id: p for p in formats.read_passages(folder / "corpus.jsonl", bad.append)}
    queries = {q.id: q.text for q in formats.read_queries(folder / "queries.jsonl", bad.append)}
    judged = list(formats.read_qrels(folder / "qrels" / "test.tsv", bad.append))
    assert bad == []
    assert (exported.passages, exported.queries, exported.judgements) == (3, 2, {"train": 2, "test": 1})
    assert queries[judged[0].query_id] == "what is\tunicode?"
    assert passages[judged[0].passage_id].text == PASSAGES[2].text
    assert not (folder / "qrels" / "dev.tsv").exists()


@pytest.mark.parametrize("kind", ["documents", "beir"])
def test_passages_stand_there_as_our_models_see_them(tmp_path: Path, kind: Kind) -> None:
    """Put together as a BEIR folder's reader does, each gives the very text that is embedded in this workspace."""
    corpus = prepared(tmp_path, kind)
    export_beir(corpus, SPLITS, tmp_path / "out")
    read = formats.read_passages(tmp_path / "out" / "corpus.jsonl", list[BadRow]().append)
    ours = {" ".join(id_.split()): text for id_, text in corpus.texts.items()}
    assert {passage.id: passage.content("title") for passage in read} == ours


def test_datasets_reads_what_the_card_says(exported: ExportedSet, tmp_path: Path) -> None:
    """The card tells `datasets`, and through it `mteb`, which file is what."""
    wanted = {"corpus": ("corpus", 3), "queries": ("queries", 2), "default": ("test", 1)}
    for name, (split, count) in wanted.items():
        found = load_dataset(str(exported.folder), name, split=split, cache_dir=str(tmp_path / "cache"))
        assert len(found) == count
    assert found[0] == {"query-id": "q 1", "corpus-id": "faq b.md#1", "score": 2}


def test_an_export_is_replaced_and_nothing_else_is(exported: ExportedSet, tmp_path: Path) -> None:
    """Written again over itself; among other files it is refused, and they stay."""
    again = export_beir(prepared(tmp_path), SPLITS, exported.folder)
    assert again == exported
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="no export of jargonaut"):
        export_beir(prepared(tmp_path), SPLITS, other)
    assert [path.name for path in other.iterdir()] == ["README.md"]
    with pytest.raises(InputError, match="a folder is wanted"):
        export_beir(prepared(tmp_path), SPLITS, other / "README.md")


def test_a_part_becomes_a_task(exported: ExportedSet) -> None:
    """What a task of mteb is made of: passages, queries with a positive, grades; an absent part is told."""
    passages, asked, judged = _read(exported.folder, "train")
    assert (len(passages), asked) == (3, {"t1": "how to press?"})
    assert judged == {"t1": {"guide a.md#1": 1, "guide a.md#2": 0}}
    with pytest.raises(InputError, match="there are: train, test"):
        _read(exported.folder, "dev")
    with pytest.raises(InputError, match="no BEIR folder"):
        _read(exported.folder / "qrels", "test")
