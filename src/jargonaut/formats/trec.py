"""TREC runs and qrels, as every scorer of the field reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from jargonaut.artifacts import atomic_write
from jargonaut.records import Qrel, Run


def write_trec_run(path: Path, run: Run) -> None:
    """Writes a run in TREC's six columns. White space in ids, which the format cannot hold, becomes `_`."""
    tag = _column(run.name)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for query_id, hits in run.rankings.items():
            for rank, (passage_id, score) in enumerate(hits.items(), start=1):
                stream.write(f"{_column(query_id)} Q0 {_column(passage_id)} {rank} {float(score)!r} {tag}\n")


def write_trec_qrels(path: Path, judgements: Iterable[Qrel]) -> None:
    """Writes judgements in TREC's four columns."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for j in judgements:
            stream.write(f"{_column(j.query_id)} 0 {_column(j.passage_id)} {j.relevance}\n")


def _column(text: str) -> str:
    return re.sub(r"\s+", "_", text) or "_"
