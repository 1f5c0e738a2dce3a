"""Golden queries are encoded once, and yet a broken encoder is noticed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.protocols import Encoder, Vectors
from jargonaut.watching import Watch
from tests.watching.conftest import Watched, value, watch_of


class _Counted:
    """An encoder that counts the queries it encodes, or turns their vectors round."""

    def __init__(self, encoder: Encoder, *, turned: bool = False) -> None:
        self.encoder, self.turned, self.count = encoder, turned, 0
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self.count += len(texts)
        found = self.encoder.encode_queries(texts)
        return np.ascontiguousarray(found[:, ::-1]) if self.turned else found

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self.encoder.encode_passages(texts)


def _counted(shop: Watched) -> tuple[Watch, _Counted]:
    """A watcher of a fresh process, and the encoder that it uses."""
    watch = watch_of(shop)
    encoder = _Counted(watch.index.encoders(watch.index.registry.get("v1")))
    watch.index.encoders = lambda _: encoder
    return Watch(watch.layout, watch.settings, watch.index, watch.documents, watch.reporter, watch.clock), encoder


def test_a_golden_query_is_encoded_once(shop: Watched) -> None:
    """Of 40 golden queries the next look encodes a sample alone, and finds the same."""
    first, one = _counted(shop)
    before = first.look()
    second, other = _counted(shop)
    after = second.look()
    assert (one.count >= 40, other.count) == (True, 33)  # the sample, and one text that loads the model
    assert value(after, "recall_at_10") == value(before, "recall_at_10")
    assert value(after, "golden_top_score") == value(before, "golden_top_score")


def test_vectors_that_the_encoder_makes_no_more_are_not_believed(shop: Watched) -> None:
    """The cache holds what the same model never makes: it is told, and what counts is what is made now."""
    truth = value(watch_of(shop).look(), "recall_at_10")
    watch, encoder = _counted(shop)
    asked = [pair.query for pair in _test_pairs(watch)]
    for path in watch.layout.vectors.glob("*.db"):
        path.unlink()
    CachedEncoder(_Counted(encoder.encoder, turned=True), watch.layout.vectors).encode_queries(asked)
    found = watch.look()
    assert any("other vectors than the cache holds" in notice for notice in found.notices)
    assert value(found, "recall_at_10") == truth


def _test_pairs(watch: Watch) -> Sequence[object]:
    from jargonaut.watching.snapshot import trained_on

    registry = watch.index.registry
    made = trained_on(registry, registry.get("v1"), watch.layout)
    assert made is not None
    assert made.pairs is not None
    return made.pairs.splits.test
