"""Micro-batches without padding waste."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.packing import micro_batches, padded

LENGTHS = st.lists(st.integers(0, 300), max_size=60)
BUDGETS = st.integers(1, 2000)


@given(LENGTHS, BUDGETS, st.booleans())
def test_every_row_stands_in_one_micro_batch(lengths: list[int], budget: int, packed: bool) -> None:
    """No row is lost and none is embedded twice."""
    rows = [row for batch in micro_batches(lengths, budget, packed=packed) for row in batch]
    assert sorted(rows) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS, st.booleans())
def test_micro_batches_stay_within_the_budget(lengths: list[int], budget: int, packed: bool) -> None:
    """Padding counted where there is any, a micro-batch of several rows never exceeds the budget."""
    for batch in micro_batches(lengths, budget, packed=packed):
        width = padded(max(lengths[row] for row in batch))
        tokens = sum(max(lengths[row], 1) for row in batch) if packed else len(batch) * width
        assert len(batch) == 1 or tokens <= budget


@given(LENGTHS, BUDGETS, st.booleans())
def test_the_longest_rows_come_first(lengths: list[int], budget: int, packed: bool) -> None:
    """Memory peaks at the first micro-batch, so that trouble shows at once."""
    flat = [lengths[row] for batch in micro_batches(lengths, budget, packed=packed) for row in batch]
    assert flat == sorted(lengths, reverse=True)


@given(st.integers(0, 5000))
def test_padding_is_at_most_seven_tokens(length: int) -> None:
    """A row is never padded to less than itself, nor to much more; nothing is padded to zero."""
    assert max(length, 1) <= padded(length) <= max(length + 7, 1)
