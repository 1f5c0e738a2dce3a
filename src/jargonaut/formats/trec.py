"""TREC runs and qrels, as every scorer of the field reads them.

Knows columns. Which queries a run must answer, and what its scores are worth, is not its business.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jargonaut.artifacts import atomic_write
from jargonaut.formats.beir import numbered_qrels
from jargonaut.formats.jsonl import OnBad, lines_of
from jargonaut.records import BadRow, Qrel, Run

_COLUMNS = "six columns are wanted (query, Q0, passage, rank, score, tag), and ids hold no white space"


@dataclass(frozen=True, slots=True)
class TrecRun:
    """A run that was read.

    Attributes:
        run: Its answers by falling score; ties as trec_eval orders them, by falling passage id.
        rows: Rows that were used.
        disordered: Queries whose ranks tell another order than their scores do. Scorers go by the scores, as trec_eval
            does, so such a run is seldom what its author means: distances in place of similarities, or one score for
            all.
    """

    run: Run
    rows: int
    disordered: tuple[str, ...] = ()


def read_trec_run(path: Path, on_bad: OnBad, *, name: str | None = None) -> TrecRun:
    """A run from TREC's six columns, plain or `.gz`.

    A row with other columns, a score that is no finite number, or a passage that the query was answered with before
    goes to `on_bad`.

    Args:
        path: The file.
        on_bad: Told of each row that cannot be used.
        name: What the run is called; the file's name without its endings when None.

    Raises:
        InputError: The file cannot be opened.
    """
    found: dict[str, dict[str, float]] = {}
    ranks: dict[str, list[tuple[float, float]]] = {}
    rows = 0
    for query_id, passage_id, rank, score in _rows(path, found, on_bad):
        found.setdefault(query_id, {})[passage_id] = score
        ranks.setdefault(query_id, []).append((rank, score))
        rows += 1
    ordered: Mapping[str, Mapping[str, float]] = {
        query_id: dict(sorted(hits.items(), key=lambda hit: (hit[1], hit[0]), reverse=True))
        for query_id, hits in found.items()
    }
    shown = name or path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
    return TrecRun(Run(shown, ordered), rows, tuple(id_ for id_, seen in ranks.items() if _disordered(seen)))


def read_trec_qrels(path: Path, on_bad: OnBad) -> Iterator[Qrel]:
    """Judgements from TREC's four columns, or from a BEIR `.tsv`; each query and passage once.

    A second row on the same query and passage goes to `on_bad` if it has another grade; grades below 0, which mark
    spam in some collections, are 0.

    Raises:
        InputError: The file cannot be opened.
    """
    seen: dict[tuple[str, str], tuple[int, int]] = {}
    for number, qrel in numbered_qrels(path, on_bad):
        key, grade = (qrel.query_id, qrel.passage_id), max(0, qrel.relevance)
        before = seen.setdefault(key, (number, grade))
        if before[0] == number:
            yield Qrel(*key, grade)
        elif before[1] != grade:
            reason = (
                f"{qrel.passage_id!r} was judged {before[1]} for {qrel.query_id!r} in line {before[0]}, here {grade}"
            )
            on_bad(BadRow(str(path), number, "relevance", reason))


def write_trec_run(path: Path, run: Run) -> None:
    """Writes a run in TREC's six columns. White space in ids, which the format cannot hold, becomes `_`."""
    tag = column(run.name)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for query_id, hits in run.rankings.items():
            for rank, (passage_id, score) in enumerate(hits.items(), start=1):
                stream.write(f"{column(query_id)} Q0 {column(passage_id)} {rank} {float(score)!r} {tag}\n")


def write_trec_qrels(path: Path, judgements: Iterable[Qrel]) -> None:
    """Writes judgements in TREC's four columns."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for j in judgements:
            stream.write(f"{column(j.query_id)} 0 {column(j.passage_id)} {j.relevance}\n")


def column(text: str) -> str:
    """An id or a name as the format holds it, without white space."""
    return re.sub(r"\s+", "_", text) or "_"


def _rows(
    path: Path, found: Mapping[str, Mapping[str, float]], on_bad: OnBad
) -> Iterator[tuple[str, str, float, float]]:
    """(query, passage, rank, score) of every row that can be used and is not in `found`."""
    for number, raw in lines_of(path, on_bad):
        try:
            cells = raw.decode("utf-8-sig").split()
        except UnicodeDecodeError:
            on_bad(BadRow(str(path), number, "", "not UTF-8 text"))
            continue
        if len(cells) != 6:
            on_bad(BadRow(str(path), number, "", f"{_COLUMNS}; this line has {len(cells)}"))
            continue
        query_id, _, passage_id, rank, score, _ = cells
        value = _number(score)
        if not math.isfinite(value):
            on_bad(BadRow(str(path), number, "score", f"a finite number is wanted, not {score!r}"))
        elif passage_id in found.get(query_id, ()):
            on_bad(BadRow(str(path), number, "passage", f"{passage_id!r} answers query {query_id!r} a second time"))
        else:
            yield query_id, passage_id, _number(rank), value


def _number(cell: str) -> float:
    """A number, or NaN for what is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _disordered(rows: list[tuple[float, float]]) -> bool:
    """Whether ranks and scores of one query tell two orders, or its scores tell none."""
    scores = [score for _, score in sorted(rows, key=lambda row: row[0])]
    if len(scores) < 2 or any(math.isnan(rank) for rank, _ in rows) or len({rank for rank, _ in rows}) < len(rows):
        return False
    return scores[0] == scores[-1] == max(scores) or any(after > before for before, after in itertools.pairwise(scores))
