"""From a source to texts that are encoded one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jargonaut.encoding.cache import Kind
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.protocols import SilentReporter
from jargonaut.settings import Settings
from jargonaut.texts import Texts, open_texts


def opened(source: Path, kind: Kind = "passage") -> Texts:
    """A source's texts, its workspace beside it."""
    layout = Layout(source.parent / "workspace")
    return open_texts(source, kind, lambda: find_model("embedded"), Settings(), layout, SilentReporter())


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """The texts stand in the file's order, and can be gone through again."""
    (tmp_path / "x.txt").write_text("b\na\nb\n")
    texts = opened(tmp_path / "x.txt")
    assert (list(texts), list(texts), texts.count) == (["b", "a", "b"], ["b", "a", "b"], 3)


def test_a_beir_folder_has_passages_and_queries(tmp_path: Path) -> None:
    """Each kind comes from its own file; titles stand before passages, as in a run."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "p", "title": "T", "text": "passage"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "query"}\n')
    assert list(opened(folder)) == ["T\npassage"]
    assert list(opened(folder, "query")) == ["query"]


def test_documents_become_the_passages_of_a_run(tmp_path: Path) -> None:
    """The file that the texts stand in names each passage."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# Pumps\n\n" + "The valve is opened by hand before the pump is started. " * 8)
    texts = opened(docs)
    assert [json.loads(line)["text"] for line in texts.file.read_text().splitlines()] == list(texts)
    assert texts.count == 1


@pytest.mark.parametrize(
    ("name", "content", "kind", "wanted"),
    [
        ("x.jsonl", '{"text": "a"}\n{"x": 1}\n', "passage", r"(?s)1 of its lines.*x\.jsonl:2: field 'text'"),
        ("x.txt", "", "passage", "there is no text in it"),
        ("x.txt", "a\n\nb\n", "passage", r"(?s)1 of its lines.*x\.txt:2: blank line"),
        ("x.csv", "a\n", "passage", "no file of texts"),
        ("docs/a.md", "# A\n", "query", "passages, no queries"),
    ],
    ids=["a bad line", "no line", "a blank line", "another file", "no queries"],
)  # fmt: skip
def test_a_source_that_cannot_be_used_is_explained(
    tmp_path: Path, name: str, content: str, kind: Kind, wanted: str
) -> None:
    """What, where and what to give instead, before anything is encoded."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    with pytest.raises(InputError, match=wanted):
        opened(path if path.parent == tmp_path else path.parent, kind)


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Whatever its ending says."""
    with pytest.raises(InputError, match=r"nowhere\.jsonl: there is no such file"):
        opened(tmp_path / "nowhere.jsonl")
