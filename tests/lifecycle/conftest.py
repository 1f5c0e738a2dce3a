"""Shops for the tests of an index's life."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lifecycle.shop import Shop


@pytest.fixture(scope="session")
def models(tiny_folder: Callable[[str], Path]) -> tuple[Path, Path]:
    """Two tiny models of equally many dimensions and quite other vectors."""
    return tiny_folder("bert"), tiny_folder("distilbert")


@pytest.fixture
def shop(tmp_path: Path, models: tuple[Path, Path]) -> Shop:
    """Both models are registered; nothing is indexed."""
    return Shop(tmp_path / "shop", *models).stock()


@pytest.fixture
def live(shop: Shop) -> Shop:
    """The base is live."""
    index = shop.open().index()
    index.switch(index.build("base").info.collection)
    return shop
