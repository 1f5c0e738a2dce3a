"""What is counted, and that every pair is counted once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs.statistics.columns import columns
from jargonaut.pairs.statistics.counts import counts
from jargonaut.records import Pair, Passage, source_of

PASSAGES = [Passage(f"p{i}", f"text {i}", document_id=f"d{i // 2}") for i in range(6)]
PROVENANCES = ("label", "click", "recent-click", "llm:keyword", "llm:how-to", "heading", "title")

pairs = st.builds(
    lambda query, passage, grade, provenance: Pair(f"q-{query}", query, f"p{passage}", grade, provenance),
    st.sampled_from(["alpha", "Alpha ", "beta?", "gamma", ""]),
    st.integers(0, 8),  # 6 to 8 are unknown
    st.integers(0, 3),
    st.sampled_from(PROVENANCES),
)


@given(st.lists(pairs, max_size=30), st.lists(pairs, max_size=10))
def test_every_pair_is_counted_once_in_each_way(train: list[Pair], test: list[Pair]) -> None:
    """By part, by source, by provenance and by grade the same pairs are counted."""
    every = [*train, *test]
    found = counts(columns({"train": train, "test": test}, PASSAGES))
    assert found.total.pairs == len(every)
    assert sum(found.grades.values()) == len(every)
    assert {name: n.pairs for name, n in found.by_split.items()} == {"train": len(train), "test": len(test)}
    assert {name: n.pairs for name, n in found.by_provenance.items()} == Counter(p.provenance for p in every)
    assert {name: n.pairs for name, n in found.by_source.items()} == Counter(source_of(p.provenance) for p in every)
    assert found.total.positives == sum(p.relevance > 0 for p in every)
    cells = found.positives_by_source_and_split.values()
    assert sum(n for row in cells for n in row.values()) == found.total.positives
    assert found.unknown_passages == sum(int(p.passage_id[1:]) > 5 for p in every)


@given(st.lists(pairs, max_size=30))
def test_queries_are_counted_by_their_words(train: list[Pair]) -> None:
    """Spellings that differ in case or punctuation are one query, under however many ids."""
    found = counts(columns({"train": train}, PASSAGES))
    texts = {p.query.strip(" ?").casefold() for p in train if p.relevance > 0}
    assert found.total.queries == len(texts) == sum(found.positives_per_query.values())


def test_parts_of_a_source_stand_below_it() -> None:
    """A reader sees what a source consists of, and no row twice."""
    train = [Pair("a", "a", "p0", 1, "llm:how-to"), Pair("b", "b", "p1", 1, "label"), Pair("c", "c", "p2", 1, "title")]
    rows = [(name, is_part) for name, is_part, _ in counts(columns({"train": train}, PASSAGES)).rows]
    assert rows == [("label", False), ("llm", False), ("how-to", True), ("structure", False), ("title", True)]
