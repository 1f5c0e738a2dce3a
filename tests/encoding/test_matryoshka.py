"""Vectors cut to their leading components."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.matryoshka import TruncatedEncoder, truncate
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError


def test_cut_vectors_have_length_one_and_point_the_same_way(base_model_path: Path) -> None:
    """Rows are the leading components, normalised again; the model's identity does not change."""
    whole = LocalEncoder(find_model(str(base_model_path)))
    cut = TruncatedEncoder(whole, 64)
    full, short = whole.encode_queries(["heart attack"]), cut.encode_queries(["heart attack"])
    assert short.shape == (1, 64)
    assert cut.dimension == 64
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(short, full[:, :64] / np.linalg.norm(full[:, :64]), rtol=1e-5)
    assert (cut.fingerprint, cut.name) == (whole.fingerprint, whole.name)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_truncated_vectors_are_normalised_again(dim: int) -> None:
    """The leading components keep their direction and get length one."""
    vectors = np.array([[3, 4, 12, 84], [1, 1, 1, 1]], dtype=np.float32)
    cut = truncate(vectors, dim)
    assert cut.shape == (2, dim)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(cut[1], 1 / np.sqrt(dim), rtol=1e-6)


def test_a_zero_row_stays_zero() -> None:
    """Nothing to point with is no division by zero."""
    assert not truncate(np.zeros((2, 8), dtype=np.float32), 4).any()


@pytest.mark.parametrize("dim", [0, 385])
def test_a_dimension_that_there_is_not_is_refused(base_model_path: Path, dim: int) -> None:
    """The message names what the model has."""
    with pytest.raises(InputError, match="384"):
        TruncatedEncoder(LocalEncoder(find_model(str(base_model_path))), dim)
