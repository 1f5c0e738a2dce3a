"""What a model in training is asked."""

from __future__ import annotations

import pytest

from jargonaut.judges import DEV_POSITIVES, DEV_QUERIES, DevJudge
from jargonaut.records import Pair


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


def test_fewer_queries_tell_less() -> None:
    """A difference of .005 says something on 500 queries, and nothing on 20."""
    dev = tuple(Pair(f"q{n}", f"query {n}", f"p{n}") for n in range(DEV_QUERIES))
    texts = {pair.passage_id: "text" for pair in dev}
    assert DevJudge(dev, texts, 8, seed=1).chance == pytest.approx(0.005, abs=1e-3)
    assert DevJudge(dev[:20], texts, 8, seed=1).chance == pytest.approx(0.025, abs=1e-3)
