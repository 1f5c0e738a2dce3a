"""The golden set: queries whose answers are known, frozen by version, growing only by what people add.

A version is a file that never changes, named by its content's hash; what is added waits until it is frozen into the
next one. Knows files and records; asks no model, and does not know what was trained on.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jargonaut.artifacts import atomic_write, content_hash, held, write_json
from jargonaut.errors import InputError, JargonautError, MismatchError

_VERSIONS, _PENDING = "versions.json", "pending.jsonl"
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class GoldenQuery:
    """A query and what answers it.

    Attributes:
        query: Its words.
        positives: Passage id → grade, 1 or more.
        source: Who says so, such as `label` or `test split of v1`.
    """

    query: str
    positives: Mapping[str, int]
    source: str = "label"

    @property
    def id(self) -> str:
        """Equal for queries that differ in case, width and white space alone."""
        return golden_id(self.query)


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """One version of the golden set.

    Attributes:
        version: `g1`, `g2` …, or what a set that nobody froze is called.
        digest: Hash of its queries and answers.
        queries: By id.
        frozen: When, UTC, ISO 8601; "" where nobody froze it.
    """

    version: str
    digest: str
    queries: tuple[GoldenQuery, ...]
    frozen: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of queries that were added: new ones, known ones that got answers, and known ones as they were."""

    new: int
    extended: int
    known: int


def golden_id(query: str) -> str:
    """The identity of a query."""
    return f"g-{content_hash(' '.join(unicodedata.normalize('NFKC', query).casefold().split()))[:16]}"


def digest_of(queries: Iterable[GoldenQuery]) -> str:
    """Hash of queries and answers, in whatever order they come."""
    return content_hash(sorted((one.id, one.query, sorted(one.positives.items())) for one in queries))


class GoldenSets:
    """The golden sets of a workspace.

    Args:
        root: Their folder; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def versions(self) -> tuple[GoldenSet, ...]:
        """All frozen versions, oldest first.

        Raises:
            MismatchError: A file of one is gone or was altered.
        """
        return tuple(self._read(row) for row in self._rows())

    def current(self) -> GoldenSet | None:
        """The newest frozen version; None where none was frozen.

        Raises:
            MismatchError: Its file is gone or was altered.
        """
        rows = self._rows()
        return self._read(rows[-1]) if rows else None

    def pending(self) -> tuple[GoldenQuery, ...]:
        """What was added and not frozen yet."""
        path = self.root / _PENDING
        return _parsed(path) if path.exists() else ()

    def add(self, queries: Iterable[GoldenQuery]) -> Added:
        """Adds queries to those that wait to be frozen; one that is known gets the answers that are new.

        Raises:
            InputError: A query has no words or no answer.
        """
        with self._alone():
            current = self.current()
            known = {one.id: one for one in (current.queries if current else ())}
            waiting = {one.id: one for one in self.pending()}
            new = extended = same = 0
            for one in queries:
                if not one.query.strip() or not any(grade > 0 for grade in one.positives.values()):
                    raise InputError(f"the golden query {one.query!r} has no words or no answer")
                before = waiting.get(one.id) or known.get(one.id)
                if before is None:
                    waiting[one.id], new = one, new + 1
                elif any(before.positives.get(passage, 0) < grade for passage, grade in one.positives.items()):
                    joined = {p: max(g, before.positives.get(p, 0)) for p, g in one.positives.items()}
                    waiting[one.id] = GoldenQuery(before.query, {**before.positives, **joined}, one.source)
                    extended += 1
                else:
                    same += 1
            self._write(self.root / _PENDING, waiting.values())
        return Added(new, extended, same)

    def freeze(self, at: datetime, *, first: Sequence[GoldenQuery] = (), without: Collection[str] = ()) -> GoldenSet:
        """Makes the next version of what is frozen and what waits; the same content is the same version.

        Args:
            at: When.
            first: What the first version begins with, beside what waits; later ones begin with the one before.
            without: Ids of queries that are left out from now on: expired ones.

        Raises:
            InputError: Nothing would be left.
        """
        with self._alone():
            current = self.current()
            joined = {one.id: one for one in (*(current.queries if current else first), *self.pending())}
            queries = tuple(joined[id_] for id_ in sorted(joined) if id_ not in set(without))
            if not queries:
                raise InputError("a golden set of no queries would test nothing", remedy="`jargonaut golden add FILE`")
            digest = digest_of(queries)
            if current is None or current.digest != digest:
                rows = self._rows()
                name = f"g{len(rows) + 1}"
                self._write(self.root / f"{name}.jsonl", queries)
                row: dict[str, object] = {"version": name, "digest": digest, "queries": len(queries),
                       "frozen": at.isoformat(timespec="seconds")}  # fmt: skip
                write_json(self.root / _VERSIONS, [*rows, row])
                current = GoldenSet(name, digest, queries, str(row["frozen"]))
            (self.root / _PENDING).unlink(missing_ok=True)
        return current

    def _rows(self) -> list[dict[str, object]]:
        path = self.root / _VERSIONS
        if not path.exists():
            return []
        try:
            found: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
            return [{key: row[key] for key in ("version", "digest", "queries", "frozen")} for row in found]
        except (ValueError, KeyError, TypeError) as error:
            raise MismatchError("the list of golden sets cannot be read", where=str(path)) from error

    def _read(self, row: Mapping[str, object]) -> GoldenSet:
        path = self.root / f"{row['version']}.jsonl"
        queries = _parsed(path) if path.exists() else ()
        if digest_of(queries) != row["digest"]:
            raise MismatchError(
                f"the golden set {row['version']} is not what was frozen: its file is gone or was altered",
                where=str(path), remedy="put the file back as it was; to change the set, add and freeze a new version",
            )  # fmt: skip
        return GoldenSet(str(row["version"]), str(row["digest"]), queries, str(row["frozen"]))

    def _write(self, path: Path, queries: Iterable[GoldenQuery]) -> None:
        rows = [{"query": one.query, "positives": dict(one.positives), "source": one.source} for one in queries]
        with atomic_write(path) as temporary:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            temporary.write_text(text, encoding="utf-8", errors="surrogatepass")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Within it no other process changes the sets."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            deadline = time.monotonic() + _PATIENCE
            while (lock := held(self.root / "lock")) is None:
                if time.monotonic() > deadline:
                    raise JargonautError("another process changes the golden set", where=str(self.root))
                time.sleep(0.05)
        except OSError as error:
            raise JargonautError(f"nothing can be written here ({error.strerror})", where=str(self.root)) from error
        try:
            yield
        finally:
            os.close(lock)


def _parsed(path: Path) -> tuple[GoldenQuery, ...]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8", errors="surrogatepass").splitlines()]
        return tuple(
            GoldenQuery(str(row["query"]), {str(p): int(g) for p, g in row["positives"].items()}, str(row["source"]))
            for row in rows
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MismatchError("this golden set cannot be read", where=str(path)) from error
