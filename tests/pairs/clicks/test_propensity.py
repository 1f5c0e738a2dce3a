"""The examination curve is found where a log shows it, and guessed where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.pairs.clicks import ClickOptions, examination
from jargonaut.pairs.clicks.rates import dividing_rate, rates
from jargonaut.pairs.clicks.spool import Cells


def cells(rows: list[tuple[int, int, int, int, int]]) -> Cells:
    """Sums from (query, document, rank, shown, clicks)."""
    flat = np.array(sorted(rows), dtype=np.int64).reshape(-1, 5)
    return Cells(*(np.ascontiguousarray(column) for column in flat.T), np.zeros(len(flat), dtype=np.int64))


def clicked(true: np.ndarray, results: int, shown: int, seed: int, *, moved: bool = True) -> Cells:
    """Clicks on results that were each shown at two ranks, or at one."""
    chance = np.random.default_rng(seed)
    rows = []
    for result in range(results):
        wanted = 0.8 if chance.random() < 0.3 else 0.2
        rows += [
            (result, result, rank + 1, shown, int(chance.binomial(shown, true[rank] * wanted)))
            for rank in chance.choice(len(true), 2 if moved else 1, replace=False).tolist()
        ]
    return cells(rows)


@pytest.mark.parametrize("method", ["model", "swaps"])
@pytest.mark.parametrize(
    "true", [1 / np.arange(1.0, 11.0), np.arange(1.0, 11.0) ** -0.5, np.array([1, 0.9, 0.3, 0.35, 0.2])]
)
def test_the_true_curve_is_found(method: str, true: np.ndarray) -> None:
    """Within a seventh at every rank, though no result's own attraction is known, and whatever the curve's shape."""
    found = examination(clicked(true, 4000, 20, 1), ClickOptions(examination=method))  # type: ignore[arg-type]
    assert found.method == method
    assert np.array(found.values) == pytest.approx(true, rel=0.15)


def test_few_impressions_of_each_result_do_not_bend_the_curve() -> None:
    """With two impressions of each result, low ranks are not taken to be looked at more than they are."""
    true = 1 / np.arange(1.0, 11.0)
    found = examination(clicked(true, 30_000, 1, 2), ClickOptions())
    assert np.abs(np.log(np.array(found.values) / true)).mean() < 0.1


def test_without_results_at_several_ranks_the_power_law_is_taken() -> None:
    """A rank that is seldom looked at and a result that nobody wants are then the same thing."""
    fixed = clicked(1 / np.arange(1.0, 11.0), 4000, 50, 3, moved=False)
    for method in ("auto", "model", "swaps"):
        found = examination(fixed, ClickOptions(examination=method, eta=0.7))  # type: ignore[arg-type]
        assert (found.method, found.clicks) == ("power", 0)
        assert found.values == pytest.approx(np.arange(1.0, 11.0) ** -0.7)


def test_auto_estimates_from_the_stated_number_of_clicks_on() -> None:
    """One click fewer, and the power law is taken."""
    some = clicked(1 / np.arange(1.0, 6.0), 300, 10, 4)
    clicks = examination(some, ClickOptions(examination="model")).clicks
    assert clicks > 0
    assert examination(some, ClickOptions(min_swap_clicks=clicks)).method == "model"
    assert examination(some, ClickOptions(min_swap_clicks=clicks + 1)).method == "power"


def test_ranks_that_nothing_links_lean_on_the_others() -> None:
    """A rank that no moved result was shown at gets the power law through the rest."""
    true = 1 / np.arange(1.0, 6.0)
    base = clicked(true, 4000, 10, 5)
    lone = (
        np.append(getattr(base, name), value) for name, value in (("query", 9999), ("document", 9999), ("rank", 20))
    )
    query, document, rank = lone
    more = (np.append(getattr(base, name), value) for name, value in (("shown", 50), ("clicks", 50), ("skips", 0)))
    found = examination(Cells(query, document, rank, *more), ClickOptions(examination="model"))
    assert len(found.values) == 20
    assert found.values[19] == pytest.approx(1 / 20, rel=0.3)
    assert found.values[9] == pytest.approx(1 / 10, rel=0.3)


def test_strange_sums_give_a_curve_all_the_same() -> None:
    """Nothing, one cell, no clicks, unknown ranks, clicks at one rank only: finite, from 0 to 1, and 1 at the first."""
    strange = [
        [], [(0, 0, 1, 1, 1)], [(0, 0, 1, 9, 0), (0, 0, 2, 9, 0)], [(0, 0, 0, 9, 3)],
        [(0, 0, 1, 9, 9), (0, 0, 2, 9, 0)], [(0, 0, 3, 9, 0), (0, 0, 7, 9, 5)],
    ]  # fmt: skip
    for rows in strange:
        for method in ("auto", "model", "swaps"):
            found = examination(cells(rows), ClickOptions(examination=method, min_swap_clicks=1))  # type: ignore[arg-type]
            values = np.array(found.values)
            assert values[0] == 1
            assert ((values > 0) & (values <= 1)).all()


def test_a_million_cells_take_seconds() -> None:
    """The estimate is vectorised: a million sums are done long before a minute on any machine."""
    import time

    chance = np.random.default_rng(6)
    count = 500_000
    result = np.repeat(np.arange(count), 2)
    rank = np.stack([chance.integers(1, 10, count), chance.integers(11, 20, count)], axis=1).ravel()
    shown = np.full(2 * count, 5)
    some = Cells(result, result, rank, shown, chance.binomial(shown, 0.5 / rank), np.zeros_like(rank))
    started = time.process_time()
    assert examination(some, ClickOptions()).method == "model"
    assert time.process_time() - started < 60


def test_the_rate_is_corrected_for_the_rank_and_drawn_in() -> None:
    """Half as many clicks at a rank half as often looked at are the same rate; one click in one look is not sure."""
    some = cells([(0, 0, 1, 1000, 400), (1, 1, 2, 1000, 200), (2, 2, 1, 1, 1)])
    found = rates(some, examination(some, ClickOptions(examination="power")), ClickOptions())
    assert found.estimate[0] == pytest.approx(found.estimate[1], abs=0.01)
    assert found.estimate[2] < 0.5


def test_two_kinds_of_results_are_told_apart_and_one_is_left_whole() -> None:
    """The dividing rate lies between the kinds, whatever clicks are worth; where there is one, there is none."""
    chance = np.random.default_rng(7)
    looks = chance.integers(5, 40, 2000).astype(float)
    for low, high in ((0.02, 0.15), (0.2, 0.8)):
        rate = np.where(chance.random(2000) < 0.1, high, low)
        divided = dividing_rate(chance.binomial(looks.astype(int), rate), looks)
        assert divided is not None
        assert low * 1.5 < divided < high / 1.2
    assert dividing_rate(chance.binomial(looks.astype(int), 0.2), looks) is None
    assert dividing_rate(np.zeros(2000, dtype=np.int64), looks) is None
