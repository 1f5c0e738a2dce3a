"""A tiny labelled set of real terms, for tests of several rooms that train."""

from __future__ import annotations

from pathlib import Path

from jargonaut.demo import write_demo
from jargonaut.formats import read_passages, read_qrels, read_queries, write_beir
from jargonaut.records import SPLITS


def write_clinic(folder: Path, full: Path) -> Path:
    """Writes 48 train, 16 dev and 12 test queries of ICD-10-CM over their passages as a BEIR folder; gives it.

    Args:
        folder: To write to.
        full: Where the whole demo is written first.
    """
    write_demo(full)
    ignore = list[object]().append
    kept = {}
    for name, count in zip(SPLITS, (48, 16, 12), strict=True):
        judged = [j for j in read_qrels(full / "qrels" / f"{name}.tsv", ignore) if j.relevance > 0]
        wanted = set(list(dict.fromkeys(j.query_id for j in judged))[:count])
        kept[name] = [j for j in judged if j.query_id in wanted]
    named = {j.passage_id for rows in kept.values() for j in rows}
    asked = {j.query_id for rows in kept.values() for j in rows}
    passages = [p for p in read_passages(full / "corpus.jsonl", ignore) if p.id in named]
    write_beir(folder, passages, [q for q in read_queries(full / "queries.jsonl", ignore) if q.id in asked], kept)
    return folder
