"""A small corpus with titles, and an encoder that counts hashed words: exact, fast, and good enough to rank by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jargonaut.artifacts import Artifact
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, PairSplits
from jargonaut.sources import PreparedCorpus, Source
from tests.encoding.embedding_server import DIMENSION, vector

THINGS = ("pump", "valve", "boiler", "sensor", "filter", "engine", "turbine", "gear")
ASPECTS = ("pressure", "noise", "warranty", "cleaning", "voltage")


class Words:
    """Vectors of hashed words.

    Attributes:
        seen: Every text that was encoded.
    """

    name = "words"
    fingerprint = "0123456789abcdef0123456789abcdef"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Counts, normalised."""
        self.seen += texts
        rows = np.array([vector(text, DIMENSION) for text in texts], np.float32).reshape(-1, DIMENSION)
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    encode_passages = encode_queries


def corpus(folder: Path, *, edition: str = "first", source: str = "s") -> PreparedCorpus:
    """Forty passages as an artifact; what tells them apart stands half in the title, half in the text.

    Args:
        folder: The artifact's folder.
        edition: A word in the text of the first half.
        source: Hash of what it was read from.
    """
    folder.mkdir(parents=True)
    rows = []
    for i, thing in enumerate(THINGS):
        for j, aspect in enumerate(ASPECTS):
            text = f"here the {aspect} of the {edition if i < 4 else 'same'} part number {i}{j} is explained"
            row = {"id": f"p{i}{j}", "text": text, "title": thing, "headings": [aspect], "document_id": thing}
            rows.append(json.dumps({**row, "start": 0, "end": len(text)}))
    (folder / "passages.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "groups.json").write_text("{}", encoding="utf-8")
    manifest = {
        "key": folder.name, "version": 3, "counts": {}, "seconds": 0.0, "options": {},
        "inputs": {"source": source, "kind": "documents"},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return PreparedCorpus(Artifact(folder, folder.name), Source(folder, "documents", source))


def splits(provenance: str = "label") -> PairSplits:
    """Every passage is asked about once in dev, by thing and aspect; test asks something else."""
    dev = tuple(
        Pair(f"q{i}{j}", f"{thing} {aspect}", f"p{i}{j}", 1, provenance)
        for i, thing in enumerate(THINGS) for j, aspect in enumerate(ASPECTS)
    )  # fmt: skip
    groups = {f"p{i}{j}": thing for i, thing in enumerate(THINGS) for j in range(len(ASPECTS))}
    test = (Pair("t", "what only test asks", "p00"),)
    train = (Pair("a", "x", "p00"), Pair("a", "x", "p01", 1, "llm:question"), Pair("b", "y", "p02", 1, "heading"))
    return PairSplits(train, dev, test, groups)
