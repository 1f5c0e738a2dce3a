"""Which document somebody means who writes its path, its file name or its address.

Knows names only: separators, endings, folders that one side leaves out, addresses. Texts are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ENDING = re.compile(r"\.[A-Za-z][0-9A-Za-z]{0,5}$")
_ANCHOR = re.compile(r"(\.[A-Za-z][0-9A-Za-z]{0,5})[#?][^/\\]*$")
"""A place within a file, or a query of it, behind the file's ending."""
_FOLDER_PAGES = frozenset({"index", "_index", "default"})
"""Pages that an address names by their folder."""

_Key = tuple[str, str]
"""(whole path or a tail of it, the words)."""


@dataclass(frozen=True, slots=True)
class NamedDocuments:
    """What was found of names.

    Attributes:
        found: Name → document.
        ambiguous: Name → how many documents it may mean.
    """

    found: Mapping[str, str]
    ambiguous: Mapping[str, int]


def named_documents(names: Iterable[str], documents: Iterable[str]) -> NamedDocuments:
    """Finds the documents that names mean.

    Tried in turn, with the file's ending and then without it, in any case: the same path; a document whose path is the
    name's last part (the name has more folders before it, or a host); a document whose path ends in the name (the
    name leaves folders out); for an address also a document whose file name is its last segment. The first of these
    that any document fits decides; a name that two documents fit means none.

    Memory and time are linear in the names and the documents: only what names ask for is kept.

    Args:
        names: As sources write them: paths, file names, addresses.
        documents: Ids of all documents.
    """
    wanted = {name: list(dict.fromkeys(_asked(name))) for name in dict.fromkeys(names)}
    needed = {key for keys in wanted.values() for key in keys}
    holders: dict[_Key, str] = {}
    counts: dict[_Key, int] = {}
    for document in dict.fromkeys(documents):
        for key in set(_offered(document)) & needed:
            counts[key] = counts.get(key, 0) + 1
            holders.setdefault(key, document)
    found: dict[str, str] = {}
    ambiguous: dict[str, int] = {}
    for name, keys in wanted.items():
        fitting = next((key for key in keys if key in counts), None)
        if fitting is not None and counts[fitting] == 1:
            found[name] = holders[fitting]
        elif fitting is not None:
            ambiguous[name] = counts[fitting]
    return NamedDocuments(found, ambiguous)


def _asked(name: str) -> Iterator[_Key]:
    """What a document may have that a name means, the surest first."""
    segments = _segments(name)
    for parts in dict.fromkeys((segments, _bare(segments))):
        yield from (("whole", "/".join(parts[start:])) for start in range(len(parts)))
        if parts:
            yield "tail", "/".join(parts)
        if _ADDRESS.match(name) and len(segments) > 1 and parts:
            yield "tail", parts[-1]


def _offered(document: str) -> Iterator[_Key]:
    """What a document has that names may ask for."""
    segments = _segments(document)
    for parts in dict.fromkeys((segments, _bare(segments))):
        if parts:
            yield "whole", "/".join(parts)
            yield from (("tail", "/".join(parts[start:])) for start in range(len(parts)))


def _segments(name: str) -> tuple[str, ...]:
    """A path's segments in lower case, an address's host first."""
    if _ADDRESS.match(name):
        try:
            address = urlsplit(name)
            path = f"{address.netloc.rpartition('@')[2].removeprefix('www.')}/{unquote(address.path)}"
        except ValueError:  # a host in brackets that are not closed
            path = name
    else:
        path = _ANCHOR.sub(r"\1", unquote(name) if "%" in name else name)
    parts = path.replace("\\", "/").casefold().split("/")
    return tuple(part for part in (part.strip() for part in parts) if part not in {"", "."})


def _bare(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Segments without the file's ending, and without a page that stands for its folder."""
    if not segments:
        return segments
    last = _ENDING.sub("", segments[-1]) or segments[-1]
    return segments[:-1] if last in _FOLDER_PAGES and len(segments) > 1 else (*segments[:-1], last)
