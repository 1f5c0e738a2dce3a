"""What `measures` promises."""

from __future__ import annotations

import math
import time
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.errors import InputError, MismatchError
from jargonaut.evaluation import MEASURES, per_query, query_clusters, read_per_query, write_per_query
from jargonaut.records import Qrel, Query, Run

QUERIES = [Query("q1", "one"), Query("q2", "two")]
QRELS = [Qrel("q1", "a", 1), Qrel("q2", "b", 1), Qrel("q2", "c", 1), Qrel("q2", "x", 0)]


def test_values_known_by_hand() -> None:
    """Every measure has the value that its definition gives."""
    run = Run("r", {"q1": {"z": 3.0, "a": 2.0}, "q2": {"b": 3.0, "x": 2.0, "c": 1.0}})
    found = {name: values.tolist() for name, values in per_query(run, QRELS, QUERIES).values.items()}
    assert found["recall@1"] == [0.0, 0.5]
    assert found["recall@5"] == [1.0, 1.0]
    assert found["MRR@10"] == [0.5, 1.0]
    assert found["success@1"] == [0.0, 1.0]
    assert found["MAP"] == pytest.approx([0.5, (1 + 2 / 3) / 2])
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"] == pytest.approx([1 / math.log2(3), 1.5 / ideal])


def test_missing_query_scores_zero() -> None:
    """A query that the run does not answer scores 0 and still counts in the mean."""
    found = per_query(Run("r", {"q1": {"a": 1.0}}), QRELS, QUERIES)
    assert found.query_ids == ("q1", "q2")
    assert all(found.values[name].tolist() == [1.0, 0.0] for name in MEASURES)
    assert found.mean("nDCG@10") == 0.5


def test_grade_zero_is_not_relevant() -> None:
    """A passage judged 0 counts like one that was never judged."""
    found = per_query(Run("r", {"q2": {"x": 1.0}}), QRELS, QUERIES)
    assert found.mean("recall@10") == 0.0


@given(st.integers(1, 100))
def test_reciprocal_rank_is_cut_at_ten(rank: int) -> None:
    """MRR@10 is 1/rank down to rank ten and 0 below."""
    hits = {("a" if place == rank else f"n{place}"): 1 / place for place in range(1, 101)}
    found = per_query(Run("r", {"q1": hits}), QRELS[:1], QUERIES[:1])
    assert found.mean("MRR@10") == pytest.approx(1 / rank if rank <= 10 else 0.0)


def test_extra_queries_and_judgements_are_ignored() -> None:
    """Judgements and answers of queries that were not asked for change nothing."""
    run = Run("r", {"q1": {"a": 1.0}, "other": {"b": 1.0}})
    assert per_query(run, [*QRELS, Qrel("other", "zz", 1)], QUERIES[:1]).mean("recall@1") == 1.0


def test_query_without_positive_is_refused() -> None:
    """A query with no positive cannot be scored, and the message names it."""
    with pytest.raises(InputError, match=r"q3.*1 of 3"):
        per_query(Run("r", {}), [*QRELS, Qrel("q3", "a", 0)], [*QUERIES, Query("q3", "three")])


def test_no_query_and_repeated_query_are_refused() -> None:
    """Nothing to score, or a query id given twice, is the user's error."""
    with pytest.raises(InputError, match="no query"):
        per_query(Run("r", {}), QRELS, [])
    with pytest.raises(InputError, match="twice"):
        per_query(Run("r", {}), QRELS, [*QUERIES, QUERIES[0]])


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_score_that_is_not_finite_is_refused(score: float) -> None:
    """NaN or infinity in a run is named with its query and passage, never ranked."""
    with pytest.raises(InputError, match=r"q1.*'a'"):
        per_query(Run("r", {"q1": {"a": score}}), QRELS, QUERIES)


def test_two_thousand_queries_are_scored_at_once() -> None:
    """2,000 queries × 100 hits, which take half a second, do not take the minutes of a step that is quadratic."""
    queries = [Query(f"q{i}", "") for i in range(2000)]
    judged = [Qrel(f"q{i}", f"p{i}", 1) for i in range(2000)]
    rankings = {f"q{i}": {f"p{i + j}": 1 / (j + 1) for j in range(100)} for i in range(2000)}
    started = time.process_time()
    per_query(Run("r", rankings), judged, queries)
    assert time.process_time() - started < 30


def test_per_query_file_round_trip(tmp_path: Path) -> None:
    """What is written per query is read back unchanged, system by system, in order."""
    one = per_query(Run("r", {"q1": {"a": 1.0}}), QRELS, QUERIES)
    two = per_query(Run("r", {"q2": {"b": 1.0}}), QRELS, QUERIES)
    path = tmp_path / "a=b" / "per_query.parquet"
    write_per_query(path, {"tuned@64": two, "base@64": one})
    back = read_per_query(path)
    assert list(back) == ["tuned@64", "base@64"]
    assert back["base@64"].query_ids == one.query_ids
    assert all(np.array_equal(back["tuned@64"].values[name], two.values[name]) for name in MEASURES)


def test_damaged_per_query_file_is_named(tmp_path: Path) -> None:
    """A file that is no score table gives an answer with its name, not a traceback."""
    path = tmp_path / "per_query.parquet"
    path.write_bytes(b"not parquet")
    with pytest.raises(MismatchError, match="per_query"):
        read_per_query(path)


def test_clusters_are_the_positives_groups() -> None:
    """A query's cluster is its positive's group; a passage without one stands alone."""
    assert query_clusters([Qrel("q0", "n", 0), *QRELS], {"a": "doc"}) == {"q1": "doc", "q2": "b"}


def test_queries_that_share_a_positive_are_one_cluster() -> None:
    """Twenty queries that share one of their positives are one cluster, though each has a document of its own too."""
    judged = [Qrel(f"q{i:02}", passage, 1) for i in range(20) for passage in (f"own{i:02}", "shared")]
    assert len(set(query_clusters(judged, {}).values())) == 1


def test_clusters_do_not_depend_on_the_order_of_judgements() -> None:
    """Chains of shared groups become one cluster, named after its smallest group; grade 0 joins nothing."""
    groups = {"a": "g3", "b": "g2", "c": "g1"}
    judged = [Qrel("q1", "a", 1), Qrel("q1", "b", 1), Qrel("q2", "b", 2), Qrel("q2", "c", 1), Qrel("q3", "d", 1)]
    judged.append(Qrel("q3", "a", 0))
    wanted = {"q1": "g1", "q2": "g1", "q3": "d"}
    assert all(query_clusters(order, groups) == wanted for order in permutations(judged))
