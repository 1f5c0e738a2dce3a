"""Vectors in fewer bits: codes, exact search over them, one query at a time."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.encoding.matryoshka import truncate
from jargonaut.protocols import Precision
from jargonaut.retrieval import PRECISIONS, SingleSearch, bytes_per_vector, quantised_top_k, top_k
from jargonaut.retrieval.quantised import RESCORED, Ranges, signs

from .test_prefixes import unit

QUERIES, PASSAGES = unit(20, 40, 0), unit(500, 40, 1)


def test_int8_codes_are_those_of_sentence_transformers() -> None:
    """The same ranges and the same codes, a constant component included."""
    from sentence_transformers.util.quantization import quantize_embeddings

    passages = PASSAGES.copy()
    passages[:, 3] = 0.25
    assert np.array_equal(Ranges.of(passages, 40).codes(passages), quantize_embeddings(passages, "int8"))


def test_binary_search_orders_as_the_hamming_distance_of_packed_signs() -> None:
    """The bits are those of `quantize_embeddings`, and scores are dimensions minus twice the distance."""
    from sentence_transformers.util.quantization import quantize_embeddings

    rows, scores = quantised_top_k(QUERIES, PASSAGES, 500, 40, ["binary"])["binary"]
    asked, kept = (quantize_embeddings(v, "ubinary") for v in (QUERIES, PASSAGES))
    distance = np.bitwise_count(asked[:, None] ^ kept[None]).sum(axis=2)
    assert np.array_equal(40 - 2 * np.take_along_axis(distance, rows, 1).astype(int), scores.astype(int))
    assert (np.diff(scores, axis=1) <= 0).all()


def test_int8_is_searched_by_the_float_query() -> None:
    """Scores are the dot products of the float query with what the codes stand for, close to the true ones."""
    ranges, cut = Ranges.of(PASSAGES, 24), truncate(PASSAGES, 24)
    rows, scores = quantised_top_k(QUERIES, PASSAGES, 10, 24, ["int8"])["int8"]
    table = truncate(QUERIES, 24) @ ranges.restored(ranges.codes(cut)).T
    assert np.allclose(scores, -np.sort(-table, axis=1)[:, :10], atol=1e-5)
    true, _ = top_k(QUERIES, PASSAGES, 10, dim=24)
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(rows, true, strict=True)]) > 9


def test_rescoring_looks_at_twice_as_many_signs_and_orders_them_by_the_float_query() -> None:
    """What is kept is the best, by the float query and signs, of the first hits by signs alone."""
    found = quantised_top_k(QUERIES, PASSAGES, 10, 40, ["binary", "binary+rescore"])
    pool, _ = quantised_top_k(QUERIES, PASSAGES, 10 * RESCORED, 40, ["binary"])["binary"]
    table = QUERIES @ signs(PASSAGES).T
    for number, (rows, scores) in enumerate(zip(*found["binary+rescore"], strict=True)):
        best = sorted(pool[number], key=lambda row: -table[number, row])[:10]
        assert set(rows) == set(best)
        assert np.allclose(scores, table[number, rows], atol=1e-5)
    assert np.array_equal(found["binary"][0], pool[:, :10])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_one_query_finds_what_many_find(precision: Precision) -> None:
    """The search that is timed gives the scores of the search that is scored, at a dimension of no whole byte too."""
    for dim in (40, 13):
        many = (
            top_k(QUERIES, PASSAGES, 10, dim=dim) if precision == "float32"
            else quantised_top_k(QUERIES, PASSAGES, 10, dim, [precision])[precision]
        )  # fmt: skip
        one = SingleSearch(PASSAGES, dim, precision)
        for query, scores in zip(QUERIES[:5], many[1], strict=False):
            assert np.allclose(one.search(query, 10)[1], scores, atol=1e-4)


def test_bytes_are_those_of_the_codes() -> None:
    """Four bytes, one byte, or one bit to a component; bits fill whole bytes."""
    assert [bytes_per_vector(one, 384) for one in PRECISIONS] == [1536, 384, 48, 48]
    assert bytes_per_vector("binary", 13) == 2
