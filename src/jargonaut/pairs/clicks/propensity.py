"""How likely each rank is looked at: a power law, or estimated from results that were shown at several ranks.

The model is the position-based one: P(click) = P(rank is looked at) · P(result is attractive to the query). Knows sums
of impressions and clicks; knows nothing of sessions or of what is done with the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.clicks.options import ClickOptions, Examination
from jargonaut.pairs.clicks.spool import Cells

Floats = NDArray[np.float64]

_ROUNDS = 2_000
_SETTLED = 1e-5
"""The curve is settled when no rank changes by more than this share in a round."""
_TRUST = 20.0
"""A rank's own estimate counts as much as the curve through all ranks when it rests on so many clicks."""
_LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class ExaminationCurve:
    """How likely each rank is looked at, compared with the first.

    Attributes:
        values: By rank, from 1.
        method: How it was found: `model`, `swaps` or `power`.
        eta: Of the power law; of one through the estimates where it is estimated.
        clicks: Clicks on results that were shown at several ranks, which an estimate rests on.
    """

    values: tuple[float, ...]
    method: Examination
    eta: float
    clicks: int

    def at(self, ranks: NDArray[np.int64], floor: float = 0.0) -> Floats:
        """The probability for each of some ranks, `floor` at least; 1 for rank 0, which is none."""
        table = np.maximum(np.array((1.0, *self.values)), floor)
        found: Floats = table[np.minimum(ranks, len(self.values))]
        return found


@dataclass(frozen=True, slots=True)
class _Swaps:
    """The sums of results that were shown at several ranks; ranks and results are numbered from 0.

    Attributes:
        ranks: The ranks that occur, ascending.
        rank: For each cell the number of its rank.
        item: For each cell the number of its result.
        shown: Impressions.
        clicks: Clicks.
    """

    ranks: NDArray[np.int64]
    rank: NDArray[np.int64]
    item: NDArray[np.int64]
    shown: Floats
    clicks: Floats

    def by_rank(self, values: Floats) -> Floats:
        """Sums of cells' values by rank."""
        return np.bincount(self.rank, values, len(self.ranks)).astype(np.float64)

    def by_item(self, values: Floats) -> Floats:
        """Sums of cells' values by result."""
        return np.bincount(self.item, values).astype(np.float64)


def examination(cells: Cells, options: ClickOptions) -> ExaminationCurve:
    """Finds the curve.

    `model` is the maximum likelihood of the position-based model (Craswell et al. 2008; Chuklin, Markov & de Rijke
    2015; Wang et al. 2018, "Position bias estimation for unbiased learning to rank", without features). `swaps`
    compares, for each two ranks, the click rates of the results that were shown at both (intervention harvesting,
    Agarwal et al. 2019; Joachims, Swaminathan & Schnabel 2017), each result being a stratum (Mantel & Haenszel 1959).

    Only results that were shown at several ranks say anything of the curve: with any other, a rank that is seldom
    looked at and a result that nobody wants are the same thing. Ranks that such results do not link to the others, and
    ranks with few clicks, lean on a power law through the rest.

    Args:
        cells: Sums of the log; rank 0 (unknown) is left out.
        options: Method, exponent, and from how many clicks on `auto` estimates.
    """
    deepest = int(cells.rank.max(initial=1))
    swaps, clicks = _swaps(cells)
    method = options.examination
    if method == "auto":
        method = "model" if clicks >= options.min_swap_clicks else "power"
    estimate: Callable[[_Swaps], Floats] | None = {"model": _model, "swaps": _harvest}.get(method)
    if swaps is None or estimate is None:
        law = np.arange(1, max(1, deepest) + 1) ** -options.eta
        return ExaminationCurve(tuple(law.tolist()), "power", options.eta, clicks)
    values, eta = _smoothed(estimate(swaps), swaps, max(1, deepest), options.eta)
    return ExaminationCurve(tuple(values.tolist()), method, eta, clicks)


def _swaps(cells: Cells) -> tuple[_Swaps | None, int]:
    """Cells of clicked results that were shown at several ranks which such results link; and their clicks."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(cells):
        return None, 0
    _, item = cells.items()
    ranked = cells.rank > 0
    several = np.bincount(item, ranked)[item] > 1
    clicked = np.bincount(item, cells.clicks * ranked)[item] > 0
    chosen = np.flatnonzero(ranked & several & clicked)
    if not len(chosen):
        return None, 0
    ranks, rank = np.unique(cells.rank[chosen], return_inverse=True)
    _, items = np.unique(item[chosen], return_inverse=True)
    links = coo_array((np.ones(len(chosen)), (rank, len(ranks) + items)), shape=(len(ranks) + items.max() + 1,) * 2)
    _, part = connected_components(links, directed=False)
    weights = np.bincount(part[rank], cells.clicks[chosen])
    inside = part[rank] == weights.argmax()
    chosen = chosen[inside]
    ranks, rank = np.unique(cells.rank[chosen], return_inverse=True)
    _, items = np.unique(item[chosen], return_inverse=True)
    shown, clicks = cells.shown[chosen].astype(np.float64), cells.clicks[chosen].astype(np.float64)
    return _Swaps(ranks, rank, items, shown, clicks), int(clicks.sum())


def _model(swaps: _Swaps) -> Floats:
    """The position-based model by maximum likelihood: clicks = impressions · look at the rank · draw of the result.

    Expectation maximisation of each click's Bernoulli likelihood overrates low ranks, since each result has a draw of
    its own to fit and few impressions to fit it on (Neyman & Scott 1948). With Poisson clicks the draws drop out of the
    likelihood, and only the means need be right for the curve to be (Wooldridge 1999). The two updates are the
    expectation maximisation of that model.
    """
    looks = np.ones(len(swaps.ranks))
    of_item, of_rank = swaps.by_item(swaps.clicks), swaps.by_rank(swaps.clicks)
    for _ in range(_ROUNDS):
        draws = of_item / swaps.by_item(swaps.shown * looks[swaps.rank])
        before = looks
        looks = np.maximum(of_rank / swaps.by_rank(swaps.shown * draws[swaps.item]), _LEAST)
        looks = looks / looks.max()  # only their ratios matter
        if np.abs(np.log(looks / before)).max() < _SETTLED:
            break
    return looks


def _harvest(swaps: _Swaps) -> Floats:
    """Ratios of all two ranks, each a Mantel-Haenszel rate ratio over results, brought together by least squares."""
    from scipy.sparse import csr_array

    ranks, items = len(swaps.ranks), int(swaps.item.max()) + 1
    shape, at = (items, ranks), (swaps.item, swaps.rank)
    shown = csr_array((swaps.shown, at), shape=shape).tocsc()
    clicks = csr_array((swaps.clicks, at), shape=shape).tocsc()
    won = np.zeros((ranks, ranks))
    for high in range(ranks):
        for low in range(high + 1, ranks):
            one, other = shown[:, [high]], shown[:, [low]]
            both = np.intersect1d(one.indices, other.indices, assume_unique=True)
            n, m = _column(one, both), _column(other, both)
            won[high, low] = float((_column(clicks[:, [high]], both) * m / (n + m)).sum())
            won[low, high] = float((_column(clicks[:, [low]], both) * n / (n + m)).sum())
    return _from_ratios(won)


def _column(column: Any, rows: NDArray[np.int32]) -> Floats:
    """Some rows of a sparse column."""
    dense: Floats = np.zeros(column.shape[0])
    dense[column.indices] = column.data
    found: Floats = dense[rows]
    return found


def _from_ratios(won: Floats) -> Floats:
    """Values whose ratios fit best to won[i, j] / won[j, i], each weighted by how many clicks speak for it."""
    one, other = np.nonzero(np.triu(np.minimum(won, won.T), 1))
    ahead, behind = won[one, other], won[other, one]
    weight = np.sqrt(ahead * behind / (ahead + behind))
    lines = np.zeros((len(one) + 1, len(won)))
    numbers = np.arange(len(one))
    lines[numbers, one], lines[numbers, other] = weight, -weight
    lines[-1, 0] = 1  # only ratios are known: the first is 1
    wanted = np.append(weight * np.log(ahead / behind), 0.0)
    fitted: Floats = np.exp(np.linalg.lstsq(lines, wanted, rcond=None)[0])
    found: Floats = np.maximum(fitted / fitted.max(), _LEAST)
    return found


def _smoothed(found: Floats, swaps: _Swaps, deepest: int, eta: float) -> tuple[Floats, float]:
    """The curve for all ranks to the deepest, 1 at the first; and the exponent of the power law through it."""
    clicks = swaps.by_rank(swaps.clicks)
    depth, height = np.log(swaps.ranks), np.log(found)
    middle = np.average(depth, weights=clicks)
    spread = float((clicks * (depth - middle) ** 2).sum())
    # Without clicks at two ranks there is no slope to be seen, and no rank is looked at more than one above it.
    slope = min(0.0, float((clicks * (depth - middle) * height).sum()) / spread) if spread else -eta
    level = float(np.average(height - slope * depth, weights=clicks))
    law = level + slope * np.log(np.arange(1, deepest + 1))
    places = swaps.ranks - 1
    law[places] = (clicks * height + _TRUST * law[places]) / (clicks + _TRUST)
    values: Floats = np.minimum(np.exp(law - law[0]), 1.0)
    return values, -slope
