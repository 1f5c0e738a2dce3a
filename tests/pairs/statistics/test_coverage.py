"""What is covered, and which subjects nobody asks about."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.pairs.statistics import Coverage, StatisticsOptions
from jargonaut.pairs.statistics.columns import columns
from jargonaut.pairs.statistics.coverage import coverage
from jargonaut.records import Pair, Passage

from .samples import GARDEN, NETWORK, corpus

OPTIONS = StatisticsOptions(topics=2)


def covered(passages: list[Passage], ids: list[str], vectors: np.ndarray | None = None) -> Coverage:
    """The coverage of pairs that lead to these passages."""
    train = [Pair(f"q{i}", f"query {i}", id_) for i, id_ in enumerate(ids)]
    return coverage(columns({"train": train, "test": []}, passages), vectors, OPTIONS)


def test_shares_of_passages_and_documents() -> None:
    """A document is covered when one of its passages is; an unknown passage covers nothing."""
    result = covered(corpus(8, per_document=2), ["p0", "p1", "p1", "p4", "nowhere"])
    assert (result.overall.passages, result.overall.documents) == (3, 2)
    assert (result.passage_share, result.document_share) == (3 / 8, 2 / 4)
    assert result.by_split["test"].passages == 0
    assert (result.largest[0].id, result.largest[0].positives, result.largest[0].share) == ("d0", 3, 0.75)


def test_known_negatives_cover_nothing() -> None:
    """A passage that is known not to answer is not covered by that."""
    table = columns({"train": [Pair("q", "query", "p0", 0)]}, corpus(4))
    assert coverage(table, None, OPTIONS).overall.passages == 0


@pytest.mark.parametrize("with_vectors", [False, True])
def test_the_subject_that_nobody_asks_about_comes_first(with_vectors: bool) -> None:
    """Topics are found from words and from vectors, named by their words, the least covered first."""
    passages = corpus(60)
    vectors = np.eye(2, 8, dtype=np.float32)[np.arange(60) % 2] if with_vectors else None
    result = covered(passages, [f"p{i}" for i in range(0, 60, 2)], vectors).topics
    least, most = result.all
    assert (least.share, least.covered, least.passages, most.share) == (0.0, 0, 30, 1.0)
    assert set(least.words) <= set(NETWORK)
    assert set(most.words) <= set(GARDEN)
    assert result.based_on == ("vectors" if with_vectors else "words")
    assert int(least.example[1:]) % 2 == 1
    assert set(least.example_text.split()[:-1]) <= set(NETWORK)


def test_the_example_of_a_topic_is_one_without_a_pair() -> None:
    """Where a topic is partly covered, the reader sees what is missing."""
    passages = corpus(60)
    asked = {f"p{i}" for i in range(58)}
    topics = covered(passages, sorted(asked)).topics.all
    assert {topic.example for topic in topics} == {"p58", "p59"}


@pytest.mark.parametrize(
    "passages",
    [
        [],
        corpus(19),
        [Passage(f"p{i}", "the same words") for i in range(50)],
        [Passage(f"p{i}", "") for i in range(50)],
    ],
    ids=["none", "few", "equal", "empty"],
)
def test_a_corpus_without_subjects_has_no_topics_or_one(passages: list[Passage]) -> None:
    """Too few, equal or empty passages are no error."""
    assert len(covered(passages, ["p0"]).topics.all) <= 1


def test_topics_are_the_same_every_time() -> None:
    """One seed in, same topics out."""
    passages = corpus(200, seed=3)
    assert covered(passages, ["p0"]).topics == covered(passages, ["p0"]).topics


def test_a_sample_of_the_passages_says_so() -> None:
    """Topics of a large corpus come from a sample, whose size stands beside them."""
    passages = corpus(300)
    table = columns({"train": []}, passages)
    result = coverage(table, None, StatisticsOptions(topics=2, topic_passages=100)).topics
    assert (result.measured, result.of) == (100, 300)
    assert sum(topic.passages for topic in result.all) == 100
