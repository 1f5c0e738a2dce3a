"""What better ranking saves: how many passages each system must hand on to reach the same recall, in tokens and money.

A language model is paid by the token, and every passage in its prompt is paid for with every question. Knows runs,
judgements and sizes of passages. How a system was made, and what a token costs, is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import require_limits
from jargonaut.evaluation.comparison import LABELS
from jargonaut.evaluation.measures import DEPTH
from jargonaut.evaluation.statistics import fewest_clusters
from jargonaut.records import Qrel, Query, Run

QUESTIONS = 1000
"""Questions that money is told for."""
_RESAMPLES = 1000
_ROUNDING = 1e-9
_NAMES: Mapping[str, str] = {str(kind): name for kind, name in LABELS.items()}

Curves = NDArray[np.float64]
"""Recall of each query at every k from 1 on, shape (queries, depth)."""


@dataclass(frozen=True, slots=True)
class SavingsOptions:
    """What better ranking saves where passages are handed to a language model.

    Attributes:
        k: Passages that are handed on today; the base's recall at that k is what the others must reach.
        price_per_million: Price of a million input tokens of the language model that reads the passages; not set takes
            `input_per_million` of `[prices]`, and where that is not set either, tokens only are told.
        queries: Test queries that it is measured on at most.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    k: int = 10
    price_per_million: float | None = None
    queries: int = 2000

    def __post_init__(self) -> None:
        price = self.price_per_million
        require_limits(
            "savings",
            self,
            (
                ("k", 1 <= self.k <= DEPTH, f"from 1 to {DEPTH}"),
                ("price_per_million", price is None or 0 <= price < float("inf"), "0 or more, or not set"),
                ("queries", self.queries >= 1, "1 or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class Saving:
    """What one system needs to reach the recall that the base has today.

    Attributes:
        system: Its name.
        k: Passages that it must hand on; None where even the first hundred do not reach it.
        k_low: Lower end of the interval of `k`; None where there are too few document groups for one.
        k_high: Upper end; None as well where it is not within the first hundred.
        recall: Mean recall at `k`; None with it.
        tokens: Context tokens of a question, the mean over the queries; None with `k`.
        cost: Money for the context tokens of 1,000 questions; None with `k`, or without a price.
        differs: Whether it needs measurably fewer passages than the base, or more: the interval of the difference,
            both drawn together, does not hold 0.
    """

    system: str
    k: int | None
    k_low: int | None
    k_high: int | None
    recall: float | None
    tokens: float | None
    cost: float | None
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Savings:
    """Every system at the same recall, the base first.

    Attributes:
        recall: Recall of the base at `k`, which the others must reach.
        k: Passages that are handed on today.
        systems: What each needs.
        n: Queries that it was measured on.
        price_per_million: Of input tokens; None where none was given.
        currency: What money is in.
    """

    recall: float
    k: int
    systems: tuple[Saving, ...]
    n: int
    price_per_million: float | None
    currency: str

    def of(self, system: str) -> Saving | None:
        """One system's."""
        return next((one for one in self.systems if one.system == system), None)

    def saved(self, system: str) -> float | None:
        """Share of the base's context tokens that a system saves, below 0 where it needs more; None if unknown."""
        base, one = self.systems[0], self.of(system)
        if one is None or one.tokens is None or not base.tokens:
            return None
        return 1 - one.tokens / base.tokens

    def is_measurable(self, system: str) -> bool:
        """Whether a system needs measurably fewer passages than the base, or more."""
        one = self.of(system)
        return one is not None and one.differs

    def sentence(self, system: str) -> str:
        """What one system saves, in one line."""
        base, one = self.systems[0], self.of(system)
        name = _NAMES.get(system, system)
        if one is None:
            return f"{name} was not measured"
        if one.k is None or one.tokens is None or base.tokens is None:
            return f"{name} does not reach the base's recall@{self.k} ({self.recall:.3f}) in its first {DEPTH} hits"
        span = "" if one.k_low is None else f" ({one.k_low} to {one.k_high or f'more than {DEPTH}'})"
        text = (
            f"{name} reaches the base's recall@{self.k} ({self.recall:.3f}) with {one.k} "
            f"passage{'' if one.k == 1 else 's'}{span}: "
            f"{one.tokens:,.0f} context tokens a question instead of {base.tokens:,.0f}"
        )
        if one.cost is not None and base.cost is not None:
            text += f", {_money(one.cost)} {self.currency} for {QUESTIONS:,} questions instead of {_money(base.cost)}"
        return text if self.is_measurable(system) else f"{text}; no measurable difference"


def recall_curves(run: Run, qrels: Sequence[Qrel], queries: Sequence[Query], depth: int = DEPTH) -> Curves:
    """Recall of each query at every k from 1 to `depth`, by the standard scorer (trec_eval's, ties as there).

    Args:
        run: What the system answered.
        qrels: Judgements.
        queries: In the order of the rows; each with a positive.
        depth: Largest k.
    """
    import ir_measures
    from ir_measures import R

    asked = {query.id: row for row, query in enumerate(queries)}
    judged: dict[str, dict[str, int]] = {}
    for one in qrels:
        if one.query_id in asked:
            judged.setdefault(one.query_id, {})[one.passage_id] = one.relevance
    measures = {R @ k: k - 1 for k in range(1, depth + 1)}
    answers = {id_: dict(run.rankings[id_]) for id_ in asked if id_ in run.rankings}
    found = np.zeros((len(queries), depth))
    for metric in ir_measures.pytrec_eval.evaluator(list(measures), judged).iter_calc(answers):
        found[asked[metric.query_id], measures[metric.measure]] = metric.value
    return found


def savings(
    runs: Mapping[str, Run],
    qrels: Sequence[Qrel],
    queries: Sequence[Query],
    tokens: Callable[[str], int],
    clusters: Mapping[str, str],
    options: SavingsOptions | None = None,
    *,
    price_per_million: float | None = None,
    currency: str = "USD",
    confidence: float = 0.95,
    seed: int = 0,
) -> Savings | None:
    """Finds the k that each system needs to reach the base's recall.

    Args:
        runs: System → what it answered, to a depth of 100; the base first.
        qrels: Judgements.
        queries: Each with a positive; beyond the options' number an even sample of them.
        tokens: Passage id → how many tokens it takes in a prompt.
        clusters: Query id → document group; a query that is missing stands alone.
        options: k of today.
        price_per_million: Price of input tokens where the options give none; None where there is none.
        currency: What it is in.
        confidence: Probability mass of the intervals of k.
        seed: Of the bootstrap.

    Returns:
        None where there is no query.
    """
    options = options or SavingsOptions()
    asked = list(queries)[:: max(1, -(-len(queries) // options.queries))]
    if not asked or not runs:
        return None
    price = options.price_per_million if options.price_per_million is not None else price_per_million
    curves = {name: recall_curves(run, qrels, asked) for name, run in runs.items()}
    first = next(iter(curves.values()))
    target = float(first[:, options.k - 1].mean())
    labels = [clusters.get(query.id, query.id) for query in asked]
    spans = _spans(list(curves.values()), options.k, labels, confidence, seed)
    found = []
    for (name, curve), (low, high, differs) in zip(curves.items(), spans, strict=True):
        k = _needed(curve.mean(axis=0)[None], np.array([target]))[0]
        if k > DEPTH:
            found.append(Saving(name, None, low, high, None, None, None, differs))
            continue
        used = _context(runs[name], asked, tokens, int(k))
        cost = None if price is None else used * price / 1e6 * QUESTIONS
        found.append(Saving(name, int(k), low, high, float(curve[:, k - 1].mean()), used, cost, differs))
    return Savings(target, options.k, tuple(found), len(asked), price, currency)


def _money(amount: float) -> str:
    """An amount with two decimals, a small one with as many as it takes to tell two apart."""
    return f"{amount:,.{2 if amount >= 1 else 3 if amount >= 0.01 else 6}f}"


def _needed(means: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.int64]:
    """Smallest k whose mean recall reaches the target, row by row; one more than the depth where none does."""
    reached = means >= targets[:, None] - _ROUNDING
    first: NDArray[np.int64] = reached.argmax(axis=1).astype(np.int64) + 1
    first[~reached.any(axis=1)] = means.shape[1] + 1
    return first


def _spans(
    curves: Sequence[Curves], k: int, labels: Sequence[str], confidence: float, seed: int
) -> list[tuple[int | None, int | None, bool]]:
    """Interval of each system's k by a percentile bootstrap over clusters, and whether it is off the base's.

    Base and system are drawn together, and so is the recall that they must reach.
    """
    _, members = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    number = int(members.max()) + 1
    if number < fewest_clusters(confidence):
        return [(None, None, False)] * len(curves)
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=_RESAMPLES)
    sizes = drawn @ np.bincount(members, minlength=number)
    means = []
    for curve in curves:
        sums = np.zeros((number, curve.shape[1]))
        np.add.at(sums, members, curve)
        means.append((drawn @ sums) / sizes[:, None])
    targets = means[0][:, k - 1]
    today, tail = _needed(means[0], targets), (1 - confidence) / 2
    spans: list[tuple[int | None, int | None, bool]] = []
    for mean in means:
        needed = _needed(mean, targets)
        low, high = np.quantile(needed, [tail, 1 - tail], method="closest_observation")
        fewest, most = np.quantile(needed - today, [tail, 1 - tail], method="closest_observation")
        spans.append((int(low), int(high) if high <= DEPTH else None, bool(fewest > 0 or most < 0)))
    return spans


def _context(run: Run, queries: Sequence[Query], tokens: Callable[[str], int], k: int) -> float:
    """Tokens of the first k hits, the mean over the queries."""
    total = sum(tokens(hit.passage_id) for query in queries for hit in run.top(query.id, k))
    return total / len(queries)
