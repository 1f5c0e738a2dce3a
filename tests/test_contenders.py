"""The systems that a run compares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.contenders import Contenders
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, Query, Run
from jargonaut.retrieval import BM25Options

TEXTS = {"a": "one apple", "b": "two pears", "c": "three plums"}


class Words:
    """An encoder that knows a few words."""

    name, fingerprint, dimension = "words", "words", 6

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """A component for each word."""
        known = ["one", "two", "three", "apple", "pears", "plums"]
        table = np.array([[float(word in text) + 0.01 for word in known] for text in texts], np.float32)
        return np.asarray(table / np.linalg.norm(table, axis=1, keepdims=True), dtype=np.float32)

    encode_passages = encode_queries


def test_reranking_orders_the_first_hits_and_leaves_the_rest_below() -> None:
    """The cross-encoder's order holds among those that it saw; the others keep theirs, behind them."""
    run = Run("dense", {"q": {"a": 0.9, "b": 0.8, "c": 0.1}})
    seen: list[tuple[str, str]] = []

    class Pears:
        name = fingerprint = "pears"
        weight = 1.0

        def score(self, query: str, passages: Sequence[str]) -> list[float]:
            return self.score_pairs([(query, passage) for passage in passages])

        def score_pairs(self, both: Sequence[tuple[str, str]]) -> list[float]:
            seen.extend(both)
            return [0.2 + 0.5 * ("pears" in passage) for _, passage in both]

    found = Contenders(TEXTS, BM25Options()).reranked("r", run, [Query("q", "fruit")], Pears(), 2)
    assert list(found.rankings["q"]) == ["b", "a", "c"]
    assert seen == [("fruit", "one apple"), ("fruit", "two pears")]


def test_the_weight_of_a_hybrid_is_the_one_that_is_best_on_dev() -> None:
    """Where words alone mislead, vectors get the weight."""
    contenders = Contenders(TEXTS, BM25Options())
    dev = (Pair("q1", "one apple", "a"), Pair("q2", "two pears", "b"))
    wrong = Run("BM25", {"q1": {"c": 2.0, "b": 1.0}, "q2": {"c": 2.0, "a": 1.0}})
    assert contenders._fitted(Words(), dev, wrong, 6) > 0.5
