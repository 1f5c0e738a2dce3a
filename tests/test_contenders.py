"""The systems that a run compares, and the judge of its epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.contenders import DEV_POSITIVES, DEV_QUERIES, Contenders, DevJudge
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


def test_an_epoch_is_scored_on_so_many_queries_and_no_more() -> None:
    """A large dev split is sampled; a small one is asked whole."""
    large = tuple(Pair(f"q{n}", f"query {n}", f"p{n % 900}") for n in range(3 * DEV_QUERIES))
    texts = {f"p{n}": f"passage {n}" for n in range(1000)}
    assert f"of {DEV_QUERIES:,} queries" in str(DevJudge(large, texts, 8, seed=1))
    assert "of 20 queries" in str(DevJudge(large[:20], texts, 8, seed=1))


def test_queries_with_very_many_answers_do_not_fill_the_pool() -> None:
    """As many queries are asked as their answers fit; the first is asked whatever it brings."""
    many = DEV_POSITIVES // 4
    dev = tuple(Pair(f"q{n}", f"query {n}", f"p{n}-{m}") for n in range(10) for m in range(many))
    texts = {pair.passage_id: "text" for pair in dev}
    assert f"of 4 queries over {DEV_POSITIVES * 2:,} passages" in str(DevJudge(dev, texts, 8, seed=1))
    alone = tuple(Pair("q", "query", f"p{n}") for n in range(2 * DEV_POSITIVES))
    assert "of 1 queries" in str(DevJudge(alone, {p.passage_id: "text" for p in alone}, 8, seed=1))
