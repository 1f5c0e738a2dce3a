"""From clicks and looks to how sure it is that a result answers a query.

Knows sums. Where they come from, and what is made of them, is not its business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.propensity import ExaminationCurve
from jargonaut.pairs.clicks.spool import Cells

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_ROUNDS = 500
_SETTLED = 1e-6
_FEWEST = 20
"""With fewer results there are no two kinds to be told apart."""
_APART = 2.0
"""Two kinds of results whose click rates differ by less than this factor are one."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What is known of each (query, result), as arrays of one length.

    Attributes:
        query: Numbers of queries.
        document: Numbers of results.
        shown: Impressions.
        clicks: Impressions with a click.
        skips: Impressions that were passed over.
        looks: How many of the impressions were looked at, by the curve.
        estimate: Clicks per look, drawn towards the mean; from 0 to 1.
    """

    query: Counts
    document: Counts
    shown: Counts
    clicks: Counts
    skips: Counts
    looks: Floats
    estimate: Floats


def rates(cells: Cells, curve: ExaminationCurve, options: ClickOptions, mean: float | None = None) -> Rates:
    """Corrects the click rates for the rank at which results were shown.

    The estimate is clicks / Σ looks, the sum being over impressions of the probability that their rank is looked at. At
    one rank that is the inverse propensity estimate (Joachims, Swaminathan & Schnabel 2017); over several it weights
    each rank by how much is seen there, where that estimate gives the most weight to the ranks of which least is known.
    A Beta prior around the mean of all results draws it in.

    Args:
        cells: Sums of the log.
        curve: How likely each rank is looked at.
        options: The least probability, and how strong the prior is.
        mean: Mean of the prior; the mean click rate of these cells when None.
    """
    begins, item = cells.items()
    seen = cells.shown * curve.at(cells.rank, options.min_propensity)
    looks: Floats = np.bincount(item, seen, len(begins)).astype(np.float64)
    shown, clicks, skips = (_sums(values, begins) for values in (cells.shown, cells.clicks, cells.skips))
    return Rates(
        cells.query[begins], cells.document[begins], shown, clicks, skips, looks,
        _drawn_in(clicks, looks, options.prior_strength, mean_rate(clicks, looks) if mean is None else mean),
    )  # fmt: skip


def shares(cells: Cells, options: ClickOptions) -> Rates:
    """Counts, for a log of clicks alone: each result's share of the pages on which its query had a click.

    Nothing tells what else was shown, so nothing is corrected. Impressions and looks are those pages' number.

    Args:
        cells: Sums of the log.
        options: How strong the prior is.
    """
    begins, _ = cells.items()
    query, clicks = cells.query[begins], _sums(cells.clicks, begins)
    _, place = np.unique(query, return_inverse=True)
    pages: Floats = np.bincount(place, clicks).astype(np.float64)[place]
    strength = options.prior_strength
    estimate = np.minimum(clicks / np.maximum(pages + strength, 1), 1.0)
    nothing = np.zeros(len(begins), dtype=np.int64)
    return Rates(query, cells.document[begins], pages.astype(np.int64), clicks, nothing, pages, estimate)


def mean_rate(clicks: Counts, looks: Floats) -> float:
    """Clicks per look of all results, at most 1."""
    total = float(looks.sum())
    return min(1.0, float(clicks.sum()) / total) if total else 0.0


def dividing_rate(clicks: Counts, looks: Floats) -> float | None:
    """The rate that divides results into often and seldom clicked ones; None where there are no two kinds.

    A mixture of two Poisson rates, fitted by expectation maximisation: it weighs each result by how much is known of
    it, so that the many that were seen twice do not blur the few that were seen often.

    Args:
        clicks: Per result.
        looks: Per result, above 0.
    """
    if len(clicks) < _FEWEST or not clicks.any():
        return None
    overall = mean_rate(clicks, looks)
    low, high, share = overall / 2, min(1.0, overall * 2), 0.2
    for _ in range(_ROUNDS):
        odds = clicks * np.log(high / low) - looks * (high - low) + np.log(share / (1 - share))
        often = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        before = high, low
        high = float(np.clip((often * clicks).sum() / max((often * looks).sum(), 1e-9), 1e-9, 1.0))
        low = float(np.clip(((1 - often) * clicks).sum() / max(((1 - often) * looks).sum(), 1e-9), 1e-9, 1.0))
        share = float(np.clip(often.mean(), 1e-6, 1 - 1e-6))
        if abs(np.log(high / before[0])) + abs(np.log(low / before[1])) < _SETTLED:
            break
    if high < _APART * low:
        return None
    return float((high - low) / np.log(high / low))  # where both kinds are equally likely, however much was seen


def _sums(values: Counts, begins: Counts) -> Counts:
    return np.add.reduceat(values, begins) if len(begins) else values[:0]


def _drawn_in(clicks: Counts, looks: Floats, strength: float, mean: float) -> Floats:
    estimate: Floats = (clicks + strength * mean) / np.maximum(looks + strength, 1e-9)
    return np.minimum(estimate, 1.0)
