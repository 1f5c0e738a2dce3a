"""Promises of choosing what is worth comparing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.sketches import MAX_CANDIDATES, WINDOW, Candidates, Sketches, candidates

THRESHOLD = 0.85


def crowd(count: int, shared: int = 120, own: int = 20) -> Sketches:
    """Sets that share a template: the similarity of any two is .75 as it stands."""
    template = [f"t{i}" for i in range(shared)]
    return Sketches.of(([*template, *(f"{i}/{k}" for k in range(own))] for i in range(count)), 128, 42)


def found(count: int, own: int) -> Candidates:
    """Candidates in a crowd."""
    return candidates(crowd(count, own=own), THRESHOLD)


@pytest.mark.parametrize("own", [20, 5], ids=["below the threshold", "above it"])
def test_work_grows_with_the_number_of_sets_and_not_with_its_square(own: int) -> None:
    """Signatures compared and candidates per set are bounded, however many share a template."""
    small, large = found(1000, own), found(4000, own)
    assert large.compared <= 4.4 * small.compared
    assert large.compared <= 16 * WINDOW * 4000
    assert len(large) <= 4.4 * len(small)
    assert max(len(large.of(i)) for i in range(4000)) <= MAX_CANDIDATES


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=30))
def test_similarities_are_exact_and_candidates_are_earlier(sets: list[set[str]]) -> None:
    """Verification is no estimate; equal sets are candidates while there are few; empty ones are of nobody."""
    sketches = Sketches.of(sets, 64, 1)
    chosen = candidates(sketches, THRESHOLD)
    for later, one in enumerate(sets):
        earlier = chosen.of(later)
        assert len(set(earlier)) == len(earlier)
        for other in range(later):
            union = one | sets[other]
            assert sketches.jaccard(later, other) == (len(one & sets[other]) / len(union) if one and sets[other] else 0)
        equal = [other for other in range(later) if sets[other] == one]
        assert all(other < later and sets[other] for other in earlier)
        assert bool(set(equal) & set(earlier)) == bool(equal and one)


@pytest.mark.parametrize("num_perm", [16, 127, 128])
@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.85, 1.0])
def test_equal_sets_are_found_whatever_the_threshold(threshold: float, num_perm: int) -> None:
    """Any threshold and any length of signature find what is equal."""
    sets = [[f"{i % 7}/{k}" for k in range(12)] for i in range(14)]
    chosen = candidates(Sketches.of(sets, num_perm, 0), threshold)
    assert all(i - 7 in chosen.of(i) for i in range(7, 14))


def test_memory_is_what_is_promised() -> None:
    """Four bytes an element and a value of the signature."""
    sketches = crowd(50)
    assert sketches.signatures.nbytes == 50 * 512
    assert sketches.hashes.nbytes == 50 * 140 * 4
    assert sketches.signatures.dtype == sketches.hashes.dtype == np.uint32
