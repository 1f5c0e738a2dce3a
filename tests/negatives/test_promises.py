"""What holds for every negative, whatever the world and the options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.negatives import FALSE, MinedNegatives, MiningOptions, mine, mining
from jargonaut.records import Pair

from .worlds import World, world

OPTIONS = st.builds(
    MiningOptions,
    per_pair=st.integers(0, 5),
    depth=st.integers(3, 30),
    skip=st.integers(0, 2),
    sources=st.lists(
        st.sampled_from(["dense", "bm25", "section", "document"]), min_size=1, max_size=4, unique=True
    ).map(tuple),
    max_percent=st.sampled_from([None, 0.1, 0.8, 0.95, 10.0]),
    margin=st.sampled_from([None, 0.0, 0.1]),
    max_score=st.sampled_from([None, 0.5]),
    agreement=st.sampled_from([None, 0.5]),
    sampling=st.sampled_from(["top", "uniform", "softmax"]),
    fall_back=st.booleans(),
    seed=st.integers(0, 3),
)
SEEDS = st.integers(0, 500)


def judge(pairs: Sequence[Pair]) -> list[float | None]:
    """Of five passages it takes one for an answer, doubts one and says nothing of one."""
    verdicts = {0: 0.95, 1: 0.6, 2: 0.1, 3: None, 4: 0.2}
    return [verdicts[int(pair.passage_id[1:]) % 5] for pair in pairs]


def held_to(world: World, found: MinedNegatives) -> None:
    """Asserts what is promised of every negative."""
    known = {id_: set(positives) for id_, positives in world.candidates.known.items()}
    for pair in found.relabelled:
        known[pair.query_id].add(pair.passage_id)
    for triplet in found.triplets:
        positives = known[triplet.query_id]
        assert triplet.positive_id in positives
        assert len(set(triplet.negative_ids)) == len(triplet.negative_ids)
        for negative in triplet.negative_ids:
            assert negative not in positives
            assert negative not in world.held
            assert world.texts[negative] not in {world.texts[p] for p in positives}
            groups = world.groups
            assert groups.get(negative, negative) not in {groups.get(p, p) for p in positives}


@given(SEEDS, OPTIONS)
def test_no_negative_is_known_held_out_or_a_copy_of_a_positive(seed: int, options: MiningOptions) -> None:
    """Neither by id, nor by text, nor by near-duplicate group, of any positive of the query; nor twice the same."""
    made = world(seed)
    found = mine(made.pairs, made.candidates, options)
    held_to(made, found)
    positives = [(p.query_id, p.passage_id) for p in made.pairs if p.relevance > 0]
    assert [(t.query_id, t.positive_id) for t in found.triplets] == positives
    assert max(len(t.negative_ids) for t in found.triplets) <= options.per_pair


@given(SEEDS, OPTIONS)
def test_a_judge_breaks_no_promise(seed: int, options: MiningOptions) -> None:
    """With second positives and doubts too, and what it refused is nowhere a negative of that query."""
    made = world(seed)
    named = {(p.query_id, p.passage_id) for p in made.pairs if p.relevance <= 0}
    found = mine(made.pairs, made.candidates, options, judge)
    held_to(made, found)
    for triplet in found.triplets:
        mined = [id_ for id_ in triplet.negative_ids if (triplet.query_id, id_) not in named]
        assert all(int(id_[1:]) % 5 >= 2 for id_ in mined)
    assert all(pair.relevance == 1 and int(pair.passage_id[1:]) % 5 == 0 for pair in found.relabelled)
    assert len(found.triplets) == sum(p.relevance > 0 for p in made.pairs) + len(found.relabelled)


@given(SEEDS, OPTIONS)
def test_the_same_input_gives_the_same_negatives(seed: int, options: MiningOptions) -> None:
    """Triplets, counts and the sample of what was removed."""
    made, again = world(seed), world(seed)
    assert mine(made.pairs, made.candidates, options) == mine(again.pairs, again.candidates, options)


@given(SEEDS, OPTIONS)
def test_how_many_pairs_are_joined_together_changes_nothing(seed: int, options: MiningOptions) -> None:
    """Memory is a matter of blocks alone, whatever the sources' lengths."""
    made, again = world(seed), world(seed)
    whole = mine(made.pairs, made.candidates, options, judge)
    with patch.object(mining, "_POOLED", 2):
        assert mine(again.pairs, again.candidates, options, judge) == whole


@given(SEEDS, OPTIONS.filter(lambda options: not options.fall_back and options.max_percent is not None))
def test_no_mined_negative_scores_like_its_positive(seed: int, options: MiningOptions) -> None:
    """Without a fall-back the threshold has no exception but what a person named."""
    made = world(seed)
    assert options.max_percent is not None
    named = {(p.query_id, p.passage_id) for p in made.pairs if p.relevance <= 0}
    for triplet in mine(made.pairs, made.candidates, options).triplets:
        own = made.similarity(triplet.query_id, triplet.positive_id)
        ceiling = own * options.max_percent if own >= 0 else own * (2 - options.max_percent)
        for negative in triplet.negative_ids:
            if (triplet.query_id, negative) not in named:
                assert made.similarity(triplet.query_id, negative) < ceiling + 1e-6


@given(SEEDS, st.integers(1, 4))
def test_other_pairs_change_nothing_for_a_pair(seed: int, per_pair: int) -> None:
    """The hardest negatives of a pair depend on its own query alone."""
    made = world(seed)
    options = MiningOptions(per_pair=per_pair, depth=30)
    whole = mine(made.pairs, made.candidates, options).triplets
    first = made.pairs[0].query_id
    alone = mine([p for p in made.pairs if p.query_id == first], made.candidates, options).triplets
    assert alone == tuple(t for t in whole if t.query_id == first)


@given(SEEDS)
def test_counts_add_up(seed: int) -> None:
    """What was looked at was chosen or is counted under one rule; the sample is as large as there is room for."""
    made = world(seed)
    pairs = [pair for pair in made.pairs if pair.relevance > 0]
    found = mine(pairs, made.candidates, MiningOptions(per_pair=3, depth=30, fall_back=False))
    assert found.seen == sum(found.removed.values()) + found.negatives
    shown = Counter(one.rule for one in found.sample)
    assert shown == {rule: min(20, n) for rule, n in found.removed.items() if rule in FALSE}
