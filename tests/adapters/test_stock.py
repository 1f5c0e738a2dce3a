"""An adapter as a sentence-transformers folder: stock code gives the same vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from jargonaut.adapters import KINDS, AdaptedEncoder, Kind, Sides
from jargonaut.adapters.stock import write_stock
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, load_model
from jargonaut.encoding.models import find_model
from tests.tinymodels import HIDDEN, loaded

from .worlds import some_adapter

TEXTS = ["goodwill impairment", "the valve of the axle " * 20, ""]


@pytest.mark.parametrize("sides", ["query", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_sentence_transformers_gives_the_same_vectors(
    kind: Kind, sides: Sides, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """Queries and passages agree to 1e-5, prompts and token limit included; plain `encode` is a passage's."""
    folder = find_model(str(tiny_folder("bert")), query_prompt="ask: ", passage_prompt="")
    options = ComputeOptions(precision="fp32", device="cpu")
    base = LocalEncoder(folder, options, max_tokens=24)
    ours = AdaptedEncoder(base, some_adapter(kind, sides, base.fingerprint, HIDDEN))
    write_stock(ours.adapter, load_model(folder, options, max_tokens=24, dtype=torch.float32), tmp_path / "st")
    stock = loaded(tmp_path / "st")
    np.testing.assert_allclose(stock.encode_query(TEXTS), ours.encode_queries(TEXTS), atol=1e-5)
    np.testing.assert_allclose(stock.encode_document(TEXTS), ours.encode_passages(TEXTS), atol=1e-5)
    np.testing.assert_allclose(stock.encode(TEXTS), ours.encode_passages(TEXTS), atol=1e-5)
