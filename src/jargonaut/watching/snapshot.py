"""What the live version was trained on, and how the documents differ from it now.

A snapshot is what monitoring needs of a corpus: hashes of passages, words, and one passage of each of some documents.
Both it and the difference of two are content-addressed artifacts, so a look costs nothing while nothing changes.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jargonaut import formats
from jargonaut.artifacts import Artifact, content_hash, ensure
from jargonaut.exams import kept_artifact, kept_corpus
from jargonaut.layout import Layout
from jargonaut.monitoring import CorpusChange, words
from jargonaut.pairing import PreparedPairs
from jargonaut.records import Passage, queries
from jargonaut.registry import ModelVersion, Registry
from jargonaut.sources import PreparedCorpus

SNAPSHOT_VERSION = 1
SAMPLED = 1_000
"""Documents of which a snapshot keeps one passage."""
_SHOWN_WORDS = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """What a version was made from, as far as it is still here.

    Attributes:
        version: The version that says so: the live one, or the newest that does.
        corpus: Its passages; None where they are gone.
        pairs: Its pairs; None where they are gone.
    """

    version: ModelVersion
    corpus: PreparedCorpus | None
    pairs: PreparedPairs | None


def trained_on(registry: Registry, live: ModelVersion, layout: Layout) -> Trained | None:
    """What the live version was trained on; what the newest run was made from where a base is live."""
    known = [live, *reversed(registry.list())]
    for version in known:
        if version.lineage.get("pairs"):
            corpus, pairs = (kept_artifact(version, stage, layout) for stage in ("corpus", "pairs"))
            source = Path(str(version.lineage.get("source", "")))
            return Trained(
                version, None if corpus is None else kept_corpus(corpus, source),
                None if pairs is None else PreparedPairs(pairs),
            )  # fmt: skip
    return None


def ancestry(registry: Registry, version: ModelVersion) -> list[ModelVersion]:
    """A version and those that it was tuned from, the newest first."""
    known = {one.version: one for one in registry.list()}
    found: list[ModelVersion] = []
    while version not in found:
        found.append(version)
        if version.base not in known:
            break
        version = known[version.base]
    return found


def held_out(pairs: PreparedPairs) -> list[str]:
    """Queries of a snapshot that its model was not trained on."""
    return [query.text for query in queries((*pairs.splits.dev, *pairs.splits.test))]


class Snapshot:
    """What is kept of a corpus; its files are read when first asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @property
    def passages(self) -> int:
        """How many there are."""
        return int(self.artifact.counts["passages"])

    @cached_property
    def hashes(self) -> frozenset[str]:
        """Of every passage's words."""
        return frozenset((self.artifact.path / "hashes.txt").read_text(encoding="utf-8").split())

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every distinct word."""
        return frozenset((self.artifact.path / "vocabulary.txt").read_text(encoding="utf-8").split())

    @cached_property
    def sample(self) -> list[str]:
        """One passage each of some documents."""
        return _texts(self.artifact.path / "sample.jsonl")


def snapshot(corpus: PreparedCorpus, layout: Layout) -> Snapshot:
    """What monitoring keeps of a corpus, or finds that it was kept."""

    def build(folder: Path) -> Mapping[str, Any]:
        hashes: set[str] = set()
        known: set[str] = set()
        sample = _OneEach()
        count = 0
        for passage in _passages(corpus):
            text = passage.content(corpus.context)
            hashes.add(content_hash(text))
            known.update(words(text))
            sample.offer(passage, text)
            count += 1
        (folder / "hashes.txt").write_text("\n".join(sorted(hashes)), encoding="utf-8")
        (folder / "vocabulary.txt").write_text("\n".join(sorted(known)), encoding="utf-8", errors="replace")
        sample.write(folder / "sample.jsonl")
        return {"passages": count, "words": len(known)}

    inputs = {"corpus": corpus.artifact.key, "context": corpus.context}
    return Snapshot(
        ensure(layout.stage("snapshots"), "snapshot", version=SNAPSHOT_VERSION, inputs=inputs, options=SAMPLED,
               build=build)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shift:
    """How the documents differ from a snapshot.

    Attributes:
        change: In figures.
        fresh: One new or changed passage each of some documents.
        key: Hash of what was compared.
    """

    change: CorpusChange
    fresh: tuple[str, ...]
    key: str


def shift(trained: PreparedCorpus, now: PreparedCorpus, layout: Layout) -> Shift:
    """Compares the documents with what was trained on, or finds that it was done."""
    before = snapshot(trained, layout)
    if trained.artifact.key == now.artifact.key:
        return Shift(CorpusChange(before.passages, 0, 0, before.passages, 0.0), (), before.artifact.key)

    def build(folder: Path) -> Mapping[str, Any]:
        sample, strange = _OneEach(), Counter[str]()
        count = fresh = running = 0
        seen: set[str] = set()
        for passage in _passages(now):
            text = passage.content(now.context)
            digest = content_hash(text)
            seen.add(digest)
            count += 1
            found = words(text)
            running += len(found)
            if digest not in before.hashes:
                fresh += 1
                sample.offer(passage, text)
                strange.update(word for word in found if word not in before.vocabulary)
        sample.write(folder / "fresh.jsonl")
        often = sorted(strange, key=lambda word: (-strange[word], word))[:_SHOWN_WORDS]
        return {
            "passages": count, "fresh": fresh, "removed": len(before.hashes - seen), "trained": before.passages,
            "new_words": sum(strange.values()) / running if running else 0.0, "examples": often,
        }  # fmt: skip

    inputs = {"trained": before.artifact.key, "now": now.artifact.key, "context": now.context}
    made = ensure(
        layout.stage("shifts"), "shift", version=SNAPSHOT_VERSION, inputs=inputs, options=SAMPLED, build=build
    )
    c = made.counts
    change = CorpusChange(
        c["passages"], c["fresh"], c["removed"], c["trained"], c["new_words"], tuple(c["examples"])
    )  # fmt: skip
    return Shift(change, tuple(_texts(made.path / "fresh.jsonl")), made.key)


def held_passages(corpus: PreparedCorpus, ids: Collection[str]) -> set[str]:
    """Which of some passages a corpus holds; it is read through, and not kept."""
    wanted = set(ids)
    return {passage.id for passage in _passages(corpus) if passage.id in wanted}


def drawn(texts: Collection[str], count: int) -> list[str]:
    """So many of some texts, always the same ones, in an order that does not depend on how they came."""
    return sorted(set(texts), key=content_hash)[:count]


class _OneEach:
    """One passage each of at most `SAMPLED` documents, the same whatever their order: those of the smallest hashes.

    Passages of one document are about one thing, so a test that counts them as independent would find too much.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, str]] = {}
        self._heap: list[tuple[int, str]] = []

    def offer(self, passage: Passage, text: str) -> None:
        document = passage.document_id or passage.id
        mark = content_hash(text)
        if document in self._kept:
            self._kept[document] = min(self._kept[document], (mark, text))
            return
        place = -int(content_hash(document), 16)  # the largest hash leaves first
        if len(self._heap) < SAMPLED:
            heapq.heappush(self._heap, (place, document))
        elif place > self._heap[0][0]:
            _, gone = heapq.heapreplace(self._heap, (place, document))
            del self._kept[gone]
        else:
            return
        self._kept[document] = (mark, text)

    def write(self, path: Path) -> None:
        rows = sorted(self._kept.items())
        formats.write_jsonl(path, ({"document": document, "text": text} for document, (_, text) in rows))


def _passages(corpus: PreparedCorpus) -> Iterator[Passage]:
    """Read from the file, so that a large corpus is never held."""
    return formats.read_records(corpus.artifact.path / "passages.jsonl", Passage)


def _texts(path: Path) -> list[str]:
    return [str(json.loads(line)["text"]) for line in path.read_text(encoding="utf-8").splitlines()]
