"""What a click log says of the live system: click-through by rank, and recall of what clicks show to be relevant.

Counterfactual recall frees clicks of position bias (inverse propensity: Joachims, Swaminathan & Schnabel 2017) and asks
how much of the relevance that they show the live system finds among its first ten. Joins the click room and a searcher.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jargonaut import formats
from jargonaut.monitoring import Signal
from jargonaut.pairs.clicks import examination, open_log
from jargonaut.pairs.clicks.rates import Rates, rates
from jargonaut.pairs.clicks.sessions import sift, take_sums
from jargonaut.pairs.clicks.spool import Cells, spooled
from jargonaut.pairs.document_names import named_documents
from jargonaut.records import BadRow, Passage
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.watching.asking import Asker

SHOWN_RANKS = 10
_MOST_QUERIES = 1_000


@dataclass(frozen=True, slots=True)
class ClickSignals:
    """Figures of a click log, and what a reader should know."""

    signals: tuple[Signal, ...]
    notices: tuple[str, ...]


def measured(path: Path, settings: Settings, asker: Asker, documents: PreparedCorpus | None) -> ClickSignals:
    """Reads a click log and asks the live system its most frequent queries.

    Args:
        path: The log.
        settings: How a log is read.
        asker: Asks what is live.
        documents: The documents as they are now; None where they cannot be read, and the log's names are taken as ids.

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
        cells, queries, names = spool.cells(), spool.wording(), spool.documents
        counting = not spool.some_unclicked()
    told = [f"{len(bad):,} rows of the click log are left out, the first: {bad[0]}"] if bad else []
    if counting:
        told.append("the click log lists clicks alone: without what was shown, nothing can be said of click-through")
        return ClickSignals((), tuple(told))
    if not len(cells):
        return ClickSignals((), (*told, "the click log holds no evidence"))
    known = rates(cells, examination(cells, options), options)
    clicked = sorted({names[int(number)] for number in known.document[known.clicks > 0]})
    meant = dict(zip(clicked, clicked, strict=True)) if documents is None else _meant(clicked, documents)
    if len(meant) < len(clicked):
        told.append(f"{len(clicked) - len(meant):,} of {len(clicked):,} results that were clicked are none of the "
                    "documents, so nobody can find them: they are left out")  # fmt: skip
    return ClickSignals((*_by_rank(cells), *_recall(known, queries, names, meant, asker)), tuple(told))


def _meant(names: Collection[str], documents: PreparedCorpus) -> dict[str, str]:
    """What a log calls a result → the passage or document of ours that it is; names of none are left out."""
    wanted, found, ours = set(names), dict[str, str](), dict[str, None]()
    for passage in formats.read_records(documents.artifact.path / "passages.jsonl", Passage):
        if passage.id in wanted:
            found[passage.id] = passage.id
        ours[passage.document_id or passage.id] = None
    return {**named_documents(sorted(wanted - found.keys()), ours).found, **found}


def _by_rank(cells: Cells) -> list[Signal]:
    """Clicks by impression: over all ranks, and at each of the first."""
    found = [Signal("click_through", float(cells.clicks.sum() / cells.shown.sum()), count=int(cells.shown.sum()))]
    for rank in range(1, SHOWN_RANKS + 1):
        here = cells.rank == rank
        shown = int(cells.shown[here].sum())
        if shown:
            found.append(Signal(f"click_through_{rank}", float(cells.clicks[here].sum() / shown), count=shown))
    return found


def _recall(
    known: Rates, queries: Mapping[int, str], names: Sequence[str], meant: Mapping[str, str], asker: Asker
) -> list[Signal]:
    """Share of the clicked relevance that the live system finds among its first ten, over the most frequent queries."""
    relevance: dict[int, dict[str, float]] = {}
    often = np.bincount(known.query, known.shown)
    for place in np.flatnonzero(known.clicks > 0).tolist():
        name = meant.get(names[int(known.document[place])])
        if name is not None:
            row = relevance.setdefault(int(known.query[place]), {})
            row[name] = max(row.get(name, 0.0), float(known.estimate[place]))
    asked = sorted(relevance, key=lambda query: (-often[query], query))[:_MOST_QUERIES]
    if not asked:
        return []
    shares = []
    for query, answer in zip(asked, asker.ask_anew([queries[query] for query in asked]), strict=True):
        there = {name for hit in answer.hits for name in (hit.passage.id, hit.passage.document_id)}
        weights = relevance[query]
        shares.append(sum(w for name, w in weights.items() if name in there) / sum(weights.values()))
    return [Signal("counterfactual_recall", float(np.mean(shares)), count=len(asked))]
