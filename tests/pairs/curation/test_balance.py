"""Fair shares of documents and topics."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs import FilterOptions
from jargonaut.pairs.curation import CurationOptions, curate
from jargonaut.pairs.curation.balance import LEAST, over_share
from jargonaut.records import Pair

from .cases import evidence, pair


def pairs_of(sizes: list[int], provenance: str = "llm") -> list[Pair]:
    """So many pairs of each document, each of a passage of its own; the passage's id starts with the document's."""
    return [pair(f"q{d}-{n}", f"d{d}-{n}", provenance) for d, size in enumerate(sizes) for n in range(size)]


def owners(pairs: list[Pair]) -> dict[str, str]:
    """Passage id → document id."""
    return {p.passage_id: p.passage_id.split("-")[0] for p in pairs}


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.floats(0.01, 1))
def test_no_document_exceeds_its_share_of_what_is_kept(sizes: list[int], share: float) -> None:
    """The share holds of the result, and as much stays as it allows: cutting the result again removes nothing."""
    pairs = pairs_of(sizes)
    gone = over_share(pairs, range(len(pairs)), owners(pairs), share)
    kept = [p for row, p in enumerate(pairs) if row not in gone]
    most = max(Counter(owners(kept).values()).values())
    assert most <= max(LEAST, max(share, 3 / len(sizes)) * len(kept))
    assert not over_share(kept, range(len(kept)), owners(kept), share)
    assert len({p.passage_id.split("-")[0] for p in kept}) == len(sizes)


def test_few_documents_may_supply_more() -> None:
    """With three documents each may supply a third, whatever the share says."""
    pairs = pairs_of([100, 90, 80])
    assert not over_share(pairs, range(len(pairs)), owners(pairs), 0.05)


def test_the_cap_of_a_document_does_not_depend_on_order() -> None:
    """It keeps the same pairs in whatever order they come, and leaves other documents alone."""
    pairs = [*pairs_of([20]), pair("another", "lone")]
    known = evidence(*(p.passage_id for p in pairs), documents=owners(pairs))
    options, limits = CurationOptions(max_document_share=1.0), FilterOptions(max_per_document=5)
    one, other = (curate(each, known, options, limits) for each in (pairs, pairs[::-1]))
    assert set(one.kept) == set(other.kept)
    assert (len(one.kept), one.counts["document_cap"], len(one.removed)) == (6, 15, 15)


def test_the_surest_stay_and_every_passage_has_its_turn() -> None:
    """Of a passage the highest scores stay, and no passage goes empty while another has two."""
    crowd = [pair(f"q{p}-{n}", f"d-{p}", score=n / 10) for p, n in itertools.product(range(10), range(10))]
    rest = pairs_of([1] * 100)
    everything = [*crowd, *rest]
    gone = over_share(
        everything, range(len(everything)), {p.passage_id: p.passage_id.split("-")[0] for p in everything}, 0.1
    )
    kept = Counter((p.passage_id, p.score) for row, p in enumerate(crowd) if row not in gone)
    assert {passage for passage, _ in kept} == {f"d-{n}" for n in range(10)}
    assert {score for _, score in kept} <= {0.9, 0.8}


def test_judged_pairs_count_and_stay() -> None:
    """Gold fills a document's share first, and is never cut."""
    everything = [*pairs_of([30], "label"), *pairs_of([30]), *[pair(f"r{n}", f"e{n}-0") for n in range(60)]]
    gone = over_share(everything, range(len(everything)), owners(everything), 0.05)
    assert {everything[row].provenance for row in gone} == {"llm"}
    assert len(gone) == 30


def test_documents_and_topics_are_balanced_together() -> None:
    """After both, both shares hold, and the removed pairs say which."""
    pairs = pairs_of([200, *[10] * 99])
    texts = [p.passage_id for p in pairs]
    topics = {p.passage_id: f"t{int(p.passage_id.split('-')[0][1:]) % 2}" for p in pairs}
    topics |= {p.passage_id: f"t{2 + int(p.passage_id.split('-')[0][1:]) % 30}" for p in pairs[500:]}
    done = curate(pairs, evidence(*texts, documents=owners(pairs), topics=topics), CurationOptions(merge=False))
    by_document = Counter(owners(list(done.kept))[p.passage_id] for p in done.kept)
    by_topic = Counter(topics[p.passage_id] for p in done.kept)
    assert max(by_document.values()) <= 0.05 * len(done.kept)
    assert max(by_topic.values()) <= max(0.25, 3 / 32) * len(done.kept)
    assert done.counts["document_cap"] == 100
    assert done.counts["document_share"] > 0
