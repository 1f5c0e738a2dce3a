"""A workspace with two tiny models and made-up documents, in which indexes live their lives in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from jargonaut import Workspace
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.formats import write_jsonl
from jargonaut.layout import Layout
from jargonaut.protocols import SilentReporter
from jargonaut.records import Pair
from jargonaut.registry import Registry
from jargonaut.settings import Settings, override

WORDS = ("ledger", "valve", "radius", "impairment", "tendon", "goodwill", "bronchus", "invoice", "axle", "sepsis")


class Listener(SilentReporter):
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps one."""
        self.warnings.append(text)


def text_of(number: int, edition: str = "first") -> str:
    """The words of a passage; another edition has other ones."""
    first, second = WORDS[number % 10], WORDS[number // 10 % 10]
    return f"The {first} of the {second} is described in section {number}, {edition} edition."


def documents(numbers: Sequence[int], edition: Mapping[int, str] | None = None) -> dict[str, str]:
    """Id → text of passages."""
    return {f"p{number}": text_of(number, (edition or {}).get(number, "first")) for number in numbers}


class Shop:
    """A workspace with a base and a tuned version, nothing live, and no index."""

    def __init__(self, root: Path, base: Path, tuned: Path, **changes: object) -> None:
        self.root, self.base, self.tuned = root, base, tuned
        self.docs = root / "passages.jsonl"
        self.listener = Listener()
        self.changes = {"base.model": str(base), "verify.sample": 8, "build.block": 8, **changes}

    def stock(self, metrics: Mapping[str, float] | None = None) -> Shop:
        """Registers both models, with golden queries for the tuned one, and what it reached in its run `r`."""
        self.write(documents(range(40)))
        layout = Layout(self.root)
        pairs = layout.stage("pairs") / "k"
        pairs.mkdir(parents=True)
        asked = [Pair(f"q{n}", f"{WORDS[n % 10]} of the {WORDS[n // 10]}", f"p{n}") for n in range(0, 40, 3)]
        write_jsonl(pairs / "test.jsonl", asked)
        registry = Registry(layout.registry, layout.models)
        for folder in (self.base, self.tuned):
            model = LocalEncoder(find_model(str(folder)))
            said = {"name": folder.name, "fingerprint": model.fingerprint, "dimension": model.dimension}
            if folder == self.base:
                registry.register_base(folder, **said)
            else:
                registry.register(
                    folder, **said, base="base", run_id="r", metrics=metrics,
                    lineage={"pairs": "k", "dimension": model.dimension},
                )  # fmt: skip
        return self

    def write(self, texts: Mapping[str, str]) -> None:
        """What the documents say from now on."""
        self.root.mkdir(parents=True, exist_ok=True)
        rows = (json.dumps({"_id": id_, "text": text}) for id_, text in texts.items())
        self.docs.write_text("\n".join(rows), encoding="utf-8")

    def open(self, **changes: object) -> Workspace:
        """The workspace as a new process would see it."""
        settings = override(Settings(), {**self.changes, **changes})
        opened = Workspace(self.root, settings=settings, reporter=self.listener)
        opened.index(self.docs).corpus()  # which remembers where they are
        return opened
