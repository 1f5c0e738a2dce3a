"""What a click log says of the live system: click-through by rank, and recall of what clicks show to be relevant.

Counterfactual recall frees clicks of position bias (inverse propensity: Joachims, Swaminathan & Schnabel 2017) and asks
how much of the relevance that they show the live system finds among its first ten. Joins the click room and a searcher.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jargonaut.lifecycle import LiveSearcher
from jargonaut.monitoring import Signal
from jargonaut.pairs.clicks import examination, open_log
from jargonaut.pairs.clicks.rates import Rates, rates
from jargonaut.pairs.clicks.sessions import sift, take_sums
from jargonaut.pairs.clicks.spool import Cells, spooled
from jargonaut.records import BadRow
from jargonaut.settings import Settings
from jargonaut.watching.golden import answered

SHOWN_RANKS = 10
_MOST_QUERIES = 1_000


@dataclass(frozen=True, slots=True)
class ClickSignals:
    """Figures of a click log, and what a reader should know."""

    signals: tuple[Signal, ...]
    notices: tuple[str, ...]


def measured(path: Path, settings: Settings, searcher: LiveSearcher) -> ClickSignals:
    """Reads a click log and asks the live system its most frequent queries.

    Raises:
        InputError: The log cannot be used.
        JargonautError: The live system does not answer.
    """
    bad: list[BadRow] = []
    options = settings.clicks
    log = open_log(path, bad.append, options)
    with spooled() as spool:
        spool.add(log.impressions, options, pages=bool(log.columns.shown))
        take_sums(spool) if log.columns.impressions else sift(spool, options)
        cells, queries, documents = spool.cells(), spool.queries, spool.documents
        counting = not spool.some_unclicked()
    told = [f"{len(bad):,} rows of the click log are left out, the first: {bad[0]}"] if bad else []
    if counting:
        told.append("the click log lists clicks alone: without what was shown, nothing can be said of click-through")
        return ClickSignals((), tuple(told))
    if not len(cells):
        return ClickSignals((), (*told, "the click log holds no evidence"))
    known = rates(cells, examination(cells, options), options)
    return ClickSignals((*_by_rank(cells), *_recall(known, queries, documents, searcher)), tuple(told))


def _by_rank(cells: Cells) -> list[Signal]:
    """Clicks by impression: over all ranks, and at each of the first."""
    found = [Signal("click_through", float(cells.clicks.sum() / cells.shown.sum()), count=int(cells.shown.sum()))]
    for rank in range(1, SHOWN_RANKS + 1):
        here = cells.rank == rank
        shown = int(cells.shown[here].sum())
        if shown:
            found.append(Signal(f"click_through_{rank}", float(cells.clicks[here].sum() / shown), count=shown))
    return found


def _recall(known: Rates, queries: list[str], documents: list[str], searcher: LiveSearcher) -> list[Signal]:
    """Share of the clicked relevance that the live system finds among its first ten, over the most frequent queries."""
    relevance: dict[int, dict[str, float]] = {}
    often = np.bincount(known.query, known.shown)
    for place in np.flatnonzero(known.clicks > 0).tolist():
        row = relevance.setdefault(int(known.query[place]), {})
        row[documents[int(known.document[place])]] = float(known.estimate[place])
    asked = sorted(relevance, key=lambda query: (-often[query], query))[:_MOST_QUERIES]
    if not asked:
        return []
    answers, _ = answered([queries[query] for query in asked], searcher)
    shares = []
    for query, answer in zip(asked, answers, strict=True):
        there = {name for hit in answer.hits for name in (hit.passage.id, hit.passage.document_id)}
        weights = relevance[query]
        shares.append(sum(w for name, w in weights.items() if name in there) / sum(weights.values()))
    return [Signal("counterfactual_recall", float(np.mean(shares)), count=len(asked))]
