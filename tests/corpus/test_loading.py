"""Promises of reading a folder of documents."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jargonaut.corpus import LoadOptions, load_documents, source_hash
from jargonaut.decoding import NotTextError, decode
from jargonaut.errors import InputError, SettingsError
from jargonaut.protocols import Item, SilentReporter
from jargonaut.records import BadRow, Document

SENTENCE = "The torque wrench is calibrated once a year by the workshop."


def load(folder: Path, options: LoadOptions | None = None) -> tuple[dict[str, Document], dict[str, str]]:
    """Documents by id, and reasons by file name."""
    bad: list[BadRow] = []
    documents = {d.id: d for d in load_documents(folder, options, on_bad=bad.append)}
    return documents, {Path(b.source).name: b.reason for b in bad}


def test_nested_files_come_in_order_of_their_paths_and_hidden_ones_do_not(tmp_path: Path) -> None:
    """Documents are ordered by path, named by it, and hidden files and folders are skipped."""
    for name in ("b.md", "a/z.txt", "a/b/c.md", ".git/x.md", ".hidden.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SENTENCE)
    documents, bad = load(tmp_path)
    assert list(documents) == ["a/b/c.md", "a/z.txt", "b.md"]
    assert not bad


def test_linked_folders_that_form_a_loop_are_read_once(tmp_path: Path) -> None:
    """A link back to a parent folder neither hangs nor repeats documents."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(SENTENCE)
    (tmp_path / "in" / "loop").symlink_to(tmp_path)
    assert list(load(tmp_path)[0]) == ["in/a.txt"]


def test_link_to_nowhere_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """A broken link is a bad row, not a crash."""
    (tmp_path / "a.md").symlink_to(tmp_path / "gone.md")
    assert "cannot be opened" in load(tmp_path)[1]["a.md"]


def test_link_to_itself_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """A link that never ends is a bad row, and its neighbours are read."""
    (tmp_path / "a.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "b.md").write_text(SENTENCE)
    documents, bad = load(tmp_path)
    assert list(documents) == ["b.md"]
    assert "cannot be opened (Too many levels" in bad["a.md"]
    assert source_hash(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems only have names in Unicode")
def test_names_that_are_not_utf8_are_spelled_out(tmp_path: Path) -> None:
    """Such files are read, kept apart and named in text that can be written; so are those that are left out."""
    for name in (b"caf\xe9.md", b"caf\xe8.md", b"caf\xe9.zip"):
        (tmp_path / os.fsdecode(name)).write_text(SENTENCE)
    documents, bad = load(tmp_path)
    assert {d.id: d.title for d in documents.values()} == {r"caf\xe8.md": r"caf\xe8", r"caf\xe9.md": r"caf\xe9"}
    assert list(bad) == [r"caf\xe9.zip"]
    assert "".join([*(d.source for d in documents.values()), source_hash(tmp_path)]).encode()


def test_a_file_that_vanishes_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """A file that is removed while others are read is a bad row."""
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(SENTENCE)
    bad: list[BadRow] = []
    documents = load_documents(tmp_path, on_bad=bad.append)
    next(documents)
    (tmp_path / "b.md").unlink()
    assert not list(documents)
    assert [Path(b.source).name for b in bad] == ["b.md"]


@pytest.mark.parametrize(
    "values",
    [{"max_file_bytes": 0}, {"max_document_chars": -1}, {"fallback_encodings": ("latin-1", "klingon")},
     {"fallback_encodings": ("hex",)}],
)  # fmt: skip
def test_limits_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    """A size that lets nothing in, or an encoding that does not exist, is named."""
    with pytest.raises(SettingsError, match=rf"\[load\] {next(iter(values))}: "):
        LoadOptions(**values)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """A file that the user may not read is a bad row."""
    (tmp_path / "a.md").write_text(SENTENCE)
    (tmp_path / "a.md").chmod(0)
    assert "Permission denied" in load(tmp_path)[1]["a.md"]


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.html", "a.rst", "a.csv"])
def test_each_kind_of_file_gives_its_words(
    tmp_path: Path, name: str, make_pdf: Callable[..., Path], make_docx: Callable[..., Path]
) -> None:
    """PDF, Word, HTML, reStructuredText and CSV are read."""
    path = tmp_path / name
    if name.endswith("pdf"):
        make_pdf(path, SENTENCE)
    elif name.endswith("docx"):
        make_docx(path, "Tools", SENTENCE)
    else:
        path.write_text(f"<p>{SENTENCE}</p>" if name.endswith("html") else SENTENCE)
    documents, bad = load(tmp_path)
    assert not bad
    assert SENTENCE in documents[name].text


def test_word_headings_are_structure_and_its_underscores_are_not_escaped(
    tmp_path: Path, make_docx: Callable[..., Path]
) -> None:
    """A Word file becomes Markdown with headings, and names keep their spelling."""
    make_docx(tmp_path / "a.docx", "Torque limits", "Set max_torque to 9.")
    document = load(tmp_path)[0]["a.docx"]
    assert document.text == "# Torque limits\n\nSet max_torque to 9."
    assert document.title == "Torque limits"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cut.pdf", b"%PDF-1.4\nnothing more", "broken, it cannot be read as a PDF"),
        ("fake.pdf", b"plain words", "not a PDF file"),
        ("broken.docx", b"PK\x03\x04 nonsense", "broken, it cannot be read as a Word file"),
        ("old.docx", b"\xd0\xcf\x11\xe0 nonsense", "older format"),
        ("program.txt", bytes(range(256)) * 8, "binary data"),
        ("noise.txt", b"\x01\x02\x03\x04\x05\x06 ab" * 50, "binary data"),
        ("nothing.md", b"", "empty"),
        ("blank.txt", b" \n\n", "empty"),
        ("picture.png", b"\x89PNG", "'.png' is not a document type"),
        ("bundle.zip", b"PK", "'.zip' is not a document type"),
        ("Makefile", b"all:", "not a document type"),
        ("scripts.html", b"<html><body><script>x()</script></body></html>", "no text"),
    ],
)
def test_bad_file_is_left_out_with_its_reason_and_the_good_one_is_read(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    """Whatever is wrong with a file, its reason is told and work goes on."""
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.md").write_text(SENTENCE)
    documents, bad = load(tmp_path)
    assert list(documents) == ["good.md"]
    assert reason in bad[name]


def test_encrypted_and_scanned_pdfs_say_so(tmp_path: Path, make_pdf: Callable[..., Path]) -> None:
    """A PDF with a password and one without text are told apart."""
    make_pdf(tmp_path / "secret.pdf", SENTENCE, encrypted=True)
    make_pdf(tmp_path / "scan.pdf", "")
    _, bad = load(tmp_path)
    assert "password" in bad["secret.pdf"]
    assert "scanned" in bad["scan.pdf"]


def test_file_over_the_size_limit_is_refused_without_being_read(tmp_path: Path) -> None:
    """A 200 MB text file names its size, the limit and the setting."""
    with (tmp_path / "huge.txt").open("wb") as stream:
        stream.truncate(200 * 1024 * 1024)  # a sparse file takes no space
    assert load(tmp_path)[1]["huge.txt"] == (
        "200 MiB, larger than the limit of 50 MiB; split it or raise [load] max_file_bytes"
    )


def test_text_over_the_character_limit_is_refused(tmp_path: Path) -> None:
    """A document whose text is too long names the setting that allows it."""
    (tmp_path / "a.txt").write_text(SENTENCE)
    assert "max_document_chars" in load(tmp_path, LoadOptions(max_document_chars=10))[1]["a.txt"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe und Maß – geprüft", "utf-8-sig"),
        ("Größe und Maß – geprüft", "utf-16"),
        ("Größe und Maß – geprüft", "utf-32"),
        ("plain words " * 9, "utf-16-le"),
        ("“Smart quotes” – the user’s café.", "cp1252"),
        ("Ça été déjà vu à l'hôtel, où le garçon préfère la crème brûlée.", "cp1252"),
        ("5 µm ± 2 °C", "cp1252"),
        ("Съешь ещё этих мягких французских булок, да выпей чаю.", "cp1251"),
        ("これは日本語の文章です。文字コードを判定します。", "shift_jis"),
    ],
)
def test_any_usual_encoding_is_decoded(text: str, encoding: str) -> None:
    """Unicode with and without marks, Western, Cyrillic and Japanese files are read as written."""
    assert decode(text.encode(encoding)) == text


def test_one_damaged_byte_does_not_spoil_utf8() -> None:
    """A file that is UTF-8 but for one byte stays UTF-8."""
    data = "Größe und Maß, geprüft und für gut befunden, auch Öl. ".encode() * 3
    assert decode(data + b"\xff").startswith("Größe und Maß")


def test_binary_is_refused() -> None:
    """NUL bytes are no text."""
    with pytest.raises(NotTextError, match="NUL"):
        decode(b"\x7fELF\x02\x01\x00\x00\x00\x90\xff" * 20)


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "intro\n\n## Second\n\nx\n\n# First\n\ny", "First"),
        ("a.md", "---\ntitle: 'From the front'\n---\n# Heading\n", "From the front"),
        ("a.md", "no heading here", "a"),
        ("notes.txt", "# a comment, not a heading", "notes"),
        ("a.rst", "=====\nGuide\n=====\n\nText here.\n", "Guide"),
        ("a.html", "<title>Site</title><h1>Page <code>x</code></h1><p>words", "Page x"),
        ("a.html", "<title>Site &amp; more</title><p>words", "Site & more"),
    ],
)
def test_title_is_the_documents_own_else_its_file_name(tmp_path: Path, name: str, content: str, title: str) -> None:
    """Front matter, first-level heading, `<title>`, then the file name."""
    (tmp_path / name).write_text(content)
    assert load(tmp_path)[0][name].title == title


def test_copies_of_page_sources_are_left_out_beside_their_pages(tmp_path: Path) -> None:
    """Sphinx's `_sources` do not double a site."""
    (tmp_path / "_sources").mkdir()
    (tmp_path / "a.html").write_text(f"<p>{SENTENCE}</p>")
    (tmp_path / "_sources" / "a.rst.txt").write_text(SENTENCE)
    documents, bad = load(tmp_path)
    assert list(documents) == ["a.html"]
    assert "Sphinx" in bad["a.rst.txt"]


def test_progress_is_shown_for_every_file(tmp_path: Path) -> None:
    """The reporter is told how many files there are and sees each."""
    for name in ("a.md", "b.zip"):
        (tmp_path / name).write_text(SENTENCE)
    seen: list[object] = []

    class Counting(SilentReporter):
        def track(self, items: object, description: str, total: int | None = None) -> Iterator[Item]:
            seen.append(total)
            for item in super().track(items, description, total):  # type: ignore[arg-type]
                seen.append(item)
                yield item  # type: ignore[misc]

    list(load_documents(tmp_path, on_bad=lambda _: None, reporter=Counting()))
    assert seen == [2, tmp_path / "a.md", tmp_path / "b.zip"]


def test_missing_folder_and_a_file_are_errors_with_a_remedy(tmp_path: Path) -> None:
    """What is no folder is told apart from what does not exist."""
    (tmp_path / "a.md").write_text(SENTENCE)
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "gone")
    with pytest.raises(InputError, match="a file, not a folder"):
        load(tmp_path / "a.md")


def test_source_hash_follows_names_and_bytes_of_documents_only(tmp_path: Path) -> None:
    """The hash changes with a document's bytes or name, and not with a picture."""
    (tmp_path / "a.md").write_text(SENTENCE)
    before = source_hash(tmp_path)
    (tmp_path / "logo.png").write_bytes(b"x")
    assert source_hash(tmp_path) == before
    (tmp_path / "a.md").write_text(SENTENCE + "!")
    changed = source_hash(tmp_path)
    (tmp_path / "a.md").rename(tmp_path / "b.md")
    assert len({before, changed, source_hash(tmp_path)}) == 3
