"""The pairs that a user brought into a workspace, by source: label files, click logs, generated questions.

What a source says is kept as judgements, apart from any corpus: the corpus is asked anew whenever it changes. Knows
entries and their files; which passages they mean, and which pairs are worth training on, is decided later.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jargonaut import formats
from jargonaut.artifacts import MANIFEST, Artifact, content_hash, ensure, file_hash, read
from jargonaut.errors import InputError, MismatchError
from jargonaut.records import BadRow, Judgement

POOL_VERSION = 1
_JUDGEMENTS, _LEFT_OUT, _SHOWN = "judgements.jsonl", "left_out.jsonl", "shown.jsonl"


@dataclass(frozen=True, slots=True)
class Built:
    """What a source says.

    Attributes:
        judgements: Streamed.
        count: What is to be counted of them, asked once they all went by.
        shown: Queries that whoever wrote the judgements was shown as examples.
    """

    judgements: Iterable[Judgement]
    count: Callable[[], Mapping[str, Any]]
    shown: Sequence[str] = ()


Build = Callable[[formats.OnBad], Built]
"""Given where bad rows go."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One source of pairs.

    Attributes:
        name: What the user calls it; a file's name unless said otherwise.
        kind: `labels`, `clicks` or `questions`.
        artifact: Its folder: `judgements.jsonl`, `left_out.jsonl`, and the manifest with its counts.
        replaced: How many judgements the entry held whose place it took when it was added; None where there was none.
    """

    name: str
    kind: str
    artifact: Artifact
    replaced: int | None = None

    @property
    def key(self) -> str:
        """A hash of what it says, for what is made of it: asked again, the same source may say more, or the same."""
        said = self.artifact.counts.get("content")
        return content_hash(self.name, self.kind, said) if said else self.artifact.key

    @property
    def unanswered(self) -> int:
        """Requests that nobody answered; 0 where nobody was asked."""
        return int(self.artifact.counts.get("unanswered", 0))

    @property
    def judgements(self) -> int:
        """How many there are."""
        return int(self.artifact.counts["judgements"])

    @property
    def left_out(self) -> int:
        """Rows that could not be used."""
        return int(self.artifact.counts["left_out"])

    def __iter__(self) -> Iterator[Judgement]:
        return formats.read_records(self.artifact.path / _JUDGEMENTS, Judgement)

    def bad_rows(self) -> list[BadRow]:
        """What could not be used, and why."""
        return list(formats.read_records(self.artifact.path / _LEFT_OUT, BadRow))

    def shown(self) -> list[str]:
        """Queries that whoever wrote it was shown as examples, so they must not test what it teaches."""
        if _SHOWN not in self.artifact.files:
            return []
        return [str(row["query"]) for _, row in formats.read_jsonl(self.artifact.path / _SHOWN, lambda _: None)]


class Pool:
    """The entries of a workspace.

    Args:
        root: Their folder; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> list[Entry]:
        """All of them, by name.

        Raises:
            MismatchError: One lost a file, or a file of it has another size.
        """
        found: dict[str, Entry] = {}
        manifests = (path for path in self._root.glob(f"*/{MANIFEST}") if not path.parent.name.startswith("."))
        # A kill may leave an entry beside the one that takes its place: the newer one counts.
        for path in sorted(manifests, key=lambda path: (path.stat().st_mtime_ns, path)):
            entry = self._entry(path.parent)
            found[entry.name] = entry
        return sorted(found.values(), key=lambda entry: entry.name)

    def add(
        self,
        name: str,
        kind: str,
        *,
        version: int,
        inputs: Mapping[str, Any],
        options: Any,
        build: Build,
        remedy: str | None = None,
    ) -> Entry:
        """Adds an entry, or finds that it was added; one of the same name that says something else is replaced.

        Args:
            name: What the user calls it.
            kind: `labels`, `clicks` or `questions`.
            version: Of the code that reads this kind.
            inputs: Hashes of what goes in.
            options: How it is read.
            build: Reads it.
            remedy: What to do where nothing in it can be used.

        Raises:
            InputError: It holds nothing that can be used, or another kind of source has this name.
        """
        before = next((entry for entry in self.entries() if entry.name == name), None)
        if before is not None and before.kind != kind:
            raise InputError(
                f"{name!r} is the name of other pairs, which are {before.kind}",
                remedy=f"choose another --name, or take those out: jargonaut pairs remove {name}",
            )

        def write(folder: Path) -> Mapping[str, Any]:
            bad: list[BadRow] = []
            reasons = formats.Reasons(bad.append)
            built = build(reasons)
            rows = formats.write_jsonl(folder / _JUDGEMENTS, built.judgements)
            formats.write_jsonl(folder / _LEFT_OUT, bad)
            if built.shown:
                formats.write_jsonl(folder / _SHOWN, ({"query": query} for query in built.shown))
            if not rows:
                told = f": nothing in it can be used{reasons}" if reasons.first else " holds no judgement"
                raise InputError(f"{name}{told}", remedy=remedy)
            content = content_hash([file_hash(path) for path in sorted(folder.glob("*.jsonl"))])
            counts = {"name": name, "kind": kind, "judgements": rows, "left_out": len(bad), "content": content}
            return {**counts, **built.count()}

        artifact = ensure(
            self._root, "pool", version=POOL_VERSION, options=options, build=write,
            inputs={"name": name, "kind": kind, "reader": version, **inputs},
        )  # fmt: skip
        if before is None or before.artifact.key == artifact.key:
            return Entry(name, kind, artifact)
        os.utime(artifact.path / MANIFEST)  # an entry that was there already is the newer one from now on
        shutil.rmtree(before.artifact.path, ignore_errors=True)
        return Entry(name, kind, artifact, before.judgements)

    def remove(self, name: str) -> Entry:
        """Takes an entry out; its own file, which lies elsewhere, stays.

        Raises:
            InputError: There is no such entry.
        """
        known = {entry.name: entry for entry in self.entries()}
        if name not in known:
            raise InputError(
                f"there are no pairs called {name!r}",
                remedy=f"known: {', '.join(known) or 'none, nothing was added yet'}",
            )
        shutil.rmtree(known[name].artifact.path)
        return known[name]

    def _entry(self, folder: Path) -> Entry:
        artifact = read(folder)
        if artifact is None or artifact.changed_files:
            raise MismatchError(
                "pairs that were added are damaged: files are missing or have another size", where=str(folder),
                remedy="remove this folder and add the source again",
            )  # fmt: skip
        return Entry(artifact.counts["name"], artifact.counts["kind"], artifact)
