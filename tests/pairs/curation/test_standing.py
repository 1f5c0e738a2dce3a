"""Rank and rivals of positives, read from rankings block by block."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.pairs.curation import Hits, Places, standing
from jargonaut.pairs.curation.standing import NOT_ASKED, NOT_FOUND
from jargonaut.records import Pair

from .cases import pair, ranked

PASSAGES = ["a", "b", "c", "d", "e"]


def test_rank_and_closeness() -> None:
    """A positive has its rank, and rivals the share of its score; the last hit bounds the score of one not found."""
    rank = ranked({"dense": {"q": {"a": 1.0, "b": 0.8, "c": 0.4}}})
    (found,) = rank([pair("q", "b")])
    assert (found.rank.tolist(), found.rivals[0, :3].tolist(), found.depth) == ([2], [0, 2, -1], 3)
    assert found.closeness[0, :3].tolist() == pytest.approx([1.25, 0.5, 0])
    (lost,) = rank([pair("q", "e")])
    assert lost.rank.tolist() == [NOT_FOUND]
    assert lost.closeness[0, :3].tolist() == pytest.approx([2.5, 2, 1])


def test_related_passages_are_no_rivals() -> None:
    """Other positives, passages of a positive's document, its near-duplicates and known answers are no rivals."""
    hits = {"dense": {"q": {"a": 1.0, "b": 0.9, "c": 0.8, "d": 0.7, "e": 0.6, "f": 0.5}}}
    rank = ranked(hits, {"a": "doc", "b": "doc"}, {"a": "twins", "c": "twins"}, {"q": ["e"]})
    (found,) = rank([pair("q", "a"), pair("q", "d")])
    assert found.rivals[:, :2].tolist() == [[5, -1], [5, -1]]


def test_a_near_duplicate_counts_as_the_passage() -> None:
    """The rank is that of the first passage that says the same."""
    (found,) = ranked({"dense": {"q": {"x": 1.0, "twin": 0.9, "a": 0.8}}}, {}, {"a": "g", "twin": "g"})(
        [pair("q", "a")]
    )
    assert found.rank.tolist() == [2]


def test_closeness_is_to_the_querys_best_positive() -> None:
    """All positives of a query share its rivals and how close they are."""
    (found,) = ranked({"dense": {"q": {"a": 1.0, "x": 0.6, "b": 0.5}}})([pair("q", "a"), pair("q", "b")])
    assert found.closeness[:, 0].tolist() == pytest.approx([0.6, 0.6])
    assert found.rank.tolist() == [1, 3]


def test_a_known_answer_counts_as_the_best_positive() -> None:
    """What answers the query without being a pair is no rival, and rivals are measured by it."""
    (found,) = ranked({"dense": {"q": {"known": 1.0, "x": 0.6, "a": 0.5}}}, known={"q": ["known"]})([pair("q", "a")])
    assert found.closeness[0, :2].tolist() == pytest.approx([0.6, 0])


@pytest.mark.parametrize(
    ("own", "rival", "closeness"), [(0.0, 0.1, np.inf), (-0.5, -0.6, 0.0), (-0.5, -0.4, np.inf), (0.5, -0.1, 0)]
)
def test_scores_below_zero_have_no_ratio(own: float, rival: float, closeness: float) -> None:
    """Where the positive scores 0 or less, a rival is as good or it is not."""
    hits = dict(sorted({"a": own, "x": rival}.items(), key=lambda hit: -hit[1]))
    (found,) = ranked({"dense": {"q": hits}})([pair("q", "a")])
    assert found.closeness[0, 0] == closeness


def test_queries_that_were_not_asked_are_known_as_such() -> None:
    """A query that no block holds is not one that finds nothing; and one may find nothing."""
    (found,) = ranked({"dense": {"q": {"a": 1.0}, "none": {}}})([pair("other", "a"), pair("none", "a"), pair("q", "a")])
    assert found.rank.tolist() == [NOT_ASKED, NOT_FOUND, 1]


def test_blocks_and_their_order_make_no_difference() -> None:
    """A stream of blocks gives what one block gives, pair by pair."""
    rng = np.random.default_rng(3)
    rows = np.argsort(rng.random((40, 5)), axis=1).astype(np.int32)
    scores = -np.sort(-rng.random((40, 5)), axis=1)
    ids = [f"q{n}" for n in range(40)]
    pairs = [Pair(f"q{rng.integers(40)}", "", PASSAGES[rng.integers(5)]) for _ in range(120)]
    places = Places(PASSAGES, {"a": "d", "b": "d"}, {})
    whole = standing("x", pairs, [Hits(ids, rows, scores)], places)
    cuts = [(30, 40), (0, 7), (7, 30)]
    parts = standing("x", pairs, (Hits(ids[a:b], rows[a:b], scores[a:b]) for a, b in cuts), places)
    for name in ("rank", "rivals", "closeness"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_standings_agree_with_looking_one_by_one() -> None:
    """Arrays say what a loop over hits says."""
    rng = np.random.default_rng(5)
    ids = [f"p{n}" for n in range(30)]
    places = Places(ids, {p: f"d{n // 3}" for n, p in enumerate(ids)}, {"p0": "g", "p7": "g", "p20": "g"})
    hits = {
        f"q{n}": dict(zip(rng.permutation(ids)[:12].tolist(), np.linspace(1, 0.1, 12), strict=True)) for n in range(20)
    }
    pairs = [Pair(f"q{rng.integers(20)}", "", ids[rng.integers(30)]) for _ in range(50)]
    (found,) = ranked({"x": hits}, {p: f"d{n // 3}" for n, p in enumerate(ids)}, {"p0": "g", "p7": "g", "p20": "g"})(
        pairs
    )
    for row, one in enumerate(pairs):
        own = [p for q in pairs if q.query_id == one.query_id for p in [places.row[q.passage_id]]]
        order = [places.row[p] for p in hits[one.query_id]]
        twin = places.group[places.row[one.passage_id]]
        rank = next((n for n, r in enumerate(order, 1) if places.group[r] == twin), 0)
        strangers = [
            r for r in order
            if not any(places.document[r] == places.document[p] or places.group[r] == places.group[p] for p in own)
        ]  # fmt: skip
        names = [found.passage_ids[r] for r in found.rivals[row] if r >= 0]
        assert (found.rank[row], names) == (rank, [ids[r] for r in strangers[:8]])
