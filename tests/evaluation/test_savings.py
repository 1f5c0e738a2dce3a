"""What `savings` promises."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.errors import SettingsError
from jargonaut.evaluation import SavingsOptions, savings
from jargonaut.evaluation.savings import recall_curves
from jargonaut.records import Qrel, Query, Run

from .samples import run_at

COUNT = 40
QUERIES = [Query(f"q{i}", f"query {i}") for i in range(COUNT)]
JUDGED = [Qrel(f"q{i}", f"p{i}", 1) for i in range(COUNT)]


def test_recall_at_every_k_is_the_scorers() -> None:
    """A query found at rank 3 has recall 0 up to 2 and 1 from 3 on; one that is not found, or not answered, 0."""
    run = run_at("run", [3, 0])
    curve = recall_curves(run, JUDGED[:3], QUERIES[:3], depth=5)
    assert curve.tolist() == [[0, 0, 1, 1, 1], [0] * 5, [0] * 5]


def test_each_system_needs_its_own_k() -> None:
    """Where the base needs ten passages, a system that ranks every answer second needs two, and a fifth of tokens."""
    runs = {
        "base": run_at("base", [10] * COUNT),
        "tuned": run_at("tuned", [2] * COUNT),
        "bm25": run_at("b", [0] * COUNT),
    }
    found = savings(runs, JUDGED, QUERIES, lambda _: 100, {}, price_per_million=2.0)
    assert found is not None
    base, tuned, words = found.systems
    assert (base.k, tuned.k, words.k) == (10, 2, None)
    assert (base.tokens, tuned.tokens) == (1000, 200)
    assert (tuned.k_low, tuned.k_high) == (2, 2)
    assert tuned.cost == pytest.approx(0.4)
    assert found.saved("tuned") == pytest.approx(0.8)
    assert found.saved("bm25") is None
    assert "with 2 passages (2 to 2): 200 context tokens a question instead of 1,000, 0.400 USD" in found.sentence(
        "tuned"
    )
    assert "does not reach" in found.sentence("bm25")


def test_the_interval_of_k_widens_with_the_spread() -> None:
    """Where ranks vary between queries the needed k is uncertain, and the interval holds it."""
    ranks = [int(rank) for rank in np.random.default_rng(0).integers(1, 15, COUNT)]
    runs = {"base": run_at("base", [r + 3 for r in ranks]), "tuned": run_at("tuned", ranks)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1, {})
    assert found is not None
    one = found.of("tuned")
    assert one is not None
    assert one.k_low is not None
    assert one.k is not None
    assert one.k_high is not None
    assert one.k_low <= one.k <= one.k_high
    assert one.k_low < one.k_high
    assert not found.is_measurable("base")
    assert "no measurable difference" in found.sentence("base")


def test_a_base_that_needs_fewer_than_k_is_the_measure() -> None:
    """Where the base finds everything early, a system that does so as early saves nothing, whatever k is."""
    ranks = [int(rank) for rank in np.random.default_rng(0).integers(1, 7, COUNT)]
    runs = {"base": run_at("base", ranks), "hybrid-base": run_at("h", ranks[::-1]), "tuned": run_at("t", [1] * COUNT)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1, {})
    assert found is not None
    assert (found.k, found.systems[0].k) == (10, 6)
    assert not found.is_measurable("hybrid-base")
    assert found.is_measurable("tuned")
    assert found.sentence("hybrid-base").startswith("base + BM25 reaches")
    assert "with 1 passage " in found.sentence("tuned")


def test_one_document_has_no_interval() -> None:
    """With one document group no interval is told; without a price no money."""
    clusters = {query.id: "d" for query in QUERIES}
    runs = {"base": run_at("base", [4] * COUNT), "tuned": run_at("tuned", [2] * COUNT)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1, clusters)
    assert found is not None
    assert [(one.k_low, one.k_high, one.cost) for one in found.systems] == [(None, None, None)] * 2
    assert "(" not in found.sentence("tuned").replace("(1.000)", "")


def test_the_options_price_goes_first() -> None:
    """A price in `[savings]` counts before the endpoint's."""
    runs = {"base": run_at("base", [1] * COUNT)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1000, {}, SavingsOptions(price_per_million=1), price_per_million=9)
    assert found is not None
    assert found.price_per_million == 1
    assert found.systems[0].cost == pytest.approx(1.0)


def test_a_base_that_finds_nothing_needs_one_passage() -> None:
    """A recall of 0 is reached at once, by everybody: no division by what is not there."""
    runs = {"base": Run("base", {}), "tuned": run_at("tuned", [1] * COUNT)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1, {})
    assert found is not None
    assert (found.recall, found.systems[0].k, found.saved("tuned")) == (0.0, 1, None)


def test_many_queries_are_sampled_evenly() -> None:
    """Beyond the options' number an even sample is measured, and its size told; no query gives nothing."""
    runs = {"base": run_at("base", [1] * COUNT)}
    found = savings(runs, JUDGED, QUERIES, lambda _: 1, {}, SavingsOptions(queries=10))
    assert found is not None
    assert found.n == 10
    assert savings(runs, JUDGED, [], lambda _: 1, {}) is None


def test_limits_are_told() -> None:
    """A k beyond the depth of a run cannot be measured."""
    with pytest.raises(SettingsError, match="k is 101"):
        SavingsOptions(k=101)
