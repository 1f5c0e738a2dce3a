"""Kill -9 at random moments of an index's life, while a client searches without a pause."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.matryoshka import truncate
from jargonaut.encoding.models import find_model
from jargonaut.index import content_of
from tests.lifecycle.shop import Shop, documents

KILLS = 50
NUMBERS = range(60)
EDITIONS = (documents(NUMBERS), documents(range(6, 66), dict.fromkeys(range(20, 30), "second")))
DIMENSIONS = (8, 12, 16, 20, 24, 28, 32)


class Mortal:
    """The process that forks those that are killed."""

    def __init__(self, shop: Shop) -> None:
        command = [
            sys.executable,
            str(Path(__file__).with_name("mortal.py")),
            str(shop.root),
            str(shop.docs),
            str(shop.base),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._line() == "ready"

    def do(self, name: str, argument: object = None, kill: float | None = None) -> dict[str, Any]:
        """Lets it do something; gives how that ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": [name, argument], "kill": kill}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def close(self) -> None:
        """Lets it end."""
        assert self.process.stdin is not None
        self.process.communicate(timeout=60)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def served(tmp_path: Path, tiny_folder: Callable[[str], Path]) -> Iterator[tuple[Shop, Mortal]]:
    """A workspace in which the base is live and the tuned version has an index too."""
    models = tiny_folder("bert"), tiny_folder("distilbert")
    shop = Shop(tmp_path / "shop", *models, **{"verify.golden_tolerance": 1.0}).stock()
    shop.write(EDITIONS[0])
    index = shop.open().index()
    index.switch(index.build("base").info.collection)
    index.build("v1")
    mortal = Mortal(shop)
    yield shop, mortal
    (shop.root / "enough").touch()
    mortal.close()


def operation(draw: random.Random, shop: Shop) -> tuple[str, object]:
    """Something that people do with an index."""
    name = draw.choice(["build", "build", "sync", "sync", "switch", "switch", "rollback", "promote", "gc"])
    match name:
        case "build":
            return name, [draw.choice(["base", "v1"]), draw.choice(DIMENSIONS)]
        case "sync":
            shop.write(draw.choice(EDITIONS))
        case "switch" | "promote":
            return name, draw.choice(["base", "v1"])
    return name, None


def require_whole(shop: Shop) -> None:
    """The pointer names a collection that is complete and holds what was verified, or is in the middle of a sync."""
    index = shop.open().index()
    live = index.registry.live()
    assert live is not None
    record, latest = index.registry.indexes.get(live.index), index.registry.indexes.verification(live.index)
    assert record is not None
    assert latest is not None
    assert latest.passed
    assert not record.removed
    assert (record.version, record.dimension) == (live.version, live.dimension)
    collection, encoder = index.opened(record)
    assert collection.info.complete
    assert record.content == latest.content
    if record.target is None:
        assert content_of(collection) == record.content
    ids = sorted(id_ for block in collection.hashes() for id_ in block)[::7]
    stored, passages = collection.vectors(ids), collection.fetch(ids)
    again = encoder.encode_passages([passages[id_].text for id_ in ids])
    assert min(float(stored[id_] @ row) for id_, row in zip(ids, again, strict=True)) > 0.999


def scores(shop: Shop, queries: list[str]) -> dict[tuple[str, int], dict[tuple[str, str], float]]:
    """(version, dimension) → (query, text) → cosine, of every text of both editions."""
    texts = sorted({text for edition in EDITIONS for text in edition.values()})
    found = {}
    for version, folder in (("base", shop.base), ("v1", shop.root / ".jargonaut" / "models" / "v1")):
        encoder = LocalEncoder(find_model(str(folder)))
        asked, answers = encoder.encode_queries(queries), encoder.encode_passages(texts)
        for dimension in DIMENSIONS:
            cosines = truncate(asked, dimension) @ truncate(answers, dimension).T
            found[version, dimension] = {
                (query, text): float(cosines[row, column])
                for row, query in enumerate(queries)
                for column, text in enumerate(texts)
            }
    return found


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_kills_break_no_answer_and_no_pointer(served: tuple[Shop, Mortal]) -> None:
    """Kill -9 in every operation: no search fails, no answer is mixed, and what is live is whole.

    The score of every hit must be the cosine that the version which claims the answer gives this query and this text at
    its collection's dimension: a vector of another model, or one cut to another length, would give another.
    """
    shop, mortal = served
    seen = shop.root / "seen.jsonl"
    mortal.do("hammer", str(seen))
    draw, lasted, kills = random.Random(7), dict[str, float](), dict[str, int]()
    for name, argument in (("build", ["v1", 16]), ("sync", None), ("promote", "v1"), ("rollback", None), ("gc", None),
                           ("switch", "v1")):  # fmt: skip
        lasted[name] = float(mortal.do(name, argument)["seconds"])
    while sum(kills.values()) < KILLS:
        name, argument = operation(draw, shop)
        ended = mortal.do(name, argument, draw.uniform(0, 1.2 * lasted[name]))
        assert ended["killed"] or ended["code"] == 0, [p.read_text() for p in (shop.root / "failures").iterdir()]
        if ended["killed"]:
            kills[name] = kills.get(name, 0) + 1
            require_whole(shop)
    shop.write(EDITIONS[1])
    for name, argument in (("sync", None), ("build", ["v1", 32]), ("promote", "v1")):
        assert mortal.do(name, argument)["code"] == 0
    time.sleep(0.5)
    (shop.root / "enough").touch()
    require_whole(shop)
    assert len(shop.open().search("tendon", k=100).hits) == len(EDITIONS[1])
    assert set(kills) == {"build", "sync", "switch", "rollback", "promote", "gc"}
    check_answers(shop, [json.loads(line) for line in seen.read_text().splitlines()])


def check_answers(shop: Shop, rows: list[dict[str, Any]]) -> None:
    """No error; every answer whole, by one version on its own collection, of words that the documents had."""
    assert [row["error"] for row in rows if "error" in row] == []
    assert len(rows) > 200
    assert len({row["version"] for row in rows}) == 2
    made = {event.detail["index"]: (event.version, event.detail["dimension"])
            for event in shop.open().registry().events() if event.kind == "indexed"}  # fmt: skip
    expected = scores(shop, sorted({row["query"] for row in rows}))
    worst = 0.0
    for row in rows:
        version, dimension = made[row["collection"]]
        assert version == row["version"]
        assert len(row["hits"]) == 5
        known = expected[version, dimension]
        for id_, text, score in row["hits"]:
            assert text in {edition.get(id_) for edition in EDITIONS}
            # A sync may have changed the text after its old vector was found: then the old text has this score.
            old = [known[row["query"], edition[id_]] for edition in EDITIONS if id_ in edition]
            worst = max(worst, float(np.min(np.abs(np.array(old) - score))))
    assert worst < 0.01
