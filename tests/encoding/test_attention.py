"""Where sequences lie in a row, and attention that keeps them apart."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.attention import Layout, _band, packed_attention, scores_format

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)
CPU = torch.device("cpu")


@given(LENGTHS)
def test_every_token_is_in_one_group(lengths: list[int]) -> None:
    """Groups follow each other without a gap, and so do the sequences within them."""
    layout = Layout.of(lengths, CPU)
    begin = first = 0
    for group in layout.neighbours:
        own = lengths[first : first + group.count]
        assert (group.tokens.start, group.tokens.stop, group.width) == (begin, begin + sum(own), max(own))
        begin, first = group.tokens.stop, first + group.count
    assert (begin, first, layout.longest) == (sum(lengths), len(lengths), max(lengths))
    assert layout.starts.diff().tolist() == lengths


@given(LENGTHS)
def test_groups_waste_little(lengths: list[int]) -> None:
    """A group computes at most three empty cells for ten tokens, and none where all lengths are equal."""
    for group in Layout.of(lengths, CPU).neighbours:
        tokens = group.tokens.stop - group.tokens.start
        assert group.count * group.width <= 1.3 * tokens
        assert (group.padding is None) == (group.count * group.width == tokens)


@given(LENGTHS)
def test_every_cell_is_read_from_its_own_sequence(lengths: list[int]) -> None:
    """Tokens come back from where they were put, and an empty cell repeats the last token of its sequence."""
    for group in Layout.of(lengths, CPU).neighbours:
        padding = group.padding
        if padding is None:
            continue
        tokens = group.tokens.stop - group.tokens.start
        assert padding.sources[padding.cells].tolist() == list(range(tokens))
        assert padding.taken.flatten().nonzero().flatten().tolist() == padding.cells.tolist()
        sources, taken = padding.sources.view(group.count, group.width), padding.taken[:, 0, 0]
        for line, held in zip(sources, taken, strict=True):
            assert set(line[~held].tolist()) <= {int(line[held].max())}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 20), st.booleans())
def test_every_cell_may_look_somewhere(lengths: list[int], reach: int, causal: bool) -> None:
    """No line of a mask is all False, which some kernels answer with what is not a number."""
    for group in Layout.of(lengths, CPU).neighbours:
        assert _band(group, reach, CPU, causal=causal).any(dim=-1).all()


@pytest.mark.parametrize("lengths", [(12, 11, 10, 4, 1), (6, 6, 6), (9,)], ids=str)
@pytest.mark.parametrize("window", [None, 1, 3, 9])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("key_heads", [1, 4])
def test_attention_is_that_of_a_whole_mask(
    lengths: tuple[int, ...], window: int | None, causal: bool, key_heads: int
) -> None:
    """Values and gradients are those of attention over the whole row under a mask that keeps sequences apart."""
    torch.manual_seed(1)
    tokens = sum(lengths)
    query, key, value = (torch.randn(1, heads, tokens, 8, requires_grad=True) for heads in (4, key_heads, key_heads))
    whose = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    back = torch.arange(tokens)[:, None] - torch.arange(tokens)
    mask = whose[:, None] == whose
    if causal:
        mask &= back >= 0
    if window is not None:
        mask &= back.abs() < window
    module = torch.nn.Module()
    found, _ = packed_attention(
        module, query, key, value, None, scaling=0.3, layout=Layout.of(lengths, CPU), sliding_window=window,
        is_causal=causal,
    )  # fmt: skip
    wanted = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=0.3, enable_gqa=True
    ).transpose(1, 2)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(wanted)
    taught = [torch.autograd.grad((out * weights).sum(), (query, key, value)) for out in (found, wanted)]
    torch.testing.assert_close(*taught, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
@pytest.mark.parametrize("biased", [False, True])
def test_a_format_is_kept_and_costs_its_own_rounding_alone(dtype: torch.dtype, biased: bool) -> None:
    """In 16 bits values and gradients are those of fp64 but for rounding, a bias's too; fp64 loses nothing."""
    torch.manual_seed(1)
    layout = Layout.of((12, 11, 3), CPU)
    rows = [torch.randn(1, 4, 26, 8, dtype=torch.float64).to(dtype).requires_grad_() for _ in range(3)]
    exact = [row.detach().double().requires_grad_() for row in rows]
    bias = torch.randn(1, 4, 12, 12, dtype=torch.float64).to(dtype)
    weights = torch.randn(1, 26, 4, 8, dtype=torch.float64)
    scores, taught = [], []
    for parts in (rows, exact):
        learned = bias.to(parts[0].dtype).requires_grad_()
        whole = learned.to(scores_format(learned))
        added = []
        for group in layout.neighbours:
            taken = torch.tensor(True) if group.padding is None else group.padding.taken
            added.append(whole[..., : group.width, : group.width].masked_fill(~taken, -torch.inf))
        out, _ = packed_attention(torch.nn.Module(), *parts, None, layout=layout, biases=added if biased else None)
        assert out.dtype == parts[0].dtype
        scores.append(out.double())
        inputs = (*parts, learned) if biased else parts
        taught.append([one.double() for one in torch.autograd.grad((out.double() * weights).sum(), inputs)])
    near = {"rtol": 0.02, "atol": 0.02} if dtype != torch.float64 else {"rtol": 0.0, "atol": 0.0}
    torch.testing.assert_close(*scores, **near)
    torch.testing.assert_close(*taught, **near)
