"""Stores, passages and the real encoder for the index's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.index import LanceStore
from jargonaut.protocols import Encoder
from jargonaut.records import Passage


@pytest.fixture
def store(tmp_path: Path) -> LanceStore:
    """An empty store."""
    return LanceStore(tmp_path / "index")


@pytest.fixture
def passages() -> list[Passage]:
    """Six passages of three documents."""
    rows = [
        ("icd/1", "Fracture of the lower end of the radius", ("Injuries", "Forearm"), "icd.md"),
        ("icd/2", "Acute myocardial infarction of the anterior wall", ("Heart",), "icd.md"),
        ("o'brien", "Type 2 diabetes mellitus with kidney complications", (), "people.md"),
        ("mk-1", "Net revenue rose by twelve percent over the last fiscal year", ("Results",), "10k.md"),
        ("mk-2", "Goodwill is tested for impairment once a year", ("Notes", "Goodwill"), "10k.md"),
        ("ünï", "Die Patientin klagt über Kopfschmerzen", (), "de.md"),
    ]
    return [Passage(id_, text, "T", path, document, 3, 3 + len(text)) for id_, text, path, document in rows]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The model that ships with the package."""
    return LocalEncoder(find_model("embedded"))
