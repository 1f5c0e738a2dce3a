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
from jargonaut.evaluation import (
    MEASURES,
    per_query,
    query_clusters,
    read_per_query,
    unjudged,
    write_per_query,
)
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


def big_run(seed: int, *, ties: bool) -> tuple[Run, list[Qrel], list[Query]]:
    """60 queries over 200 passages, several positives each; with ties, many scores are the same."""
    rng = np.random.default_rng(seed)
    queries = [Query(f"q{i}", "") for i in range(60)]
    judged = [Qrel(f"q{i}", f"p{j}", 1) for i in range(60) for j in rng.choice(200, 1 + i % 7, replace=False)]
    rankings = {}
    for query in queries:
        scores = rng.integers(0, 12, 120) / 8 if ties else rng.random(120)
        rankings[query.id] = {f"p{j}": float(s) for j, s in zip(rng.permutation(200)[:120], scores, strict=True)}
    return Run("r", rankings), judged, queries


@pytest.mark.parametrize("ties", [False, True])
def test_scores_equal_pytrec_evals(*, ties: bool) -> None:
    """Every measure is what pytrec_eval itself says of the run to 1e-6, ties included."""
    import pytrec_eval

    run, judged, queries = big_run(0, ties=ties)
    grades: dict[str, dict[str, int]] = {}
    for one in judged:
        grades.setdefault(one.query_id, {})[one.passage_id] = one.relevance
    names = {f"recall_{k}": f"recall@{k}" for k in (1, 5, 10, 20, 50, 100)}
    names |= {"ndcg_cut_10": "nDCG@10", "map": "MAP", "success_1": "success@1"}
    theirs = pytrec_eval.RelevanceEvaluator(grades, {*names, "recip_rank"}).evaluate(run.rankings)
    ours = per_query(run, judged, queries)
    for key, name in names.items():
        assert ours.values[name] == pytest.approx([theirs[q.id][key] for q in queries], abs=1e-6)
    ranks = [theirs[q.id]["recip_rank"] for q in queries]
    assert ours.values["MRR@10"] == pytest.approx([rank if rank >= 0.1 else 0 for rank in ranks], abs=1e-6)


def test_scores_equal_those_of_the_evaluator_of_sentence_transformers() -> None:
    """On the same vectors the table is `InformationRetrievalEvaluator`'s to 1e-6."""
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import cos_sim

    from jargonaut.retrieval import dense_run

    rng = np.random.default_rng(3)
    asked, kept = (np.float32(rng.normal(size=(n, 16))) for n in (40, 300))
    asked, kept = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (asked, kept))
    judged = [Qrel(f"q{i}", f"p{j}", 1) for i in range(40) for j in rng.choice(300, 1 + i % 4, replace=False)]
    relevant: dict[str, set[str]] = {}
    for one in judged:
        relevant.setdefault(one.query_id, set()).add(one.passage_id)

    class Vectors:
        """Gives vectors that are there already."""

        similarity_fn_name, similarity = "cosine", staticmethod(cos_sim)

        def encode_query(self, texts: list[str], **_: object) -> torch.Tensor:
            return torch.from_numpy(asked[[int(text) for text in texts]])

        def encode_document(self, texts: list[str], **_: object) -> torch.Tensor:
            return torch.from_numpy(kept[[int(text) for text in texts]])

    class Evaluator(InformationRetrievalEvaluator):
        """Without the model card, which a stand-in has not."""

        def store_metrics_in_model_card_data(self, *_: object, **__: object) -> None:
            pass

    cutoffs = [1, 5, 10, 20, 50, 100]
    theirs = Evaluator(
        {f"q{i}": str(i) for i in range(40)}, {f"p{i}": str(i) for i in range(300)}, relevant, write_csv=False,
        precision_recall_at_k=cutoffs, accuracy_at_k=[1], map_at_k=[300],
    )(Vectors())  # fmt: skip
    ids = [f"p{i}" for i in range(300)]
    run = dense_run("r", [f"q{i}" for i in range(40)], asked, ids, kept, k=300)
    ours = per_query(run, judged, [Query(f"q{i}", "") for i in range(40)])
    names = {f"cosine_recall@{k}": f"recall@{k}" for k in cutoffs}
    names |= {"cosine_ndcg@10": "nDCG@10", "cosine_mrr@10": "MRR@10", "cosine_map@300": "MAP",
              "cosine_accuracy@1": "success@1"}  # fmt: skip
    for key, name in names.items():
        assert ours.mean(name) == pytest.approx(theirs[key], abs=1e-6), name


def test_unjudged_hits_are_counted() -> None:
    """Judged is what has any grade, 0 included, among the first ten as trec_eval orders ties."""
    hits = {"a": 2.0, "x": 2.0, **{f"n{i}": 1.0 for i in range(8)}, "zz": 1.0}
    judged = [Qrel("q1", "a", 1), Qrel("q1", "x", 0), Qrel("q1", "zz", 0)]
    run = Run("r", {"q1": hits})
    found = per_query(run, judged, QUERIES[:1])
    assert found.mean("judged@10") == pytest.approx(0.3)  # zz is the first of the tied, n0 the last
    assert unjudged(found, run) == 7
    short = Run("r", {"q1": {"a": 1.0, "y": 0.5}})
    assert per_query(short, judged, QUERIES[:1]).mean("judged@10") == 0.5
    assert unjudged(per_query(short, judged, QUERIES[:1]), short) == 1


def test_ids_that_are_not_in_the_corpus_are_refused() -> None:
    """A positive that cannot be found, or a hit that does not exist, is named: neither lowers a score in silence."""
    known = {"a", "b", "c", "x"}
    run = Run("r", {"q1": {"a": 1.0}, "q2": {"b": 1.0}})
    assert per_query(run, QRELS, QUERIES, passages=known).mean("recall@1") == 0.75
    with pytest.raises(InputError, match=r"'q2', passage 'c'.*1 judgements"):
        per_query(run, QRELS, QUERIES, passages=known - {"c"})
    with pytest.raises(InputError, match="'ghost'"):
        per_query(Run("r", {"q1": {"ghost": 1.0}}), QRELS, QUERIES, passages=known)


def test_grades_of_zero_alone_are_refused() -> None:
    """Judgements that say of nothing that it answers give no score, not a zero."""
    with pytest.raises(InputError, match="2 of 2 queries have no relevant passage"):
        per_query(Run("r", {"q1": {"a": 1.0}}), [Qrel("q1", "a", 0), Qrel("q2", "b", 0)], QUERIES)
