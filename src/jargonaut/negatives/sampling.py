"""Which of the candidates that are left become negatives: the first, any, or the more similar the likelier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.negatives.options import MiningOptions
from jargonaut.negatives.pooling import NOTHING, Rows

NEARLY_ALL = 0.9
"""Share of a pair's candidates that thresholds must reject before the least similar of them serve."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for some pairs.

    Attributes:
        rows: Passage rows, best first, shape (n, most that were wanted); -1 where there are fewer.
        seen: Candidates that were looked at, shape (n, width).
        taken: Candidates that were chosen, same shape.
        in_need: Pairs for which thresholds left too few, so that the least similar were taken, shape (n,).
    """

    rows: Rows
    seen: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    in_need: NDArray[np.bool_]


def choose(
    rows: Rows,
    scores: NDArray[np.float32],
    left: NDArray[np.bool_],
    spare: NDArray[np.bool_],
    wanted: NDArray[np.int64],
    options: MiningOptions,
    block: int,
) -> Choice:
    """Chooses negatives.

    Args:
        rows: Candidates, best first, shape (n, width); -1 where there are no more.
        scores: Their similarities.
        left: Candidates that break no rule.
        spare: Candidates that only a threshold rejected.
        wanted: How many negatives each pair still wants, shape (n,).
        options: How to sample, and whether spare ones may serve.
        block: Number of these pairs' block; with the seed it decides the draws.
    """
    need = wanted[:, None]
    if options.sampling == "top":
        taken = left & (np.cumsum(left, axis=1) <= need)
        seen = np.cumsum(left, axis=1) - left < need
    else:
        taken = _drawn(scores, left, wanted, options, block)
        seen = np.broadcast_to(need > 0, rows.shape)
    in_need = np.zeros(len(rows), np.bool_)
    if options.fall_back:
        missing = wanted - taken.sum(axis=1)
        rejected, fit = spare.sum(axis=1), left.sum(axis=1)
        in_need = (missing > 0) & (rejected > 0) & (rejected >= NEARLY_ALL * (rejected + fit))
        lowest = np.lexsort((-np.arange(rows.shape[1]) + np.zeros(rows.shape, int), np.where(spare, scores, np.inf)))
        rank = np.empty(rows.shape, np.int64)
        np.put_along_axis(rank, lowest, np.arange(rows.shape[1])[None, :], 1)
        taken = taken | (spare & in_need[:, None] & (rank < missing[:, None]))
    order = np.argsort(~taken, axis=1, kind="stable")[:, : int(wanted.max(initial=0))]
    chosen = np.where(np.take_along_axis(taken, order, 1), np.take_along_axis(rows, order, 1), NOTHING)
    return Choice(chosen, seen & (rows != NOTHING), taken, in_need)


def _drawn(
    scores: NDArray[np.float32], left: NDArray[np.bool_], wanted: NDArray[np.int64], options: MiningOptions, block: int
) -> NDArray[np.bool_]:
    """Draws without replacement: the largest of keys with Gumbel noise (Kool, van Hoof & Welling 2019)."""
    keys = np.random.default_rng((options.seed, block)).gumbel(size=scores.shape)
    if options.sampling == "softmax":
        keys = keys + scores / options.temperature
    order = np.argsort(np.where(left, -keys, np.inf), axis=1, kind="stable")
    rank = np.empty(scores.shape, np.int64)
    np.put_along_axis(rank, order, np.arange(scores.shape[1])[None, :], 1)
    taken: NDArray[np.bool_] = left & (rank < wanted[:, None])
    return taken
