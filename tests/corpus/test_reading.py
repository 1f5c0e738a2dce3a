"""Promises of the corpus stage as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from jargonaut.corpus import ChunkOptions, read_folder
from jargonaut.errors import InputError
from jargonaut.records import BadRow, Document

SENTENCE = "The torque wrench is calibrated once a year by the workshop and the record is kept."
OTHER = "Hydraulic oil is changed after two thousand hours, earlier where the air is dusty or wet."


def test_folder_becomes_passages_without_repeats_and_with_counts(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Documents are handed on in order, repeats are dropped across documents, everything is counted."""
    (tmp_path / "a.md").write_text(f"# A\n\n{SENTENCE}\n\n## B\n\nShort.\n")
    (tmp_path / "b.txt").write_text(f"{SENTENCE}\n")
    (tmp_path / "c.html").write_text(f"<h1>C</h1><p>{OTHER}</p>")
    (tmp_path / "d.zip").write_bytes(b"PK")
    bad: list[BadRow] = []
    documents: list[Document] = []
    corpus = read_folder(tmp_path, tokenizer, on_bad=bad.append, on_document=documents.append)
    assert [d.id for d in documents] == ["a.md", "b.txt", "c.html"]
    assert [(p.id, p.title, p.text) for p in corpus.passages] == [("a.md#0", "A", SENTENCE), ("c.html#0", "C", OTHER)]
    assert corpus.duplicate_of == {"b.txt#0": "a.md#0"}
    assert corpus.counts == {
        "documents": 3,
        "passages": 2,
        "exact_duplicates": 1,
        "near_duplicates": 0,
        "too_short": 1,
        "files_left_out": 1,
    }
    assert len(bad) == 1


def test_reading_twice_gives_the_same(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Nothing depends on the order in which the file system lists files."""
    for number in range(20):
        (tmp_path / f"{number}.md").write_text(f"# T{number}\n\n{SENTENCE} {number} {OTHER}")
    assert read_folder(tmp_path, tokenizer, on_bad=print) == read_folder(tmp_path, tokenizer, on_bad=print)


def test_empty_folder_is_an_error_with_a_remedy(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """There is nothing to do, and the message says what to give."""
    with pytest.raises(InputError, match="the folder is empty") as error:
        read_folder(tmp_path, tokenizer, on_bad=print)
    assert error.value.remedy


def test_folder_of_unreadable_files_names_the_first_ones(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Where nothing can be read, the reasons are in the message."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\nnothing")
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"none of the 2 files(.|\n)*a.pdf: broken(.|\n)*b.png"):
        read_folder(tmp_path, tokenizer, on_bad=print)


def test_documents_without_a_passage_name_the_setting(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Only fragments: the limit that left them out is named."""
    (tmp_path / "a.md").write_text("Short.")
    with pytest.raises(InputError, match="no passage") as error:
        read_folder(tmp_path, tokenizer, on_bad=print)
    assert "min_chars" in str(error.value)
    assert read_folder(tmp_path, tokenizer, chunk=ChunkOptions(min_chars=3), on_bad=print).counts["passages"] == 1
