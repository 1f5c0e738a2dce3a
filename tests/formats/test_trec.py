"""What reading TREC runs and qrels promises."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut import evaluation, formats
from jargonaut.errors import InputError
from jargonaut.records import BadRow, Qrel, Query, Run


def read(path: Path, text: str) -> tuple[formats.TrecRun, list[str]]:
    """A run of this text, and the bad rows as they are shown."""
    path.write_text(text, encoding="utf-8")
    bad: list[BadRow] = []
    return formats.read_trec_run(path, bad.append), [str(row) for row in bad]


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """What we write we read: queries, passages, scores and their order."""
    run = Run("ours", {"q1": {"b": 0.9, "a": 0.25}, "q2": {"c": -1e-9}})
    formats.write_trec_run(tmp_path / "ours.run", run)
    found = formats.read_trec_run(tmp_path / "ours.run", list[BadRow]().append)
    assert found.run == run
    assert [list(hits) for hits in found.run.rankings.values()] == [["b", "a"], ["c"]]
    assert (found.rows, found.disordered) == (3, ())


def test_rows_come_in_any_order_and_packed(tmp_path: Path) -> None:
    """The scores order the hits, whatever the order of the rows, also in a `.gz`; the file's name is the run's."""
    rows = [f"q{q} Q0 p{p} {p} {10 - p}.5 tag" for q in range(3) for p in range(1, 5)]
    random.Random(3).shuffle(rows)
    (tmp_path / "bm.25.run.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    found = formats.read_trec_run(tmp_path / "bm.25.run.gz", list[BadRow]().append)
    assert found.run.name == "bm.25"
    assert list(found.run.rankings["q2"]) == ["p1", "p2", "p3", "p4"]
    assert found.disordered == ()


def test_ties_stand_as_trec_eval_orders_them(tmp_path: Path) -> None:
    """Equal scores fall by passage id, so the first hit that we show is the one that the scorer counts."""
    found, _ = read(tmp_path / "run", "q Q0 a 1 2.0 t\nq Q0 c 2 1.0 t\nq Q0 d 3 1.0 t\nq Q0 b 4 1.0 t\n")
    assert list(found.run.rankings["q"]) == ["a", "d", "c", "b"]
    scores = evaluation.per_query(found.run, [Qrel("q", "d", 1)], [Query("q", "")])
    assert scores.mean("MRR@10") == 1 / 2


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("q1 Q0 p9 3 nan t", "field 'score': a finite number is wanted, not 'nan'"),
        ("q1 Q0 p9 3 -inf t", "field 'score'"),
        ("q1 Q0 p9 3 good t", "field 'score': a finite number is wanted, not 'good'"),
        ("q1 Q0 p1 3 0.1 t", "field 'passage': 'p1' answers query 'q1' a second time"),
        ("q1 Q0 my passage 3 0.1 t", "this line has 7"),
        ("q1 p9 0.1", "this line has 3"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_the_rest_is_read(tmp_path: Path, row: str, told: str) -> None:
    """NaN, words for scores, a passage twice and other columns: file, line and reason, and the good rows go on."""
    found, bad = read(tmp_path / "r.run", f"q1 Q0 p1 1 0.9 t\n{row}\nq2 Q0 p1 1 0.5 t\n")
    assert len(bad) == 1
    assert bad[0].startswith(f"{tmp_path / 'r.run'}:2: ")
    assert told in bad[0]
    assert found.rows == 2
    assert set(found.run.rankings) == {"q1", "q2"}


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A line in another encoding is left out by its number."""
    (tmp_path / "r").write_bytes(b"q1 Q0 p1 1 0.9 t\nq2 Q0 p\xff\xfe 1 0.9 t\n")
    bad: list[BadRow] = []
    assert formats.read_trec_run(tmp_path / "r", bad.append).rows == 1
    assert [(row.line, row.reason) for row in bad] == [(2, "not UTF-8 text")]


@pytest.mark.parametrize(
    ("scores", "disordered"),
    [((0.1, 0.5, 0.9), True), ((1.0, 1.0, 1.0), True), ((0.9, 0.5, 0.5), False), ((0.9, 0.9, 0.5), False)],
)
def test_ranks_against_scores_are_noticed(tmp_path: Path, scores: tuple[float, ...], *, disordered: bool) -> None:
    """Distances in place of similarities, and one score for all, are named; ties among others are usual."""
    text = "".join(f"q Q0 p{rank} {rank} {score} t\n" for rank, score in enumerate(scores, start=1))
    assert bool(read(tmp_path / "run", text)[0].disordered) is disordered


def test_a_run_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(InputError, match=r"gone\.run"):
        formats.read_trec_run(tmp_path / "gone.run", list[BadRow]().append)


def test_contradicting_judgements_are_told(tmp_path: Path) -> None:
    """A pair judged twice counts once; with another grade, the second line is named; spam grades count as 0."""
    (tmp_path / "qrels").write_text("q1 0 p1 2\nq1 0 p1 2\nq1 0 p2 -2\nq1 0 p1 0\n", encoding="utf-8")
    bad: list[BadRow] = []
    found = list(formats.read_trec_qrels(tmp_path / "qrels", bad.append))
    assert found == [Qrel("q1", "p1", 2), Qrel("q1", "p2", 0)]
    assert [(row.line, row.field) for row in bad] == [(4, "relevance")]
    assert "'p1' was judged 2 for 'q1' in line 1, here 0" in bad[0].reason


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.integers(0, 5),
        st.dictionaries(st.integers(0, 30), st.integers(-3, 3), min_size=1, max_size=12),
        min_size=1,
        max_size=5,
    )
)
def test_a_run_that_was_read_scores_as_the_fields_tools_score_it(
    tmp_path_factory: pytest.TempPathFactory, hits: dict[int, dict[int, int]]
) -> None:
    """Reading a run, ties and all, gives the scores that `ir_measures` gives the same file."""
    path = tmp_path_factory.mktemp("runs") / "any.run"
    rows = [f"q{q} Q0 p{p} 1 {score} t" for q, scores in hits.items() for p, score in scores.items()]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    judged = [Qrel(f"q{q}", f"p{p}", 1) for q in hits for p in (0, 3, 7)]
    run = formats.read_trec_run(path, list[BadRow]().append).run
    ours = evaluation.per_query(run, judged, [Query(f"q{q}", "") for q in hits]).mean("nDCG@10")
    theirs = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10],
        [ir_measures.Qrel(j.query_id, j.passage_id, j.relevance) for j in judged],
        ir_measures.read_trec_run(str(path)),
    )
    assert ours == pytest.approx(theirs[ir_measures.nDCG @ 10], abs=1e-12)
