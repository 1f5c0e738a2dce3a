"""A tiny cross-encoder with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import quiet_libraries
from jargonaut.reranking import load_cross_encoder

CPU = ComputeOptions(device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def cross_folder(tiny_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("cross")
    model = load_cross_encoder(tiny_folder("bert"), CPU, max_tokens=48, seed=3, training=True)
    with quiet_libraries():
        model.save_pretrained(str(folder), create_model_card=False)
    return folder
