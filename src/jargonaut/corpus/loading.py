"""A folder of documents → `Document` records, one at a time, in the order of their paths.

Knows files, their endings and what can be wrong with them. Knows nothing of passages or models. A file that cannot be
used becomes a `BadRow` and the next one is read.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jargonaut.artifacts import content_hash, file_hash, legible
from jargonaut.corpus import restructured
from jargonaut.corpus.conversion import CONVERTED, ConversionError, Converter
from jargonaut.decoding import NotTextError, decode
from jargonaut.errors import InputError, require_limits
from jargonaut.markdown import front_matter_end, sections
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import BadRow, Document

MEBIBYTE = 1024 * 1024
_PLAIN = frozenset({".txt", ".text"})
_MARKDOWN = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx"})
_RESTRUCTURED = frozenset({".rst"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
DOCUMENT_TYPES: frozenset[str] = _PLAIN | _MARKDOWN | _RESTRUCTURED | _HTML | frozenset(CONVERTED)
"""File name endings, in lower case, that are read."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What is read, and how large it may be.

    Attributes:
        max_file_bytes: Larger files are left out.
        max_document_chars: Documents whose text is longer are left out.
        fallback_encodings: Tried in turn for text that is not Unicode and in which no other script is detected.

    Raises:
        SettingsError: A value lies outside its limits, or there is no such encoding.
    """

    max_file_bytes: int = 50 * MEBIBYTE
    max_document_chars: int = 20_000_000
    fallback_encodings: tuple[str, ...] = ("cp1252", "latin-1")

    def __post_init__(self) -> None:
        require_limits(
            "load",
            self,
            (
                ("max_file_bytes", self.max_file_bytes >= 1, "1 or more, such as 52428800"),
                ("max_document_chars", self.max_document_chars >= 1, "1 or more, such as 20000000"),
                ("fallback_encodings", all(map(_known, self.fallback_encodings)), "names such as cp1252 or latin-1"),
            ),
        )


def _known(encoding: str) -> bool:
    """Whether there is a text encoding of this name."""
    try:
        "x".encode(encoding)
        return codecs.lookup(encoding).name not in {"idna", "punycode", "undefined"}
    except (LookupError, ValueError):
        return False


def load_documents(
    folder: Path,
    options: LoadOptions | None = None,
    *,
    on_bad: Callable[[BadRow], None],
    reporter: Reporter | None = None,
) -> Iterator[Document]:
    r"""Reads every document below a folder, one at a time.

    Hidden files and folders are skipped; linked folders are entered once. Each file that is left out goes to `on_bad`
    with its reason, also one that is not of a document type.

    Args:
        folder: Where the documents are, nested as they like.
        options: Limits and encodings.
        on_bad: Called for each file that is left out.
        reporter: Shows the progress.

    Yields:
        Documents ordered by path; `id` is the path relative to the folder, with bytes that are not UTF-8 as `\xe9`.

    Raises:
        InputError: `folder` is not a folder.
    """
    options = options or LoadOptions()
    files = list(_files(folder))
    converter = Converter()
    for path in (reporter or SilentReporter()).track(files, "reading documents", total=len(files)):
        try:
            yield _read(path, _named(path.relative_to(folder).as_posix()), options, converter)
        except (_LeftOutError, ConversionError, NotTextError) as error:
            on_bad(BadRow(_named(path), 0, "", str(error)))
        except OSError as error:
            on_bad(BadRow(_named(path), 0, "", f"it cannot be opened ({error.strerror or error})"))


def source_hash(folder: Path, options: LoadOptions | None = None) -> str:
    """One hash over the relative names and bytes of the files that `load_documents` would read.

    A file over the size limit counts with its name and size, one that cannot be opened with its name.

    Raises:
        InputError: `folder` is not a folder.
    """
    options = options or LoadOptions()
    listing: list[tuple[str, str]] = []
    for path in _files(folder):
        if path.suffix.lower() in DOCUMENT_TYPES:
            try:
                size = path.stat().st_size
                state = file_hash(path) if size <= options.max_file_bytes else f"{size} bytes"
            except (OSError, InputError):
                state = "unreadable"
            listing.append((path.relative_to(folder).as_posix(), state))
    return content_hash(listing)


class _LeftOutError(ValueError):
    """Why a file is left out."""


def _files(folder: Path) -> Iterator[Path]:
    """Every file that is not hidden, ordered by path; a linked folder that was seen before is not entered again."""
    if not folder.is_dir():
        what = "this is a file, not a folder of documents" if folder.exists() else "there is no such folder"
        raise InputError(what, where=str(folder), remedy="give a folder that holds documents (.md, .html, .pdf, …)")
    seen: set[str] = set()

    def walk(below: Path) -> Iterator[Path]:
        real = os.path.realpath(below)
        if real in seen:
            return
        seen.add(real)
        try:
            entries = sorted(os.scandir(below), key=lambda entry: entry.name)
        except OSError:
            yield below  # reading it as a file will say why
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                is_folder = entry.is_dir()
                is_file = entry.is_file() or entry.is_symlink()  # not a socket or a pipe, which would hang
            except OSError:  # a link to itself, a folder that may not be searched
                is_folder, is_file = False, True  # reading it will say why
            if is_folder:
                yield from walk(below / entry.name)
            elif is_file:
                yield below / entry.name

    yield from walk(folder)


def _read(path: Path, name: str, options: LoadOptions, converter: Converter) -> Document:
    """One file as a document, or the reason why not as an exception."""
    ending = _ending(path)
    if not path.is_dir() and ending not in DOCUMENT_TYPES:
        kind = f"{ending!r} is not a document type" if ending else "not a document type (the name has no ending)"
        raise _LeftOutError(f"{kind} that is read here")
    if _is_sphinx_source(path):
        raise _LeftOutError("Sphinx's copy of a page's source; the page itself is read")
    size = path.stat().st_size
    if size > options.max_file_bytes:
        limit = f"{options.max_file_bytes / MEBIBYTE:.4g} MiB"
        raise _LeftOutError(
            f"{size / MEBIBYTE:,.0f} MiB, larger than the limit of {limit}; split it or raise [load] max_file_bytes"
        )
    data = path.read_bytes()
    if not data.strip(b" \t\r\n\x00\xff\xfe\xef\xbb\xbf"):
        raise _LeftOutError("empty")
    title, text, markdown = _text(data, ending, options, converter)
    if not text.strip():
        scan = " (scanned pages? run text recognition on it first)" if ending == ".pdf" else ""
        raise _LeftOutError(f"there is no text in it{scan}")
    if len(text) > options.max_document_chars:
        limit = f"{options.max_document_chars:,}"
        raise _LeftOutError(
            f"{len(text):,} characters of text, more than the limit of {limit}; "
            "split it or raise [load] max_document_chars"
        )
    if not title and markdown:
        headings = sorted((s for s in sections(text) if s.level), key=lambda s: s.level > 1)
        title = headings[0].title if headings else ""
    return Document(name, legible(text), legible(title) or _named(path.stem), _named(path), markdown)


def _named(path: Path | str) -> str:
    r"""A path in letters: bytes of a name that are not UTF-8 are spelled `\xe9`, so that names stay distinct."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _ending(path: Path) -> str:
    """The ending that says how to read a file; that of the page for Sphinx's `page.rst.txt`."""
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    if len(endings) == 2 and endings[1] == ".txt" and endings[0] in _RESTRUCTURED | _MARKDOWN:
        return endings[0]
    return endings[-1] if endings else ""


def _is_sphinx_source(path: Path) -> bool:
    """Whether this is `_sources/x/page.rst.txt` beside the page `x/page.html` that was made from it."""
    if path.suffix != ".txt" or "_sources" not in path.parts:
        return False
    at = len(path.parts) - 1 - path.parts[::-1].index("_sources")
    page = Path(*path.parts[:at], *path.parts[at + 1 :]).with_suffix("").with_suffix(".html")
    return page.exists()


def _text(data: bytes, ending: str, options: LoadOptions, converter: Converter) -> tuple[str, str, bool]:
    """Title where the file names one, text, and whether the text is Markdown."""
    if ending in CONVERTED:
        return "", converter.convert(data, ending), ending != ".pdf"
    if ending in _HTML:
        from jargonaut.corpus.webpages import declared_charset, page_text

        source = decode(data, declared_charset(data), options.fallback_encodings)
        return *page_text(source), True
    text = decode(data, None, options.fallback_encodings)
    if ending in _RESTRUCTURED:
        return "", restructured.to_markdown(text), True
    if ending in _MARKDOWN:
        named = re.search(r"^title:[ \t]*(.+)$", text[: front_matter_end(text)], re.MULTILINE)
        return named[1].strip().strip("\"'").strip() if named else "", text, True
    return "", text, False
