"""Shops for the tests of an index's life."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle.shop import Shop
from tests.tinymodels import FAMILIES, built


@pytest.fixture(scope="session")
def models(base_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two tiny models of equally many dimensions and quite other vectors."""
    folder = tmp_path_factory.mktemp("models")
    names = ("bert", "distilbert")
    first, second = (built(FAMILIES[name], base_model_path, folder / name) for name in names)
    return first, second


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
