"""Searchers who are made up: they look at results from the top, click what is relevant, and err.

Writes the log that they leave. Knows rankings and relevance; what is made of the log is not its business.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jargonaut.records import Query, Run

COLUMNS = ("query", "document_id", "rank", "clicked", "time", "session_id")

_FIRST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_BETWEEN = 20.0
"""Mean seconds from a page to the next."""
_MOST = 20
"""No query is asked more than so many times as often as the mean one."""
_SPREAD = 4.0
"""How alike results are that are always taken wrongly: sum of the Beta distribution's parameters."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """How searchers behave.

    Attributes:
        eta: A result at rank r is looked at with probability 1 / r^eta.
        noise: A look ends in the wrong decision with this probability: an irrelevant result is clicked, a relevant one
            is not.
        pages: Mean number of pages for each query; a few queries have most of them.
        depth: Results on a page.
        lasting: Whether the same results are always taken wrongly: how likely that is, is drawn once for each query and
            result, around `noise`, as for a title that promises too much. Else each look is decided anew.
        seed: Of all chance.
    """

    eta: float = 1.0
    noise: float = 0.2
    pages: float = 30.0
    depth: int = 10
    lasting: bool = False
    seed: int = 13

    @property
    def examination(self) -> NDArray[np.float64]:
        """How likely each rank is looked at."""
        law: NDArray[np.float64] = np.arange(1.0, self.depth + 1) ** -self.eta
        return law


def write_log(
    path: Path,
    queries: Sequence[Query],
    rankings: Sequence[Run],
    relevant: Mapping[str, frozenset[str]],
    searcher: Searcher,
) -> int:
    """Writes a log with a row for each shown result, as CSV; returns how many.

    Each page shows one of the rankings, drawn anew, as two engines side by side would.

    Args:
        path: The file.
        queries: What is asked.
        rankings: What the engines answer.
        relevant: Query id → ids of what answers it.
        searcher: Who asks.
    """
    chance = np.random.default_rng(searcher.seed)
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        time = _FIRST
        errors: dict[str, dict[str, float]] = {query.id: {} for query in queries}
        for number, query in enumerate(_asked(queries, searcher, chance)):
            ranking = rankings[int(chance.integers(len(rankings)))]
            time += chance.exponential(_BETWEEN)
            shown = [hit.passage_id for hit in ranking.top(query.id, searcher.depth)]
            wrong = _wrong(shown, errors[query.id], searcher, chance)
            page = _clicked(shown, relevant[query.id], wrong, searcher, chance)
            for rank, (document, clicked) in enumerate(zip(shown, page, strict=True), start=1):
                writer.writerow((query.text, document, rank, int(clicked), round(time), f"s{number}"))
                rows += 1
    return rows


def _asked(queries: Sequence[Query], searcher: Searcher, chance: np.random.Generator) -> Iterator[Query]:
    """Queries in the order in which they are asked; how often each is, follows a long-tailed law."""
    share = np.minimum(chance.pareto(1.2, len(queries)) + 0.1, _MOST)
    times = np.maximum(1, np.round(share / share.mean() * searcher.pages)).astype(int)
    order = np.repeat(np.arange(len(queries)), times)
    chance.shuffle(order)
    return (queries[place] for place in order.tolist())


def _wrong(
    shown: Sequence[str], known: dict[str, float], searcher: Searcher, chance: np.random.Generator
) -> NDArray[np.float64]:
    """How likely a look at each result ends in the wrong decision; `known` remembers what was drawn."""
    if not searcher.lasting:
        return np.full(len(shown), searcher.noise)
    for document in shown:
        if document not in known:
            known[document] = float(chance.beta(_SPREAD * searcher.noise, _SPREAD * (1 - searcher.noise)))
    return np.array([known[document] for document in shown], dtype=np.float64)


def _clicked(
    shown: Sequence[str],
    relevant: frozenset[str],
    wrong: NDArray[np.float64],
    searcher: Searcher,
    chance: np.random.Generator,
) -> list[bool]:
    """Which results of a page are clicked."""
    looked = chance.random(len(shown)) < searcher.examination[: len(shown)]
    erred = chance.random(len(shown)) < wrong
    wanted = np.array([document in relevant for document in shown], dtype=bool)
    clicked: list[bool] = (looked & (wanted ^ erred)).tolist()
    return clicked
