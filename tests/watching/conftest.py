"""Workspaces whose live version knows what it was trained on, in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jargonaut.artifacts import ensure
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.formats import write_jsonl
from jargonaut.layout import Layout
from jargonaut.monitoring import PassRecord
from jargonaut.records import Pair
from jargonaut.registry import Registry
from jargonaut.watching import Watch
from tests.lifecycle.shop import WORDS, Shop, documents, text_of


class Watched(Shop):
    """A shop whose tuned version is live and was made from pairs and passages that are still there."""

    def stock(self) -> Watched:
        """Registers both models; the tuned one goes live."""
        self.write(documents(range(80)))
        layout = Layout(self.root)
        registry = Registry(layout.registry, layout.models)
        base, tuned = (LocalEncoder(find_model(str(folder))) for folder in (self.base, self.tuned))
        registry.register_base(self.base, name="base", fingerprint=base.fingerprint, dimension=base.dimension)
        corpus = self.open()._corpus(self.docs)
        asked = [Pair(f"q{n}", f"{WORDS[n % 10]} and {WORDS[n // 10]}, section {n}", f"p{n}") for n in range(80)]
        parts = {"train": asked[:30], "dev": asked[30:40], "test": asked[40:]}

        def build(folder: Path) -> dict[str, object]:
            for name, rows in parts.items():
                write_jsonl(folder / f"{name}.jsonl", rows)
            write_jsonl(folder / "removed.jsonl", [])
            (folder / "groups.json").write_text(json.dumps({}))
            return {"origin": "ours"}

        pairs = ensure(layout.stage("pairs"), "pairs", version=1, inputs={}, options=None, build=build)
        registry.register(
            self.tuned, name="tuned", fingerprint=tuned.fingerprint, dimension=tuned.dimension, base="base",
            run_id="r", lineage={
                "pairs": pairs.key, "corpus": corpus.artifact.key, "source": str(self.docs),
                "dimension": tuned.dimension, "base": {"name": "base", "fingerprint": base.fingerprint},
            },
        )  # fmt: skip
        index = self.open().index()
        index.switch(index.build("v1").info.collection)
        return self


@pytest.fixture(scope="session")
def stocked(tiny_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a watched shop, made once."""
    root = tmp_path_factory.mktemp("watched") / "shop"
    Watched(root, tiny_folder("bert"), tiny_folder("distilbert")).stock()
    return root


@pytest.fixture
def shop(stocked: Path, tmp_path: Path, tiny_folder: Callable[[str], Path]) -> Watched:
    """A copy of it."""
    import shutil

    root = tmp_path / "shop"
    shutil.copytree(stocked, root)
    return Watched(root, tiny_folder("bert"), tiny_folder("distilbert"))


START = datetime(2027, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """The time."""
        return self.now


def watch_of(shop: Watched, clock: Clock | None = None, **changes: object) -> Watch:
    """A watcher of the shop's documents; the live version is never too old for it."""
    opened = shop.open(**{"watch.max_age_days": 0, **changes})
    return Watch(opened.layout, opened.settings, opened.index(shop.docs), lambda: opened._corpus(shop.docs),
                 shop.listener, clock or Clock())  # fmt: skip


def value(found: PassRecord, name: str) -> float:
    """A figure of a pass that must be there."""
    signal = found.signal(name)
    assert signal is not None, name
    return signal.value


__all__ = ["START", "Clock", "Watched", "text_of", "value", "watch_of"]
