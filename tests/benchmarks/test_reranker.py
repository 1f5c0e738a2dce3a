"""The set that the reranker's benchmark cuts, and its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.conditions import LabelledSet
from benchmarks.recipe import Sitting
from benchmarks.reranker import StageOptions, cut, table
from tests.rerankworld import write_world

OPTIONS = StageOptions(pairs=8, dev=4, queries=5, corpus=6)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of one set."""
    write_world(tmp_path / "data" / "world")
    return tmp_path / "data"


def test_a_smaller_set_keeps_what_its_queries_name(data: Path, tmp_path: Path) -> None:
    """So many queries of each split, all their answers among so many passages, and the same ones each time."""
    made = LabelledSet.read(cut(data / "world", tmp_path / "small", OPTIONS))
    assert [len({j.query_id for j in part}) for part in (made.train, made.dev, made.test)] == [8, 4, 5]
    assert len(made.passages) == 6
    assert {j.passage_id for part in (made.train, made.dev, made.test) for j in part} <= {p.id for p in made.passages}
    assert made == LabelledSet.read(cut(data / "world", tmp_path / "again", OPTIONS))


def test_the_table_compares_with_the_base(data: Path, tmp_path: Path) -> None:
    """One row for each system that sat, in the order of the systems, with the paired difference."""
    for system, value in (("base, reranked", 0.75), ("base", 0.5)):
        Sitting("world", system, 13, 2.0, {"milliseconds": 40.0}, {"nDCG@10": [value] * 5}, {}).write(
            tmp_path / "store"
        )
    rows = table(tmp_path / "store", data, OPTIONS).splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == ["base", "base, reranked"]
    assert "+0.2500" in rows[1]


def test_scores_stand_in_the_order_of_the_clusters(data: Path, tmp_path: Path) -> None:
    """By query id: the order in which judgements come decides nothing."""
    judged = data / "world" / "qrels" / "test.tsv"
    head, *lines = judged.read_text().splitlines()
    asked = sorted({line.split("\t")[0] for line in lines})
    rows = [f"{id_}\tp{max(number, 3)}\t1" for number, id_ in enumerate(asked)]  # the first four share their answer
    for system, found in (("base", [0.0] * 12), ("base, reranked", [1.0] * 4 + [0.0] * 8)):
        Sitting("world", system, 13, 2.0, {"milliseconds": 40.0}, {"nDCG@10": found}, {}).write(tmp_path / "store")
    tables = set()
    for order in (rows, rows[::-1]):
        judged.write_text("\n".join([head, *order]) + "\n")
        tables.add(table(tmp_path / "store", data, replace(OPTIONS, queries=12)))
    assert len(tables) == 1
