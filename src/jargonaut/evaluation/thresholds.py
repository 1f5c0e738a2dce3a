"""Similarities of a tuned model are on another scale: which threshold does today what the old one did?

Applications drop hits below a cosine that somebody once chose for the old model. Fitted on dev, checked on test. Knows
runs, judgements and scores; which model made them, and who uses a threshold for what, is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import require_limits
from jargonaut.records import Qrel, Query, Run

_GRID = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_FEW = 0.005
"""A round number that lets through fewer of the hits than this share, or stops fewer, says nothing."""
_FEWEST_ANSWERED = 20
"""Queries that a threshold must still answer before the share of right first hits is believed."""


@dataclass(frozen=True, slots=True)
class ThresholdOptions:
    """Thresholds on similarity that applications use.

    Attributes:
        in_use: The cosine below which your application drops a hit of the base model today; not set where it has none.
            The one that does the same for the tuned model is then told with the others.
        precision: Share of first hits that must be right above the threshold that is recommended for "answer, or say
            that nothing was found".
        depth: First hits of a query that an application looks at.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    in_use: float | None = None
    precision: float = 0.9
    depth: int = 10

    def __post_init__(self) -> None:
        require_limits(
            "thresholds",
            self,
            (
                ("in_use", self.in_use is None or -1 <= self.in_use <= 1, "from -1 to 1, or not set"),
                ("precision", 0 < self.precision <= 1, "above 0 and at most 1, such as 0.9"),
                ("depth", 1 <= self.depth <= 100, "from 1 to 100"),
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ScoredHits:
    """The first hits of queries.

    Attributes:
        scores: Cosines, best first, shape (queries, depth); NaN where there is no further hit.
        relevant: Whether each is judged relevant, same shape.
    """

    scores: NDArray[np.float64]
    relevant: NDArray[np.bool_]

    @classmethod
    def of(cls, run: Run, qrels: Sequence[Qrel], queries: Sequence[Query], depth: int) -> ScoredHits:
        """Those of a run; a passage that nobody judged counts as not relevant."""
        judged = {(q.query_id, q.passage_id) for q in qrels if q.relevance > 0}
        scores = np.full((len(queries), depth), np.nan)
        relevant = np.zeros((len(queries), depth), dtype=bool)
        for row, query in enumerate(queries):
            for column, hit in enumerate(run.top(query.id, depth)):
                scores[row, column] = hit.score
                relevant[row, column] = (query.id, hit.passage_id) in judged
        return cls(scores, relevant)

    @property
    def flat(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """All hits as one row: scores and whether they are relevant."""
        there = np.isfinite(self.scores)
        return self.scores[there], self.relevant[there]

    def passed(self, threshold: float) -> float:
        """Hits of a query that a threshold lets through, in the mean."""
        return float((self.flat[0] >= threshold).sum() / max(1, len(self.scores)))

    def precision(self, threshold: float) -> float | None:
        """Share of those that are judged relevant; None where there are none."""
        scores, relevant = self.flat
        above = scores >= threshold
        return float(relevant[above].mean()) if above.any() else None

    def recall(self, threshold: float) -> float | None:
        """Share of the relevant hits that a threshold lets through; None where no hit is relevant."""
        scores, relevant = self.flat
        return float((scores[relevant] >= threshold).mean()) if relevant.any() else None


@dataclass(frozen=True, slots=True)
class ScoreScale:
    """Where one model's similarities lie, on dev.

    Attributes:
        relevant_mean: Mean cosine of relevant hits; None where there are none.
        other_mean: Mean cosine of the other hits; None where there are none.
        best_f1: Threshold with the best F1 over the first hits, None where no hit is relevant.
        f1: That F1; None with it.
        at_precision: Lowest threshold above which enough first hits are right; None where there is none.
        answered: Share of the queries whose first hit lies above it; None with it.
        slope: Of the logistic curve that gives the probability that a hit is relevant, 1 / (1 + exp(−(slope · cosine +
            intercept))) (Platt 1999); None where hits are all relevant or none is.
        intercept: Its other coefficient; None with it.
        brier: Mean squared error of that probability on test; None with it.
    """

    relevant_mean: float | None
    other_mean: float | None
    best_f1: float | None
    f1: float | None
    at_precision: float | None
    answered: float | None
    slope: float | None
    intercept: float | None
    brier: float | None

    def probability(self, cosine: float) -> float | None:
        """How probable it is that a hit of this cosine is relevant; None where no curve could be fitted."""
        if self.slope is None or self.intercept is None:
            return None
        return float(1 / (1 + np.exp(-np.clip(self.slope * cosine + self.intercept, -500, 500))))


@dataclass(frozen=True, slots=True)
class ThresholdMove:
    """A threshold for the base model, and the one that lets through as many hits of the tuned one.

    Attributes:
        old: For the base.
        new: For the tuned model.
        passed: Hits of a query that the old one lets through on dev, in the mean.
        passed_if_kept: The same when the tuned model is used with the old threshold.
        precision: Share of relevant ones among what the old threshold lets through on test; None where that is nothing.
        new_precision: The same of the new threshold and the tuned model.
        test_passed: Hits of a query that the old one lets through on test.
        new_test_passed: The same of the new threshold and the tuned model.
    """

    old: float
    new: float
    passed: float
    passed_if_kept: float
    precision: float | None
    new_precision: float | None
    test_passed: float
    new_test_passed: float


@dataclass(frozen=True, slots=True)
class ScaleShift:
    """What tuning did to similarities.

    Attributes:
        base: The base's scale.
        tuned: The tuned model's.
        moves: Old threshold → new one: the one in use first, then the base's best one, then round numbers.
        queries: Dev queries that it rests on.
        precision: What `at_precision` stands for.
        notices: What could not be measured, and why.
    """

    base: ScoreScale
    tuned: ScoreScale
    moves: tuple[ThresholdMove, ...]
    queries: int
    precision: float
    notices: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if not self.moves:
            return "; ".join(self.notices) or "no threshold of the base lets any hit through"
        one = self.moves[0]
        return (
            f"a threshold of {one.old:.3f} on the base's cosine becomes {one.new:.3f}, which lets through "
            f"{one.passed:.1f} hits of a query as before; left at {one.old:.3f} it would be {one.passed_if_kept:.1f}"
        )


def scale_shift(
    dev: tuple[ScoredHits, ScoredHits], test: tuple[ScoredHits, ScoredHits], options: ThresholdOptions | None = None
) -> ScaleShift | None:
    """Measures how similarities moved; None where dev has no query.

    Args:
        dev: First hits of base and tuned model, on which everything is fitted.
        test: The same on test, on which it is checked.
        options: Threshold in use, wanted precision.
    """
    options = options or ThresholdOptions()
    queries = len(dev[0].scores)
    if not queries:
        return None
    base, tuned = (_scale(on_dev, on_test, options) for on_dev, on_test in zip(dev, test, strict=True))
    scores = dev[0].flat[0]
    telling = [old for old in _GRID if _FEW < (scores >= old).mean() < 1 - _FEW] if len(scores) else []
    olds = [options.in_use, base.best_f1, *telling]
    known = dict.fromkeys(round(old, 4) for old in olds if old is not None)
    moves = [move for old in known if (move := _move(old, dev, test)) is not None]
    notices = []
    if base.best_f1 is None or tuned.best_f1 is None:
        notices.append(
            "no judged answer is among the first hits on dev, so no threshold can be chosen by what is right"
        )
    if options.in_use is not None and (not moves or moves[0].old != round(options.in_use, 4)):
        notices.append(
            f"[thresholds] in_use = {options.in_use:g} lets no hit of the base through on dev, so no threshold of the "
            "tuned model does the same"
        )
    return ScaleShift(base, tuned, tuple(moves), queries, options.precision, tuple(notices))


def _scale(dev: ScoredHits, test: ScoredHits, options: ThresholdOptions) -> ScoreScale:
    scores, relevant = dev.flat
    best, f1 = _best_f1(scores, relevant)
    sure, answered = _at_precision(dev, options.precision)
    slope, intercept = _logistic(scores, relevant)
    brier = None
    test_scores, test_relevant = test.flat
    if slope is not None and intercept is not None and len(test_scores):
        probability = 1 / (1 + np.exp(-np.clip(slope * test_scores + intercept, -500, 500)))
        brier = float(np.square(probability - test_relevant).mean())
    return ScoreScale(
        float(scores[relevant].mean()) if relevant.any() else None,
        float(scores[~relevant].mean()) if (~relevant).any() else None,
        best, f1, sure, answered, slope, intercept, brier,
    )  # fmt: skip


def _best_f1(scores: NDArray[np.float64], relevant: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """The threshold with the best F1 over single hits, halfway to the next lower score."""
    if not relevant.any():
        return None, None
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order], np.cumsum(relevant[order])
    f1 = 2 * right / (np.arange(1, len(ranked) + 1) + right[-1])
    f1[:-1][ranked[:-1] == ranked[1:]] = 0  # a threshold cannot part equal scores
    place = int(np.argmax(f1))
    return _below(ranked, place), float(f1[place])


def _at_precision(dev: ScoredHits, wanted: float) -> tuple[float | None, float | None]:
    """The lowest threshold above which enough first hits are right, and the share of queries that it answers."""
    first, right = dev.scores[:, 0], dev.relevant[:, 0]
    there = np.isfinite(first)
    order = np.argsort(-first[there], kind="stable")
    ranked, hits = first[there][order], right[there][order]
    if not len(ranked):
        return None, None
    precision = np.cumsum(hits) / np.arange(1, len(ranked) + 1)
    enough = (precision >= wanted) & (np.arange(1, len(ranked) + 1) >= min(_FEWEST_ANSWERED, len(ranked)))
    enough[:-1] &= ranked[:-1] != ranked[1:]
    if not enough.any():
        return None, None
    place = int(np.flatnonzero(enough)[-1])
    return _below(ranked, place), float((place + 1) / len(first))


def _below(ranked: NDArray[np.float64], place: int) -> float:
    """A threshold that lets the hits up to `place` through and no other."""
    if place + 1 < len(ranked):
        return float((ranked[place] + ranked[place + 1]) / 2)
    return float(ranked[place])


def _move(old: float, dev: tuple[ScoredHits, ScoredHits], test: tuple[ScoredHits, ScoredHits]) -> ThresholdMove | None:
    """The tuned model's threshold that lets through as many hits; None where the old one lets none through."""
    count = int((dev[0].flat[0] >= old).sum())
    ranked = np.sort(dev[1].flat[0])[::-1]
    if not count or not len(ranked):
        return None
    everything = count >= len(dev[0].flat[0])
    new = float(min(ranked[-1], old)) if everything else _below(ranked, min(count, len(ranked)) - 1)
    return ThresholdMove(
        old, new, dev[0].passed(old), dev[1].passed(old), test[0].precision(old), test[1].precision(new),
        test[0].passed(old), test[1].passed(new),
    )  # fmt: skip


def _logistic(scores: NDArray[np.float64], relevant: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Slope and intercept of the probability that a hit is relevant; None where there is but one kind of hit."""
    if not relevant.any() or relevant.all():
        return None, None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e4, max_iter=1000).fit(scores[:, None], relevant)
    return float(model.coef_[0, 0]), float(model.intercept_[0])
