"""Weights between a base and a tuned model: what is kept, and that it is exactly that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.devices import ComputeOptions, Precision
from jargonaut.errors import MismatchError, SettingsError
from jargonaut.training import Blend, Interpolation, TrainOptions, interpolate, tensors_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ALPHAS = (0.3, 0.5, 0.7, 1.0)
Scores = Mapping[float, tuple[float, ...]]
"""Alpha → (dev, general)."""


def moved(model: SentenceTransformer) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Gives the model other weights, as training would; gives those before and those after."""
    before = {name: tensor.clone() for name, tensor in tensors_of(model)}
    torch.manual_seed(5)
    with torch.no_grad():
        for param in model.parameters():
            param.add_(torch.randn_like(param) * 0.1)
    return before, {name: tensor.clone() for name, tensor in tensors_of(model)}


def place(model: SentenceTransformer, before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> float:
    """Where between two sets of weights a model lies, read off its largest tensor."""
    name = max(after, key=lambda each: after[each].numel())
    now = dict(tensors_of(model))[name].float()
    way = (after[name] - before[name]).double()
    return float(((now - before[name]).double() * way).sum() / (way * way).sum())


def swept(
    model: SentenceTransformer,
    base: Mapping[str, torch.Tensor],
    scores: Scores,
    *,
    limit: float = 0.01,
    alphas: tuple[float, ...] = ALPHAS,
    chance: float = 0.005,
    precision: Precision = "fp32",
    at: Callable[[], float] | None = None,
) -> tuple[Interpolation, list[float]]:
    """Interpolates where the scores are known by alpha; also gives the alphas that dev was asked for."""
    asked: list[float] = []
    after = {name: tensor.clone() for name, tensor in tensors_of(model)}

    def near() -> float:
        found = at() if at else place(model, base, after)
        return min(scores, key=lambda alpha: abs(alpha - found))

    def dev(_: SentenceTransformer) -> float:
        asked.append(near())
        return scores[asked[-1]][0]

    found = interpolate(
        model, base, Blend(0.0, *scores[0.0]), Blend(1.0, *scores[1.0]), alphas=alphas, limit=limit, score=dev,
        chance=chance, general=lambda _: scores[near()][1], compute=ComputeOptions(device="cpu", precision=precision),
    )  # fmt: skip
    return found, asked


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_kept_is_the_blend_in_full_precision(tiny: SentenceTransformer, precision: Precision) -> None:
    """In every family, whatever is computed in, each floating tensor is α·tuned + (1−α)·base in fp32, others stay."""
    counted = {name: t.clone() for name, t in tiny.named_buffers() if not t.is_floating_point()}
    before, after = moved(tiny)
    scores = {0.0: (0.5, 0.8), 0.3: (0.6, 0.8), 0.5: (0.7, 0.8), 0.7: (0.8, 0.79), 0.85: (0.85, 0.7), 1.0: (0.9, 0.7)}
    found, _ = swept(tiny, before, scores, precision=precision)
    assert (found.alpha, found.within_limit) == (0.7, True)
    for name, tensor in tensors_of(tiny):
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, 0.7 * after[name] + 0.3 * before[name], rtol=1e-6, atol=1e-6)
    assert all(torch.equal(t, counted[n]) for n, t in tiny.named_buffers() if not t.is_floating_point())


@pytest.fixture
def model(tiny_model: Callable[[str], SentenceTransformer]) -> SentenceTransformer:
    """A tiny one."""
    return tiny_model("bert")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_tuned_weights_come_back_bit_by_bit(model: SentenceTransformer, precision: Precision) -> None:
    """When the tuned model itself is best, nothing of it is rounded on the way."""
    before, after = moved(model)
    scores = {alpha: (0.5 + alpha / 5, 0.8) for alpha in (0.0, *ALPHAS)}
    found, asked = swept(model, before, scores, precision=precision)
    assert found.alpha == 1.0
    assert all(torch.equal(tensor, after[name]) for name, tensor in tensors_of(model))
    assert 1.0 not in asked  # its scores were known


def test_forgetting_too_much_costs_the_best_dev_score(model: SentenceTransformer) -> None:
    """The best on dev among those within the limit is kept, and every point is on record."""
    before, _ = moved(model)
    scores = {0.0: (0.5, 0.80), 0.3: (0.58, 0.80), 0.5: (0.66, 0.795), 0.7: (0.65, 0.78), 1.0: (0.72, 0.7)}
    found, _ = swept(model, before, scores)
    assert found.kept == Blend(0.5, 0.66, 0.795)
    assert found.blends == tuple(Blend(alpha, *both) for alpha, both in scores.items())
    assert found.blends[0].general - found.kept.general == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("chance", "forgets", "kept"), [(0.02, False, 1.0), (0.01, False, 0.7), (0.001, False, 0.3), (0.02, True, 0.7)]
)
def test_chance_gives_nothing_back(model: SentenceTransformer, chance: float, forgets: bool, kept: float) -> None:
    """Of what dev cannot tell apart the step nearest to the tuned model is kept, unless that forgets too much."""
    before, _ = moved(model)
    scores = {
        0.0: (0.5, 0.8), 0.3: (0.62, 0.8), 0.5: (0.6125, 0.8), 0.7: (0.612, 0.8), 1.0: (0.605, 0.7 if forgets else 0.8)
    }  # fmt: skip
    found, _ = swept(model, before, scores, chance=chance)
    assert found.alpha == kept


def test_halfway_to_a_step_that_dev_cannot_tell_apart_is_tried(model: SentenceTransformer) -> None:
    """Nearer to the tuned model is what is wanted; better on dev it need not be."""
    before, _ = moved(model)
    scores = {
        0.0: (0.5, 0.8), 0.3: (0.6, 0.8), 0.5: (0.604, 0.8), 0.6: (0.603, 0.795), 0.7: (0.602, 0.78), 1.0: (0.6, 0.7)
    }  # fmt: skip
    found, _ = swept(model, before, scores)
    assert found.alpha == pytest.approx(0.6)


@pytest.mark.parametrize(("general", "kept"), [(0.791, 0.6), (0.789, 0.5)])
def test_halfway_to_a_better_step_that_forgets_too_much_is_tried(
    model: SentenceTransformer, general: float, kept: float
) -> None:
    """It is kept where it forgets little enough; either way it is on record."""
    before, _ = moved(model)
    scores = {
        0.0: (0.5, 0.8),
        0.3: (0.6, 0.8),
        0.5: (0.7, 0.795),
        0.6: (0.75, general),
        0.7: (0.8, 0.78),
        1.0: (0.9, 0.7),
    }
    found, _ = swept(model, before, scores)
    assert found.alpha == pytest.approx(kept)
    assert [blend.alpha for blend in found.blends] == pytest.approx([0, 0.3, 0.5, 0.6, 0.7, 1])


def test_where_all_forget_too_much_the_least_forgetful_is_kept(model: SentenceTransformer) -> None:
    """And it says that it is not within the limit."""
    before, _ = moved(model)
    scores = {
        0.0: (0.5, 0.9), 0.15: (0.52, 0.88), 0.3: (0.55, 0.85), 0.5: (0.6, 0.8), 0.7: (0.7, 0.7), 1.0: (0.8, 0.6)
    }  # fmt: skip
    found, _ = swept(model, before, scores)
    assert (found.alpha, found.within_limit) == (0.15, False)


@pytest.mark.parametrize(("general", "kept"), [(0.895, 0.225), (0.88, 0.15)])
def test_nearer_steps_are_tried_where_all_forget_too_much(
    model: SentenceTransformer, general: float, kept: float
) -> None:
    """Half the smallest alpha, and where that is within the limit, halfway back."""
    before, _ = moved(model)
    scores = {
        0.0: (0.5, 0.9), 0.15: (0.52, 0.898), 0.225: (0.53, general), 0.3: (0.55, 0.85), 0.5: (0.6, 0.8),
        0.7: (0.7, 0.7), 1.0: (0.8, 0.6),
    }  # fmt: skip
    found, _ = swept(model, before, scores)
    assert (found.alpha, found.within_limit) == (pytest.approx(kept), True)


def test_who_wants_no_steps_gets_none(model: SentenceTransformer) -> None:
    """Where only the tuned model itself may be kept, nothing nearer to the base is tried."""
    before, _ = moved(model)
    found, asked = swept(model, before, {0.0: (0.5, 0.9), 1.0: (0.8, 0.6)}, alphas=(1.0,))
    assert (found.alpha, found.within_limit, asked) == (1.0, False, [])


def test_the_rest_is_left_out_once_it_only_loses(model: SentenceTransformer) -> None:
    """Dev is what costs time: after a clear fall towards the base nothing nearer to it is tried."""
    before, _ = moved(model)
    scores = {0.0: (0.5, 0.8), 0.3: (0.55, 0.8), 0.5: (0.6, 0.8), 0.7: (0.65, 0.8), 1.0: (0.8, 0.8)}
    found, asked = swept(model, before, scores)
    assert (found.alpha, asked) == (1.0, [0.7])
    assert [blend.alpha for blend in found.blends] == [0.0, 0.7, 1.0]


def test_an_error_while_scoring_leaves_the_tuned_model(model: SentenceTransformer) -> None:
    """Whoever stops it finds the tuned weights in fp32, not those of a step in between."""
    before, after = moved(model)

    def failing(_: SentenceTransformer) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpolate(
            model, before, Blend(0.0, 0.1, 0.1), Blend(1.0, 0.2, 0.1), alphas=(0.5,), limit=0.1, score=failing,
            chance=0.005, general=failing, compute=ComputeOptions(device="cpu", precision="bf16"),
        )  # fmt: skip
    assert all(torch.equal(tensor, after[name]) for name, tensor in tensors_of(model))


def test_another_model_is_no_base(model: SentenceTransformer, tiny_model: Callable[[str], SentenceTransformer]) -> None:
    """Weights that do not fit are refused before anything is scored."""
    other = dict(tensors_of(tiny_model("distilbert")))
    with pytest.raises(MismatchError, match="different weights"):
        swept(model, other, dict.fromkeys((0.0, *ALPHAS), (0.5, 0.5)), at=lambda: 1.0)


@given(
    st.tuples(*[st.tuples(st.floats(0, 1), st.floats(0, 1))] * 5),
    st.floats(0, 0.2),
    st.sets(st.sampled_from(ALPHAS), min_size=1).map(sorted).map(tuple),
)
def test_whatever_the_scores_the_limit_is_kept_where_it_can_be(
    tiny_model: Callable[[str], SentenceTransformer],
    both: tuple[tuple[float, float], ...],
    limit: float,
    alphas: tuple[float, ...],
) -> None:
    """Of what is within the limit, the base included, the one nearest to the tuned model that is near the best."""
    model = tiny_model("bert")
    before, _ = moved(model)
    scores: dict[float, tuple[float, ...]] = dict(zip((0.0, *ALPHAS), both, strict=True))
    for low, high in pairwise(alphas):  # a step between may be tried
        scores[(low + high) / 2] = tuple(sum(two) / 2 for two in zip(scores[low], scores[high], strict=True))
    nearest = alphas[0]
    if nearest < 1:  # half as far, and the step between the two
        for share in (0.5, 0.75):
            scores[nearest * share] = tuple(
                (1 - share) * low + share * high for low, high in zip(scores[0.0], scores[nearest], strict=True)
            )
        tried = (nearest / 2, *alphas)
    else:
        tried = alphas
    found, _ = swept(model, before, scores, limit=limit, alphas=alphas)
    fitting = [alpha for alpha in tried if scores[0.0][1] - scores[alpha][1] <= limit + 1e-9]
    assert found.within_limit == (bool(fitting) or found.alpha == 0)
    assert not found.within_limit or scores[0.0][1] - found.kept.general <= limit + 1e-9
    if fitting:
        measured = [blend for blend in found.blends if blend.alpha < 1 or 1.0 in alphas]
        within = [blend for blend in measured if scores[0.0][1] - blend.general <= limit + 1e-9]
        bar = max(blend.dev for blend in within) - 0.005  # the base is among them
        assert found.kept.dev >= bar
        assert not any(blend.alpha > found.alpha and blend.dev >= bar for blend in within)
    elif found.alpha:
        assert found.kept.dev > scores[0.0][0]
        assert found.kept.general == max(scores[alpha][1] for alpha in tried)


def test_the_base_is_kept_where_all_is_clearly_worse_on_dev(model: SentenceTransformer) -> None:
    """Also where the tuned model forgets nothing; the weights are the base's, bit by bit."""
    before, _ = moved(model)
    base = {name: tensor.clone() for name, tensor in before.items()}
    scores = {0.0: (0.8, 0.8), 0.3: (0.79, 0.9), 0.5: (0.7, 0.9), 0.7: (0.7, 0.9), 1.0: (0.7, 0.9)}
    found, _ = swept(model, before, scores)
    assert (found.alpha, found.within_limit) == (0.0, True)
    assert all(torch.equal(tensor, base[name]) for name, tensor in tensors_of(model))


@pytest.mark.parametrize(("general", "kept"), [(0.8, 0.5), (0.7, 0.0)])
def test_a_loss_that_is_chance_keeps_no_base(model: SentenceTransformer, general: float, kept: float) -> None:
    """A few thousandths on dev say nothing, unless what was learned is forgotten knowledge too."""
    before, _ = moved(model)
    scores = {
        0.0: (0.8, 0.8),
        0.15: (0.79, 0.7),
        0.3: (0.79, 0.6),
        0.5: (0.797, general),
        0.7: (0.78, 0.6),
        1.0: (0.78, 0.6),
    }
    found, _ = swept(model, before, scores)
    assert found.alpha == kept


def test_a_step_between_may_be_better_than_both_ends(model: SentenceTransformer) -> None:
    """A tuned model below the base on dev is no reason to try nothing between them."""
    before, _ = moved(model)
    scores = {0.0: (0.7, 0.8), 0.3: (0.72, 0.8), 0.5: (0.74, 0.8), 0.7: (0.71, 0.8), 1.0: (0.65, 0.8)}
    found, _ = swept(model, before, scores)
    assert found.alpha == 0.5


def test_nothing_is_left_out_while_the_base_is_ahead(model: SentenceTransformer) -> None:
    """A fall below the base says nothing of the steps nearer to it, where dev must rise again."""
    before, _ = moved(model)
    scores = {0.0: (0.77, 0.8), 0.3: (0.78, 0.8), 0.5: (0.76, 0.8), 0.7: (0.75, 0.8), 1.0: (0.768, 0.8)}
    found, _ = swept(model, before, scores)
    assert found.alpha == 0.3


@pytest.mark.parametrize("alphas", [(0.0,), (1.2,), (0.5, -0.1), (float("nan"),)])
def test_alphas_lie_between_base_and_tuned_model(alphas: tuple[float, ...]) -> None:
    """Others are refused when the settings are read."""
    with pytest.raises(SettingsError, match="alphas"):
        TrainOptions(alphas=alphas)
