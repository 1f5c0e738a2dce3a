"""Names of documents as people write them."""

from __future__ import annotations

import time

import pytest

from jargonaut.pairs.document_names import named_documents

DOCUMENTS = ["guide/setup.md", "guide/index.md", "api/setup.md", "api/errors.html", "User Guide.pdf", "v1.2/notes.txt"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("guide\\setup.md", "guide/setup.md"),
        ("./guide/setup.md", "guide/setup.md"),
        ("/home/me/docs/guide/setup.md", "guide/setup.md"),
        ("C:\\docs\\guide\\Setup.MD", "guide/setup.md"),
        ("guide/setup", "guide/setup.md"),
        ("guide/setup.md#install", "guide/setup.md"),
        ("guide/setup.html", "guide/setup.md"),
        ("errors.html", "api/errors.html"),
        ("errors", "api/errors.html"),
        ("user guide.PDF", "User Guide.pdf"),
        ("notes.txt", "v1.2/notes.txt"),
        ("https://docs.example.com/guide/setup/", "guide/setup.md"),
        ("https://docs.example.com/en/latest/guide/setup.html?x=1#install", "guide/setup.md"),
        ("https://docs.example.com/guide/", "guide/index.md"),
        ("https://example.com/User%20Guide.pdf", "User Guide.pdf"),
        ("https://example.com/help/errors", "api/errors.html"),
    ],
)
def test_names_mean_documents(name: str, wanted: str) -> None:
    """Separators, capitals, endings, folders before the path, addresses."""
    assert named_documents([name], DOCUMENTS).found == {name: wanted}


@pytest.mark.parametrize(
    "name",
    ["setup.md", "https://example.com/setup", "other/errors.html", "", ".", "///", "https://", "https://[", "%", "md"],
)
def test_names_that_may_mean_several_or_none_mean_none(name: str) -> None:
    """Two files of one name, a file in another folder, and what is no name at all."""
    assert named_documents([name], DOCUMENTS).found == {}


def test_ambiguous_names_are_told_from_unknown_ones() -> None:
    """With how many documents they may mean."""
    assert named_documents(["setup", "gone"], DOCUMENTS).ambiguous == {"setup": 2}


def test_addresses_mean_documents_that_are_addresses() -> None:
    """Scheme, `www`, port of call and closing slash play no part; the host does."""
    documents = ["https://www.a.com/x/y", "https://b.com/x/y", "https://a.com/z"]
    names = ["http://a.com/x/y/", "b.com/x/y", "https://c.com/z"]
    found = named_documents(names, documents).found
    assert found == {names[0]: documents[0], names[1]: documents[1], names[2]: documents[2]}


def test_files_of_one_name_cost_nothing_more() -> None:
    """A hundred thousand index pages and as many addresses of them are no quadratic step."""
    documents = [f"part{i}/chapter/index.html" for i in range(30_000)]
    names = [f"https://x.org/part{i}/chapter/" for i in range(30_000)]
    started = time.process_time()
    assert len(named_documents(names, documents).found) == 30_000
    assert time.process_time() - started < 20
