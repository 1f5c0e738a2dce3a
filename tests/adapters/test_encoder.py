"""An encoder with an adapter: whose vectors it searches, and what is refused beneath it."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.adapters import AdaptedEncoder, SpaceEncoder
from jargonaut.errors import MismatchError

from .worlds import DIMENSION, Bag, some_adapter


def test_queries_are_mapped_and_passages_are_the_bases() -> None:
    """It has its own fingerprint and searches the base's space."""
    base = Bag()
    encoder = AdaptedEncoder(base, some_adapter("linear", "query", base.fingerprint, DIMENSION))
    np.testing.assert_array_equal(encoder.encode_passages(["a"]), base.encode_passages(["a"]))
    assert np.abs(encoder.encode_queries(["a"]) - base.encode_queries(["a"])).max() > 0.01
    assert encoder.fingerprint != base.fingerprint == encoder.space
    seen = SpaceEncoder(encoder)
    assert seen.fingerprint == base.fingerprint
    np.testing.assert_array_equal(seen.encode_queries(["a"]), encoder.encode_queries(["a"]))


def test_two_sides_are_a_space_of_their_own() -> None:
    """It searches no vectors of the base, and cannot be made to."""
    base = Bag()
    encoder = AdaptedEncoder(base, some_adapter("mlp", "both", base.fingerprint, DIMENSION))
    assert encoder.space == ""
    with pytest.raises(MismatchError, match="an index of its own"):
        SpaceEncoder(encoder)


def test_a_wrong_base_is_refused_with_both_fingerprints() -> None:
    """An adapter on a model that it was not fitted on would give numbers without meaning."""
    with pytest.raises(MismatchError) as told:
        AdaptedEncoder(Bag("c" * 32), some_adapter("linear", "query", "b" * 32, DIMENSION))
    assert "b" * 32 in str(told.value)
    assert "c" * 32 in str(told.value)


def test_no_texts_give_no_rows() -> None:
    """An empty list is answered by an empty matrix."""
    base = Bag()
    assert AdaptedEncoder(base, some_adapter("linear", "query", base.fingerprint, DIMENSION)).encode_queries(
        []
    ).shape == (0, DIMENSION)
